"""A Neon project and its rules: branches, computes, operations, snapshots. HTTP is neon_fake.py's."""
import time

from neon_things import Branch, Operation, Refusal, Snapshot, invalid, moment, stamp

DAY = 86400
CONFLICT = "project already has running conflicting operations, scheduling of new ones is prohibited"
ROLE, DATABASE = "neondb_owner", "neondb"


class Model:
    """Attributes that may be set at any time:

    polls              how often an operation is asked for until it is over; it is over after `operation_seconds`, too
    ends               {action: "failed", "error", "cancelled", "skipped" or "never"}: how the next one of these ends
    locked             so many calls that schedule operations are refused with 423
    strict             whatever schedules operations is refused with 423 while others run
    history            seconds that can be gone back
    snapshots_max      more manual snapshots than that are refused
    skew               seconds that its clock is ahead of ours
    """

    def __init__(self, project="quiet-sun-12345678", postgres=None):
        self.project, self.postgres = project, postgres
        self.polls, self.operation_seconds, self.ends, self.strict, self.locked = 2, 0.5, {}, True, 0
        self.history, self.snapshots_max, self.skew, self.size, self.count = 7 * DAY, 10, 0, 30_000_000, 0
        self.branches, self.operations, self.snapshots = {}, {}, {}
        self.created = self.now() - 30 * DAY
        main = self.add_branch("main", None, default=True, created=self.created)
        main.endpoint = self.new_id("ep")
        main.place = postgres.database if postgres else None
        self.main = main

    def now(self):
        return int(time.time()) + self.skew

    def new_id(self, kind):
        self.count += 1
        return f"{kind}-fake-{self.count:08}"

    def add_branch(self, name, parent, **more):
        branch = Branch(self, name, parent, **more)
        self.branches[branch.id] = branch
        return branch

    # For tests.
    def named(self, name):
        return next((branch for branch in self.branches.values() if branch.name == name), None)

    def names(self):
        return sorted(branch.name for branch in self.branches.values())

    def snapshot_names(self):
        return sorted(snapshot.name for snapshot in self.snapshots.values())

    def make(self, name, **more):
        """As if somebody else had made a branch, long ago."""
        branch = self.add_branch(name, self.main.id, time=self.now(), lsn="0/1F3C8A0", **more)
        self.fork(branch, self.main)
        return branch

    def make_snapshot(self, name):
        snapshot = Snapshot(self, self.main.id, name, self.now(), "0/1F3C8A0", None)
        self.snapshots[snapshot.id] = snapshot
        return snapshot

    # Rules.
    def expire(self):
        for branch in [each for each in self.branches.values() if each.expires and each.expires <= self.now()]:
            self.forget(branch)
        for snapshot in [each for each in self.snapshots.values() if each.expires and each.expires <= self.now()]:
            del self.snapshots[snapshot.id]

    def find(self, id):
        if id not in self.branches:
            raise Refusal(404, "branch not found")
        return self.branches[id]

    def find_snapshot(self, id):
        if id not in self.snapshots:
            raise Refusal(404, "snapshot not found")
        return self.snapshots[id]

    def children(self, branch):
        return [each for each in self.branches.values() if each.parent == branch.id]

    def check_free(self):
        if self.locked > 0:
            self.locked -= 1
            raise Refusal(423, CONFLICT)
        if self.strict and any(not each.is_over for each in self.operations.values()):
            raise Refusal(423, CONFLICT)

    def check_name(self, name):
        if not 1 <= len(name) <= 256:
            raise invalid("name: its length must be between 1 and 256")
        if self.named(name):
            raise Refusal(409, f'branch already exists; branch_name:"{name}"', "BRANCH_ALREADY_EXISTS")

    def check_time(self, text, what):
        at = moment(text, what)
        oldest = max(self.created, self.now() - self.history)
        if not oldest <= at <= self.now():
            raise Refusal(400, f"{what} is not in the history of the project, which begins at {stamp(oldest)}")
        return int(at)

    def check_expires(self, text):
        at = moment(text, "expires_at")
        if not self.now() < at <= self.now() + 30 * DAY:
            raise invalid("expires_at: must be in the future, and at most 30 days from now")
        return int(at)

    def operate(self, *actions, branch=None, endpoint=None):
        made = [Operation(self, action, branch, endpoint if "compute" in action else None) for action in actions]
        self.operations.update({each.id: each for each in made})
        if branch in self.branches:
            self.branches[branch].operations += made
        return made

    def fork(self, branch, parent):
        if self.postgres and parent.place:
            branch.place = self.postgres.fork(parent.place, branch.id)

    def forget(self, branch):
        self.branches.pop(branch.id)
        if self.postgres and branch.place:
            self.postgres.drop(branch.place)

    # What changes something.
    def create(self, fields, endpoints):
        parent = self.find(fields["parent_id"]) if fields.get("parent_id") else self.default()
        name = fields.get("name")
        if name is not None:
            self.check_name(name)
        if parent.expires:
            raise invalid("a branch that expires cannot have children")
        if fields.get("parent_timestamp") and fields.get("parent_lsn"):
            raise invalid("parent_timestamp and parent_lsn exclude each other")
        at = (
            self.check_time(fields["parent_timestamp"], "parent_timestamp")
            if "parent_timestamp" in fields
            else self.now()
        )
        expires = self.check_expires(fields["expires_at"]) if fields.get("expires_at") else None
        if expires and fields.get("protected"):
            raise invalid("a protected branch cannot expire")
        self.check_free()
        branch = self.add_branch(
            name or f"br-{self.count}", parent.id, time=at, lsn=fields.get("parent_lsn", "0/1F3C8A0")
        )
        branch.protected, branch.expires = fields.get("protected", False), expires
        self.fork(branch, parent)
        actions = ["create_branch"]
        if endpoints:
            branch.endpoint = self.new_id("ep")
            actions.append("start_compute")
        return branch, self.operate(*actions, branch=branch.id, endpoint=branch.endpoint)

    def default(self):
        return next(branch for branch in self.branches.values() if branch.default)

    def start_compute(self, branch):
        if branch.endpoint:
            raise Refusal(409, "read-write endpoint already exists")
        self.check_free()
        branch.endpoint = self.new_id("ep")
        return self.operate("start_compute", branch=branch.id, endpoint=branch.endpoint)

    def update(self, branch, fields):
        if "name" in fields and fields["name"] != branch.name:
            self.check_name(fields["name"])
        expires = fields.get("expires_at")
        at = self.check_expires(expires) if expires else None
        if at and (branch.default or self.children(branch) or fields.get("protected", branch.protected)):
            raise invalid("a default, protected or parent branch cannot expire")
        if fields.get("protected") and branch.expires and "expires_at" not in fields:
            raise invalid("a branch that expires cannot be protected")
        branch.name = fields.get("name", branch.name)
        branch.protected = fields.get("protected", branch.protected)
        if "expires_at" in fields:
            branch.expires = at

    def delete(self, branch):
        if branch.protected:
            raise invalid("cannot delete protected branch")
        if branch.default or not branch.parent and not branch.restored_from:
            raise invalid("cannot delete the root or default branch")
        if self.children(branch):
            raise invalid("cannot delete branch that has children")
        self.check_free()
        self.forget(branch)
        actions = ["suspend_compute"] if branch.endpoint else []
        return self.operate(*actions, "delete_timeline", branch=branch.id, endpoint=branch.endpoint)

    def restore(self, branch, fields):
        """The branch gets what another one, or it itself, held; what it was is kept under a name, if there is one."""
        source, kept = self.find(fields["source_branch_id"]), fields.get("preserve_under_name")
        point = fields.get("source_timestamp") or fields.get("source_lsn")
        if source is branch and not point:
            raise invalid("a branch cannot be restored to itself without a point in time")
        if (source is branch or self.children(branch)) and not kept:
            raise invalid("preserve_under_name is required")
        if fields.get("source_timestamp"):
            branch.time = self.check_time(fields["source_timestamp"], "source_timestamp")
        if branch.protected:
            raise invalid("cannot restore protected branch")
        if kept:
            self.check_name(kept)
        self.check_free()
        old, held = None, branch.place
        if kept:
            old = self.add_branch(kept, branch.parent, created=branch.created)
            for child in self.children(branch):
                child.parent = old.id
        fork_of = source if source is not branch else Branch(self, "", place=held)
        branch.place = None
        self.fork(branch, fork_of)
        if old:
            old.place = held
        elif self.postgres and held:
            self.postgres.drop(held)
        branch.parent = old.id if source is branch else source.id
        actions = ["create_branch"] + (["suspend_compute", "start_compute"] if branch.endpoint else [])
        return self.operate(*actions, branch=branch.id, endpoint=branch.endpoint)

    def snapshot(self, branch, query):
        if branch.parent:
            raise invalid("snapshots can only be created from root branches")
        if query.get("timestamp") and query.get("lsn"):
            raise invalid("timestamp and lsn exclude each other")
        at = self.check_time(query["timestamp"], "timestamp") if "timestamp" in query else self.now()
        expires = moment(query["expires_at"], "expires_at") if "expires_at" in query else None
        if len(self.snapshots) >= self.snapshots_max:
            raise invalid(f"snapshots limit exceeded: at most {self.snapshots_max} manual snapshots are allowed")
        self.check_free()
        name = query.get("name") or f"snapshot {self.count}"
        snapshot = Snapshot(self, branch.id, name, at, query.get("lsn", "0/1F3C8A0"), expires)
        self.snapshots[snapshot.id] = snapshot
        if self.postgres and branch.place:
            snapshot.place = self.postgres.fork(branch.place, snapshot.id)
        return snapshot, self.operate("create_timeline", branch=branch.id)

    def delete_snapshot(self, snapshot):
        self.check_free()
        del self.snapshots[snapshot.id]
        if snapshot.place:
            self.postgres.drop(snapshot.place)
        return self.operate("delete_timeline")

    def restore_snapshot(self, snapshot, fields):
        target = self.find(fields.get("target_branch_id") or snapshot.branch)
        name = fields.get("name") or f"{target.name} (restored {self.count})"
        self.check_name(name)
        self.check_free()
        branch = self.add_branch(
            name, None, restored_from=snapshot.id, restored_as=target.id, restore_status="restored"
        )
        self.fork(branch, snapshot)
        made = self.operate("create_branch", branch=branch.id)
        return branch, made + (self.finalize(branch, {}, free=True) if fields.get("finalize_restore") else [])

    def finalize(self, branch, fields, free=False):
        if branch.restore_status != "restored":
            raise invalid("the branch was not restored from a snapshot, or is finalized")
        target = self.find(branch.restored_as)
        if not free:
            self.check_free()
        name = target.name
        target.name = fields.get("name") or f"{name} (old {stamp(self.now())})"
        branch.name, branch.restore_status = name, "finalized"
        branch.default, target.default = target.default, False
        branch.endpoint, target.endpoint = target.endpoint, None
        actions = ["suspend_compute", "start_compute"] if branch.endpoint else ["apply_config"]
        return self.operate(*actions, branch=branch.id, endpoint=branch.endpoint)
