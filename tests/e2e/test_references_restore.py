"""What a provider holds is restored there: beside what lives, as a new branch, or in its place."""
import re
import shlex
import signal

import pytest
from fleet import wait_until
from held import AT_ONCE, Held, build_held, is_untouched, name_of, restored
from lines import Lines
from shelf import build_shelf


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    return build_shelf(build_held(tmp_path_factory.mktemp("plugins") / "all"))


@pytest.fixture
def held(lived):
    return lived


# ---- where it goes ----


def test_beside_what_lives(held):
    result = held.kist.run("restore", "p")
    fresh = name_of(result, "beside branch 'main' as")
    assert re.fullmatch(r"main_restore_\d{8}_\d{6}", fresh)
    assert result.out.startswith(f"p/{held.id}: restored beside branch 'main' as '{fresh}', 1000 B in ")
    assert f"  look:  cat {held.live(fresh)}\n  'main' is as it was\n" in result.out
    assert "swap" not in result.out + result.err and "database" not in result.out + result.err
    assert held.alive() == ["main", fresh] and restored(held, fresh)
    assert held.live("main").read_text() == "what lives now\n"
    assert [verb for verb, _ in held.calls()] == ["look", "restore"]
    assert f"restoring p/{held.id}, " in result.err
    assert f" to branch 'main' on {held.place}, beside it, as the new branch '{fresh}'" in result.err
    entry = held.kist.history("restore")[-1]
    assert (entry["outcome"], entry["mode"], entry["id"]) == ("ok", "beside", held.id)
    assert (entry["name"], entry["fresh"], entry["target"]) == ("main", fresh, "p-db")
    assert "kept" not in entry and "at" not in entry


def test_to_a_new_branch(held):
    result = held.kist.run("restore", f"p/{held.id}", "--to-branch", "try-1")
    assert result.out.startswith(f"p/{held.id}: restored to branch 'try-1' on {held.place}, 1000 B in ")
    assert "into it; it is made first" in result.err
    assert held.alive() == ["main", "try-1"] and restored(held, "try-1")
    entry = held.kist.history("restore")[-1]
    assert (entry["mode"], entry["name"], entry["target"]) == ("into", "try-1", "try-1")


def test_to_a_branch_that_is_there(held):
    held.live("try").write_text("somebody's\n")
    result = held.kist.run("restore", "p", "--to-branch", "try", expect=7)
    assert "'try' is there already" in result.is_one_error()
    assert "--to-branch a new name" in result.err
    assert held.live("try").read_text() == "somebody's\n" and held.alive() == ["main", "try"]
    assert held.calls("restore") == []
    assert held.kist.history("restore")[-1]["outcome"] == "refused"


def test_to_another_target(held):
    held.live("copy").write_text("a copy\n")
    fresh = name_of(held.kist.run("restore", "p", "--to", "copy"), "beside branch 'copy' as")
    assert fresh.startswith("copy_restore_") and restored(held, fresh)
    assert held.live("copy").read_text() == "a copy\n"


def test_in_place_wants_to_be_confirmed(held):
    result = held.kist.run("restore", "p", "--in-place", expect=7)
    assert "--in-place would replace branch 'main' on " in result.is_one_error()
    assert "which holds a file" in result.errors[0]
    is_untouched(held)
    hint = next(line for line in result.err.splitlines() if "hint: if that is what you want: " in line)
    words = shlex.split(hint.split("want: ", 1)[1])
    assert words[0] == "kist" and words[-2:] == ["--confirm", "main"]
    assert (
        held.kist.run("restore", "p", "--in-place", "--confirm", "copy", expect=7)
        .errors[0]
        .endswith(f"--confirm copy: the target is branch 'main' on {held.place}")
    )
    is_untouched(held)
    held.kist.run(*words[1:])
    assert restored(held, "main")


def test_in_place_keeps_what_was_there(held):
    result = held.kist.run("restore", "p", "--in-place", "--confirm", "main")
    kept = name_of(result, "what it held before is kept as branch")
    assert re.fullmatch(r"main_before_\d{8}_\d{6}", kept)
    assert f"in the place of what it holds, which is kept as branch '{kept}'" in result.err
    assert restored(held, "main") and held.live(kept).read_text() == "what lives now\n"
    assert held.alive() == ["main", kept]
    # The provider keeps it: no backup is made of it first.
    assert held.kist.ids() == [held.id] and held.calls("make") == []
    entry = held.kist.history("restore")[-1]
    assert (entry["mode"], entry["kept"]) == ("in place", kept) and "safety" not in entry


@pytest.mark.parametrize(
    "words, lines",
    [
        (
            [],
            [
                "restore:  beside it, as the new branch 'main_restore_",
                "lost:     nothing",
                "(the very branch that",
            ],
        ),
        (
            ["--to-branch", "try"],
            ["target:   branch 'try' on ", "which does not exist", "restore:  into it; it is"],
        ),
        (
            ["--in-place"],
            [
                "restore:  in the place of what it holds",
                "lost:     nothing",
                "kept:     what it holds, as branch 'main_before_",
                "confirm:  it will be done with --confirm main only",
            ],
        ),
    ],
)
def test_dry_run_says_it_and_changes_nothing(held, words, lines):
    result = held.kist.run("restore", "p", "--dry-run", *words)
    for line in [f"backup:   p/{held.id}, ", *lines, "nothing was changed"]:
        assert line in result.out, (line, result)
    assert "database" not in result.out and "safety" not in result.out
    is_untouched(held)
    assert held.kist.history("restore") == []


# ---- what is not there any more, or not as it was ----


def test_one_that_is_gone(held):
    held.branch(held.id).unlink()
    for words in [], ["--in-place", "--confirm", "main"], ["--dry-run"]:
        error = held.kist.run("restore", "p", *words, expect=4).is_one_error()
        branch = held.branch(held.id).name
        assert error.endswith(f"nothing was restored: the branch {branch} of held project one is gone")
    is_untouched(held)
    assert held.kist.history("restore")[-1]["outcome"] == "failed"


def test_one_that_failed_at_the_provider(held):
    path = held.branch(held.id)
    path.write_text(path.read_text().replace("state=ready", "state=failed"))
    error = held.kist.run("restore", "p", expect=4).is_one_error()
    assert "nothing was restored" in error and f"branch '{path.name}' failed" in error
    is_untouched(held)


def test_one_of_somebody_else(held):
    path = held.branch(held.id)
    path.write_text(path.read_text().replace("pipeline=p", "pipeline=q"))
    assert "is of another backup" in held.kist.run("restore", "p", expect=4).is_one_error()
    is_untouched(held)


def test_one_that_has_lapsed(plain_kist, plugins):
    """That it is gone was to be expected, so nothing is damaged; as long as it is there it is restored all the same."""
    held = Held(plain_kist, plugins)
    held.write(until=AT_ONCE)
    held.id = plain_kist.backup()
    plain_kist.run("restore", f"p/{held.id}", "--to-branch", "try")
    assert restored(held, "try")
    held.branch(held.id).unlink()
    result = plain_kist.run("restore", f"p/{held.id}", expect=6)
    assert re.search(
        r"nothing was restored: the branch \S+ of held project one is gone: it was kept until 20\S+Z$",
        result.is_one_error(),
    )
    assert "hint: `kist list p` shows" in result.err


def test_the_latest_has_not_lapsed(held):
    held.write(until=AT_ONCE)
    for _ in range(2):
        held.kist.backup()
    result = held.kist.run("restore", "p", "--to-branch", "try")
    assert restored(held, "try") and "p: 2 newer backups have expired" in result.err
    held.kist.manifest_path(held.id).unlink()
    result = held.kist.run("restore", "p", expect=6)
    assert result.is_one_error() == "kist: error: pipeline 'p' has no backup that can be restored: all have expired"
    assert "hint: `kist run p` makes one" in result.err


def test_a_copy_that_has_lapsed_is_left_out(plain_kist, plugins):
    """What was kept for a shorter time on purpose is no reason not to restore the rest."""
    held = Held(plain_kist, plugins)
    held.write(items="db.branch, db.copy", until=AT_ONCE, until_items="db.copy")
    held.id = plain_kist.backup()
    copy = held.branch(held.id, "db.copy")
    copy.unlink()
    result = plain_kist.run("restore", "p", "--to-branch", "try")
    assert "'db.copy' is left out: the branch " in result.err and "1 of 2 items, 1000 B in " in result.out
    assert held.calls("restore") == [("restore", held.branch(held.id).name)]
    held.branch(held.id).unlink()
    assert held.branch(held.id).name in plain_kist.run("restore", "p", expect=4).errors[0]


def test_one_of_several_that_is_gone(plain_kist, plugins):
    held = Held(plain_kist, plugins)
    held.write(items="db.branch, db.copy")
    held.id = plain_kist.backup()
    held.branch(held.id).unlink()
    result = plain_kist.run("restore", "p", "--to-branch", "try", expect=4)
    assert "nothing was restored" in result.is_one_error() and "--include" in result.err
    assert held.alive() == ["main"]
    plain_kist.run("restore", "p", "--to-branch", "try", "--include", "db.copy")
    assert held.calls("restore") == [("restore", held.branch(held.id, "db.copy").name)]


def test_a_provider_that_fails(held):
    held.write(fail="restore")
    result = held.kist.run("restore", "p", "--in-place", "--confirm", "main", expect=1)
    assert "the provider failed: restore" in result.is_one_error()
    assert held.alive() == ["main"] and held.live("main").read_text() == "what lives now\n"
    entry = held.kist.history("restore")[-1]
    assert entry["outcome"] == "failed" and "kept" not in entry


@pytest.mark.parametrize("fail, words", [("down", "does not answer"), ("auth", "refuses the key")])
def test_a_provider_that_does_not_answer(held, fail, words):
    held.write(fail=fail)
    assert words in held.kist.run("restore", "p", expect=1).is_one_error()
    is_untouched(held)


def test_files_cannot_be_written(held):
    out = held.kist.folder / "out"
    result = held.kist.run("restore", "p", "--output", out, expect=1)
    assert "'db.branch' is held by held: there are no bytes to write into files" in result.is_one_error()
    assert "hint: without --output it is restored at its provider" in result.err
    assert not out.exists()


def test_another_plugin(held, plugins):
    lines = Lines(held.kist, plugins)
    lines.write()
    result = held.kist.run("restore", "p", expect=2)
    assert "made by the source plugin 'held', [source p-db] is now 'shelf'" in result.is_one_error()
    assert "--output" not in result.err
    is_untouched(held)


def test_another_configuration(held):
    held.write(can="plain")
    result = held.kist.run("restore", "p", expect=1)
    assert "'db.branch' is held by held, and [source p-db] restores nothing of that" in result.is_one_error()
    assert f"`kist show p/{held.id}` tells how" in result.err
    is_untouched(held)


# ---- what is stored beside it ----


def test_some_of_it_is_stored(plain_kist, plugins):
    held = Held(plain_kist, plugins)
    held.write(stored="notes.txt")
    held.id = plain_kist.backup()
    result = plain_kist.run("restore", "p", "--to-branch", "try")
    assert "2 items" in result.out
    assert restored(held, "try") and "notes.txt" in held.live("try").read_text()
    plain_kist.run("restore", "p", "--to-branch", "notes", "--include", "notes.txt")
    assert held.live("notes").read_text() == "notes.txt"
    # Its bytes can be written, and only they.
    assert "--include" in plain_kist.run("restore", "p", "--output", plain_kist.folder / "all", expect=1).err
    plain_kist.run("restore", "p", "--output", plain_kist.folder / "out", "--include", "notes.txt")
    assert [path.name for path in (plain_kist.folder / "out").iterdir()] == ["notes.txt"]


def test_damage_of_what_is_stored_stops_all(plain_kist, plugins):
    held = Held(plain_kist, plugins)
    held.write(stored="notes.txt")
    id = plain_kist.backup()
    plain_kist.data_path(id).write_text("notes.TXT")
    assert "nothing was restored" in plain_kist.run("restore", "p", expect=4).err
    assert held.alive() == ["main"] and held.calls("restore") == []


# ---- signals ----


@pytest.mark.parametrize("words", [["--to-branch", "try"], ["--in-place", "--confirm", "main"], ["--latest"]])
def test_a_signal_while_the_provider_works(held, words):
    held.write(delay="60s")
    running = held.kist.start("restore", "p", *words)
    wait_until(lambda: held.calls("restore"))
    running.signal(signal.SIGTERM)
    result = running.finish(20)
    assert result.code == 128 + signal.SIGTERM, result
    assert held.alive() == ["main"] and held.live("main").read_text() == "what lives now\n"
    assert held.kist.history("restore")[-1]["outcome"] == "failed"
