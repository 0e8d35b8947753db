"""Every mistake in the configuration is told with its place, all of them at once, and nothing is run."""
import os
import re

import pytest

# Fits after any of the tests' own sections, and is right by itself.
GOOD = """\
[pipeline p]
source = s
destinations = d
[source s]
plugin = pg_dump
host = /nonexistent
user = u
database = x
[destination d]
plugin = local
path = /nonexistent
"""

# A source that has no scratch place, in its stead.
PG_DUMP = "plugin = pg_dump\nhost = /nonexistent\nuser = u\ndatabase = x\n"
MIRROR = "plugin = mirror\nfrom = other\n[destination other]\nplugin = local\npath = /other\n"


def check(kist, expect=2, **more):
    return kist.run("config", "check", expect=expect, **more)


def assert_told(kist, result, line, section, key=None, name="kist.ini", hint=None):
    """An error line for this place, and below it a hint with this text."""
    place = f"kist: error: {kist.conf}/{name}" + (f":{line}" if line else "") + ": "
    place += f"[{section}] " if section else ""
    place += f"{key}: " if key else ""
    lines = result.err.splitlines()
    found = [number for number, text in enumerate(lines) if text.startswith(place)]
    assert found, f"nothing begins with {place!r} in {result}"
    assert len(lines[found[0]]) > len(place) + 5, result
    if hint:
        below = lines[found[0] + 1] if found[0] + 1 < len(lines) else ""
        assert below.startswith("  hint: ") and hint in below, result


def broken(old, new):
    assert old in GOOD
    return GOOD.replace(old, new, 1)


# fmt: off
ONE_MISTAKE = {
    "unknown key": (
        broken("destinations = d", "destinations = d\ndestination = d"),
        4, "pipeline p", "destination", "destinations"),
    "misspelt option": (broken("database = x", "databse = x"), 8, "source s", "databse", "database"),
    "misspelt option of a destination": (broken("path =", "paht ="), 11, "destination d", "paht", "path"),
    "unknown section": (GOOD + "[piepline q]\nsource = s\n", 12, None, None, "pipeline"),
    "misspelt plugin": (broken("plugin = local", "plugin = locla"), 10, "destination d", "plugin", "local"),
    "unknown source": (broken("source = s", "source = ss"), 2, "pipeline p", "source", None),
    "unknown destination": (
        broken("destinations = d", "destinations = d, disk"),
        3, "pipeline p", "destinations", None),
    "unknown filter": (
        broken("destinations = d", "destinations = d\nfilters = zstdd"),
        4, "pipeline p", "filters", "zstd"),
    "unknown notifier": (
        broken("destinations = d", "destinations = d\nnotify = nobody"),
        4, "pipeline p", "notify", None),
    "a destination twice": (
        broken("destinations = d", "destinations = d, d"),
        3, "pipeline p", "destinations", None),
    "a key twice": (broken("user = u", "user = u\nuser = v"), 8, "source s", "user", None),
    "a section twice": (GOOD + "[source s]\nplugin = pg_dump\nhost = /x\n", 12, "source s", None, None),
    "a required key missing": (broken("path = /nonexistent\n", ""), 9, "destination d", "path", None),
    "a required key empty": (broken("path = /nonexistent", "path ="), 11, "destination d", "path", None),
    "no source": (broken("source = s\n", ""), 1, "pipeline p", "source", None),
    "no destinations": (broken("destinations = d\n", ""), 1, "pipeline p", "destinations", None),
    "no plugin": (broken("plugin = local\n", ""), 9, "destination d", "plugin", None),
    "missing bracket": (broken("[source s]", "[source s"), 4, None, None, None),
    "text after the bracket": (broken("[source s]", "[source s] plugin = pg_dump"), 4, None, None, None),
    "no name": (broken("[source s]", "[source]"), 4, "source", None, "[source NAME]"),
    "a name that is a path": (GOOD + "[pipeline ../x]\n", 12, "pipeline", None, None),
    "a name with a dash in front": (GOOD + "[pipeline -x]\n", 12, "pipeline", None, None),
    "a name too long": (GOOD + "[pipeline " + "n" * 60 + "]\n", 12, "pipeline", None, None),
    "a key too long": (broken("user = u", "user = u\n" + "k" * 60 + " = 1"), 8, "source s", None, None),
    "a line too long": (broken("user = u", "user = " + "u" * 300), 7, "source s", None, None),
    "a very long line": (broken("user = u", "user = " + "u" * 1000000), 7, "source s", None, None),
    "a key outside of a section": ("source = s\n" + GOOD, 1, None, None, None),
    "neither key nor section": (broken("user = u", "user = u\nnonsense"), 8, "source s", None, None),
    "an indented key": (broken("user = u", "user = u\n  port = 5"), 8, "source s", None, None),
    "a NUL": (broken("user = u", "user = u\0x"), 7, "source s", None, None),
    "a control character": (broken("user = u", "user = u\x01x"), 7, "source s", None, None),
    "bad UTF-8": (
        broken("user = u", "user = \udcffx").encode(errors="surrogateescape"),
        7, "source s", None, None),
    "an unset variable": (broken("user = u", "user = ${NOT_SET_HERE}"), 7, "source s", "user", None),
    "an open brace": (broken("user = u", "user = ${NOT"), 7, "source s", "user", None),
    "a credential without a directory": (broken("user = u", "user = ${cred:x}"), 7, "source s", "user", None),
    "a file that is missing": (broken("user = u", "user_file = /nonexistent/u"), 7, "source s", "user_file", None),
    "a value and a file for it": (
        broken("user = u", "user = u\nuser_file = /etc/hostname"),
        8, "source s", "user_file", None),
    "a word for a switch": (GOOD + "require_mount = perhaps\n", 12, "destination d", "require_mount", None),
    "a choice that is none": (broken("user = u", "user = u\nformat = custm"), 8, "source s", "format", "custom"),
    "a number that is none": (broken("user = u", "user = u\nport = many"), 8, "source s", "port", None),
    "a number out of range": (broken("user = u", "user = u\nport = 70000"), 8, "source s", "port", None),
    "a number that overflows": (
        broken("user = u", "user = u\nport = 99999999999999999999"),
        8, "source s", "port", None),
    "a number with an exponent": (broken("user = u", "user = u\nport = 1e3"), 8, "source s", "port", None),
    "a duration without a unit": (
        broken("user = u", "user = u\nlock_timeout = 7"),
        8, "source s", "lock_timeout", None),
    "a duration of a strange unit": (
        broken("user = u", "user = u\nlock_timeout = 7x"),
        8, "source s", "lock_timeout", None),
    "a negative duration": (
        broken("user = u", "user = u\nlock_timeout = -7s"),
        8, "source s", "lock_timeout", None),
    "an empty duration": (broken("user = u", "user = u\nlock_timeout ="), 8, "source s", "lock_timeout", None),
    "require of too many": (
        broken("destinations = d", "destinations = d\nrequire = 2"),
        4, "pipeline p", "require", None),
    "require of none": (
        broken("destinations = d", "destinations = d\nrequire = 0"),
        4, "pipeline p", "require", None),
    "require of a word": (
        broken("destinations = d", "destinations = d\nrequire = most"),
        4, "pipeline p", "require", None),
    "a level that is none": (
        broken("destinations = d", "destinations = d\nverify = dril"),
        4, "pipeline p", "verify", "drill"),
    "a rhythm without a unit": (
        broken("destinations = d", "destinations = d\nverify_every = 7 drill"),
        4, "pipeline p", "verify_every", "7d drill"),
    "a rhythm without a level": (
        broken("destinations = d", "destinations = d\nverify_every = 7d"),
        4, "pipeline p", "verify_every", "7d drill"),
    "a rhythm of no time": (
        broken("destinations = d", "destinations = d\nverify_every = 0d drill"),
        4, "pipeline p", "verify_every", "7d drill"),
    "a drill of what cannot be drilled": (
        broken("destinations = d", "destinations = d\nverify = drill").replace(PG_DUMP, MIRROR),
        4, "pipeline p", "verify", "decode"),
    "a rhythm of drills of what cannot be drilled": (
        broken("destinations = d", "destinations = d\nverify_every = 7d drill").replace(PG_DUMP, MIRROR),
        4, "pipeline p", "verify_every", "decode"),
    "a share above all": (
        broken("destinations = d", "destinations = d\nmax_shrink = 101%"),
        4, "pipeline p", "max_shrink", "50%"),
    "a share without its sign": (
        broken("destinations = d", "destinations = d\nmax_shrink = 50"),
        4, "pipeline p", "max_shrink", "50%"),
    "a size that is none": (
        broken("destinations = d", "destinations = d\nmin_size = 5GB5"),
        4, "pipeline p", "min_size", None),
    "a minute and an hour that no clock has": (
        broken("destinations = d", "destinations = d\nschedule = 60 25 * * *"),
        4, "pipeline p", "schedule", None),
    "a day that never comes": (
        broken("destinations = d", "destinations = d\nschedule = 0 2 31 feb *"),
        4, "pipeline p", "schedule", None),
    "four fields": (
        broken("destinations = d", "destinations = d\nschedule = 0 2 * *"),
        4, "pipeline p", "schedule", None),
    "a rhythm that is none": (
        broken("destinations = d", "destinations = d\nschedule = every 0m"),
        4, "pipeline p", "schedule", None),
    "a time zone that is none": (
        broken("destinations = d", "destinations = d\ntimezone = Europe/Atlantis"),
        4, "pipeline p", "timezone", None),
    "keeping nothing": (
        broken("destinations = d", "destinations = d\nkeep = 0 daily"),
        4, "pipeline p", "keep", None),
    "keeping less than nothing": (
        broken("destinations = d", "destinations = d\nkeep = -1 daily"),
        4, "pipeline p", "keep", None),
    "keeping too much": (
        broken("destinations = d", "destinations = d\nkeep = 99999999999999999999 daily"),
        4, "pipeline p", "keep", None),
    "keeping by an exponent": (
        broken("destinations = d", "destinations = d\nkeep = 1e3 daily"),
        4, "pipeline p", "keep", None),
    "keeping by no word": (
        broken("destinations = d", "destinations = d\nkeep = 7"),
        4, "pipeline p", "keep", None),
    "a misspelt period": (
        broken("destinations = d", "destinations = d\nkeep = 7 dayly"),
        4, "pipeline p", "keep", "daily"),
    "keeping no good one": (
        broken("destinations = d", "destinations = d\nmin_keep = 0"),
        4, "pipeline p", "min_keep", None),
    "deleting more than all": (
        broken("destinations = d", "destinations = d\nmax_delete = 200%"),
        4, "pipeline p", "max_delete", "50%"),
    "an age without a unit": (
        broken("destinations = d", "destinations = d\nmax_age = 26"),
        4, "pipeline p", "max_age", None),
    "jitter of more than a week": (
        broken("destinations = d", "destinations = d\njitter = 8d"),
        4, "pipeline p", "jitter", None),
    "a key that can be guessed": (
        broken("destinations = d", "destinations = d\nsign_key = short"),
        4, "pipeline p", "sign_key", "openssl rand"),
    "compression behind encryption": (
        broken("destinations = d", "destinations = d\nfilters = age, zstd"),
        4, "pipeline p", "filters", "zstd, age"),
    "a prefix that climbs": (GOOD + "prefix = ../x\n", 12, "destination d", "prefix", None),
    "a strange field in the name": (
        broken("destinations = d", "destinations = d\nname = {weekday}.dump"),
        4, "pipeline p", "name", None),
    "a name that climbs": (
        broken("destinations = d", "destinations = d\nname = ../x.dump"),
        4, "pipeline p", "name", None),
}
# fmt: on

# What is meant is lost with these, and told as missing elsewhere.
WITH_CONSEQUENCES = {
    "misspelt option of a destination",
    "missing bracket",
    "no name",
    "a name that is a path",
    "a name with a dash in front",
    "a name too long",
}


@pytest.mark.parametrize("what", ONE_MISTAKE)
def test_one_mistake(plain_kist, what):
    text, line, section, key, hint = ONE_MISTAKE[what]
    plain_kist.write(text)
    result = check(plain_kist)
    assert_told(plain_kist, result, line, section, key, hint=hint)
    assert len(result.errors) == 1 or what in WITH_CONSEQUENCES and len(result.errors) <= 3, result


def test_the_good_one_is_good(plain_kist):
    plain_kist.write(GOOD)
    check(plain_kist, expect=0)


def test_nothing_is_run(cluster, small, kist):
    """A mistake in one pipeline's file keeps all from running."""
    kist.pipeline(small)
    kist.write("[pipeline q]\nsource = nobody\ndestinations = disk\n", name="other.ini")
    kist.run("run", "p", expect=2)
    assert kist.files() == {}


def test_all_mistakes_are_told_in_order(plain_kist):
    plain_kist.write(GOOD + "colour = red\n[filter f]\nplugin = zstd\nlevel = 99\nlevle = 3\n", name="a.ini")
    plain_kist.write("[pipeline q]\nsource = nobody\ndestinations = d\nschedle = 1\n[nonsense x]\n", name="b.ini")
    result = check(plain_kist)
    places = [
        re.match(rf"kist: error: {re.escape(str(plain_kist.conf))}/(\w+\.ini):(\d+)", line).groups()
        for line in result.errors
    ]
    assert places == [
        ("a.ini", "12"),
        ("a.ini", "15"),
        ("a.ini", "16"),
        ("b.ini", "2"),
        ("b.ini", "4"),
        ("b.ini", "5"),
    ]


def test_a_section_twice_in_two_files(plain_kist):
    plain_kist.write(GOOD, name="a.ini")
    plain_kist.write("[destination d]\nplugin = null\n", name="b.ini")
    result = check(plain_kist)
    assert_told(plain_kist, result, 1, "destination d", name="b.ini")
    assert "a.ini:9" in result.err


def test_windows_line_ends_and_bom(plain_kist):
    plain_kist.write(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    check(plain_kist, expect=0)
    plain_kist.write(GOOD.encode("utf-16"))
    assert_told(plain_kist, check(plain_kist), None, None)


def test_comments_quotes_and_no_last_newline(plain_kist):
    plain_kist.write(
        "; a comment\n# another\n\n" + GOOD.replace("user = u", "user = u ; with a comment").rstrip("\n")
    )
    check(plain_kist, expect=0)
    shown = plain_kist.run("config", "show").out
    assert re.search(r"^user\s*=\s*u$", shown, re.M), shown


def test_lists_go_on_in_the_next_lines(plain_kist):
    plain_kist.write(GOOD.replace("database = x", "database = x\ntables = a,\n  b\n  c.d"))
    check(plain_kist, expect=0)


def test_a_dollar_by_itself(plain_kist):
    plain_kist.write(GOOD.replace("user = u", "user = a$b$$c"))
    assert re.search(r"^user\s*=\s*a\$+b\$+c$", plain_kist.run("config", "show").out, re.M)


def test_directory_and_fifo_instead_of_a_file(plain_kist):
    plain_kist.write(GOOD)
    (plain_kist.conf / "dir.ini").mkdir()
    os.mkfifo(plain_kist.conf / "fifo.ini")
    (plain_kist.conf / "gone.ini").symlink_to("/nonexistent/x")
    result = check(plain_kist, timeout=10)
    for name in ("dir.ini", "fifo.ini", "gone.ini"):
        assert_told(plain_kist, result, None, None, name=name)


def test_other_files_are_ignored(plain_kist):
    plain_kist.write(GOOD)
    for name in ("kist.ini~", "kist.ini.dpkg-old", ".hidden.ini", "README"):
        plain_kist.write("nonsense", name=name)
    check(plain_kist, expect=0)
    assert "README" in plain_kist.run("-v", "config", "check").err


def test_no_configuration_at_all(plain_kist):
    result = check(plain_kist)
    assert str(plain_kist.conf) in result.is_one_error()
    result = plain_kist.run("-c", "/nonexistent/conf.d", "config", "check", expect=2)
    assert "/nonexistent/conf.d" in result.is_one_error()


def test_a_file_that_others_may_write(plain_kist):
    plain_kist.write(GOOD, mode=0o666)
    assert_told(plain_kist, check(plain_kist), None, None)


def test_a_secret_in_a_readable_file(plain_kist):
    secret = GOOD.replace("user = u", "user = u\npassword = canary-42")
    plain_kist.write(secret, mode=0o644)
    result = check(plain_kist)
    assert_told(plain_kist, result, 8, "source s", "password")
    assert "canary" not in result.err
    plain_kist.write(secret, mode=0o640)
    check(plain_kist)
    plain_kist.write(secret, mode=0o600)
    check(plain_kist, expect=0)


def test_a_url_in_a_readable_file(plain_kist):
    text = GOOD.replace("host = /nonexistent\nuser = u\ndatabase = x", "url = postgresql://u{}@db.example/x")
    plain_kist.write(text.format(":canary-42"), mode=0o644)
    result = check(plain_kist)
    assert_told(plain_kist, result, 6, "source s", "url")
    assert "canary" not in result.err
    plain_kist.write(text.format(""), mode=0o644)
    check(plain_kist, expect=0)


def test_secrets_from_elsewhere(plain_kist):
    """From the environment, a file, and the service manager; the file itself may be public then."""
    passwords = plain_kist.folder / "passwords"
    passwords.mkdir(mode=0o700)
    (passwords / "shop").write_text("from-a-file\nsecond line\n")
    (passwords / "shop").chmod(0o600)
    for key, env in (
        ("password = ${SHOP_PASSWORD}", {"SHOP_PASSWORD": "from-the-environment"}),
        (f"password_file = {passwords}/shop", {}),
        ("password = ${cred:shop}", {"CREDENTIALS_DIRECTORY": str(passwords)}),
    ):
        plain_kist.write(GOOD.replace("user = u", "user = u\n" + key), mode=0o644)
        check(plain_kist, expect=0, env=env)
        shown = plain_kist.run("config", "show", env=env).out
        assert "***" in shown and "from-" not in shown


@pytest.mark.parametrize(
    "extra",
    ["--file=/tmp/x", "-f /tmp/x", "--snapshot=1", "-Fp", "--format=d", "--no-sync", "--enable-row-security"],
)
def test_extra_args_that_would_break_a_backup(plain_kist, extra):
    plain_kist.write(GOOD.replace("user = u", f"user = u\nextra_args = {extra}"))
    result = check(plain_kist, expect=None)
    if result.code == 0:  # a plugin may look at its values only when it is opened
        result = plain_kist.run("run", "p", "--dry-run", expect=2)
    assert result.code == 2 and "extra_args" in result.err, result


def test_config_from_the_environment(plain_kist):
    plain_kist.write(GOOD)
    import subprocess

    env = plain_kist.environment({"KIST_CONFIG": str(plain_kist.conf)})
    assert subprocess.run([plain_kist.program, "config", "check"], env=env).returncode == 0


def test_one_file_instead_of_a_directory(plain_kist):
    path = plain_kist.write(GOOD)
    plain_kist.run("-c", path, "config", "check")


def test_show_is_a_configuration_again(plain_kist):
    def show():
        return [line for line in plain_kist.run("config", "show").out.splitlines() if not line.startswith(";")]

    plain_kist.write(GOOD)
    shown = show()
    plain_kist.write("\n".join(shown) + "\n")
    assert show() == shown


def test_many_sections(plain_kist):
    plain_kist.write(GOOD + "".join(f"[destination d{n}]\nplugin = null\n" for n in range(20000)))
    assert check(plain_kist, expect=0, timeout=60).took < 20
