#!/usr/bin/python3
"""Measures kist against rclone and the AWS command line on real object stores of this machine, and prints a table of ratios.

The stores are a Ceph radosgw and a Swift that the benchmark starts on loopback and stops. Client and server share the
cores, so the server's own work is part of every time; commands are run in turn and the medians count.
"""
import argparse
import random
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

from cluster import clean_environment  # noqa: E402
from kist import Kist  # noqa: E402
import measure  # noqa: E402
from measure import MEMORY_LIMIT, Commands, machine, peak_memory, version  # noqa: E402
from s3_ceph import Ceph  # noqa: E402
from s3_swift import Swift  # noqa: E402
from uplink import Uplink  # noqa: E402

PARALLEL = 8
# Bytes a second to each server, where they stand for stores at the far end of a line: 640 and 480 Mbit/s.
UPLINKS = {"ceph": 80e6, "swift": 60e6}
# Parts of the default size that the plugin keeps at once, besides the core's own buffers.
PARTS = 64 << 20


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kist", type=Path, required=True, help="the program to measure, an optimised build")
    parser.add_argument("--size", type=float, default=1.0, metavar="GB", help="of the stream (default: %(default)s)")
    parser.add_argument("--objects", type=int, default=10000, help="of the mirror (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each command (default: %(default)s)")
    parser.add_argument("--dir", type=Path, default=None, help="where to write (default: a directory below build/)")
    parser.add_argument("--no-limits", action="store_true", help="exit with 0 whatever the ratios are")
    parser.add_argument("--only", choices=["stream", "mirror", "fan-out"], help="only this part")
    return parser.parse_args()


def environment(**more):
    """Of every command: nothing of the caller's, such as certificates or a profile of its own."""
    return clean_environment(HOME="/tmp", AWS_EC2_METADATA_DISABLED="true", AWS_MAX_ATTEMPTS="1", **more)


def write_noise(path, size, seed):
    """Bytes that do not compress, the same for every run."""
    source = random.Random(seed)
    with open(path, "wb") as file:
        while size > 0:
            file.write(source.randbytes(min(size, 1 << 20)))
            size -= 1 << 20


class Stores:
    """The servers, a directory of files, and the words by which the tools know them."""

    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.servers = {"ceph": Ceph().start(), "swift": Swift().start()}
        self.config = folder / "rclone.conf"
        self.config.write_text("".join(self.remote(*item) for item in self.servers.items()))
        # The same server by another name: to rclone another account, between which it cannot copy on the server.
        with self.config.open("a") as file:
            file.write(self.remote("other", self.servers["ceph"]))
        self.files = folder / "files"
        self.files.mkdir(mode=0o700)

    def stop(self):
        for server in self.servers.values():
            server.stop()

    @staticmethod
    def remote(name, server):
        return (
            f"[{name}]\ntype = s3\nprovider = Other\nendpoint = {server.endpoint}\nregion = us-east-1\n"
            f"access_key_id = {server.access_key}\nsecret_access_key = {server.secret_key}\nforce_path_style = true\n"
        )

    def buckets(self, *names):
        for server in self.servers.values():
            for name in names:
                server.bucket(name)

    def kist(self, name, sources, destinations, endpoints=None):
        """A program of its own with one pipeline, from a directory or a bucket to stores."""
        kist = Kist(self.folder / name, program=self.args.kist)
        sections = {"files": f"plugin = local\npath = {self.files}"}
        sections["disk"] = f"plugin = local\npath = {kist.disk}"
        for label, server in self.servers.items():
            for bucket in ("source", "target"):
                sections[f"{label}-{bucket}"] = server.section(bucket, (endpoints or {}).get(label))
        lines = [
            "[pipeline p]",
            "source = objects",
            f"destinations = {', '.join(destinations)}",
            "reuse = no",
            f"parallel = {PARALLEL}",
            "[source objects]",
            "plugin = mirror",
            f"from = {sources}",
        ]
        for section in {sources, *destinations}:
            lines += [f"[destination {section}]", sections[section]]
        kist.write("\n".join(lines) + "\n")
        return kist

    def rclone(self, *words):
        return f"rclone --config {self.config} " + " ".join(str(word) for word in words)

    def empty(self, *remotes):
        def run():
            for remote in remotes:
                line = self.rclone("delete", "--transfers", 16, "--checkers", 16, remote)
                subprocess.run(line, shell=True, check=True, env=environment())

        return run


def line(kist):
    return " ".join(str(word) for word in kist.arguments(["-q", "run", "p"]))


def bench_stream(stores, table):
    """One object of unknown length in one pass."""
    data = stores.files / "stream"
    write_noise(data, int(stores.args.size * 1e9), 1)
    ceph = stores.servers["ceph"]
    kist = stores.kist("stream", "files", ["ceph-target"])
    commands = Commands(environment(**ceph.env()))
    empty = stores.empty("ceph:target")
    commands.add("kist", line(kist), empty)
    commands.add("rclone rcat", stores.rclone("rcat", "ceph:target/by-rclone") + f" <{data}", empty)
    commands.add("aws", f"/usr/bin/aws --endpoint-url {ceph.endpoint} s3 cp --quiet - s3://target/by-aws <{data}", empty)
    commands.measure(stores.args.runs)
    size = f"{stores.args.size:g} GB to S3"
    table.ratio(f"{size}: `kist run` : `rclone rcat`", commands.median("kist"), commands.median("rclone rcat"), most=1.1)
    table.ratio(f"{size}: `kist run` : `aws s3 cp -`", commands.median("kist"), commands.median("aws"), most=1.0)
    empty()
    peak = peak_memory(kist, "-q", "run", "p", env=kist.environment())
    table.row(f"{size}: most memory of `kist run`", f"{peak / (1 << 20):.1f} MiB", "at most 64 MiB and the parts in flight",
              peak <= MEMORY_LIMIT + PARTS)
    data.unlink()


def bench_mirror(stores, table):
    """Many small objects from one bucket to another, through the client as between two accounts."""
    sizes = random.Random(2)
    many = stores.folder / "many"
    for number in range(stores.args.objects):
        path = many / f"{number % 100:02}" / f"{number:05}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_noise(path, int(sizes.lognormvariate(8, 1)) + 1, number)
    commands = Commands(environment())
    commands.add("fill", stores.rclone("copy", "--transfers", 16, many, "ceph:source"))
    commands.run_once("fill")
    kist = stores.kist("mirror", "ceph-source", ["ceph-target"])
    commands = Commands(environment())
    empty = stores.empty("ceph:target")
    commands.add("kist", line(kist), empty)
    commands.add(
        "rclone copy",
        stores.rclone("copy", "--transfers", PARALLEL, "--checkers", PARALLEL, "ceph:source", "other:target"),
        empty,
    )
    commands.measure(stores.args.runs)
    table.ratio(
        f"mirror of {stores.args.objects:,} small objects: `kist run` : `rclone copy --transfers {PARALLEL}`",
        commands.median("kist"),
        commands.median("rclone copy"),
        most=1.0,
    )
    empty()
    peak = peak_memory(kist, "-q", "run", "p", env=kist.environment())
    table.row("mirror: most memory of `kist run`", f"{peak / (1 << 20):.1f} MiB", "at most 64 MiB", peak <= MEMORY_LIMIT)


def fan_out(stores, name, endpoints):
    """Medians of each of three destinations alone, and of all at once."""
    places = ("disk", "ceph-target", "swift-target")
    kists = {place: stores.kist(f"{name}-{place}", "files", [place], endpoints) for place in places}
    kists["all"] = stores.kist(f"{name}-all", "files", places, endpoints)
    commands = Commands(environment())
    for each, kist in kists.items():

        def before(kist=kist):
            stores.empty("ceph:target", "swift:target")()
            shutil.rmtree(kist.disk, ignore_errors=True)
            kist.disk.mkdir(mode=0o700)

        commands.add(each, line(kist), before)
    commands.measure(stores.args.runs)
    return commands.median("all"), *max((commands.median(place), place.removesuffix("-target")) for place in places)


def bench_fan_out(stores, table):
    """Three destinations in one pass against the slowest of them alone."""
    write_noise(stores.files / "stream", int(stores.args.size * 1e9), 3)
    size = f"{stores.args.size:g} GB to disk, Ceph and Swift at once : to the slowest alone"
    lines = {label: Uplink(server.endpoint, UPLINKS[label]) for label, server in stores.servers.items()}
    together, alone, slowest = fan_out(stores, "far", {label: line.endpoint for label, line in lines.items()})
    table.ratio(f"{size} ({slowest}), over lines of 640 and 480 Mbit/s", together, alone, most=1.3)
    for uplink in lines.values():
        uplink.stop()
    together, alone, slowest = fan_out(stores, "near", None)
    # Here the servers themselves take both cores, so this says how much of the machine a pass needs, and is not judged.
    table.row(f"{size} ({slowest}), servers and kist on the same cores", f"{together:.2f} s : {alone:.2f} s = {together / alone:.2f}×")


PARTS_OF_IT = {"stream": bench_stream, "mirror": bench_mirror, "fan-out": bench_fan_out}


def main():
    args = arguments()
    with measure.bench(args) as (folder, table):
        stores = Stores(args, folder)
        try:
            stores.buckets("source", "target")
            table.head(
                f"Measured on {machine(folder)}; {version(args.kist, 'version')}; {version('rclone', 'version')}; "
                f"{version('/usr/bin/aws', '--version')}; {version('ceph-mon', '--version')}; medians of {args.runs} runs."
            )
            for name, part in PARTS_OF_IT.items():
                if args.only in (None, name):
                    part(stores, table)
        finally:
            stores.stop()


if __name__ == "__main__":
    main()
