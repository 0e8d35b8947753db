"""A connection pooler before a PostgreSQL server: it lends its sessions with the server to clients, for the time of a
transaction each."""
import contextlib
import socket
import struct
import threading

AUTHENTICATED = b"R" + struct.pack("!ii", 8, 0)


def exactly(sock, count):
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise ConnectionError("closed")
        data += more
    return data


def message(sock):
    """(type, the whole message)"""
    head = exactly(sock, 5)
    return head[:1], head + exactly(sock, struct.unpack("!i", head[1:])[0] - 4)


class Session:
    """One with the server, for whoever is next."""

    def __init__(self, path, parameters):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.sock.sendall(parameters)
        self.greeting = b""
        while True:
            kind, data = message(self.sock)
            if kind == b"Z":
                return
            if kind == b"S":
                self.greeting += data
            assert kind in b"RKSN", data

    def one_round(self, client, data):
        """Hands on what the client asks, up to the end of the answer; whether a transaction is open afterwards."""
        self.sock.sendall(data)
        while data[:1] not in (b"Q", b"S"):
            _, data = message(client)
            self.sock.sendall(data)
        while True:
            kind, data = message(self.sock)
            client.sendall(data)
            if kind == b"Z":
                return data[5:] != b"I"

    def roll_back(self):
        statement = b"ROLLBACK\0"
        self.sock.sendall(b"Q" + struct.pack("!i", 4 + len(statement)) + statement)
        while message(self.sock)[0] != b"Z":
            pass


class Pooler:
    """Listens on a free port of 127.0.0.1, without passwords. `sessions`: how many it has with the server."""

    def __init__(self, cluster, sessions):
        self.path, self.count = str(cluster.dir / f".s.PGSQL.{cluster.port}"), sessions
        self.sessions, self.next, self.lock = [], 0, threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.rounds = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        for session in self.sessions:
            session.sock.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client = self.listener.accept()[0]
                threading.Thread(target=self.serve, args=[client], daemon=True).start()

    def serve(self, client):
        with client, contextlib.suppress(OSError):
            self.greet(client)
            while True:
                kind, data = message(client)
                if kind == b"X":
                    return
                self.transaction(client, data)

    def greet(self, client):
        while True:
            size = exactly(client, 4)
            data = size + exactly(client, struct.unpack("!i", size)[0] - 4)
            if struct.unpack("!i", data[4:8])[0] >> 16 == 3:
                break
            client.sendall(b"N")  # neither TLS nor GSSAPI
        with self.lock:
            while len(self.sessions) < self.count:
                self.sessions.append(Session(self.path, data))
        key = b"K" + struct.pack("!iii", 12, 4711, 42)  # a number of its own, as poolers give
        client.sendall(AUTHENTICATED + self.sessions[0].greeting + key + b"Z" + struct.pack("!i", 5) + b"I")

    def transaction(self, client, data):
        with self.lock:
            session = self.sessions[self.next]
            self.next = (self.next + 1) % self.count
            self.rounds += 1
            open_one = session.one_round(client, data)
            try:
                while open_one:
                    kind, data = message(client)
                    if kind == b"X":
                        raise ConnectionError("left")
                    open_one = session.one_round(client, data)
            finally:
                if open_one:
                    session.roll_back()
