#!/usr/bin/env python3
"""Who may know whom: the rules that keep a plugin only a folder, and the core without a cloud.

usage: architecture_test.py SOURCE [BUILD]

SOURCE is the tree; with BUILD, what was built from it is looked at too. Every broken rule is a line, and the exit
status is 1 when there is any. Warnings do not count.
"""

import re
import subprocess
import sys
from pathlib import Path

LONGEST_FILE = 400
LONGEST_FUNCTION = 60
# What the program may be linked with: the loader, INI, JSON, hashes, and what every C program has.
CORE_LIBRARIES = re.compile(
    r"^(libltdl|libinih|libjansson|libcrypto|libc|libm|libdl|libpthread|librt|ld-linux\S*|libgcc_s"
    r"|libasan|libubsan|liblsan|libtsan)\.so"
)
ONLY_INCLUDED_BY = {"ini.h": "core/config_file.c", "ltdl.h": "core/module_loader.c"}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
# A comment, or a string or character constant: whatever starts first hides the others.
TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)

problems = []
warnings = []


def wrong(path, text):
    problems.append(f"{path}: {text}")


class Tree:
    def __init__(self, root):
        self.root = root
        self.core = self.files("core")
        self.sdk = self.files("sdk")
        self.plugins = self.files("plugins")
        self.tests = self.files("tests")
        self.folders = sorted(p for p in root.glob("plugins/*/*") if p.is_dir())

    def files(self, room):
        return sorted(p for p in (self.root / room).rglob("*.[ch]") if p.is_file())

    def name(self, path):
        return path.relative_to(self.root).as_posix()


def includes(path):
    """(quoted, angled) names that a file includes."""
    found = INCLUDE.findall(path.read_text(encoding="utf-8"))
    return [quoted for quoted, _ in found if quoted], [angled for _, angled in found if angled]


def is_public(name):
    return name.startswith("kist/")


def sdk_headers(tree, path):
    """What a plugin or a template may include of the SDK: its helpers, and in a test the conformance cases as well."""
    rooms = ["lib", "conformance"] if path.stem.endswith("_test") else ["lib"]
    return {p.name for room in rooms for p in tree.root.glob(f"sdk/{room}/*.h")}


def check_reserved_headers(tree):
    for path in tree.core + tree.sdk + tree.plugins:
        quoted, angled = includes(path)
        for header, owner in ONLY_INCLUDED_BY.items():
            if header in quoted + angled and tree.name(path) != owner:
                wrong(tree.name(path), f"includes {header}, which only {owner} may")
    for header, owner in ONLY_INCLUDED_BY.items():
        if not (tree.root / owner).is_file():
            wrong(owner, f"is missing, and so is the only file that may include {header}")


def check_core_includes(tree):
    """`kist plugin test` runs the same suites as the plugins' own tests do, so the core may call them; helpers for writing
    plugins stay out of it."""
    own = {p.name for p in tree.core}
    suites = {p.name for p in tree.root.glob("sdk/conformance/*.h")}
    helpers = {p.name for p in tree.root.glob("sdk/lib/*.h")}
    for path in tree.core:
        quoted, angled = includes(path)
        for header in quoted:
            if header not in own | suites:
                wrong(tree.name(path), f'includes "{header}", which is no header of core/')
        for header in angled:
            if is_public(header) and not (tree.root / "sdk/include" / header).is_file():
                wrong(tree.name(path), f"includes <{header}>, which is not in sdk/include/")
            if header in own | helpers or "/sdk/" in header or "plugins/" in header:
                wrong(tree.name(path), f"includes <{header}> as if it were a system's header")
    for path in tree.root.glob("core/*/**/*.[ch]"):
        wrong(tree.name(path), "core/ is flat")


def check_sdk_includes(tree):
    core = {p.name for p in tree.core if p.suffix == ".h"}
    for path in tree.sdk:
        room = tree.name(path).split("/")[1]
        quoted, angled = includes(path)
        for header in quoted:
            near = (path.parent / header).is_file()
            if room == "include":
                wrong(tree.name(path), f'includes "{header}": a public header knows public headers only')
            elif not (near or header in sdk_headers(tree, path)) or "core/" in header or "plugins/" in header:
                wrong(tree.name(path), f'includes "{header}", which is not of the SDK')
        for header in angled:
            if room == "include" and not is_public(header) and header not in ("stddef.h", "stdint.h"):
                wrong(tree.name(path), f"includes <{header}>: a public header needs none")
            if header in core:
                wrong(tree.name(path), f"includes <{header}> of core/")


def check_plugin_includes(tree):
    core = {p.name for p in tree.core if p.suffix == ".h"}
    for path in tree.plugins:
        folder = tree.root / Path(*path.relative_to(tree.root).parts[:3])
        own = {p.relative_to(folder).as_posix() for p in folder.rglob("*.[ch]")}
        helpers = sdk_headers(tree, path)
        quoted, angled = includes(path)
        for header in quoted:
            if header not in own | helpers:
                wrong(tree.name(path), f'includes "{header}", which is neither its own nor a helper of the SDK')
        for header in angled:
            if header in core - helpers and not is_public(header):
                wrong(tree.name(path), f"includes <{header}> of core/")
            if is_public(header) and not (tree.root / "sdk/include" / header).is_file():
                wrong(tree.name(path), f"includes <{header}>, which is not in sdk/include/")


def reachable(needs, start):
    seen, todo = set(), [start]
    while todo:
        for other in needs.get(todo.pop(), ()):
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return seen


def check_downwards(tree):
    """Files of core/ that need each other, by whatever way round, are of one family: config.c and config_*.c are."""
    needs = {}
    for path in tree.core:
        needs.setdefault(path.stem, set()).update(
            Path(header).stem for header in includes(path)[0] if Path(header).stem != path.stem)
    reach = {module: reachable(needs, module) for module in needs}
    rings = {frozenset(m for m in reach[start] if start in reach.get(m, ())) for start in needs}
    for ring in sorted(sorted(ring) for ring in rings):
        if len({module.split("_")[0] for module in ring}) > 1:
            wrong("core/", "files that need each other: " + ", ".join(ring))


def check_core_names_no_plugin(tree):
    names = {folder.name for folder in tree.folders}
    for path in tree.core:
        for match in TOKEN.finditer(path.read_text(encoding="utf-8")):
            text = match.group()
            if text[0] == '"' and text[1:-1] in names:
                wrong(tree.name(path), f"names the plugin {text}: ask for a feature instead")


def function_lengths(text):
    """(name, lines) of the functions of a file in our style: the body's braces stand in the first column."""
    lines = text.split("\n")
    start = None
    for number, line in enumerate(lines):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            # The head may take several lines; the one with the name is not indented.
            heads = [head for head in lines[max(0, start - 8):start] if re.match(r"\w.*\w\(", head)]
            yield re.search(r"(\w+)\(", heads[-1]).group(1) if heads else "?", number - start - 1
            start = None


def check_sizes(tree):
    for path in tree.core + tree.sdk + tree.plugins + tree.tests:
        text = path.read_text(encoding="utf-8")
        lines = text.count("\n")
        if lines > LONGEST_FILE:
            wrong(tree.name(path), f"has {lines} lines, and {LONGEST_FILE} are the most")
        for name, length in function_lengths(text):
            if length > LONGEST_FUNCTION:
                warnings.append(f"{tree.name(path)}: {name} has {length} lines")


def check_folders(tree):
    for folder in tree.folders:
        where = tree.name(folder)
        if folder.parent.name not in ("source", "filter", "destination", "notifier"):
            wrong(where, "is not the folder of a kind of plugins")
        for needed in ("CMakeLists.txt", f"kist-{folder.name}.7", "example.ini"):
            if not (folder / needed).is_file():
                wrong(where, f"has no {needed}")
        if not list(folder.glob("*_test.*")):
            wrong(where, "has no test")


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def check_program(build):
    program = build / "bin/kist"
    if not program.is_file():
        wrong(program, "is missing")
        return
    for library in re.findall(r"\(NEEDED\).*\[([^\]]+)\]", output("readelf", "-d", str(program))):
        if not CORE_LIBRARIES.match(library):
            wrong("bin/kist", f"is linked with {library}, which belongs to a plugin")


def symbols(path, *options):
    return [line.split()[-1].split("@")[0] for line in output("nm", "-D", *options, str(path)).splitlines()]


def check_plugin_files(build):
    files = sorted(p for p in build.rglob("kist/plugins/*.so") if "_CPack_Packages" not in p.parts)
    if not files:
        wrong(build, "has no plugins")
    for path in files:
        for symbol in symbols(path, "--undefined-only"):
            if symbol.startswith("kist_"):
                wrong(path.name, f"needs {symbol} of the core; services come by the host table")
        exported = symbols(path, "--defined-only")
        # Sanitizers and coverage export things of theirs: mangle_path is libgcov's, the others start with an underscore.
        others = [s for s in exported if s not in ("kist_plugin", "mangle_path") and not s.startswith("_")]
        if "kist_plugin" not in exported:
            wrong(path.name, "does not export kist_plugin")
        if others:
            wrong(path.name, "exports more than kist_plugin: " + ", ".join(others[:5]))


def main(arguments):
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    tree = Tree(Path(arguments[0]).resolve())
    for check in (check_reserved_headers, check_core_includes, check_sdk_includes, check_plugin_includes,
                  check_downwards, check_core_names_no_plugin, check_sizes, check_folders):
        check(tree)
    if len(arguments) == 2:
        build = Path(arguments[1]).resolve()
        check_program(build)
        check_plugin_files(build)
    for line in warnings:
        print(f"warning: {line}")
    for line in problems:
        print(line)
    print(f"{len(tree.core + tree.sdk + tree.plugins + tree.tests)} files, {len(problems)} problems, "
          f"{len(warnings)} warnings")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
