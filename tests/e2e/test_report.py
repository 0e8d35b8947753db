"""The report: one page that says how the backups stand, whatever the names in it, in a real browser too."""
import datetime
import json
import os
import re
from html.parser import HTMLParser

import pytest
from browser import Browser, find_browser
from clock import skewed_by
from kist import Kist, sanitizer_options

MARK = "<!doctype html>\n<!-- kist report 1 -->\n"
VOID = {"meta", "br", "link", "img", "input", "hr"}
DAY = 86400
NASTY = "<script>alert('x')</script> \"&\u202egnp.exe\x1b[2J"


class Page(HTMLParser):
    """What a page consists of; whatever is not well-formed, or could load or run anything, is an error."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.stack, self.ids, self.links, self.texts, self.titles, self.tags = [], set(), set(), [], [], []
        assert text.startswith(MARK)
        self.feed(text)
        self.close()
        assert self.stack == [], self.stack
        assert self.links <= self.ids, self.links - self.ids
        self.text = re.sub(r"\s+", " ", "".join(self.texts))

    def look_at(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        names = [name for name, _ in attributes]
        assert tag not in ("script", "iframe", "object", "embed", "link", "img", "image", "use", "form", "base"), tag
        assert len(names) == len(set(names)), (tag, attributes)
        for name, value in attributes:
            assert not name.startswith("on") and name not in ("src", "style", "xlink:href", "srcset"), (tag, name)
            if name == "href":
                assert value.startswith("#"), value
                self.links.add(value[1:])
            if name == "id":
                assert value not in self.ids
                self.ids.add(value)
            if name == "title":
                self.titles.append(value)

    def handle_starttag(self, tag, attributes):
        self.look_at(tag, attributes)
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attributes):
        assert "svg" in self.stack, tag
        self.look_at(tag, attributes)

    def handle_endtag(self, tag):
        assert self.stack and self.stack[-1] == tag, (tag, self.stack, self.getpos())
        self.stack.pop()

    def handle_data(self, data):
        if self.stack and self.stack[-1] == "style":
            assert not re.search(r"url\(|@import|expression|https?:", data)
        elif self.stack and self.stack[-1] == "title" and "svg" in self.stack:
            self.titles.append(data)
        else:
            self.texts.append(data)

    def count(self, tag, **attributes):
        wanted = {("class" if name == "kind" else name): value for name, value in attributes.items()}
        return sum(name == tag and wanted.items() <= has.items() for name, has in self.tags)


class Site:
    """Pipelines of a small company: one with a past, a young one, one without a backup, one in the dark."""

    def __init__(self, folder, plugins):
        self.kist, self.plugins, self.folder = Kist(folder), plugins, folder
        self.files = {name: folder / f"{name}.txt" for name in ("shop", "blog", "empty", "dark")}
        self.clock = skewed_by(folder, 'atol(getenv("TEST_SKEW"))')
        for name in ("disk", "far", "gone"):
            (folder / name).mkdir(mode=0o700, exist_ok=True)
        for path in self.files.values():
            path.write_text("one line\n" * 1000)
        self.write()

    def write(self, keep="", more=""):
        pipelines = {
            "shop": f"destinations = disk, far\nrequire = 1\nschedule = 0 3 * * *\ntimezone = Europe/Berlin\n{keep}",
            "blog": "destinations = disk",
            "empty": "destinations = disk\nschedule = @weekly",
            "dark": "destinations = gone\nmax_age = 1d",
        }
        lines = [f"[kist]\nplugin_dirs = {self.plugins}"]
        for name, keys in pipelines.items():
            lines.append(f"[pipeline {name}]\nsource = {name}\nfilters = gzip\nexclusive = no\n{keys}\n"
                         f"[source {name}]\nplugin = shelf\npath = {self.files[name]}")
        for name in ("disk", "far", "gone"):
            lines.append(f"[destination {name}]\nplugin = local\npath = {self.folder / name}\nretries = 0")
        self.kist.write("\n".join(lines) + "\n" + more)

    def at(self, seconds):
        """The environment of a kist for which it is that much earlier."""
        return {**self.clock, "TEST_SKEW": str(-int(seconds)),
                "ASAN_OPTIONS": sanitizer_options(verify_asan_link_order="0")}

    def run(self, name, age, lines=1000, expect=0):
        if lines:
            self.files[name].write_text("one line of many\n" * lines)
        else:
            self.files[name].unlink(missing_ok=True)
        self.kist.run("run", name, env=self.at(age), expect=expect)

    def report(self, *args, expect=3, **more):
        """The page; exit 3 since the pipeline `dark` cannot be asked."""
        return self.kist.run("report", "--html", "-", *args, expect=expect, **more).out


# Days ago; what lies between is missed.
OLD = (75, 61, 47, 40, 33)
FAILED, SUSPECT, GAPS = (14, 13), 5, (20, 19, 9)


@pytest.fixture(scope="module")
def site(tmp_path_factory, plugins):
    site = Site(tmp_path_factory.mktemp("site"), plugins)
    # An hour after midnight would make half of the runs fall on another day in Berlin: stay away from it.
    now = datetime.datetime.now(datetime.timezone.utc)
    shift = ((now.hour - 4) % 24) * 3600
    for age in (*OLD, *range(28, 0, -1)):
        if age in GAPS:
            continue
        lines = None if age in FAILED else 40 if age == SUSPECT else 1000 + (75 - age) * 40
        site.run("shop", age * DAY + shift, lines, expect=1 if age in FAILED else 3 if age == SUSPECT else 0)
    site.run("shop", shift % DAY if shift else 60, 4100)
    site.run("blog", 3600)
    site.run("dark", 3 * DAY)
    (site.folder / "gone").rename(site.folder / "unplugged")
    (site.folder / "gone").write_text("no folder any more")
    with (site.kist.state / "history.jsonl").open("a") as history:
        time = "2026-01-01T00:00:00Z"
        entry = {"event": "drill", "pipeline": "blog", "outcome": "failed", "cause": NASTY, "id": NASTY, "time": time,
                 "started": time, "duration_ms": 1, "host": "h", "user": "u"}
        history.write(json.dumps(entry) + "\n")
    ids = site.kist.ids("shop")
    site.kist.run("hold", f"shop/{ids[1]}")
    site.write("keep = 7 daily, 4 weekly, 2 monthly")
    return site


@pytest.fixture(scope="module")
def text(site):
    return site.report()


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_it_is_one_page_that_runs_nothing(page, text):
    policy = [has["content"] for tag, has in page.tags if has.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"]
    assert "http://" not in text and "https://" not in text and "<script" not in text
    assert len(text) < 400_000
    assert {"p-shop", "p-blog", "p-empty", "p-dark"} == page.ids


def test_the_overview_tells_of_each(page):
    assert "3 of 4 pipelines need attention" not in page.text
    for words in ("✓ ok", "– never", "! stale", "none yet", "no schedule", "cannot be asked"):
        assert words in page.text, words
    assert page.count("table", kind="overview") == 1
    # What is to be done stands at the top.
    top = page.text[: page.text.index("Pipelines")]
    for words in ("dark: no destination can be asked", "next: ", "empty: there is no backup"):
        assert words in top, top


def test_runs_are_drawn_by_how_they_ended(page, site):
    runs = [entry for entry in site.kist.history("run") if entry["pipeline"] == "shop"]
    counts = {word: sum(": " + word in title for title in page.titles) for word in ("failed", "degraded")}
    assert sum(entry["outcome"] == "failed" for entry in runs) == len(FAILED)
    # A failed run has a mark on the time line, and its duration has one of its own.
    assert counts == {"failed": 2 * len(FAILED), "degraded": 3}, counts
    missed = sum("no run, though the schedule asked for one" in title for title in page.titles)
    assert missed >= len(GAPS) + 75 - 28 - len(OLD), missed
    for kind in ("good", "degraded", "failed", "missed"):
        assert any(has.get("class") == kind for tag, has in page.tags if tag in ("circle", "path", "rect")), kind
    assert page.count("figure") == 6 and page.count("svg") == 3 + 6
    assert re.search(r"\d+ KiB", page.text) and re.search(r"\d+ ms|\d+ s", page.text)


def test_the_calendar_says_what_retention_says(page, site):
    plan = site.kist.run("prune", "--dry-run", "--json", "shop", expect=None).json
    plan = next(one for one in plan if one["destination"] == "disk")
    for backup in plan["backups"]:
        assert re.search(re.escape(backup["id"]) + r".{0,60}" + re.escape(backup.get("why", "held")), page.text), backup
    assert "7 daily, 4 weekly, 2 monthly" in page.text and "on disk, far" in page.text
    classes = {has.get("class") for tag, has in page.tags if tag == "td"}
    assert {"kept", "held", "goes"} <= classes or {"kept", "held", "frozen"} <= classes, classes
    assert any("held" in title for title in page.titles)
    assert "No keep is set" in page.text


def test_failures_have_a_cause_and_a_next_step(page):
    part = page.text[page.text.index("Failures"):]
    assert "run failed: " in part and "shop.txt" in part and "over: a good backup was made since" in part
    assert "kist drill blog" in part


def test_nothing_in_it_is_markup(page, text):
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &quot;&amp;" in text
    assert "\u202e" not in text and "\x1b" not in text
    assert "<script>alert('x')</script>" in page.text


def test_secrets_are_not_in_it(site, tmp_path):
    secret = "sesame-4711-open"
    with (site.kist.state / "history.jsonl").open("a") as history:
        entry = {"event": "verify", "pipeline": "blog", "outcome": "failed", "cause": f"user:{secret}@host",
                 "time": "2026-01-01T00:00:00Z"}
        history.write(json.dumps(entry) + "\n")
    (tmp_path / "word").write_text(secret + "\n")
    site.write(more="[source other]\nplugin = shelf\npath = ${cred:word}\n")
    try:
        told = site.report("blog", expect=0, env={"CREDENTIALS_DIRECTORY": str(tmp_path)})
    finally:
        site.write("keep = 7 daily, 4 weekly, 2 monthly")
    assert "user:***@host" in told and secret not in told


def test_what_cannot_be_read_is_shown_as_such(site, plugins, tmp_path):
    other = Site(tmp_path, plugins)
    # Nothing was ever done here: not even a state directory is there, or made.
    assert "no backups yet" in Page(other.report("blog", expect=0)).text
    assert not other.kist.state.exists()
    for age in (3, 2, 1):
        other.run("blog", age * DAY)
    ids = other.kist.ids("blog")
    path = other.kist.manifest_path(ids[1], name="blog")
    path.write_bytes(path.read_bytes()[:-40])
    page = Page(other.report("blog", expect=0))
    assert re.search(re.escape(ids[1]) + "-damaged", page.text), page.text
    assert "2 good of 3" in page.text


def test_chosen_pipelines(site):
    page = Page(site.report("blog", "empty", expect=0))
    assert page.ids == {"p-blog", "p-empty"}
    result = site.kist.run("report", "--html", "-", "nobody", expect=2)
    assert "there is no pipeline 'nobody'" in result.is_one_error()
    assert "where is it to go" in site.kist.run("report", expect=2).is_one_error()


def test_many_runs_are_few_marks(site, tmp_path):
    other = Site(tmp_path, site.plugins)
    other.kist.state.mkdir()
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
    lines = []
    for number in range(5000):
        time = (start + datetime.timedelta(hours=number)).strftime("%Y-%m-%dT%H:%M:%SZ")
        outcome = "failed" if number == 2222 else "ok"
        lines.append({"event": "run", "pipeline": "blog", "outcome": outcome, "time": time, "started": time,
                      "duration_ms": 1000 + number, "raw_size": 10**9 + number, "stored_size": 10**8})
    (other.kist.state / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + "damaged\n")
    text = other.report("blog", expect=0)
    page = Page(text)
    assert len(text) < 400_000 and page.count("g") <= 400
    assert "5,000 runs: a mark stands for up to 13, and shows the gravest" in page.text
    assert sum("failed" in title for title in page.titles) >= 1


def test_the_file_is_replaced_as_a_whole(site, tmp_path):
    target = tmp_path / "report.html"
    site.kist.run("report", "--html", target, "blog")
    Page(target.read_text())
    assert target.stat().st_mode & 0o777 == 0o600
    target.write_text("what was there")
    target.chmod(0o644)
    inode = target.stat().st_ino
    site.kist.run("report", "--html", target, "blog")
    Page(target.read_text())
    assert target.stat().st_ino != inode and target.stat().st_mode & 0o777 == 0o644
    # What cannot be written changes nothing.
    for bad in (tmp_path, tmp_path / "no" / "report.html"):
        assert f"cannot write '{bad}'" in site.kist.run("report", "--html", bad, "blog", expect=None).is_one_error()
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    with open("/dev/full", "w") as full:
        assert site.kist.run("report", "--html", "-", "blog", stdout=full, expect=None).code != 0


def test_on_a_destination(site):
    put = site.folder / "disk" / "reports" / "all.html"
    site.kist.run("report", "--to", "disk:reports/all.html", "blog")
    first = put.read_text()
    Page(first)
    # An older report makes room; nothing else does.
    site.kist.run("report", "--to", "disk:reports/all.html", "empty")
    assert put.read_text() != first and "p-empty" in put.read_text()
    for foreign in ("somebody's", MARK[:-5], ""):
        put.unlink()
        put.write_text(foreign)
        result = site.kist.run("report", "--to", "disk:reports/all.html", "blog", expect=7)
        assert "there is something else under 'reports/all.html', and it stays" in result.is_one_error()
        assert put.read_text() == foreign
    put.unlink()
    for target, why in (
        ("disk", "names no key"),
        ("nowhere:a.html", "there is no [destination nowhere]"),
        ("disk:../a.html", "--to"),
        ("disk:", "--to"),
        ("disk:_kist/shop/report.html", "where backups lie"),
        ("disk:shop/report.html", "where backups lie"),
        # A file of that name would be in the way of the pipeline's first backup.
        ("disk:empty", "where backups lie"),
    ):
        result = site.kist.run("report", "--to", target, "blog", expect=2)
        assert why in result.is_one_error(), result
    # One that fails keeps the page from no other place.
    result = site.kist.run("report", "--html", "-", "--to", "gone:a.html", "blog", expect=None)
    assert result.code != 0 and "cannot put the report on 'gone'" in result.err
    Page(result.out)


@pytest.mark.skipif(not find_browser(), reason="no browser")
def test_in_a_browser(site, text, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(text)
    pictures = {}
    with Browser() as browser:
        for width in (1280, 390):
            for dark in (False, True):
                asked, complaints = browser.show(file, width, dark)
                assert asked == [f"file://{file}"] and complaints == [], (asked, complaints)
                # Nothing is wider than the window, but what scrolls by itself.
                wide = browser.script("document.scrollingElement.scrollWidth")
                assert wide <= width, (width, wide)
                paper = browser.script("getComputedStyle(document.body).backgroundColor")
                light = sum(map(int, re.findall(r"\d+", paper)))
                assert light < 150 if dark else light > 600, paper
                shown = browser.script("document.querySelector('.overview thead').getBoundingClientRect().height > 5")
                assert shown == (width == 1280)
                picture = browser.picture(tmp_path / f"{width}-{'dark' if dark else 'light'}.png").read_bytes()
                pictures[width, dark] = picture
        assert len(set(pictures.values())) == 4 and min(map(len, pictures.values())) > 20_000
        # What is held is seen as such, and what is clicked leads there.
        assert browser.script("document.querySelectorAll('.month td.held').length") >= 1
        assert browser.script("document.querySelector('.overview a').click(), location.hash") == "#p-shop"
    if os.environ.get("KIST_KEEP_PICTURES"):
        for (width, dark), picture in pictures.items():
            name = f"{width}-{'dark' if dark else 'light'}.png"
            with open(os.path.join(os.environ["KIST_KEEP_PICTURES"], name), "wb") as kept:
                kept.write(picture)
