"""A moment of a provider's history is restored, and words that do not go together are refused."""
import re
import shlex

import pytest
from held import build_held, is_untouched, moment, name_of
from lines import Lines
from shelf import build_shelf


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    return build_shelf(build_held(tmp_path_factory.mktemp("plugins") / "all"))


@pytest.fixture
def held(lived):
    return lived


# ---- a moment of the history ----


def test_a_moment(held):
    at = moment(hours=3)
    result = held.kist.run("restore", "p", "--at", at)
    fresh = name_of(result, "beside branch 'main' as")
    assert result.out.startswith(f"p at {at}: restored beside branch 'main' as '{fresh}', in ")
    assert held.live(fresh).read_text() == f"at={at}" and held.alive() == ["main", fresh]
    # No backup is read or looked at, and no destination.
    assert held.calls() == [("restore", at)]
    entry = held.kist.history("restore")[-1]
    assert (entry["outcome"], entry["mode"], entry["at"], entry["fresh"]) == ("ok", "beside", at, fresh)
    assert "id" not in entry
    (line,) = (line for line in held.kist.run("history", "p").out.splitlines() if " restore " in line)
    assert line.endswith(f"of {at}")


def test_the_latest_moment(held):
    result = held.kist.run("restore", "p", "--latest", "--to-branch", "now")
    assert result.out.startswith(f"p at its latest moment: restored to branch 'now' on {held.place}, in ")
    assert held.live("now").read_text() == "at=latest"
    assert held.kist.history("restore")[-1]["at"] == "latest"


def test_a_moment_without_any_destination(held):
    """What the provider itself has of the past needs nothing of kist's."""
    (held.kist.folder / "disk").rename(held.kist.folder / "lost")
    held.kist.run("restore", "p", "--latest", "--to-branch", "now")
    assert held.alive() == ["main", "now"]


def test_a_moment_in_place(held):
    at = moment(minutes=10)
    result = held.kist.run("restore", "p", "--at", at, "--in-place", expect=7)
    hint = result.err.split("want: ", 1)[1].splitlines()[0]
    words = shlex.split(hint)[1:]
    assert words[:2] == ["restore", "p"] and words[-2:] == ["--confirm", "main"]
    is_untouched(held)
    kept = name_of(held.kist.run(*words), "what it held before is kept as branch")
    assert held.live("main").read_text() == f"at={at}" and held.live(kept).read_text() == "what lives now\n"


@pytest.mark.parametrize(
    "typed, meant",
    [
        ("2026-11-21 02:00:00.5Z", "2026-11-21T02:00:00.500Z"),
        ("2026-11-21T03:00:00+01:00", "2026-11-21T02:00:00Z"),
        ("2026-11-20T18:00:00-08:00", "2026-11-21T02:00:00Z"),
    ],
)
def test_a_moment_is_handed_on_in_utc(held, typed, meant):
    held.write(history="36500d")
    held.kist.run("restore", "p", "--at", typed, "--to-branch", "then")
    assert held.live("then").read_text() == f"at={meant}"


def test_a_moment_outside_of_the_history(held):
    result = held.kist.run("restore", "p", "--at", moment(days=8), expect=7)
    assert re.search(
        r"is not in the history of 'main', which reaches from 20\S+Z to 20\S+Z$", result.is_one_error()
    )
    assert "hint: choose a moment between these" in result.err
    is_untouched(held)
    entry = held.kist.history("restore")[-1]
    assert entry["outcome"] == "refused" and "reaches from" in entry["cause"]


def test_a_moment_as_a_plan(held):
    at = moment(hours=3)
    result = held.kist.run("restore", "p", "--at", at, "--dry-run")
    assert f"moment:   p at {at}, 3 h 00 min old\n" in result.out and "backup:" not in result.out
    assert "restore:  beside it, as the new branch 'main_restore_" in result.out
    is_untouched(held)


@pytest.mark.parametrize(
    "typed", ["yesterday", "2026-11-21", "2026-11-21T02:00:00", "2026-11-21T02-00-00Z", "2026-02-30T02:00:00Z", ""]
)
def test_what_is_no_moment(held, typed):
    result = held.kist.run("restore", "p", "--at", typed, expect=2)
    assert f"--at '{typed}' is no time with its zone, such as 2026-11-21T02:00:00Z" in result.is_one_error()
    is_untouched(held)


def test_a_moment_that_is_yet_to_come(held):
    error = held.kist.run("restore", "p", "--at", moment(hours=-1), expect=7).is_one_error()
    assert "reaches from" in error
    is_untouched(held)


# ---- words that do not go together ----


@pytest.mark.parametrize(
    "words",
    [
        ["--at", "2026-11-21T02:00:00Z", "--latest"],
        ["--at", "2026-11-21T02:00:00Z", "--from", "dump"],
        ["--latest", "--include", "*"],
        ["--latest", "--output", "out"],
        ["--latest", "--swap"],
        ["--latest", "--undo"],
        ["--latest", "--destination", "disk"],
        ["--latest", "--table", "orders"],
        ["--latest", "--clean"],
        ["--to-branch", "a", "--to", "b"],
        ["--to-branch", "a", "--output", "out"],
        ["--to-branch", "a", "--in-place"],
        ["--to-branch", "a", "--swap"],
    ],
)
def test_words_that_exclude_each_other(held, words):
    assert "exclude each other" in held.kist.run("restore", "p", *words, expect=2).is_one_error()
    is_untouched(held)


@pytest.mark.parametrize("words", [["--swap"], ["--undo"], ["--table", "a"], ["--jobs", "2"], ["--role", "a"]])
def test_words_that_the_source_does_not_know(held, words):
    error = held.kist.run("restore", "p", *words, expect=2).is_one_error()
    assert f"the source plugin 'held' knows no {words[0]}" in error
    is_untouched(held)


def test_nothing_is_replaced_piece_by_piece(held):
    assert "--clean" in held.kist.run("restore", "p", "--clean", expect=7).is_one_error()
    is_untouched(held)


def test_a_moment_is_of_no_backup(held):
    error = held.kist.run("restore", f"p/{held.id}", "--latest", expect=2).is_one_error()
    assert "name the pipeline alone" in error


def test_a_new_branch_needs_a_name(held):
    assert (
        "--to-branch needs the name" in held.kist.run("restore", "p", "--to-branch", "", expect=2).is_one_error()
    )


@pytest.mark.parametrize("words", [["--at", "2026-11-21T02:00:00Z"], ["--latest"], ["--to-branch", "a"]])
def test_a_source_without_branches_and_history(plain_kist, plugins, words):
    lines = Lines(plain_kist, plugins)
    lines.write()
    lines.runs(100)
    error = plain_kist.run("restore", "p", *words, expect=2).is_one_error()
    assert f"the source plugin 'shelf' knows no {words[0]}" in error and "configured" not in error


@pytest.mark.parametrize("words", [["--latest"], ["--to-branch", "a"], ["--in-place"]])
def test_a_source_that_is_configured_without_them(held, words):
    held.write(can="plain")
    error = held.kist.run("restore", "p", *words, expect=2).is_one_error()
    assert f"the source plugin 'held' knows no {words[0]} as it is configured" in error
    assert held.calls() == []
