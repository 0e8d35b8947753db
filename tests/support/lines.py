"""Backups of a file that grows and shrinks, with the source `shelf`: its lines are the rows of public.lines."""


class Lines:
    """A pipeline `p` of one file to one or more directories."""

    def __init__(self, kist, plugins):
        self.kist = kist
        self.plugins = [plugins, kist.program.parent.parent / "templates"]
        self.path = kist.folder / "lines.txt"
        self.fill(1000)

    def fill(self, lines):
        self.path.write_text("".join(f"line {n:04} of the file that is kept\n" for n in range(lines)))

    def write(self, *more, destinations=("disk",), common="", sections="", **options):
        """`more`: keys of the pipeline; `common`: of [kist]; `options`: of the source."""
        source = {"plugin": "shelf", "path": self.path, **options}
        self.kist.pipeline(
            None,
            source="\n".join(f"{key} = {value}" for key, value in source.items()),
            filters=None,
            more="\n".join(more),
            destinations=destinations,
            sections=f"{sections}\n[kist]\nplugin_dirs = {', '.join(map(str, self.plugins))}\n{common}\n",
        )

    def runs(self, *lines, expect=0):
        """One run for each number of lines; returns the ids."""
        made = []
        for number in lines:
            self.fill(number)
            self.kist.run("run", "p", expect=expect)
            made.append(self.kist.history()[-1]["id"])
        return made

    def row(self, id, expect=0):
        return next(row for row in self.kist.backups("p", expect=expect) if row["id"] == id)
