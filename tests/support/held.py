"""A provider that holds backups itself, as a directory: the source `held`, a plugin of its own."""
import re
from datetime import datetime, timedelta, timezone

from flaky import build


def build_held(folder):
    return build(folder, "source", "held")


class Held:
    """A pipeline `p` whose backups lie with the provider; what lives there is `main`."""

    def __init__(self, kist, plugins):
        self.kist, self.plugins = kist, plugins
        self.place = kist.folder / "provider"
        self.place.mkdir(mode=0o700)
        self.live("main").write_text("what lives\n")
        self.write()

    def write(self, more="", destinations=("disk",), sections="", common="", **options):
        """`more`: keys of the pipeline; `common`: of [kist]; `options`: of the source."""
        source = {"plugin": "held", "place": self.place, **options}
        self.kist.pipeline(
            None,
            source="\n".join(f"{key} = {value}" for key, value in source.items()),
            filters=None,
            more=more,
            destinations=destinations,
            sections=f"{sections}\n[kist]\nplugin_dirs = {self.plugins}, "
            f"{self.kist.program.parent.parent / 'templates'}\n{common}\n",
        )

    def live(self, name):
        """The file that is the living `name`."""
        return self.place / f"live-{name}"

    def alive(self):
        """The names of all that lives."""
        return sorted(path.name[len("live-") :] for path in self.place.glob("live-*"))

    def branches(self):
        """The ids of what is held."""
        return sorted(path.name for path in self.place.glob("br-*"))

    def branch(self, id, item="db.branch", pipeline="p"):
        return self.place / f"br-{pipeline}-{id}-{item}"

    def calls(self, *verbs):
        """What reached the provider, [(verb, what)], since the last forget(); of these verbs alone, if any are named."""
        path = self.place / "calls"
        lines = [tuple(line.split(" ", 1)) for line in path.read_text().splitlines()] if path.exists() else []
        return [line for line in lines if not verbs or line[0] in verbs]

    def forget(self):
        (self.place / "calls").unlink(missing_ok=True)


# A manifest tells times in seconds, rounded down.
AT_ONCE = "1ms"


def moment(**ago):
    return (datetime.now(timezone.utc) - timedelta(**ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_untouched(held):
    """Nothing but the backup and what lived is there, and nothing was asked for but whether it is."""
    assert held.alive() == ["main"] and held.live("main").read_text() == "what lives now\n"
    assert held.calls() == [call for call in held.calls() if call[0] == "look"]


def restored(held, name):
    """The living `name` is what the backup held."""
    return f"backup={held.id}\n" in held.live(name).read_text()


def name_of(result, what):
    """The name that stands in the output behind these words."""
    return re.search(rf"{what} '([a-z0-9_]+)'", result.out).group(1)
