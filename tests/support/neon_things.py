"""What there is in a Neon project: branches, operations, snapshots; and its words for what is wrong."""
import re
import time
import uuid
from datetime import datetime, timezone


class Refusal(Exception):
    """An error as the API words it."""

    def __init__(self, status, message, code=""):
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


def invalid(message):
    return Refusal(422, message)


def stamp(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text, what):
    """Seconds since 1970 of a time in RFC 3339, which must name its zone."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", text):
        raise invalid(f"{what}: not a time of RFC 3339: {text}")
    try:
        return datetime.fromisoformat(re.sub(r"\.\d+", "", text).replace("Z", "+00:00")).timestamp()
    except ValueError:
        raise invalid(f"{what}: no such time: {text}") from None


class Operation:
    def __init__(self, model, action, branch, endpoint=None):
        self.id, self.model, self.action, self.branch, self.endpoint = (
            str(uuid.uuid4()),
            model,
            action,
            branch,
            endpoint,
        )
        self.begun, self.polls, self.end = time.monotonic(), model.polls, model.ends.pop(action, "finished")
        self.created = model.now()

    @property
    def is_over(self):
        if self.end == "never":
            return False
        return self.polls <= 0 or time.monotonic() - self.begun > self.model.operation_seconds

    @property
    def status(self):
        return self.end if self.is_over else "running"

    def described(self):
        fields = {
            "id": self.id,
            "project_id": self.model.project,
            "branch_id": self.branch,
            "action": self.action,
            "status": self.status,
            "failures_count": int(self.status in ("failed", "error")),
            "created_at": stamp(self.created),
            "updated_at": stamp(self.created),
            "total_duration_ms": 0,
        }
        if self.endpoint:
            fields["endpoint_id"] = self.endpoint
        if self.status in ("failed", "error"):
            fields["error"] = "the storage did not answer"
        return fields


class Branch:
    def __init__(self, model, name, parent=None, **more):
        self.model, self.name, self.parent = model, name, parent
        self.id, self.created, self.operations, self.endpoint = model.new_id("br"), model.now(), [], None
        self.default = self.protected = False
        self.time = self.lsn = self.expires = self.restored_from = self.restored_as = self.restore_status = None
        self.place = None  # the name of its database in a real server
        self.__dict__.update(more)

    @property
    def state(self):
        return "ready" if all(each.is_over for each in self.operations if each.action == "create_branch") else "init"

    def described(self):
        fields = {
            "id": self.id,
            "project_id": self.model.project,
            "name": self.name,
            "current_state": self.state,
            "state_changed_at": stamp(self.created),
            "creation_source": "console",
            "created_at": stamp(self.created),
            "updated_at": stamp(self.created),
            "default": self.default,
            "primary": self.default,
            "protected": self.protected,
            "cpu_used_sec": 0,
            "active_time_seconds": 0,
            "compute_time_seconds": 0,
            "written_data_bytes": 0,
            "data_transfer_bytes": 0,
            "logical_size": self.model.size,
            "init_source": "parent-data",
        }
        more = {
            "pending_state": "ready" if self.state == "init" else None,
            "parent_id": self.parent,
            "parent_lsn": self.lsn,
            "parent_timestamp": stamp(self.time) if self.time else None,
            "expires_at": stamp(self.expires) if self.expires else None,
            "ttl_interval_seconds": int(self.expires - self.created) if self.expires else None,
            "restored_from": self.restored_from,
            "restored_as": self.restored_as,
            "restore_status": self.restore_status,
        }
        return fields | {key: value for key, value in more.items() if value is not None}


class Snapshot:
    def __init__(self, model, branch, name, at, lsn, expires):
        self.id, self.model, self.branch, self.name = model.new_id("snap"), model, branch, name
        self.time, self.lsn, self.expires, self.created = at, lsn, expires, model.now()
        self.place = None

    def described(self):
        fields = {
            "id": self.id,
            "name": self.name,
            "lsn": self.lsn,
            "timestamp": stamp(self.time),
            "source_branch_id": self.branch,
            "created_at": stamp(self.created),
            "manual": True,
            "full_size": self.model.size,
        }
        return fields | ({"expires_at": stamp(self.expires)} if self.expires else {})
