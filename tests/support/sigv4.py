"""Looks whether a request is signed as Signature Version 4 wants it, in the header or in the query of its URL.

    keys = {"AKID": Key("secret"), "ASIA": Key("secret", token="...", expires=when)}
    caller = verify(Signed("POST", "/", headers, body), keys, now)     # raises Unsigned
    caller.key, caller.region, caller.service
"""
import hashlib
import hmac
import re
from datetime import datetime, timezone
from urllib.parse import parse_qsl, quote, unquote_plus, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"
WINDOW = 300  # seconds that a clock may be wrong
CREDENTIAL = re.compile(r"([^/]+)/(\d{8})/([a-z0-9-]+)/([a-z0-9]+)/aws4_request")
HEADER = re.compile(ALGORITHM + r" Credential=(\S+), SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})")


class Unsigned(Exception):
    """Why a request is refused, as AWS words it."""

    def __init__(self, code, message, status=403):
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


class Key:
    """`expires`: seconds since 1970; `role`: of which it is, if it is not a user's."""

    def __init__(self, secret, token=None, expires=None, role=None):
        self.secret, self.token, self.expires, self.role = secret, token, expires, role


class Signed:
    """What is signed of a request. `headers`: {lower-case name: value}."""

    def __init__(self, method, target, headers, body=b""):
        self.method, self.headers, self.body = method, headers, body
        self.path, _, self.query = target.partition("?")


class Caller:
    def __init__(self, key, region, service):
        self.key, self.region, self.service = key, region, service


def encoded(text):
    return quote(text, safe="-_.~")


def stamp(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y%m%dT%H%M%SZ")


def seconds_of(text):
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        raise Unsigned("IncompleteSignature", f"Date must be in ISO-8601 'basic format'. Got '{text}'.") from None


def canonical_query(query, without=()):
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    pairs = [(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs]
    return "&".join(sorted(f"{encoded(name)}={encoded(value)}" for name, value in pairs if name not in without))


def canonical(request, names, payload, without=()):
    lines = []
    for name in names:
        if name not in request.headers:
            raise Unsigned("SignatureDoesNotMatch", f"the signed header '{name}' is not there")
        lines.append(f"{name}:{' '.join(request.headers[name].split())}\n")
    query = canonical_query(request.query, without)
    return "\n".join([request.method, quote(request.path), query, "".join(lines), ";".join(names), payload])


def signature_of(secret, scope, when, text):
    key = b"AWS4" + secret.encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    digest = hashlib.sha256(text.encode()).hexdigest()
    return hmac.digest(key, f"{ALGORITHM}\n{when}\n{scope}\n{digest}".encode(), "sha256").hex()


def key_of(keys, id, token, now):
    key = keys.get(id)
    if not key or token != key.token:
        raise Unsigned("InvalidClientTokenId", "The security token included in the request is invalid.")
    if key.expires and now >= key.expires:
        raise Unsigned("ExpiredToken", "The security token included in the request is expired")
    return key


def check_time(when, now, seconds):
    """It was signed at `when`, which is good for `seconds`."""
    signed = seconds_of(when)
    if now > signed + seconds:
        message = f"Signature expired: {when} is now earlier than {stamp(now - seconds)} ({stamp(now)} - 5 min.)"
        raise Unsigned("SignatureDoesNotMatch", message)
    if now < signed - WINDOW:
        latest = f"{stamp(now + WINDOW)} ({stamp(now)} + 5 min.)"
        message = f"Signature not yet current: {when} is still later than {latest}"
        raise Unsigned("SignatureDoesNotMatch", message)


def check(request, keys, credential, names, signature, when, text, token, now):
    match = CREDENTIAL.fullmatch(credential)
    if not match:
        raise Unsigned("IncompleteSignature", f"the credential '{credential}' has no scope")
    id, day, region, service = match.groups()
    key = key_of(keys, id, token, now)
    if names != sorted(names) or "host" not in names:
        raise Unsigned("IncompleteSignature", "'Host' must be a 'SignedHeader' in the AWS Authorization.")
    if day != when[:8]:
        raise Unsigned("SignatureDoesNotMatch", "Date in Credential scope does not match X-Amz-Date")
    scope = credential.partition("/")[2]
    if not hmac.compare_digest(signature_of(key.secret, scope, when, text), signature):
        message = "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
        message += "Access Key and signing method. Consult the service documentation for details.\n\n"
        message += f"The Canonical String for this request should have been\n'{text}'"
        raise Unsigned("SignatureDoesNotMatch", message)
    return Caller(id, region, service)


def verify(request, keys, now):
    """A request with an Authorization header. `keys`: {id: Key}; `now`: seconds since 1970."""
    headers = request.headers
    if "authorization" not in headers:
        raise Unsigned("MissingAuthenticationToken", "Request is missing Authentication Token")
    match = HEADER.fullmatch(headers["authorization"])
    if not match:
        raise Unsigned("IncompleteSignature", "Authorization header requires 'Credential' and 'Signature'")
    credential, names, signature = match[1], match[2].split(";"), match[3]
    must = {name for name in headers if name.startswith("x-amz-")} | {"content-type"} & set(headers)
    if "x-amz-date" not in names or not must <= set(names):
        raise Unsigned("IncompleteSignature", f"not signed: {', '.join(sorted(must - set(names)))}")
    text = canonical(request, names, hashlib.sha256(request.body).hexdigest())
    when = headers["x-amz-date"]
    caller = check(request, keys, credential, names, signature, when, text, headers.get("x-amz-security-token"), now)
    check_time(when, now, WINDOW)
    return caller


def verify_url(url, keys, now, method="GET"):
    """(caller, its parameters) of a URL that carries its signature."""
    split = urlsplit(url)
    query = dict(parse_qsl(split.query, keep_blank_values=True))
    if query.get("X-Amz-Algorithm") != ALGORITHM:
        raise Unsigned("IncompleteSignature", "AWS query-string parameters must include 'X-Amz-Algorithm'.")
    request = Signed(method, f"{split.path or '/'}?{split.query}", {"host": split.netloc})
    names, when = query["X-Amz-SignedHeaders"].split(";"), query["X-Amz-Date"]
    text = canonical(request, names, hashlib.sha256(b"").hexdigest(), without=("X-Amz-Signature",))
    token, credential = query.get("X-Amz-Security-Token"), query["X-Amz-Credential"]
    caller = check(request, keys, credential, names, query["X-Amz-Signature"], when, text, token, now)
    if not 1 <= int(query["X-Amz-Expires"]) <= 604800:
        raise Unsigned("IncompleteSignature", "X-Amz-Expires must be between 1 and 604800 seconds")
    check_time(when, now, int(query["X-Amz-Expires"]))
    return caller, {name: value for name, value in query.items() if not name.startswith("X-Amz-")}
