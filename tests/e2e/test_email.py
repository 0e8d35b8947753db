"""The email notifier, against a real mail server: what arrives, and what is refused before anything is sent."""
import contextlib
import re
import socket
from html.parser import HTMLParser

import pytest
from shelf import Shelf, build_shelf
from smtp_sink import PASSWORD, USER, MailServer, Wire
from tls_files import make_ca, make_certificate, server_context

CODED = "AGJvYgBwQHNz"  # how the login begins on the wire


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    make_ca(folder)
    make_ca(folder, "other")
    make_certificate(folder, "good", "DNS:localhost,IP:127.0.0.1")
    make_certificate(folder, "elsewhere", "DNS:mail.example.org")
    return folder


@pytest.fixture(scope="module")
def server(tls):
    with MailServer(server_context(tls / "good.pem")) as server:
        yield server


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    return build_shelf(tmp_path_factory.mktemp("plugins"))


class Mailing:
    """kist with a notifier `mail`."""

    def __init__(self, kist, plugins, tls, port):
        self.kist, self.plugins, self.tls, self.port = kist, plugins, tls, port
        kist.env["MAIL_PASSWORD"] = PASSWORD

    def section(self, name="mail", **options):
        keys = {
            "plugin": "email",
            "server": f"localhost:{self.port}",
            "user": USER,
            "password": "${MAIL_PASSWORD}",
            "from": "Backups <kist@example.org>",
            "to": "ops@example.org",
            "deadline": "3s",
            "ca_file": self.tls / "ca.pem",
            **options,
        }
        return (
            f"[notifier {name}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items() if value) + "\n"
        )

    def write(self, *sections, names=("mail",), more=""):
        shelf = Shelf(self.kist, self.plugins)
        shelf.write(more=more)
        text = (self.kist.conf / "kist.ini").read_text()
        text = text.replace("notify = ops", f"notify = {', '.join(names)}")
        self.kist.write(text + "".join(sections))
        return shelf

    def test(self, expect=0, **options):
        """`kist notify test`, with a notifier of these options."""
        self.write(self.section(**options))
        return self.kist.run("notify", "test", "mail", expect=expect)

    def refused(self, *words, **options):
        """It failed with one line that has these words, and none has the password."""
        result = self.test(expect=None, **options)
        assert result.code in (1, 2), result
        line = result.is_one_error()
        assert all(word in result.err for word in words), result
        assert PASSWORD not in result.err and CODED not in result.err, result
        return line, result

    def waiting(self):
        """How many events wait in the outbox."""
        return len([path for path in (self.kist.state / "outbox").glob("*") if path.suffix == ".json"])


@pytest.fixture
def mailing(plain_kist, plugins, tls, server):
    server.take()
    server.logins.clear()
    return Mailing(plain_kist, plugins, tls, server.port)


class Words(HTMLParser):
    """The words of a page."""

    def __init__(self):
        super().__init__()
        self.words = []
        self.tags = set()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        assert not {name for name, _ in attributes} - {"style", "charset"}, attributes

    def handle_data(self, data):
        self.words += data.replace(":", " ").split()


def words_of(html):
    parser = Words()
    parser.feed(html)
    return parser


def assert_sound(mail):
    """True of every mail: bounded lines, the headers of a machine's mail, and two parts that say the same."""
    assert all(len(line) <= 998 for line in mail.raw.split(b"\r\n"))
    assert b"\n" not in mail.raw.replace(b"\r\n", b"")
    assert mail.raw.isascii()
    assert not mail.message.defects and not any(header.defects for header in mail.message.values())
    assert mail["Auto-Submitted"] == "auto-generated" and mail["MIME-Version"] == "1.0"
    assert re.fullmatch(r"<[0-9a-f-]{36}\.[a-z]+@example\.org>", mail["Message-ID"]), mail["Message-ID"]
    assert mail["Date"].datetime.utcoffset().total_seconds() == 0
    assert mail.message.get_content_type() == "multipart/alternative"
    page = words_of(mail.part("html"))
    assert page.words == mail.part("plain").replace(":", " ").split()
    assert not page.tags - {"html", "head", "meta", "body", "p", "div", "table", "tr", "th", "td"}


# ---- what arrives ----


def test_a_run_by_starttls_and_login(mailing, server):
    mailing.write(
        mailing.section(
            to="ops@example.org, Chef Müller <chef@example.org>",
            cc="copy@example.org",
            bcc="silent@example.org, ops@example.org",
            subject_prefix="[Büro]",
            ehlo="backup.example.org",
        )
    )
    mailing.kist.run("run", "p")
    (mail,) = server.take()
    assert_sound(mail)
    assert mail.tls in ("TLSv1.2", "TLSv1.3") and mail.login == USER and mail.ehlo == "backup.example.org"
    assert mail.sender == "kist@example.org"
    assert sorted(mail.recipients) == [f"{name}@example.org" for name in ("chef", "copy", "ops", "silent")]
    assert [address.addr_spec for address in mail["To"].addresses] == ["ops@example.org", "chef@example.org"]
    assert mail["To"].addresses[1].display_name == "Chef Müller"
    assert mail["From"].addresses[0].display_name == "Backups"
    assert b"silent" not in mail.raw and mail["Bcc"] is None and str(mail["Cc"]) == "copy@example.org"
    assert mail["Subject"].startswith("[Büro] ") and "p" in mail["Subject"]
    id = mailing.kist.ids()[-1]
    assert mail["X-Kist-Event"] == "success" and mail["X-Kist-Pipeline"] == "p" and mail["X-Kist-Backup"] == id
    assert id in mail.part("plain")


def test_tls_from_the_start(mailing, tls):
    with MailServer(server_context(tls / "good.pem"), implicit=True) as server:
        mailing.test(server=f"smtps://127.0.0.1:{server.port}")
        (mail,) = server.take()
        assert_sound(mail)
        assert mail.tls and mail.login == USER and mail["X-Kist-Event"] == "test"
    # The port for STARTTLS does not begin with it.
    mailing.refused("TLS 1.2", "hint: ", server=f"smtps://localhost:{mailing.port}")


def test_a_relay_on_this_host(mailing):
    with MailServer(login=False) as server:
        mailing.test(server=f"127.0.0.1:{server.port}", security="none", user="", password="")
        (mail,) = server.take()
        assert_sound(mail)
        assert mail.tls is None and mail.login is None


def test_two_runs_have_two_ids(mailing, server):
    mailing.test()
    mailing.test()
    first, second = server.take()
    assert first["Message-ID"] != second["Message-ID"]


def test_hostile_words_stay_words(mailing, server):
    shelf = mailing.write(mailing.section())
    name = "x\r\nBcc: evil@example.org\r\n\r\n.\r\nMAIL <script>alert(1)</script> =?UTF-8?B?aGk=?= ..\u202e“€”"
    mailing.kist.env["HOSTILE"] = f"{shelf.file}/{name * 20}"
    mailing.kist.write((mailing.kist.conf / "kist.ini").read_text().replace(str(shelf.file), "${HOSTILE}"))
    mailing.kist.run("run", "p", expect=1)
    (mail,) = server.take()
    assert_sound(mail)
    assert mail["X-Kist-Event"] == "failure" and mail["Bcc"] is None
    assert mail.recipients == ["ops@example.org"]
    assert "<script>alert(1)</script>" in mail.part("plain") and "<script>" not in mail.part("html")
    assert "“€”" in mail.part("plain")


# ---- what is not sent ----


def test_a_stripped_starttls_ends_it(mailing, server):
    with Wire(server.port, edit=lambda data: data.replace(b"250-STARTTLS\r\n", b"")) as wire:
        mailing.refused("STARTTLS", "nothing was sent", server=f"localhost:{wire.port}")
        assert re.fullmatch(rb"EHLO \S+\r\n(QUIT\r\n)?", wire.sent), wire.sent
    assert not server.logins and not server.take()


def test_a_refused_starttls_ends_it(mailing, server):
    with Wire(server.port, edit=lambda data: data.replace(b"220 Ready to start TLS", b"454 not now")) as wire:
        mailing.refused("STARTTLS", server=f"localhost:{wire.port}")
        assert b"AUTH" not in wire.sent and b"MAIL" not in wire.sent, wire.sent
    assert not server.logins and not server.take()


def test_certificates(mailing, server, tls):
    mailing.refused("certificate", "nobody here trusts", ca_file=tls / "other.pem")
    with MailServer(server_context(tls / "elsewhere.pem")) as other:
        mailing.refused("certificate", "another host", server=f"localhost:{other.port}")
        assert not other.logins and not other.take()
    assert not server.logins and not server.take()


def test_a_wrong_password(mailing, server):
    mailing.kist.env["MAIL_PASSWORD"] = "wrong-password-here"
    line, result = mailing.refused("535", "hint: ")
    assert f"login of '{USER}'" in line and "wrong-password" not in result.err
    assert server.logins and not any(good for _, good in server.logins)


def test_no_login_where_one_is_wanted(mailing):
    mailing.refused("login", "530", "user and password", user="", password="")


@pytest.mark.parametrize(
    "options, word",
    [
        ({"security": "none"}, "security = none"),
        ({"server": "http://mail.example.org"}, "server"),
        ({"server": "smtp://bob:secret@mail.example.org"}, "server"),
        ({"to": "ops@example.org SIZE=1"}, "to: "),
        ({"to": "ops"}, "'@'"),
        ({"from": "a@b, c@d"}, "from: "),
        ({"ehlo": "two words"}, "ehlo"),
        ({"user": ""}, "without a user"),
        ({"ca_file": "/nonexistent/ca.pem"}, "ca_file"),
    ],
)
def test_bad_options(mailing, options, word):
    line, result = mailing.refused(**options)
    assert word in line, result


def test_what_a_server_refuses(mailing, server):
    mailing.refused("reject@example.org", "550 5.1.1 no such user 5.1.1 ask", to="reject@example.org")
    mailing.refused("552 5.2.2", to="full@example.org")
    assert not server.take()


def test_one_of_several_is_refused(mailing, server):
    """The others get it, once: what would be sent again is not kept."""
    mailing.write(mailing.section(to="ops@example.org, reject@example.org, boss@example.org"))
    result = mailing.kist.run("run", "p", expect=3)
    assert "reject@example.org" in result.is_one_error() and "it went to the others" in result.err
    (mail,) = server.take()
    assert mail.recipients == ["ops@example.org", "boss@example.org"]
    assert mailing.waiting() == 0


# ---- faults, and what becomes of the news ----


def test_faults_wait_in_the_outbox(mailing, server):
    """Each of these costs the run nothing but the exit status, and waits for the next one."""
    with contextlib.ExitStack() as stack:
        nobody = socket.create_server(("127.0.0.1", 0))
        closed = nobody.getsockname()[1]
        nobody.close()
        open_port = stack.enter_context(MailServer(login=False)).port
        cut = stack.enter_context(Wire(open_port, edit=lambda data: b"" if data.startswith(b"354") else data)).port
        mute = stack.enter_context(Wire(greeting=b"220 hello\r\n")).port
        endless = b"220-" + 2000 * b"x" + b"\r\n"
        endless = stack.enter_context(Wire(greeting=200 * endless)).port
        plain = {"security": "none", "user": "", "password": ""}
        faults = {
            "refused": {"server": f"127.0.0.1:{closed}"},
            "later": {"to": "tempfail@example.org"},
            "never": {"to": "reject@example.org"},
            "mute": {"server": f"127.0.0.1:{mute}", **plain},
            "endless": {"server": f"127.0.0.1:{endless}", **plain},
            "drop": {"to": "drop@example.org"},
            "cut": {"server": f"127.0.0.1:{cut}", **plain},
        }
        names = [*faults, "mail"]
        mailing.write(*(mailing.section(name, **faults.get(name, {})) for name in names), names=names)
        result = mailing.kist.run("run", "p", expect=3)
        for name, words in {
            "refused": "no connection",
            "later": "451 4.3.0",
            "never": "550 5.1.1",
            "mute": "no end within 3 s: it waits for an answer to the greeting",
            "endless": "(no greeting within 3 s|the connection broke before)",
            "drop": "broke",
            "cut": "the message",
        }.items():
            assert re.search(rf"{name}.*{words}", result.err), (name, result.err)
        assert mailing.kist.run("list", "p", "--json").json
    (mail,) = server.take()
    assert mail["X-Kist-Event"] == "success"  # to the one that works
    assert mailing.waiting() == len(faults)
    # The same names, with a server that works: what waited comes, and says so.
    mailing.write(
        *(mailing.section(name, to=f"{name}@example.org") for name in names if name not in ("drop", "later")),
        names=[name for name in names if name not in ("drop", "later")],
    )
    mailing.kist.run("run", "p")
    late = [mail for mail in server.take() if "late" in mail["Subject"]]
    assert sorted(mail.recipients[0] for mail in late) == [
        f"{name}@example.org" for name in ("cut", "endless", "mute", "never", "refused")
    ]
    for mail in late:
        assert_sound(mail)
