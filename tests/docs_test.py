#!/usr/bin/env python3
"""The documentation says what the program does: all of it, and nothing more.

usage: docs_test.py SOURCE BUILD

SOURCE is the tree, BUILD what was built from it. The program is asked for its commands, options and plugins, and
the pages, examples and README are held against the answers. Every difference is a line; the exit status is 1 when
there is any.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True  # the source tree stays as it is
from docs_program import Commands, Program, compare, problems, wrong  # noqa: E402

# What an absolute path in a text for everybody may begin with.
SYSTEM_PATHS = re.compile(r"^/(dev|etc|mnt|opt|proc|run|srv|usr|var)(/|$)")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|TBD|WIP)\b")
ROOMS = ("core", "sdk", "plugins", "conf.d", "tests", "cmake")
KINDS = ("source", "filter", "destination", "notifier")

# ---- pages ----


def parts(text, macro):
    """{title: text} of the pieces that a macro (.Sh or .Ss) begins."""
    pieces = re.split(rf"^\.{macro} (.*)$", text, flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2]))


def flags(text):
    """As option_rows(), of the .It lines of a page."""
    rows = {}
    for line in re.findall(r"^\.It (.*Fl .*)$", text, re.MULTILINE):
        name = re.search(r"Fl -([\w-]+)", line)
        letter = re.search(r"Fl (\w)\b", line)
        value = re.search(r"Ar (\S+)", line)
        if name:
            rows[name.group(1)] = (letter and letter.group(1), value and value.group(1))
    return rows


def keys(text):
    """The keys that the tags of outermost lists name: `.It Cm path No = Ar DIR` or `.It Cm tables , schemas`."""
    found, depth = [], 0
    for line in text.splitlines():
        depth += line.startswith(".Bl ") - (line == ".El")
        if depth == 1 and line.startswith(".It Cm "):
            tag = re.split(r" (?:No|Ar) ", line[len(".It "):])[0]
            found += [word for word in tag.split() if word not in ("Cm", ",")]
    return found


def compare_flags(where, documented, real):
    compare(where, "option", documented, real)
    for name in set(documented) & set(real):
        if documented[name] != real[name]:
            wrong(where, f"option '{name}' is {documented[name]}, the program says {real[name]}")


def check_program_page(source, commands):
    text = (source / "core/kist.1").read_text(encoding="utf-8")
    sections = parts(text, "Sh")
    compare_flags("kist.1: OPTIONS", flags(sections["OPTIONS"]), commands.globals)
    described = parts(sections["COMMANDS"], "Ss")
    compare("kist.1: COMMANDS", "command", described, commands.names)
    for name in set(described) & set(commands.names):
        compare_flags(f"kist.1: {name}", flags(described[name]), commands.options[name])
        for word in commands.words[name]:
            if not re.search(rf"^\.(Op )?Ar {word}\b", described[name], re.MULTILINE):
                wrong(f"kist.1: {name}", f"argument {word} is missing")
    check_environment(source, sections["ENVIRONMENT"])
    codes = re.findall(r"^\.It (\d[\w+]*)$", sections["EXIT STATUS"], re.MULTILINE)
    compare("kist.1: EXIT STATUS", "status", codes, exit_codes(source))


def exit_codes(source):
    enum = re.search(r"enum kist_exit \{(.*?)\}", (source / "core/error.h").read_text(), re.DOTALL).group(1)
    return ["128+N" if number == "128" else number for number in re.findall(r"= (\d+)", enum)]


def check_environment(source, text):
    used = set()
    for path in source.glob("core/*.c"):
        used.update(re.findall(r'\b(?:\w*getenv|env)\("(\w+)"\)', path.read_text(encoding="utf-8")))
    documented = re.findall(r"Ev (\w+)", "\n".join(re.findall(r"^\.It (.*)$", text, re.MULTILINE)))
    compare("kist.1: ENVIRONMENT", "variable", documented, used)


def core_keys(source):
    """{"pipeline": ["source", ...], ...} of the tables in core/config_keys.c."""
    text = (source / "core/config_keys.c").read_text(encoding="utf-8")
    shared = re.search(r"#define PLUGIN_KEY\b.*?KIST_OPTION\(\s*struct \w+,\s*(\w+)", text, re.DOTALL).group(1)
    tables = {}
    for name, body in re.findall(r"struct kist_option (\w+)_keys\[\] = \{(.*?)\n\};", text, re.DOTALL):
        tables[name] = re.findall(r"KIST_OPTION\(\s*struct \w+,\s*(\w+)", body)
        if re.search(r"\bPLUGIN_KEY\b", body):
            tables[name].append(shared)
    wanted = {"kist": "global", "pipeline": "pipeline", "destination": "destination", "notifier": "notifier"}
    return {kind: tables[wanted.get(kind, "section")] for kind in ("kist", "pipeline", *KINDS)}


def check_config_page(source):
    text = (source / "core/kist.conf.5").read_text(encoding="utf-8")
    sections = parts(parts(text, "Sh")["SECTIONS"], "Ss")
    described = {title.split()[0].strip("[]"): body for title, body in sections.items()}
    real = core_keys(source)
    compare("kist.conf.5", "section", described, real)
    for kind in set(described) & set(real):
        compare(f"kist.conf.5: [{kind}]", "key", keys(described[kind]), real[kind])


def check_mdoc(pages):
    for page in pages:
        try:
            result = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", str(page)], capture_output=True,
                                    text=True, timeout=60)
        except FileNotFoundError:
            wrong("mandoc", "is not installed; the pages cannot be checked without it")
            return
        for line in (result.stdout + result.stderr).splitlines():
            wrong(page.name, line.strip())


# ---- plugins ----


def check_plugin(folder, options):
    kind, name = folder.parent.name, folder.name
    page, example = folder / f"kist-{name}.7", folder / "example.ini"
    if page.is_file():
        text = parts(page.read_text(encoding="utf-8"), "Sh").get("OPTIONS", "")
        compare(page.name, "option", keys(text), options)
    else:
        wrong(folder, f"has no {page.name}")
    if not example.is_file():
        wrong(folder, "has no example.ini")
        return
    named, section = set(), kind
    for line in example.read_text(encoding="utf-8").splitlines():
        # A section that the plugin's own refers to may stand beside it.
        section = line.strip("[").split()[0] if line.startswith("[") else section
        if section != kind:
            continue
        match = re.match(r";?(\w+)\s*=", line)
        if match and match.group(1) != "plugin":
            key = match.group(1)
            named.add(key[:-len("_file")] if key not in options and key.endswith("_file") else key)
    compare(f"{kind}/{name}/example.ini", "option", named, options)


class Examples:
    """Runs `kist config check` on texts, with whatever they refer to in place."""

    def __init__(self, source, program, scratch):
        built = {plugin.get("name") for plugin in program.plugins()}
        self.program = program
        self.not_built = {folder.name for folder in source.glob("plugins/*/*") if folder.name not in built}
        self.scratch = scratch
        self.extra = {"CREDENTIALS_DIRECTORY": str(scratch / "credentials")}
        (scratch / "credentials").mkdir()
        (scratch / "line").write_text("1\n")
        (scratch / "line").chmod(0o600)
        (scratch / "key").write_text(64 * "1" + "\n")
        (scratch / "key").chmod(0o600)

    def check(self, where, text):
        used = re.findall(r"^(?:plugin|filters)\s*=(.*)$", text, re.MULTILINE)
        if self.not_built & set(re.findall(r"\w+", " ".join(used))):
            return
        for name in re.findall(r"\$\{cred:([^}]+)\}", text):
            (self.scratch / "credentials" / name).write_text("1\n")
        env = {name: "1" for name in re.findall(r"\$\{(\w+)\}", text)}
        text = re.sub(r"^(\w+_key_file\s*=).*$", rf"\1 {self.scratch}/key", text, flags=re.MULTILINE)
        text = re.sub(r"^((?!\w+_key_)\w+_file\s*=).*$", rf"\1 {self.scratch}/line", text, flags=re.MULTILINE)
        path = self.scratch / "example.ini"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        result = self.program.run("-c", str(path), "config", "check", **(env | self.extra))
        if result.returncode != 0:
            wrong(where, result.stderr.strip().replace(f"{path}:", "line "))


def section_name(text, kind):
    """The last: one of the same kind that it refers to stands before it."""
    return re.findall(rf"^\[{kind} (.+?)\]", text, re.MULTILINE)[-1]


def whole(folder, examples, text):
    """The one section of `text` in a pipeline; what else it takes comes from the examples of other plugins."""
    kind = folder.parent.name
    used = {kind: text}
    for other in ("source", "destination"):
        if other not in used:
            used[other] = examples[other]
    words = {"source": "source", "destination": "destinations", "filter": "filters", "notifier": "notify"}
    pipeline = "".join(f"{words[each]} = {section_name(used[each], each)}\n" for each in used)
    return "\n".join(used.values()) + "\n[pipeline example]\n" + pipeline


def variants(text):
    """The text as it stands, and with one commented key at a time in place of any that says the same."""
    yield text
    lines = text.splitlines()
    for number, line in enumerate(lines):
        match = re.match(r";(\w+)\s*=", line)
        if not match:
            continue
        stem = re.sub(r"_file$", "", match.group(1))
        same = re.compile(rf"{stem}(_file)?\s*=")
        kept = [other for i, other in enumerate(lines) if i != number and not same.match(other)]
        yield "\n".join([*kept, line[1:]]) + "\n"


def check_plugins(source, program, examples):
    listed = program.plugins()
    texts, folders = {}, []
    for plugin in listed:
        rooms = (source / "plugins", source / "sdk/templates")
        places = [room / plugin.get("kind", "") / plugin.get("name", "") for room in rooms]
        folder = next((place for place in places if place.is_dir()), None)
        if "error" in plugin or not folder:
            wrong(plugin["path"], plugin.get("error", "is no plugin of this tree"))
            continue
        options = program.plugin(plugin["kind"], plugin["name"])["options"]
        check_plugin(folder, [option["name"] for option in options])
        if (folder / "example.ini").is_file():
            folders.append(folder)
            texts.setdefault(folder.parent.name, (folder / "example.ini").read_text(encoding="utf-8"))
    for folder in folders:
        if {"source", "destination"} - set(texts):
            break
        for text in variants((folder / "example.ini").read_text(encoding="utf-8")):
            examples.check(f"{folder.parent.name}/{folder.name}/example.ini", whole(folder, texts, text))


def check_json_fields(source, program):
    """The fields that can be had without a backup; those of list, show and verify are compared with the code."""
    text = (source / "core/kist.1").read_text(encoding="utf-8")
    described = parts(parts(text, "Sh")["JSON OUTPUT"], "Ss")
    names = {title: set(re.findall(r"\bVa ([\w ,:]+?)$", body, re.MULTILINE)) for title, body in described.items()}
    names = {title: {word for row in rows for word in re.findall(r"\w+", row)} for title, rows in names.items()}
    rows = program.plugins()
    seen = {key for row in rows for key in row}
    compare("kist.1: plugin list --json", "field", names["plugin list --json"] - {"error"}, seen)
    for row in rows:
        plugin = program.plugin(row["kind"], row["name"])
        inner = {key for option in plugin["options"] for key in option}
        for key in (set(plugin) | inner) - names["plugin inspect --json"] - names["plugin list --json"]:
            wrong("kist.1: plugin inspect --json", f"field '{key}' is missing")
    packed = {"list": "cmd_list.c", "verify": "cmd_verify.c", "plugin test": "cmd_plugin_test.c", "drill": "cmd_drill.c",
              "prune": "prune_print.c", "status": "status_json.c"}
    for command, file in packed.items():
        title = f"{command} --json"
        code = (source / "core" / file).read_text(encoding="utf-8")
        calls = re.findall(r"json_pack\((.*?)\);", code, re.DOTALL)
        calls += re.findall(r"json_object_set(?:_new)?\(\w+, (\"\w+\",)", code)
        for key in (key for call in calls for key in re.findall(r'"([a-z_]+)",', call)):
            if key not in names[title]:
                wrong(f"kist.1: {title}", f"field '{key}' is missing")
    code = (source / "core/manifest_json.c").read_text(encoding="utf-8").split("static int seal")[0]
    for key in re.findall(r'"([a-z_0-9]+)",', code):
        if key not in names["show --json"]:
            wrong("kist.1: show --json", f"field '{key}' is missing")


# ---- README, CONTRIBUTING and what is shown in them ----


def is_whole(block):
    """True for a configuration that can be checked as it stands."""
    return all(f"[{kind} " in block for kind in ("pipeline", "source", "destination"))


def fenced(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def check_command_line(where, line, commands):
    line = re.split(r"\s[|>;]|\s#|\s&&", line)[0]
    words = line.split()[1:]
    name = commands.of_line(words)
    if name is None:
        if not any(word.lstrip("-") in commands.globals for word in words):
            wrong(where, f"'{line}' calls no command of kist")
        return
    known = commands.globals | commands.options[name]
    letters = {letter for letter, _ in known.values() if letter}
    for word in words:
        if word.startswith("--") and word[2:].split("=")[0] not in known:
            wrong(where, f"'{line}': '{name}' has no option {word}")
        if re.match(r"-\w$", word) and word[1] not in letters:
            wrong(where, f"'{line}': '{name}' has no option {word}")


def check_paths(source, where, text):
    """What a text says of the tree is there."""
    for path in re.findall(r"(?<![\w/.-])\./([\w-]+(?:/[\w.-]+)*)", text):
        if not (source / path).exists():
            wrong(where, f"'./{path}' does not exist")
    rooms = "|".join(map(re.escape, ROOMS))
    for path in re.findall(rf"(?:^|[`\s])((?:{rooms})/[\w.*/-]+)", text, re.MULTILINE):
        if not list(source.glob(re.sub(r"\b(KIND|NAME|mystore)\b", "*", path.rstrip("/.")))):
            wrong(where, f"'{path}' does not exist")


def check_words(where, text):
    """What is for everybody names no place of one machine, and is finished."""
    for path in re.findall(r"(?<![\w.:/$~{}*<>)\]-])/[a-z][\w./-]*", text):
        if not SYSTEM_PATHS.match(path):
            wrong(where, f"'{path}' is a path of one machine")
    for word in UNFINISHED.findall(text):
        wrong(where, f"'{word}' says that it is not finished")


def check_markdown(source, name, commands, examples):
    text = (source / name).read_text(encoding="utf-8")
    check_paths(source, name, text)
    check_words(name, text)
    for block in fenced(text, "(?:sh|console)"):
        for line in block.splitlines():
            if line.startswith("kist "):
                check_command_line(name, line, commands)
    for block in fenced(text, "ini"):
        if is_whole(block):
            examples.check(name, block)
    presets = {each["name"] for each in json.loads((source / "CMakePresets.json").read_text())["configurePresets"]}
    for preset in re.findall(r"--preset[ =](\w+)", text):
        if preset not in presets:
            wrong(name, f"there is no preset '{preset}'")
    return text


def check_readme(source, build, commands, examples):
    text = check_markdown(source, "README.md", commands, examples)
    codes = re.findall(r"^\| (\d[\w+]*) \|", text, re.MULTILINE)
    compare("README.md", "exit status", codes, exit_codes(source))
    rows = re.findall(r"^\| (source|filter|destination|notifier) \| `(\w+)` \|", text, re.MULTILINE)
    for folder in sorted(source.glob("plugins/*/*/CMakeLists.txt")):
        if (folder.parent.parent.name, folder.parent.name) not in rows:
            wrong("README.md", f"the {folder.parent.parent.name} plugin '{folder.parent.name}' is missing")
    cache = (build / "CMakeCache.txt").read_text(encoding="utf-8")
    for option in re.findall(r"-D(KIST_\w+)=", text):
        if not re.search(rf"^{option}:", cache, re.MULTILINE):
            wrong("README.md", f"the build has no option '{option}'")


def check_page_examples(source, pages, commands, examples):
    for page in pages:
        text = page.read_text(encoding="utf-8")
        check_words(page.name, re.sub(r"\\e|\\&", "", text))
        shown = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", text, re.MULTILINE | re.DOTALL)
        shown += re.findall(r"^\.Dl (.*\n)", text, re.MULTILINE)
        for block in shown:
            block = block.replace("\\e\n", "\n").replace("\\e", "\\").replace("\\&", "")
            for line in block.splitlines():
                if line.startswith("kist ") and page.suffix == ".1":
                    check_command_line(page.name, line, commands)
            if is_whole(block):
                examples.check(page.name, block)
            if block.startswith("#include <kist/"):
                check_code(source, page.name, block)


def check_code(source, where, code):
    result = subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                             "-I", str(source / "sdk/include"), "-x", "c", "-"], input=code, capture_output=True,
                            text=True, timeout=60)
    if result.returncode != 0:
        wrong(where, "its example does not compile: " + result.stderr.strip())


def check_conf_d(source, examples):
    for path in sorted(source.glob("conf.d/*.ini")):
        text = path.read_text(encoding="utf-8")
        check_words(f"conf.d/{path.name}", text)
        examples.check(f"conf.d/{path.name}", text)


def main(arguments):
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    source, build = (Path(argument).resolve() for argument in arguments)
    program = Program(build / "bin/kist")
    commands = Commands(program)
    pages = sorted(p for room in ("core", "sdk", "plugins") for p in (source / room).rglob("*.[1-9]"))
    with tempfile.TemporaryDirectory() as scratch:
        examples = Examples(source, program, Path(scratch).resolve())
        check_mdoc(pages)
        check_program_page(source, commands)
        check_config_page(source)
        check_plugins(source, program, examples)
        check_json_fields(source, program)
        check_conf_d(source, examples)
        check_page_examples(source, pages, commands, examples)
        check_readme(source, build, commands, examples)
        check_markdown(source, "CONTRIBUTING.md", commands, examples)
    for line in problems:
        print(line)
    print(f"{len(pages)} pages, {len(commands.names)} commands, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
