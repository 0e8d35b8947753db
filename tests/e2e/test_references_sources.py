"""Where nothing else copies the data doctor warns; and sources that open another one."""
import pytest
from flaky import build
from held import build_held


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    return build(build_held(tmp_path_factory.mktemp("plugins") / "all"), "source", "nested")


@pytest.fixture
def held(saved):
    return saved


# ---- doctor ----


def second(held, plugin="held", more="can = plain\n", host="db.example.org"):
    """The sections of another pipeline that copies what is at the host."""
    return (
        f"[pipeline copy]\nsource = copy-db\ndestinations = disk\n"
        f"[source copy-db]\nplugin = {plugin}\nplace = {held.place}\nhost = {host}\n{more}"
    )


def doctor(held):
    """What doctor says of the pipeline beyond its facts."""
    result = held.kist.run("doctor", "p")
    assert result.out.startswith("p: a run would work\n")
    return result.err


ALONE = "warning: p: its database is held by held alone"


def test_doctor_warns_of_what_nothing_copies(held):
    held.write(host="db.example.org")
    assert ALONE in doctor(held) and "hint: add a pipeline that copies the data" in doctor(held)
    held.write(host="db.example.org", sections=second(held, host="other.example.org"))
    assert ALONE in doctor(held)
    held.write(host="db.example.org", sections=second(held, more=""))
    assert ALONE in doctor(held), "another one that the provider holds is no copy"
    held.write(sections=second(held))
    assert ALONE in doctor(held), "it says no name by which anything could be known"


def test_doctor_knows_the_copy(held):
    held.write(host="db.example.org", sections=second(held, host="DB.example.org"))
    assert doctor(held) == ""
    result = held.kist.run("doctor")
    assert "copy: a run would work" in result.out and result.err == ""


def test_doctor_knows_a_dump_by_its_host(held):
    sections = (
        "[pipeline copy]\nsource = dump\ndestinations = disk\n"
        "[source dump]\nplugin = pg_dump\nurl = postgresql://kist@DB.example.org:5433/shop\n"
    )
    held.write(host="db.example.org", sections=sections)
    assert doctor(held) == ""
    held.write(host="other.example.org", sections=sections)
    assert ALONE in doctor(held)


def test_doctor_goes_on_where_a_source_cannot_tell(held):
    sections = (
        "[pipeline copy]\nsource = dump\ndestinations = disk\n"
        "[source dump]\nplugin = pg_dump\nhost = x\nservice = nowhere-to-be-found\n"
    )
    held.write(host="db.example.org", sections=sections)
    said = doctor(held)
    assert "warning: copy: cannot tell which database it copies" in said and ALONE in said


def test_doctor_says_nothing_of_a_run_that_would_fail(held):
    held.write(host="db.example.org")
    held.place.chmod(0o700)
    held.write(host="db.example.org", place=held.kist.folder / "nowhere")
    result = held.kist.run("doctor", "p", expect=1)
    assert "a run would fail" in result.out and ALONE not in result.err


# ---- a source that opens another one ----


def nested(held, keys="inner = deep\n", deep="plugin = held\nplace = {place}\ncan = plain\nhost = h\n"):
    """A pipeline whose source reads another section, which no pipeline names."""
    held.kist.write(
        f"[kist]\nplugin_dirs = {held.plugins}\n"
        "[pipeline p]\nsource = outer\ndestinations = disk\n"
        f"[destination disk]\nplugin = local\npath = {held.kist.disk}\n"
        f"[source outer]\nplugin = nested\n{keys}"
        + (f"[source deep]\n{deep.format(place=held.place)}" if deep else "")
    )


@pytest.mark.parametrize("keys", ["inner = deep\n", "inner = deep\ntwice = yes\n"])
def test_one_source_reads_another(held, keys):
    nested(held, keys)
    id = held.kist.backup()
    assert held.kist.data_path(id).read_text() == "db.branch"
    assert held.kist.manifest(id)["source"]["plugin"] == "nested"
    held.kist.run("config", "check")
    assert "inner = deep" in held.kist.run("config", "show").out


def test_the_errors_of_the_other_one_are_told_once(held):
    nested(held, deep="plugin = held\nplace = /nowhere-at-all\n")
    result = held.kist.run("doctor", "p", expect=1)
    assert result.is_one_error() == "kist: error: p/outer(nested): /nowhere-at-all: No such file or directory"


@pytest.mark.parametrize(
    "keys, deep, message, hint",
    [
        (
            "inner = deeep\n",
            "plugin = held\nplace = {place}\n",
            "there is no [source deeep]",
            "did you mean 'deep'?",
        ),
        ("inner = disk\n", None, "there is no [source disk]", "with 'plugin = held'"),
        ("inner = outer\n", None, "is of the plugin 'nested', and it takes one of 'held'", "'plugin = held'"),
    ],
)
def test_what_is_named_is_there(held, keys, deep, message, hint):
    nested(held, keys, deep)
    result = held.kist.run("config", "check", expect=2)
    line = next(
        index
        for index, text in enumerate((held.kist.conf / "kist.ini").read_text().splitlines())
        if "inner" in text
    )
    assert f"kist.ini:{line + 1}: [source outer] inner: " in result.err
    assert message in result.err and hint in result.err


def test_a_plugin_without_a_section(held):
    nested(held, "", None)
    held.kist.run("config", "check")
    result = held.kist.run("run", "p", expect=2)
    assert "the source plugin 'held' cannot be used without a section of its own" in result.is_one_error()


def test_a_plugin_that_is_not_installed(held, tmp_path):
    alone = build(tmp_path / "alone", "source", "nested")
    held.plugins = alone
    nested(held, "", None)
    held.kist.run("config", "check")
    result = held.kist.run("run", "p", expect=2)
    assert "the source plugin 'held' is not installed" in result.is_one_error()
    assert "kist plugin list" in result.err


def test_inspect_names_the_plugin(held):
    result = held.kist.run("--plugin-dir", held.plugins, "plugin", "inspect", "nested")
    assert "inner (source of plugin held)" in result.out
    options = held.kist.run("--plugin-dir", held.plugins, "plugin", "inspect", "nested", "--json").json["options"]
    assert (options[0]["type"], options[0]["choices"]) == ("source", "held")
