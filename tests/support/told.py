"""A pipeline `p` whose notifier is the test's business, with the source `rude`."""
from flaky import build

HOSTILE = "server says: <!channel> <@U1> @here & <http://evil.example|click> \x1b[31m\r\nSubject: x\r\n"


def build_rude(folder):
    return build(folder, "source", "rude")


class Told:
    def __init__(self, kist, plugins):
        self.kist, self.plugins = kist, plugins
        self.says = kist.folder / "says"
        self.options = {}

    def write(self, name, more="", slow="0s", **options):
        """`name`: the notifier's plugin; `options`: its own; `more`: keys of the pipeline."""
        self.options = {"plugin": name, **options}
        lines = [f"{key} = {value}" for key, value in self.options.items()]
        says = f"says = {self.says}" if self.says.exists() else ""
        self.kist.pipeline(
            None,
            source=f"plugin = rude\nslow = {slow}\n{says}",
            filters=None,
            more=f"notify = ops\n{more}",
            sections="\n[notifier ops]\n" + "\n".join(lines) + f"\n[kist]\nplugin_dirs = {self.plugins}\n",
        )

    def fails(self, text):
        """From the next write() on, a run ends with this error."""
        self.says.write_bytes(text if isinstance(text, bytes) else text.encode())

    def works(self):
        self.says.unlink(missing_ok=True)

    def waiting(self):
        """Files in the outbox."""
        return sorted(path.name for path in (self.kist.state / "outbox").glob("*") if path.name != "lock")
