"""What the program says of itself, for docs_test.py, and the list of what is wrong."""

import json
import os
import re
import subprocess

problems = []


def wrong(where, text):
    problems.append(f"{where}: {text}")


def compare(where, what, documented, real):
    """Both ways: nothing is missing in the text, and nothing in it is made up."""
    for name in sorted(set(real) - set(documented)):
        wrong(where, f"{what} '{name}' is missing")
    for name in sorted(set(documented) - set(real)):
        wrong(where, f"{what} '{name}' does not exist")


class Program:
    def __init__(self, path):
        self.path = path
        self.templates = path.parent.parent / "templates"
        self.env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": "/nonexistent", "LC_ALL": "C.UTF-8",
                    # Without it the leak checker fails in programs that load many libraries.
                    "ASAN_OPTIONS": "intercept_tls_get_addr=0"}

    def run(self, *arguments, **extra):
        command = [str(self.path), "--plugin-dir", str(self.templates), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, env=self.env | extra)

    def ask(self, *arguments):
        result = self.run(*arguments)
        if result.returncode != 0:
            wrong("kist " + " ".join(arguments), f"exits with {result.returncode}: {result.stderr.strip()}")
        return result.stdout

    def plugins(self):
        return json.loads(self.ask("plugin", "list", "--json") or "[]")

    def plugin(self, kind, name):
        return json.loads(self.ask("plugin", "inspect", kind, name, "--json"))


def option_rows(text):
    """{"all": ("a", None), "label": (None, "KEY=VALUE")} of the lines of a help text."""
    rows = re.findall(r"^  (?:-(\w), |    )--([\w-]+)(?: (\S+))?(?:  | [a-z])", text, re.MULTILINE)
    return {name: (letter or None, value or None) for letter, name, value in rows}


class Commands:
    """What the program says of its own command line."""

    def __init__(self, program):
        overview = program.ask("--help")
        listing = overview.split("commands:\n", 1)[1].split("\n\n", 1)[0]
        self.names = [re.split(r"  +", line.strip())[0] for line in listing.splitlines()]
        self.globals = option_rows(overview.split("\noptions:\n", 1)[1])
        self.options, self.words = {}, {}
        for name in self.names:
            text = program.ask("help", *name.split())
            own = re.search(r"^options:\n(.*?)\n\n", text, re.MULTILINE | re.DOTALL)
            self.options[name] = option_rows(own.group(1) + "\n") if own else {}
            self.words[name] = re.findall(r"[A-Z]{2,}", text.splitlines()[0])

    def of_line(self, words):
        """The command that a line of an example calls, or None."""
        plain = [word for word in words if not word.startswith("-")]
        for size in (2, 1):
            if " ".join(plain[:size]) in self.names:
                return " ".join(plain[:size])
        return None
