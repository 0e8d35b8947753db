"""Notifiers are told of every run, whatever came of it, and never decide over it. With the template 'logfile'."""
import pytest

SECRET = "c4nary-of-notices"


@pytest.fixture
def told(kist):
    """kist with one or more notifiers, and what was written by them."""
    kist.plugins = kist.program.parent.parent / "templates"
    kist.notes = kist.folder / "notes"

    def notify(*paths):
        return "".join(f"[notifier n{i}]\nplugin = logfile\npath = {path}\n\n" for i, path in enumerate(paths))

    kist.notify = notify
    return kist


def run(kist, expect):
    return kist.run("--plugin-dir", kist.plugins, "run", "p", expect=expect)


def test_success_and_failure(told, small, cluster):
    told.pipeline(small, more="notify = n0", sections=told.notify(told.notes))
    run(told, 0)
    id = told.run("--plugin-dir", told.plugins, "list", "--json").json[0]["id"]
    assert told.notes.read_text() == f"success p/{id}: backup of p: ok\n"
    told.pipeline("no_such_database", more="notify = n0", sections=told.notify(told.notes))
    run(told, 1)
    line = told.notes.read_text().splitlines()[-1]
    assert line.startswith("failure p/") and "no_such_database" in line


def test_a_notice_has_no_secret(told, small, cluster):
    told.env["URL"] = cluster.url(small, password=SECRET)
    told.pipeline(
        small, source="plugin = pg_dump\nurl = ${URL}", more="notify = n0", sections=told.notify(told.notes)
    )
    run(told, 1)
    assert told.notes.read_text().startswith("failure") and SECRET not in told.notes.read_text()


def test_one_that_fails_degrades_the_run_and_keeps_nobody_else_from_being_told(told, small):
    told.pipeline(
        small, more="notify = n0, n1", sections=told.notify(told.folder / "missing" / "notes", told.notes)
    )
    result = run(told, 3)
    assert "missing/notes" in result.is_one_error()
    assert told.notes.read_text().startswith("success p/")
    told.run("--plugin-dir", told.plugins, "verify", "p")


def test_degraded(told, small):
    (told.folder / "disk2").write_text("in the way of the second destination")
    told.pipeline(
        small,
        more="notify = n0\nrequire = any\n",
        sections=told.notify(told.notes) + f"[destination broken]\nplugin = local\npath = {told.folder}/disk2\n",
        destinations=("disk",),
    )
    text = (told.conf / "kist.ini").read_text().replace("destinations = disk", "destinations = disk, broken")
    told.write(text)
    run(told, 3)
    assert told.notes.read_text().startswith("degraded p/")
