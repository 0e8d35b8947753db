"""A request to Neon's API, and what may stand in it."""
import json
from urllib.parse import parse_qsl, urlsplit

from neon_things import Refusal, invalid

TEXT, FLAG = str, bool
BRANCH = {
    "name": TEXT,
    "parent_id": TEXT,
    "parent_lsn": TEXT,
    "parent_timestamp": TEXT,
    "protected": FLAG,
    "archived": FLAG,
    "init_source": TEXT,
    "expires_at": TEXT,
}
CHANGE = {"name": TEXT, "protected": FLAG, "expires_at": (str, type(None))}
RESTORE = {"source_branch_id": TEXT, "source_lsn": TEXT, "source_timestamp": TEXT, "preserve_under_name": TEXT}
ENDPOINT = {
    "type": TEXT,
    "suspend_timeout_seconds": int,
    "autoscaling_limit_min_cu": (int, float),
    "autoscaling_limit_max_cu": (int, float),
}
LIST = {"search", "limit", "cursor", "sort_by", "sort_order", "include_deleted"}


def checked(value, kinds, what, required=()):
    """An object with these fields and no others."""
    if not isinstance(value, dict):
        raise invalid(f"{what}: not an object")
    for key, field in value.items():
        if key not in kinds:
            raise invalid(f"{what}: unknown field {key}")
        kind = kinds[key] if isinstance(kinds[key], tuple) else (kinds[key],)
        if not isinstance(field, kind) or isinstance(field, bool) and bool not in kind:
            raise invalid(f"{what}: {key} has a wrong type")
    for key in required:
        if key not in value:
            raise invalid(f"{what}: {key} is required")
    return value


class Request:
    """One request, as it came, without its key."""

    def __init__(self, handler, body):
        split = urlsplit(handler.path)
        self.method, self.target, self.path = handler.command, handler.path, split.path
        self.query = dict(parse_qsl(split.query, keep_blank_values=True))
        kept = ((name.lower(), value) for name, value in handler.headers.items())
        self.headers = {name: value for name, value in kept if name not in ("authorization", "cookie")}
        self.body, self.status = body, None

    def __repr__(self):
        return f"{self.method} {self.target} {self.body[:500]!r} -> {self.status}"

    def fields(self, kinds, required=()):
        """Of the body; none for none."""
        if not self.body:
            return checked({}, kinds, "body", required)
        if self.headers.get("content-type", "").split(";")[0] != "application/json":
            raise Refusal(415, "content-type must be application/json")
        try:
            return checked(json.loads(self.body), kinds, "body", required)
        except ValueError:
            raise Refusal(400, "the body is not JSON") from None

    def parameters(self, *allowed):
        for name in self.query:
            if name not in allowed:
                raise invalid(f"unknown parameter {name}")
        return self.query
