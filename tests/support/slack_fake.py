"""A Slack that takes messages by an incoming webhook and by chat.postMessage, as strict as the real one.

    with SlackFake() as slack:
        slack.webhook_url, slack.api_url, slack.token, slack.channel
        slack.messages        # those that were taken
        slack.requests        # all requests

A message that Slack would refuse, or would take for something else than it was meant to be, is refused in Slack's
words; why is in `slack.complaints`. With `slack.no_threads` there is no message left to thread another one below.
"""
import json
import re
from urllib.parse import parse_qsl

from http_sink import Answer, Sink

HOOK = "/services/T0000/B0000/c4naryOfTheWebhook00000"
KEYS = {"text", "blocks", "channel", "thread_ts", "reply_broadcast", "unfurl_links", "unfurl_media", "mrkdwn"}
API_KEYS = {"channel", "thread_ts", "reply_broadcast"}
ENTITY = re.compile(r"&(?!amp;|lt;|gt;)")
# What does something in a message: a mention, a link to a channel, a link.
CALL = re.compile(r"<([!@#][^>]*|[a-z]+:[^>]*)>")


class Wrong(Exception):
    def __init__(self, word, why):
        super().__init__(f"{word}: {why}")
        self.word = word


def need(truth, why, word="invalid_blocks"):
    if not truth:
        raise Wrong(word, why)


def length(text):
    """In characters of UTF-16, the larger of the two ways to count."""
    return len(text.encode("utf-16-le")) // 2


class Message:
    def __init__(self, fields, ts=None):
        self.fields, self.ts = fields, ts
        self.text, self.blocks = fields.get("text", ""), fields.get("blocks", [])
        self.thread_ts, self.reply_broadcast = fields.get("thread_ts"), fields.get("reply_broadcast", False)

    def objects(self):
        for block in self.blocks:
            yield from filter(None, [block.get("text"), *block.get("fields", []), *block.get("elements", [])])

    @property
    def all(self):
        """What people read."""
        shown = "\n".join([self.text, *(each["text"] for each in self.objects())])
        return shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")

    @property
    def calls(self):
        """Whom it calls, and where it leads."""
        return [call for each in self.objects() if each["type"] == "mrkdwn" for call in CALL.findall(each["text"])]


class SlackFake(Sink):
    token = "xoxb-c4nary-of-the-bot"
    channel = "C0123456789"

    def __init__(self, context=None):
        super().__init__(context)
        self.messages, self.complaints, self.no_threads, self.count = [], [], False, 0
        self.webhook_url, self.api_url = self.url + HOOK, self.url + "/api"

    # ---- what a message may be ----

    def check_text(self, value, most, kinds):
        need(isinstance(value, dict) and value.get("type") in kinds, f"not a text: {value}")
        need(set(value) <= {"type", "text", "emoji" if value["type"] == "plain_text" else "verbatim"}, f"keys: {value}")
        text = value.get("text")
        need(isinstance(text, str) and 1 <= length(text) <= most, f"{length(text or '')} characters, at most {most}")
        need(text == text.encode("utf-8", "replace").decode(), "half a character")
        rest = CALL.sub("", text) if value["type"] == "mrkdwn" else text
        need(not re.search("[<>]", rest) and not ENTITY.search(rest), f"not escaped: {text[:200]}")
        need(value["type"] == "plain_text" or value.get("verbatim"), "what somebody wrote is parsed for mentions")

    def check_block(self, block):
        kind = block.get("type")
        if kind == "header":
            need(set(block) == {"type", "text"}, f"keys of a header: {set(block)}")
            self.check_text(block["text"], 150, ("plain_text",))
        elif kind == "section":
            need("text" in block or "fields" in block, "a section without text and fields")
            need(set(block) <= {"type", "text", "fields"}, f"keys of a section: {set(block)}")
            if "text" in block:
                self.check_text(block["text"], 3000, ("plain_text", "mrkdwn"))
            if "fields" in block:
                need(1 <= len(block["fields"]) <= 10, f"{len(block['fields'])} fields")
            for field in block.get("fields", []):
                self.check_text(field, 2000, ("plain_text", "mrkdwn"))
        elif kind == "context":
            need(1 <= len(block.get("elements", [])) <= 10, "elements of a context")
            for element in block["elements"]:
                self.check_text(element, 2000, ("plain_text", "mrkdwn"))
        else:
            need(False, f"a block of the kind {kind}")

    def check(self, fields, allowed):
        need(set(fields) <= allowed, f"keys: {set(fields) - allowed}", "invalid_arguments")
        need(fields.get("text") or fields.get("blocks"), "nothing to say", "no_text")
        need(length(fields.get("text", "")) <= 4000, "the text is too long", "msg_too_long")
        need(not re.search("[<>]", fields.get("text", "")), "the text is not escaped", "invalid_arguments")
        blocks = fields.get("blocks", [])
        need(isinstance(blocks, list) and len(blocks) <= 50, "blocks")
        need(len(json.dumps(blocks)) < 13000, f"{len(json.dumps(blocks))} characters", "msg_blocks_too_long")
        for block in blocks:
            self.check_block(block)

    # ---- what is answered ----

    def answer(self, request):
        try:
            if request.path == HOOK:
                return self.hook(request)
            if request.path == "/api/chat.postMessage":
                return self.post(request)
        except Wrong as wrong:
            self.complaints.append(str(wrong))
            if request.path == HOOK:
                return Answer(400, wrong.word if wrong.word != "invalid_arguments" else "invalid_payload")
            return self.json({"ok": False, "error": wrong.word})
        return Answer(404, "no_service", {"Content-Type": "text/html"})

    def json(self, value):
        return Answer(200, json.dumps(value), {"Content-Type": "application/json; charset=utf-8"})

    def hook(self, request):
        need(request.method == "POST", request.method, "invalid_payload")
        need(request.headers["content-type"].split(";")[0] == "application/json", "type", "invalid_payload")
        fields = json.loads(request.body)
        self.check(fields, KEYS - API_KEYS)
        self.messages.append(Message(fields))
        return Answer(200, "ok", {"Content-Type": "text/html"})

    def fields(self, request):
        """Of either form that the API takes."""
        kind, _, charset = request.headers["content-type"].partition(";")
        if kind == "application/json":
            need(charset.strip().lower() == "charset=utf-8", "no charset", "missing_charset")
            return json.loads(request.body)
        need(kind == "application/x-www-form-urlencoded", kind, "invalid_post_type")
        fields = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        if "blocks" in fields:
            fields["blocks"] = json.loads(fields["blocks"])
        for name in ("reply_broadcast", "unfurl_links", "unfurl_media"):
            if name in fields:
                fields[name] = fields[name] == "true"
        return fields

    def post(self, request):
        need(request.headers.get("authorization"), "no token", "not_authed")
        need(request.headers["authorization"] == f"Bearer {self.token}", "another token", "invalid_auth")
        fields = self.fields(request)
        need(fields.get("channel") == self.channel, str(fields.get("channel")), "channel_not_found")
        self.check(fields, KEYS)
        known = set() if self.no_threads else {message.ts for message in self.messages}
        need(fields.get("thread_ts", None) in known | {None}, "the thread", "thread_not_found")
        need(not fields.get("reply_broadcast") or "thread_ts" in fields, "a broadcast of no reply", "invalid_arguments")
        self.count += 1
        message = Message(fields, f"1795312800.{self.count:06}")
        self.messages.append(message)
        return self.json({"ok": True, "channel": self.channel, "ts": message.ts, "message": {"type": "message"}})
