#!/usr/bin/python3
"""Neon's API v2 in memory, at /api/v2 on loopback.

    with NeonFake() as fake:
        fake.api_url, fake.api_key, fake.project
        fake.model.names()    # of the branches; see neon_model.py
        fake.requests         # every request, with its status; the Authorization header is in fake.keys

It takes what the real one takes: unknown fields and parameters, and values of a wrong type, are refused with 422. What a
network does wrong, or a server on a bad day, is FaultProxy's. With a NeonPostgres the branches are databases of a real
server, and connection URIs lead there.

As a program it prints one line of JSON, {"api_url": ..., "api_key": ..., "project": ...}, and serves until its standard
input ends.
"""
import json
import re
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler
from urllib.parse import quote, unquote

from loopback import Loopback
from neon_model import DATABASE, ROLE, Model
from neon_request import BRANCH, CHANGE, ENDPOINT, FLAG, LIST, RESTORE, TEXT, Request, checked
from neon_things import Refusal, invalid, stamp

API = "/api/v2"
ID = r"[a-z0-9-]{1,60}"


class NeonFake(Loopback):
    """`api_key` may be set to another one at any time: the old one is refused from then on."""

    def __init__(self, postgres=None, api_key="napi_c4naryOfTheFake0123456789", port=0):
        self.api_key, self.model, self.postgres = api_key, Model(postgres=postgres), postgres
        self.password = postgres.password if postgres else "npg_c4naryPassword"
        self.requests, self.keys, self.lock = [], [], threading.RLock()
        self.region = "aws-eu-central-1"
        self.listen(Handler, port)
        self.api_url, self.project = self.url + API, self.model.project
        self.routes = [(re.compile(rf"{method} {API}{path}"), call) for method, path, call in self.table()]

    # For tests.
    def seen(self, method="", path=""):
        """Requests of this method whose path and query match."""
        with self.lock:
            return [each for each in self.requests if method in ("", each.method) and re.search(path, each.target)]

    def count(self, *words):
        return len(self.seen(*words))

    def clear(self):
        with self.lock:
            self.requests.clear()

    # What is there.
    def table(self):
        project, branch, snapshot = rf"/projects/({ID})", rf"/branches/({ID})", rf"/snapshots/({ID})"
        return [
            ("GET", project, self.do_project),
            ("GET", project + "/branches", self.do_list),
            ("POST", project + "/branches", self.do_create),
            ("GET", project + branch, self.do_get),
            ("PATCH", project + branch, self.do_update),
            ("DELETE", project + branch, self.do_delete),
            ("POST", project + branch + "/restore", self.do_restore),
            ("POST", project + branch + "/finalize_restore", self.do_finalize),
            ("POST", project + branch + "/snapshot", self.do_snapshot),
            ("GET", project + branch + "/endpoints", self.do_endpoints),
            ("GET", project + "/endpoints", self.do_all_endpoints),
            ("POST", project + "/endpoints", self.do_make_endpoint),
            ("GET", project + branch + "/roles", self.do_roles),
            ("GET", project + branch + "/databases", self.do_databases),
            ("GET", project + branch + "/roles/([^/]+)/reveal_password", self.do_password),
            ("GET", project + "/connection_uri", self.do_uri),
            ("GET", project + "/operations", self.do_operations),
            ("GET", project + "/operations/([0-9a-f-]{36})", self.do_operation),
            ("GET", project + "/snapshots", self.do_snapshots),
            ("PATCH", project + snapshot, self.do_update_snapshot),
            ("DELETE", project + snapshot, self.do_delete_snapshot),
            ("POST", project + snapshot + "/restore", self.do_restore_snapshot),
        ]

    def answer(self, request, key):
        """(status, JSON or None)."""
        if key != f"Bearer {self.api_key}":
            raise Refusal(401, "This request requires authentication, please make sure to provide a valid API key")
        for pattern, call in self.routes:
            found = pattern.fullmatch(f"{request.method} {request.path}")
            if found:
                project, *rest = [unquote(word) for word in found.groups()]
                if project != self.project:
                    raise Refusal(404, "project not found")
                self.model.expire()
                return call(request, *rest)
        raise Refusal(404, "this route does not exist")

    def operated(self, operations, **more):
        return {**more, "operations": [each.described() for each in operations]}

    def do_project(self, request):
        request.parameters()
        fields = {"id": self.project, "name": "shop", "region_id": self.region, "pg_version": 16, "platform_id": "aws"}
        fields |= {"history_retention_seconds": self.model.history, "created_at": stamp(self.model.created)}
        fields |= {"updated_at": stamp(self.model.created), "owner_id": "org-fake", "store_passwords": True}
        return 200, {"project": fields}

    def do_list(self, request):
        query = request.parameters(*LIST)
        key, descending = query.get("sort_by", "updated_at"), query.get("sort_order", "desc").lower() == "desc"
        if key not in ("name", "created_at", "updated_at"):
            raise invalid(f"sort_by: {key}")
        limit = query.get("limit", "100")
        if not limit.isdecimal() or not 1 <= int(limit) <= 10000:
            raise invalid("limit: must be between 1 and 10000")
        search = query.get("search", "").lower()
        found = [each for each in self.model.branches.values() if search in each.name.lower() or search == each.id]
        found.sort(key=lambda each: (each.name if key == "name" else each.created, each.id), reverse=descending)
        start = next((n + 1 for n, each in enumerate(found) if each.id == query.get("cursor")), 0)
        page = found[start : start + int(limit)]
        pagination = {"sort_by": key, "sort_order": "DESC" if descending else "ASC"}
        if start + len(page) < len(found):
            pagination["next"] = page[-1].id
        return 200, {"branches": [each.described() for each in page], "annotations": {}, "pagination": pagination}

    def do_create(self, request):
        request.parameters()
        fields = request.fields({"branch": dict, "endpoints": list, "annotation_value": dict})
        wanted = checked(fields.get("branch", {}), BRANCH, "branch")
        endpoints = [checked(each, ENDPOINT, "endpoints", ("type",)) for each in fields.get("endpoints", [])]
        if len(endpoints) > 1 or any(each["type"] not in ("read_write", "read_only") for each in endpoints):
            raise invalid("endpoints: at most one of type read_write")
        branch, operations = self.model.create(wanted, endpoints)
        reply = self.operated(operations, branch=branch.described(), endpoints=self.endpoints(branch))
        reply |= {"roles": self.roles(branch), "databases": self.databases(branch)}
        if branch.endpoint:
            reply["connection_uris"] = [{"connection_uri": self.uri(branch, DATABASE)}]
        return 201, reply

    def do_get(self, request, id):
        request.parameters()
        return 200, {"branch": self.model.find(id).described()}

    def do_update(self, request, id):
        request.parameters()
        branch = self.model.find(id)
        self.model.update(branch, checked(request.fields({"branch": dict}, ("branch",))["branch"], CHANGE, "branch"))
        return 200, self.operated([], branch=branch.described())

    def do_delete(self, request, id):
        request.parameters("hard_delete")
        if id not in self.model.branches:
            return 204, None
        branch = self.model.find(id)
        operations = self.model.delete(branch)
        return 200, self.operated(operations, branch=branch.described())

    def do_restore(self, request, id):
        request.parameters()
        branch = self.model.find(id)
        operations = self.model.restore(branch, request.fields(RESTORE, ("source_branch_id",)))
        return 200, self.operated(operations, branch=branch.described())

    def do_finalize(self, request, id):
        request.parameters()
        return 200, self.operated(self.model.finalize(self.model.find(id), request.fields({"name": TEXT})))

    def do_snapshot(self, request, id):
        query = request.parameters("name", "timestamp", "lsn", "expires_at")
        if request.body:
            raise invalid("a snapshot has no body")
        snapshot, operations = self.model.snapshot(self.model.find(id), query)
        return 200, self.operated(operations, snapshot=snapshot.described())

    def do_snapshots(self, request):
        request.parameters()
        return 200, {"snapshots": [each.described() for each in self.model.snapshots.values()]}

    def do_update_snapshot(self, request, id):
        request.parameters()
        fields = request.fields({"snapshot": dict}, ("snapshot",))["snapshot"]
        snapshot = self.model.find_snapshot(id)
        snapshot.name = checked(fields, {"name": TEXT}, "snapshot").get("name", snapshot.name)
        return 200, {"snapshot": snapshot.described()}

    def do_delete_snapshot(self, request, id):
        request.parameters()
        return 202, self.operated(self.model.delete_snapshot(self.model.find_snapshot(id)))

    def do_restore_snapshot(self, request, id):
        request.parameters("name")
        fields = request.fields({"name": TEXT, "target_branch_id": TEXT, "finalize_restore": FLAG})
        branch, operations = self.model.restore_snapshot(self.model.find_snapshot(id), fields)
        return 200, self.operated(operations, branch=branch.described())

    def do_operations(self, request):
        query = request.parameters("limit", "cursor")
        found = list(self.model.operations.values())[-int(query.get("limit", "100")) :]
        return 200, self.operated(reversed(found), pagination={"cursor": found[0].id if found else ""})

    def do_operation(self, request, id):
        request.parameters()
        if id not in self.model.operations:
            raise Refusal(404, "operation not found")
        operation = self.model.operations[id]
        described = operation.described()
        operation.polls -= 1
        return 200, {"operation": described}

    # How it is connected to.
    def host(self, branch, pooled=False):
        if self.postgres:
            # Nobody listens on the other one: a pooled connection is of no use to pg_dump.
            return f"127.0.0.1:{1 if pooled else self.postgres.port}"
        return f"{branch.endpoint}{'-pooler' if pooled else ''}.eu-central-1.aws.neon.tech"

    def uri(self, branch, database, pooled=False):
        name = branch.place if self.postgres else database
        words = self.postgres.words if self.postgres else "sslmode=require&channel_binding=require"
        return f"postgresql://{ROLE}:{quote(self.password, safe='')}@{self.host(branch, pooled)}/{name}?{words}"

    def endpoints(self, branch):
        if not branch.endpoint:
            return []
        fields = {"id": branch.endpoint, "host": self.host(branch).split(":")[0], "project_id": self.project}
        fields |= {"branch_id": branch.id, "type": "read_write", "current_state": "active", "region_id": self.region}
        fields |= {"autoscaling_limit_min_cu": 0.25, "autoscaling_limit_max_cu": 0.25, "disabled": False}
        return [fields | {"created_at": stamp(branch.created), "updated_at": stamp(branch.created)}]

    def roles(self, branch):
        at = stamp(branch.created)
        return [{"branch_id": branch.id, "name": ROLE, "protected": False, "created_at": at, "updated_at": at}]

    def databases(self, branch):
        at = stamp(branch.created)
        more = {"owner_name": ROLE, "created_at": at, "updated_at": at}
        return [{"id": 1, "branch_id": branch.id, "name": DATABASE, **more}]

    def do_endpoints(self, request, id):
        return 200, {"endpoints": self.endpoints(self.model.find(id))}

    def do_all_endpoints(self, request):
        found = [self.endpoints(branch) for branch in self.model.branches.values()]
        return 200, {"endpoints": sum(found, [])}

    def do_make_endpoint(self, request):
        fields = request.fields({"endpoint": dict}, ("endpoint",))["endpoint"]
        checked(fields, ENDPOINT | {"branch_id": TEXT}, "endpoint", ("branch_id", "type"))
        branch = self.model.find(fields["branch_id"])
        operations = self.model.start_compute(branch)
        return 201, self.operated(operations, endpoint=self.endpoints(branch)[0])

    def do_roles(self, request, id):
        return 200, {"roles": self.roles(self.model.find(id))}

    def do_databases(self, request, id):
        return 200, {"databases": self.databases(self.model.find(id))}

    def do_password(self, request, id, role):
        self.model.find(id)
        if role != ROLE:
            raise Refusal(404, "role not found")
        return 200, {"password": self.password}

    def do_uri(self, request):
        query = request.parameters("branch_id", "endpoint_id", "database_name", "role_name", "pooled")
        if not query.get("database_name") or not query.get("role_name"):
            raise invalid("database_name and role_name are required")
        branch = self.model.find(query["branch_id"]) if "branch_id" in query else self.model.default()
        if query["database_name"] != DATABASE or query["role_name"] != ROLE:
            raise Refusal(404, "no such database or role")
        if not branch.endpoint:
            raise Refusal(404, "the branch has no read-write endpoint")
        if query.get("pooled", "false") not in ("true", "false"):
            raise invalid("pooled: not a boolean")
        return 200, {"uri": self.uri(branch, DATABASE, query.get("pooled") == "true")}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def serve(self):
        fake, size = self.server.fake, int(self.headers.get("Content-Length", "0"))
        request = Request(self, self.rfile.read(size))
        if len(request.body) != size:
            self.close_connection = True
            return
        with fake.lock:
            fake.requests.append(request)
            fake.keys.append(self.headers.get("Authorization"))
            try:
                request.status, value = fake.answer(request, fake.keys[-1])
            except Refusal as refusal:
                id = request.headers.get("x-request-id", str(uuid.uuid4()))
                request.status = refusal.status
                value = {"request_id": id, "code": refusal.code, "message": refusal.message}
        try:
            self.reply(request.status, b"" if value is None else json.dumps(value).encode())
        except OSError:
            self.close_connection = True

    def reply(self, status, body):
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = serve


def main():
    with NeonFake(port=int(sys.argv[1]) if len(sys.argv) > 1 else 0) as fake:
        print(json.dumps({"api_url": fake.api_url, "api_key": fake.api_key, "project": fake.project}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
