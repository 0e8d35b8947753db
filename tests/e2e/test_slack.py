"""The notifier `slack` against a Slack that refuses what the real one refuses; and the official clients."""
import json
import subprocess
from pathlib import Path

import pytest
from http_sink import Answer
from npm import installed
from slack_fake import HOOK, SlackFake
from told import HOSTILE, Told, build_rude

SDK = Path(__file__).resolve().parent.parent / "support" / "slack_sdk.mjs"
PACKAGES = ("@slack/webhook@8", "@slack/web-api@8")


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    return build_rude(tmp_path_factory.mktemp("plugins") / "rude")


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    return installed(tmp_path_factory.mktemp("slack-sdk"), *PACKAGES)


@pytest.fixture
def slack():
    with SlackFake() as slack:
        yield slack
        assert slack.complaints == []


@pytest.fixture
def told(plain_kist, plugins, slack):
    told = Told(plain_kist, plugins)
    told.hook = {"webhook_url": slack.webhook_url}
    told.bot = {"token": slack.token, "channel": slack.channel, "api_url": slack.api_url}
    return told


def has_no_secret(result):
    assert "c4nary" not in result.err + result.out, result


# ---- a webhook ----


def test_success_by_a_webhook(told, slack):
    told.write("slack", mention="here", **told.hook)
    id = told.kist.backup()
    (message,) = slack.messages
    assert [block["type"] for block in message.blocks] == ["header", "section", "context"]
    assert id in message.all and "p ok on" in message.text and message.calls == []
    assert message.fields["unfurl_links"] is False


def test_failure_calls_whom_the_configuration_names_and_nobody_else(told, slack):
    told.fails(HOSTILE)
    told.write("slack", mention="here, U012AB3CD", **told.hook)
    told.kist.run("run", "p", expect=1)
    (message,) = slack.messages
    assert message.calls == ["!here", "@U012AB3CD"]
    assert "Cause: " in message.all and "<!channel> <@U1> @here & <http://evil.example|click>" in message.all
    assert "Next step: " in message.all and "last good backup" in message.all


@pytest.mark.parametrize("piece", ("<!channel> ", "&", '"\\', "\u20ac", "\U0001f34e", "\x01\x7f", "line\r\n"))
def test_huge_texts_are_one_message_that_slack_takes(told, slack, piece):
    told.fails("why: " + piece * (1 << 20 if len(piece) == 1 else 1 << 17))
    told.write("slack", **told.hook)
    told.kist.run("run", "p", expect=1)
    (message,) = slack.messages
    assert "why: " in message.all and message.calls == []


@pytest.mark.parametrize(
    "answer, words",
    (
        (Answer(200, '{"ok":false,"error":"x"}'), ("not Slack's 'ok'",)),
        (Answer(200, "<html>please log in</html>"), ("not Slack's 'ok'", "proxy")),
        (Answer(200, ""), ("not Slack's 'ok'",)),
        (Answer(200, "x" * (1 << 21)), ("larger body",)),
        (Answer(404, "no_service"), ("no_service", "make a new one")),
        (Answer(403, "action_prohibited"), ("action_prohibited",)),
        (Answer(302, "", {"Location": "http://127.0.0.1:9/"}), ("redirects are not followed",)),
        (Answer(404, f"nothing at {HOOK} (key {HOOK.rpartition('/')[2]})"), ("404",)),
    ),
)
def test_replies_that_are_no_success(told, slack, answer, words):
    told.write("slack", **told.hook)
    slack.answer = lambda request: answer
    result = told.kist.run("run", "p", expect=3)
    has_no_secret(result)
    assert all(word in result.err for word in words), result
    assert len(slack.take()) == 1 and len(told.waiting()) == 1
    del slack.answer
    told.kist.run("run", "p")
    assert len(slack.messages) == 2 and told.waiting() == []
    assert sum("told late" in message.all for message in slack.messages) == 1


@pytest.mark.parametrize("status", (429, 500, 502))
def test_what_passes_is_tried_again(told, slack, status):
    told.write("slack", **told.hook)
    slack.answers.append(Answer(status, "rate_limited", {"Retry-After": "1"}))
    result = told.kist.run("run", "p")
    assert len(slack.take()) == 2 and len(slack.messages) == 1
    assert result.took >= 1 if status == 429 else True


def test_a_long_wait_is_left_to_the_next_run(told, slack):
    told.write("slack", **told.hook)
    slack.answer = lambda request: Answer(429, "rate_limited", {"Retry-After": "99999999"})
    result = told.kist.run("run", "p", expect=3)
    assert result.took < 8 and len(slack.take()) == 1 and len(told.waiting()) == 1


@pytest.mark.parametrize("raw", (None, b"HTTP/1.1 200 OK\r\nContent-Le"))
def test_silence_delays_nothing_for_long(told, slack, raw):
    told.write("slack", deadline="1s", **told.hook)
    slack.answer = lambda request: Answer(wait=30) if raw is None else Answer(raw=raw)
    result = told.kist.run("run", "p", expect=3)
    has_no_secret(result)
    assert result.took < 8 and len(told.kist.ids()) == 1 and len(told.waiting()) == 1


# ---- a bot ----


def test_a_bot_keeps_a_run_in_a_thread(told, slack):
    told.write("slack", **told.bot)
    told.kist.run("run", "p")
    start, end = slack.messages
    assert "p started" in start.text and start.thread_ts is None
    assert "p ok" in end.text and end.thread_ts == start.ts and end.reply_broadcast is False
    told.fails(HOSTILE)
    told.write("slack", mention="channel", **told.bot)
    told.kist.run("run", "p", expect=1)
    start, end = slack.messages[2:]
    assert start.calls == [] and end.calls == ["!channel"]
    assert "p failed" in end.text and end.thread_ts == start.ts and end.reply_broadcast is True
    told.works()
    told.write("slack", **told.bot)
    told.kist.run("run", "p")
    start, end = slack.messages[4:]
    assert "good again" in end.text and end.thread_ts == start.ts and end.reply_broadcast is True


def test_a_bot_without_starts(told, slack):
    told.write("slack", on="success, failure", **told.bot)
    told.kist.run("run", "p")
    (message,) = slack.messages
    assert "p ok" in message.text and message.thread_ts is None and "reply_broadcast" not in message.fields


def test_a_start_that_was_removed(told, slack):
    told.write("slack", slow="500ms", **told.bot)
    slack.no_threads = True
    told.kist.run("run", "p")
    start, end = slack.messages
    assert start.thread_ts is None and end.thread_ts is None and "p ok" in end.text
    assert slack.complaints.pop().startswith("thread_not_found") and len(slack.take()) == 3


@pytest.mark.parametrize(
    "error, again",
    (("channel_not_found", False), ("invalid_auth", False), ("missing_scope", False), ("ratelimited", True),
     ("internal_error", True)),
)
def test_ok_false(told, slack, error, again):
    told.write("slack", deadline="2s", on="success", **told.bot)
    slack.answer = lambda request: slack.json({"ok": False, "error": error, "needed": "chat:write"})
    result = told.kist.run("run", "p", expect=3)
    has_no_secret(result)
    assert error in result.err and len(told.waiting()) == 1
    assert (len(slack.take()) > 1) == again


@pytest.mark.parametrize(
    "body", ("<html>", "{", '{"ok":"yes"}', "[" * 100000, '{"ok":true,"ok":false}', '{"a":"' + "x" * 99999)
)
def test_replies_that_are_not_the_apis(told, slack, body):
    told.write("slack", on="success", **told.bot)
    slack.answer = lambda request: Answer(200, body)
    result = told.kist.run("notify", "test", "ops", expect=1)
    has_no_secret(result)
    assert "127.0.0.1" in result.err or "the API's" in result.err
    assert len(result.err) < 2000 and len(slack.take()) == 1


def test_a_token_that_is_echoed_is_not_shown(told, slack):
    told.write("slack", **told.bot)
    slack.answer = lambda request: Answer(401, f"no access with {request.headers['authorization']}")
    result = told.kist.run("notify", "test", "ops", expect=1)
    has_no_secret(result)
    assert "401" in result.err


def test_mistakes(told):
    for options, word in (
        ({}, "neither"),
        ({**told.hook, **told.bot}, "both"),
        ({"token": "xoxb-c4nary"}, "channel"),
        ({**told.hook, "channel": "C1"}, "a webhook belongs to one channel"),
        ({**told.hook, "mention": "@everybody"}, "mention"),
        ({"webhook_url": "http://hooks.example.com/c4nary"}, "not encrypted"),
    ):
        told.write("slack", **options)
        result = told.kist.run("notify", "test", "ops", expect=1)
        has_no_secret(result)
        assert word in result.is_one_error()


# ---- the official clients ----


def by_sdk(folder, *words, message):
    done = subprocess.run(
        ["node", str(SDK), str(folder), *words], input=json.dumps(message), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_official_webhook_client_sends_the_same(told, slack, packages):
    told.fails(HOSTILE + "\u20ac" * 5000)
    told.write("slack", mention="here", **told.hook)
    told.kist.run("run", "p", expect=1)
    (ours,) = slack.take()
    result = by_sdk(packages, "webhook", slack.webhook_url, message=json.loads(ours.body))
    assert result == {"done": {"text": "ok"}}
    (theirs,) = slack.take()
    assert (ours.method, ours.target) == (theirs.method, theirs.target)
    assert ours.headers["content-type"] == theirs.headers["content-type"] == "application/json"
    assert json.loads(ours.body) == json.loads(theirs.body)
    assert slack.messages[0].fields == slack.messages[1].fields


def test_the_official_api_client_sends_the_same(told, slack, packages):
    told.fails(HOSTILE)
    told.write("slack", mention="here", **told.bot)
    told.kist.run("run", "p", expect=1)
    requests = slack.take()
    for ours, message in zip(requests, list(slack.messages), strict=True):
        result = by_sdk(packages, "api", slack.api_url, slack.token, message=message.fields)
        assert result["done"]["ok"] is True
        (theirs,) = slack.take()
        assert (ours.method, ours.target) == (theirs.method, theirs.target)
        assert ours.headers["authorization"] == theirs.headers["authorization"]
        assert slack.fields(ours) == slack.fields(theirs)
        assert slack.messages[-1].fields == message.fields


def test_the_official_clients_see_the_same_refusals(slack, packages):
    broken = {"text": "x", "blocks": [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]}
    result = by_sdk(packages, "api", slack.api_url, slack.token, message={"channel": slack.channel, **broken})
    assert result == {"error": "invalid_blocks"}
    assert by_sdk(packages, "api", slack.api_url, "xoxb-other", message={"channel": "C1", "text": "x"}) == {
        "error": "invalid_auth"
    }
    assert "400" in by_sdk(packages, "webhook", slack.webhook_url, message=broken)["error"]
    assert len(slack.complaints) == 3
    slack.complaints.clear()
