"""`kist schedule`: the files are what the programs that read them take them for, whatever is in a path."""
import configparser
import os
import plistlib
import shlex
import shutil
import subprocess

import pytest
import yaml

from shelf import Shelf, build_shelf

FORMATS = {
    "systemd": ["kist.service", "kist.timer", "kist-daemon.service", "kist-failure@.service"],
    "cron": ["kist"],
    "kubernetes": ["kist.yaml"],
    "github": ["kist.yml"],
    "launchd": ["kist.run-due.plist"],
}
HOSTILE = 'my 100% "own" & it\'s <$HOME> %i $$x \\n `x` #1 ${{ y }} é: - *'

CONFIG = """\
[pipeline shop]
source = db
destinations = disk
schedule = 30 2 * * 1-5
[pipeline berlin]
source = db
destinations = disk
schedule = */15 * * * *
timezone = Europe/Berlin
[pipeline by-hand]
source = db
destinations = disk
[source db]
plugin = pg_dump
url = ${cred:shop-url}
options = ${PGOPTIONS} $$ ${cred:second}
[destination disk]
plugin = local
"""


@pytest.fixture
def kist(plain_kist):
    kist = plain_kist
    kist.write(CONFIG + f"path = {kist.disk}\n")
    return kist


@pytest.fixture
def hostile(plain_kist):
    """All paths are as bad as they can be."""
    kist = plain_kist
    kist.conf = kist.folder / HOSTILE / "conf.d"
    kist.state = kist.folder / HOSTILE / "state"
    kist.disk = kist.folder / HOSTILE / "disk"
    for path in (kist.conf, kist.disk):
        path.mkdir(mode=0o700, parents=True)
    kist.write(CONFIG + f"path = {kist.disk}\n", name=f"{HOSTILE}.ini", mode=0o644)
    return kist


def made(kist, form, *more):
    """The files of a format, by their names."""
    folder = kist.folder / f"out-{form}"
    result = kist.run("schedule", form, "--output", folder, *more)
    assert result.out.split("\n")[:-1] == [str(folder / name) for name in FORMATS[form]]
    assert sorted(path.name for path in folder.iterdir()) == sorted(FORMATS[form])
    assert {path.stat().st_mode & 0o7777 for path in folder.iterdir()} == {0o644}
    return {name: (folder / name).read_text() for name in FORMATS[form]}


def unit(text):
    """A unit as {section: {key: [values]}}."""

    class Repeated(dict):
        def __setitem__(self, key, value):
            super().__setitem__(key, self[key] + value if key in self and isinstance(value, list) else value)

    parser = configparser.RawConfigParser(dict_type=Repeated, strict=False, delimiters="=", comment_prefixes="#")
    parser.optionxform = str
    parser.read_string(text)
    return {name: {key: value.split("\n") for key, value in parser.items(name)} for name in parser.sections()}


def words(line):
    """The words of a command as systemd understands them: quotes, specifiers, variables."""
    found, word, quoted, escaped = [], None, False, False
    for c in line:
        if escaped:
            assert c in '"\\'
            word, escaped = word + c, False
        elif c == "\\":
            escaped = True
        elif c == '"':
            quoted, word = not quoted, word or ""
        elif c == " " and not quoted:
            found, word = found + [word] if word is not None else found, None
        else:
            word = (word or "") + c
    found.append(word)
    for word in found:
        assert "%" not in word.replace("%%", ""), word
        assert "$" not in word.replace("$$", ""), word
    return [word.replace("%%", "%").replace("$$", "$") for word in found]


def command(kist, *last, state=True):
    return [str(kist.program), "--config", str(kist.conf), *([f"--state={kist.state}"] if state else []), *last]


@pytest.mark.parametrize("which", ["kist", "hostile"])
def test_systemd(which, request):
    kist = request.getfixturevalue(which)
    files = made(kist, "systemd", "--user", "backup")
    for name, last in (("kist.service", ["run", "--due"]), ("kist-daemon.service", ["daemon"])):
        service = unit(files[name])["Service"]
        assert words(service["ExecStart"][0]) == command(kist, *last)
        for key, value in {
            "ProtectSystem": "strict",
            "PrivateTmp": "yes",
            "PrivateDevices": "yes",
            "NoNewPrivileges": "yes",
            "MemoryDenyWriteExecute": "yes",
            "UMask": "0077",
            "StateDirectory": "kist",
            "SystemCallFilter": "@system-service",
            "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6",
            "User": "backup",
            "KillMode": "mixed",
            "IOSchedulingClass": "idle",
        }.items():
            assert service[key] == [value], key
        assert service["ProtectHome"][0] in ("yes", "read-only")
        assert "DynamicUser" not in service
        assert service["LoadCredential"] == [
            "shop-url:/etc/kist/credentials/shop-url",
            "second:/etc/kist/credentials/second",
        ]
        assert service["EnvironmentFile"] == ["-/etc/kist/environment"] and "PGOPTIONS" in files[name]
        paths = [words(value.replace("$", "$$"))[0] for value in service["ReadWritePaths"]]
        assert paths == [f"-{kist.disk}", f"-{kist.state}"]
        assert unit(files[name])["Unit"]["OnFailure"] == ["kist-failure@%n.service"]
    assert unit(files["kist.service"])["Service"]["Type"] == ["oneshot"]
    assert unit(files["kist.service"])["Service"]["SuccessExitStatus"] == ["5"]
    assert unit(files["kist.service"])["Service"]["TimeoutStartSec"] == ["24h"]
    assert unit(files["kist.timer"])["Timer"]["Persistent"] == ["true"]
    assert unit(files["kist.timer"])["Timer"]["OnCalendar"] == ["*-*-* *:*:00"]


def test_systemd_itself_takes_them(hostile):
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here")
    made(hostile, "systemd", "--user", "daemon")
    folder = hostile.folder / "out-systemd"
    units = [folder / name for name in FORMATS["systemd"] if "@" not in name]
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        capture_output=True,
        text=True,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{folder}:"},
    )
    said = [line for line in result.stderr.splitlines() if "kist" in line or "out-systemd" in line]
    assert result.returncode == 0 and not said, result


def test_a_dynamic_user_is_warned_of_what_it_cannot_read(kist):
    result = kist.run("schedule", "systemd")
    assert "DynamicUser=yes" in result.out and "User=backup" not in result.out
    assert [f"# ---------- {name} ----------" in result.out for name in FORMATS["systemd"]] == [True] * 4
    assert "not everybody may read the configuration" in result.err
    assert f"may not write to '{kist.disk}'" in result.err


def entry_of(text):
    """The one entry of a crontab: user, and command as cron hands it to the shell."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    settings = dict(line.split("=", 1) for line in lines[:-1])
    assert lines[-1].startswith("* * * * * ")
    user, line = lines[-1][len("* * * * * ") :].split(" ", 1)
    assert "%" not in line.replace("\\%", "")
    return settings, user, line.replace("\\%", "%")


@pytest.mark.parametrize("which", ["kist", "hostile"])
def test_cron(which, request):
    kist = request.getfixturevalue(which)
    settings, user, line = entry_of(made(kist, "cron", "--user", "backup")["kist"])
    assert user == settings["MAILTO"] == "backup"
    assert (
        "/usr/bin" in settings["PATH"].split(":") and settings["CREDENTIALS_DIRECTORY"] == "/etc/kist/credentials"
    )
    assert shlex.split(line) == command(kist, "--quiet", "run", "--due")


def test_the_command_of_cron_backs_up(plain_kist, tmp_path_factory):
    kist = plain_kist
    shelf = Shelf(kist, build_shelf(tmp_path_factory.mktemp("plugins")))
    shelf.write(more="schedule = @yearly")
    conf = kist.conf.rename(kist.folder / f"conf {HOSTILE}")
    kist.conf = conf
    settings, _, line = entry_of(kist.run("schedule", "cron").out)
    # Cron has hardly any environment.
    env = {"HOME": "/", "LOGNAME": "backup", **settings, "ASAN_OPTIONS": kist.environment()["ASAN_OPTIONS"]}
    for _ in range(2):
        result = subprocess.run(
            ["/bin/sh", "-c", line], env=env, capture_output=True, text=True, cwd="/", timeout=60
        )
        # Every word would be a mail, every minute.
        assert (result.returncode, result.stdout, result.stderr) == (0, "", ""), result
        assert len(kist.ids()) == 1


@pytest.mark.parametrize("which", ["kist", "hostile"])
def test_kubernetes(which, request):
    kist = request.getfixturevalue(which)
    text = made(kist, "kubernetes")["kist.yaml"]
    job, daemon = yaml.safe_load_all(text)
    assert (job["kind"], job["spec"]["concurrencyPolicy"], job["spec"]["schedule"]) == (
        "CronJob",
        "Forbid",
        "*/5 * * * *",
    )
    assert (daemon["kind"], daemon["spec"]["replicas"], daemon["spec"]["strategy"]) == (
        "Deployment",
        0,
        {"type": "Recreate"},
    )
    pods = [job["spec"]["jobTemplate"]["spec"]["template"]["spec"], daemon["spec"]["template"]["spec"]]
    for pod, args in zip(pods, (["--quiet", "run", "--due"], ["daemon"])):
        (container,) = pod["containers"]
        assert container["command"] == ["kist"] and container["args"] == args
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["envFrom"] == [{"secretRef": {"name": "kist-environment"}}]
        env = {entry["name"]: entry["value"] for entry in container["env"]}
        mounts = {entry["mountPath"]: entry for entry in container["volumeMounts"]}
        assert env["CREDENTIALS_DIRECTORY"] in mounts and env["KIST_STATE"] in mounts and "/tmp" in mounts
        assert {entry["name"] for entry in mounts.values()} == {entry["name"] for entry in pod["volumes"]}
        key = "kist.ini" if which == "kist" else "000.ini"
        assert mounts[f"{env['KIST_CONFIG']}/{key}"]["subPath"] == key
    assert pods[0]["restartPolicy"] == "Never"
    probe = pods[1]["containers"][0]["livenessProbe"]["exec"]["command"]
    assert probe[:2] == ["sh", "-c"] and "kist --quiet status" in probe[2]
    # The command that makes the ConfigMap names the file as a shell understands it.
    said = " ".join(line.lstrip("# ").rstrip("\\") for line in text.splitlines() if "--from-file=" in line)
    (file,) = kist.conf.iterdir()
    assert f"--from-file={key}={file}" in shlex.split(said)


@pytest.mark.parametrize("which", ["kist", "hostile"])
def test_github(which, request):
    kist = request.getfixturevalue(which)
    workflow = yaml.safe_load(made(kist, "github")["kist.yml"])
    crons = [entry["cron"] for entry in workflow["on"]["schedule"]]
    assert crons == ["30 2 * * 1,2,3,4,5", "17 * * * *"] and "workflow_dispatch" in workflow["on"]
    assert workflow["concurrency"] == {"group": "kist", "cancel-in-progress": False}
    assert workflow["permissions"] == {"contents": "read"}
    files, run = workflow["jobs"]["backup"]["steps"][1:]
    assert files["env"]["KIST_CRED_shop_url"] == "${{ secrets.KIST_CRED_shop_url }}"
    assert run["env"] == {"PGOPTIONS": "${{ secrets.PGOPTIONS }}"}
    # The steps' scripts, with a kist that tells what it gets.
    folder = kist.folder / "github"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/kist").write_text('#!/bin/sh\necho "$@"; cat "$CREDENTIALS_DIRECTORY/shop-url"\n')
    (folder / "bin/kist").chmod(0o755)
    env = {
        "PATH": f"{folder}/bin:{os.environ['PATH']}",
        "RUNNER_TEMP": str(folder),
        "KIST_CRED_shop_url": "a 'b' $c",
        "KIST_CRED_second": "2",
        "GITHUB_EVENT_NAME": "schedule",
    }
    for step in (files, run):
        result = subprocess.run(["sh", "-e", "-c", step["run"]], env=env, capture_output=True, text=True)
        assert result.returncode == 0, result
    assert result.stdout == f"--config conf.d --state {folder}/kist run --due\na 'b' $c\n"
    assert (folder / "credentials/second").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("which", ["kist", "hostile"])
def test_launchd(which, request):
    kist = request.getfixturevalue(which)
    plist = plistlib.loads(made(kist, "launchd", "--user", "backup")["kist.run-due.plist"].encode())
    assert plist["ProgramArguments"] == command(kist, "--quiet", "run", "--due")
    assert (plist["StartInterval"], plist["UserName"], plist["Umask"]) == (60, "backup", 0o077)
    assert plist["EnvironmentVariables"]["CREDENTIALS_DIRECTORY"] == "/etc/kist/credentials"
    assert plist["EnvironmentVariables"]["PGOPTIONS"] == ""
    assert f"{plist['Label']}.plist" in FORMATS["launchd"]


def test_nothing_is_overwritten(kist):
    files = made(kist, "systemd")
    folder = kist.folder / "out-systemd"
    (folder / "kist.service").unlink()
    (folder / "kist.timer").write_text("mine")
    result = kist.run("schedule", "systemd", "--output", folder, expect=7)
    assert f"'{folder}/kist.timer' exists" in result.is_one_error()
    assert (folder / "kist.timer").read_text() == "mine" and not (folder / "kist.service").exists()
    assert (folder / "kist-daemon.service").read_text() == files["kist-daemon.service"]
    (folder / "kist.timer").unlink()
    (folder / "kist.timer").symlink_to("/nonexistent/elsewhere")
    kist.run("schedule", "systemd", "--output", folder, expect=7)


def test_mistakes_are_told(kist):
    assert "systemd, cron, kubernetes, github or launchd" in kist.run("schedule", "upstart", expect=2).err
    assert "no name of a user" in kist.run("schedule", "cron", "--user", "a b\nc", expect=2).err
    kist.run("schedule", "cron", "--output", "/proc/x/y", expect=None).is_one_error()
    kist.write("[pipeline p]\nsource = s\nschedule = 0 25 * * *\n", name="z.ini")
    result = kist.run("schedule", "cron", expect=2)
    assert "z.ini:3: [pipeline p] schedule: hour '25'" in result.is_one_error()
    kist.write("[pipeline p]\nsource = s\n", name="z.ini")
    (kist.conf / "kist.ini").unlink()
    assert "no pipeline has a schedule" in kist.run("schedule", "cron").err


def test_what_no_file_could_say_is_refused(kist):
    kist.conf = kist.conf.rename(kist.folder / "new\nline")
    assert "new\\nline" in kist.run("schedule", "cron", expect=2).is_one_error()
