#!/usr/bin/python3
"""Measures kist against the tools that it replaces, on a database made for it, and prints a table of ratios.

Every command is run several times, in turn with the others, and the medians count: a slow moment of the machine then
meets all of them. The server is a throwaway one without fsync, so that it is never what limits; what kist writes is
synced as always.
"""
import argparse
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

from cluster import Cluster  # noqa: E402
from kist import Kist  # noqa: E402
import measure  # noqa: E402
from measure import MEMORY_LIMIT, Commands, machine, peak_memory, version  # noqa: E402

# About the size of the dump for each unit of the data's scale.
UNIT = 100 << 20


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kist", type=Path, required=True, help="the program to measure, an optimised build")
    parser.add_argument(
        "--size", type=float, default=1.0, metavar="GB", help="size of the dump (default: %(default)s)"
    )
    parser.add_argument("--runs", type=int, default=5, help="runs of each command (default: %(default)s)")
    parser.add_argument(
        "--dir", type=Path, default=None, help="where to write (default: a directory below build/)"
    )
    parser.add_argument("--no-limits", action="store_true", help="exit with 0 whatever the ratios are")
    parser.add_argument("--only", choices=["backup", "restore"], help="only this half")
    return parser.parse_args()


def bench(args, cluster, folder, table):
    print(f"making about {args.size:g} GB of data", file=sys.stderr)
    cluster.command("createdb", "bench")
    scale = max(1, round(args.size * 1e9 / UNIT))
    cluster.command(
        "psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-v", f"scale={scale}", "-d", "bench", "-f", str(HERE / "data.sql")
    )
    cluster.sql("CHECKPOINT", "bench")
    env = cluster.client_env()
    dump = folder / "reference.dump"
    subprocess.run(["pg_dump", "-Fc", "-Z0", "-f", dump, "bench"], env=env, check=True)
    raw = dump.stat().st_size
    packed = int(
        subprocess.run(f"gzip -6 -c {dump} | wc -c", shell=True, check=True, stdout=subprocess.PIPE).stdout
    )

    # pg_dump does not count: what that costs is measured by itself.
    zstd, gzip = pipeline(args, cluster, folder, "zstd"), pipeline(args, cluster, folder, "gzip", filters="gzip")
    stored = {}

    table.head(
        f"Measured on {machine(folder)}; {version(args.kist, 'version')}; {version('pg_dump', '--version')}; "
        f"{raw / 1e9:.2f} GB of dump, which `gzip -6` makes {raw / packed:.2f} times smaller; "
        f"medians of {args.runs} runs."
    )
    if args.only != "restore":
        commands = Commands(env)
        commands.add("dump only", "pg_dump -Fc -Z0 bench >/dev/null")
        add_run(commands, "kist zstd", zstd)
        add_run(commands, "kist gzip", gzip)
        commands.add("gzip -6", f"pg_dump bench | gzip -6 >{folder}/by-gzip.sql.gz")
        commands.add("pg_dump -Fc", f"pg_dump -Fc -f {folder}/by-pg_dump.dump bench")
        commands.measure(args.runs)
        for name, kist in (("zstd", zstd), ("gzip", gzip)):
            stored[name] = kist.data_path(kist.ids()[-1]).stat().st_size
        median = commands.median
        table.ratio(
            "`kist run` with zstd : `pg_dump -Fc -Z0 >/dev/null`",
            median("kist zstd"),
            median("dump only"),
            most=1.15,
        )
        table.ratio(
            "`kist run` with gzip : `pg_dump -Fc -Z0 >/dev/null`",
            median("kist gzip"),
            median("dump only"),
            most=1.25,
        )
        for name in ("kist zstd", "kist gzip"):
            filter = name.split()[1]
            table.ratio(
                f"`pg_dump \\| gzip -6` : `kist run` with {filter}", median("gzip -6"), median(name), least=3
            )
            table.ratio(f"`pg_dump -Fc` : `kist run` with {filter}", median("pg_dump -Fc"), median(name), least=3)
        for name, size in stored.items():
            table.row(f"stored with {name}", f"{size / 1e6:.0f} MB, {raw / size:.2f} times smaller")
        for kist, name in ((zstd, "zstd"), (gzip, "gzip")):
            peak = peak_memory(kist, "-q", "run", "p", env=kist.environment())
            table.row(
                f"most memory of `kist run` with {name}",
                f"{peak / (1 << 20):.1f} MiB",
                "at most 64 MiB",
                peak <= MEMORY_LIMIT,
            )
        bench_more(args, cluster, folder, zstd, table)
    if args.only != "backup":
        counted = pipeline(args, cluster, folder, "restore", counts="exact")
        counted.run("run", "p", timeout=3600)
        bench_restore(args, cluster, counted, table)


def pipeline(args, cluster, folder, name, filters="zstd", sections="", counts="off", **source):
    kist = Kist(folder / name, cluster, args.kist)
    kist.pipeline(
        "bench", filters=filters, sections=sections, source=cluster.source("bench", counts=counts, **source)
    )
    return kist


def add_run(commands, name, kist):
    """A run into an empty store."""

    def fresh():
        shutil.rmtree(kist.disk, ignore_errors=True)
        kist.disk.mkdir(mode=0o700)

    commands.add(name, " ".join(str(word) for word in kist.arguments(["-q", "run", "p"])), fresh)


def bench_more(args, cluster, folder, zstd, table):
    """What encryption and counts add to a run. Nobody has the identity of this recipient: nothing is read back."""
    recipient = "age17tyzjulkv9qq5je5nvmz2ax56aj3zey6nzq63e32mj0pgd37jqkqgs90lj"
    section = f"\n[filter sealed]\nplugin = age\nrecipients = {recipient}\n"
    more = {
        "zstd and age": pipeline(args, cluster, folder, "age", filters="zstd, sealed", sections=section),
        "zstd and counts": pipeline(args, cluster, folder, "counts", counts="exact"),
        "zstd, counts and checksums": pipeline(args, cluster, folder, "hashes", counts="exact", checksums="yes"),
    }
    most = {"zstd and age": 1.1}
    commands = Commands(cluster.client_env())
    add_run(commands, "zstd", zstd)
    for name, kist in more.items():
        add_run(commands, name, kist)
    commands.measure(args.runs)
    for name, kist in more.items():
        table.ratio(
            f"`kist run` with {name} : `kist run` with zstd",
            commands.median(name),
            commands.median("zstd"),
            most=most.get(name),
        )
        peak = peak_memory(kist, "-q", "run", "p", env=kist.environment())
        table.row(
            f"most memory of `kist run` with {name}",
            f"{peak / (1 << 20):.1f} MiB",
            "at most 64 MiB",
            peak <= MEMORY_LIMIT,
        )


def bench_restore(args, cluster, kist, table):
    data = kist.data_path(kist.ids()[-1])
    commands = Commands(cluster.client_env())

    def fresh():
        cluster.create("target")
        cluster.sql("CHECKPOINT")

    commands.add("by hand", f"zstd -dc {data} | pg_restore -1 -d target", fresh)
    commands.add(
        "kist restore",
        " ".join(str(word) for word in kist.arguments(["-q", "restore", "p", "--to", "target"])),
        fresh,
    )
    commands.measure(max(1, min(args.runs, 3)))
    table.ratio(
        "`kist restore` : `zstd -dc \\| pg_restore -1`",
        commands.median("kist restore"),
        commands.median("by hand"),
        most=1.1,
    )
    fresh()
    peak = peak_memory(kist, "-q", "restore", "p", "--to", "target", env=kist.environment())
    table.row(
        "most memory of `kist restore`", f"{peak / (1 << 20):.1f} MiB", "at most 64 MiB", peak <= MEMORY_LIMIT
    )


def main():
    args = arguments()
    with measure.bench(args) as (folder, table):
        cluster = Cluster().start()
        try:
            bench(args, cluster, folder, table)
        finally:
            cluster.remove()


if __name__ == "__main__":
    main()
