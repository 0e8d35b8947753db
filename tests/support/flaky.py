"""Destinations that fail, hang and take their time as a test wants: a plugin of its own, and a configuration of many."""
import subprocess
from pathlib import Path

from kist import ROOT

PLUGINS = Path(__file__).resolve().parent / "plugins"
FLAGS = "-shared -fPIC -std=c11 -D_GNU_SOURCE -Wall -Wextra -Wno-missing-field-initializers -fvisibility=hidden"


def build(folder, kind="destination", name="flaky"):
    """The plugin; returns the directory for --plugin-dir."""
    folder.mkdir(mode=0o755, exist_ok=True)
    include = ROOT / "sdk" / "include"
    target = folder / f"{kind}-{name}.so"
    files = [PLUGINS / f"{name}.c", *sorted(PLUGINS.glob(f"{name}_*.c"))]
    subprocess.run(["cc", *FLAGS.split(), f"-I{include}", "-o", target, *files], check=True)
    target.chmod(0o755)
    return folder


class Many:
    """A pipeline `p` with many destinations: `local` ones, and flaky ones by their options."""

    def __init__(self, kist, plugins, database):
        self.kist, self.plugins, self.database = kist, plugins, database

    def write(self, require="all", filters=None, **destinations):
        """Each destination: None for a local one, or the options of a flaky one."""
        lines = ["[kist]", f"plugin_dirs = {self.plugins}", "[pipeline p]", "source = db", f"require = {require}"]
        lines += [f"destinations = {', '.join(destinations)}", f"filters = {filters}" if filters else ""]
        lines += ["[source db]", self.kist.cluster.source(self.database)]
        for name, options in destinations.items():
            path = self.kist.folder / name
            path.mkdir(mode=0o700, exist_ok=True)
            plugin = "local" if options is None else "flaky"
            lines += [f"[destination {name}]", f"plugin = {plugin}", f"path = {path}", "retry_delay = 10ms"]
            lines += [f"{key} = {value}" for key, value in (options or {}).items()]
        self.kist.write("\n".join(lines))

    def has(self, id, *names):
        """Which of the destinations have the backup, and it is good there."""
        found = []
        for name in names:
            result = self.kist.run("verify", f"p/{id}", "--destination", name, expect=None)
            if result.code == 0:
                found.append(name)
            else:
                assert result.code == 6, result
        return found

    def keys(self, name):
        """What lies on a destination."""
        return sorted(key.replace("=", "/") for key in self.kist.files(name))
