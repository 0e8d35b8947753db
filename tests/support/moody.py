"""Notifiers that take, refuse, crash and hang as a test wants, for a pipeline of one file that needs no server."""
import fcntl
import json

from flaky import build


class Moody:
    """A pipeline `p` with notifiers by their options; each has a file `notes-NAME` of what it took."""

    def __init__(self, kist, plugins):
        self.kist, self.plugins = kist, plugins
        self.file = kist.folder / "shelf.txt"
        self.file.write_text("".join(f"line {number}\n" for number in range(1000)))

    def write(self, more="", source="", file=None, **notifiers):
        """`more`: keys of the pipeline; each notifier: a dict of its options. `unused`: not named by the pipeline."""
        sections = f"[kist]\nplugin_dirs = {self.plugins}\n"
        for name, options in notifiers.items():
            options = {"path": self.notes(name), **options}
            lines = "".join(f"{key} = {value}\n" for key, value in options.items())
            sections += f"[notifier {name}]\nplugin = moody\n{lines}"
        names = ", ".join(name for name in notifiers if name != "unused")
        self.kist.pipeline(
            None,
            source=f"plugin = shelf\npath = {file or self.file}\nnote = {self.kist.folder / 'places'}\n{source}",
            filters="gzip",
            more=(f"notify = {names}\n" if names else "") + more,
            sections=sections,
        )

    def notes(self, name):
        return self.kist.folder / f"notes-{name}"

    def lines(self, name):
        """What it took since the last call."""
        path = self.notes(name)
        text = path.read_text() if path.exists() else ""
        path.unlink(missing_ok=True)
        return text.splitlines()

    def told(self, name):
        """The same as events; without starts."""
        events = [json.loads(line) for line in self.lines(name)]
        return [event for event in events if event["event"] != "start"]

    def words(self, name):
        return [event["event"] for event in self.told(name)]

    def waiting(self):
        """What is in the outbox, oldest first."""
        folder = self.kist.state / "outbox"
        return sorted(path for path in folder.glob("*.json")) if folder.exists() else []

    def lock_is_free(self):
        with open(self.kist.state / "locks" / "p.lock") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True


def build_moody(folder):
    build(folder, "source", "shelf")
    return build(folder, "notifier", "moody")
