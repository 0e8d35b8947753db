"""HTTP/1.1 as it stands on the wire, for servers that must be able to break it: nothing is made better than it is."""
import socket
import struct

LINE_LIMIT = 4 << 20
# Where a fault may cut: everything is handed on in pieces of this size.
PIECE = 16 << 10


class Gone(Exception):
    """The other side has ended the connection."""


class Wire:
    """A connection with a buffer."""

    def __init__(self, sock):
        self.sock, self.buffer = sock, b""

    def fill(self):
        try:
            data = self.sock.recv(64 << 10)
        except OSError as error:
            raise Gone(str(error)) from error
        if not data:
            raise Gone("closed")
        self.buffer += data

    def head(self):
        """The bytes up to and with the empty line."""
        while b"\r\n\r\n" not in self.buffer:
            if len(self.buffer) > LINE_LIMIT:
                raise Gone("an endless head")
            self.fill()
            if not self.buffer[:1].isalpha():
                raise Gone("this is not HTTP")
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n"

    def pieces(self, size):
        """So many bytes, as they come; None: all to the end of the connection."""
        while size is None or size > 0:
            if not self.buffer:
                try:
                    self.fill()
                except Gone:
                    if size is None:
                        return
                    raise
            take = min(len(self.buffer), PIECE if size is None else min(size, PIECE))
            piece, self.buffer = self.buffer[:take], self.buffer[take:]
            size = None if size is None else size - take
            yield piece

    def chunks(self):
        """A chunked body, its framing taken off."""
        while True:
            while b"\r\n" not in self.buffer:
                self.fill()
            line, _, self.buffer = self.buffer.partition(b"\r\n")
            size = int(line.split(b";")[0], 16)
            yield from self.pieces(size)
            while len(self.buffer) < 2:
                self.fill()
            self.buffer = self.buffer[2:]
            if size == 0:
                return

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise Gone(str(error)) from error

    def close(self, reset=False):
        try:
            if reset:
                # No goodbye: what was not yet taken is thrown away, and the other side gets an RST.
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()


def parse_head(head):
    """(first line, [(name, value)])"""
    first, *lines = head.decode("latin-1")[:-4].split("\r\n")
    fields = [line.partition(":") for line in lines]
    return first, [(name.strip(), value.strip()) for name, _, value in fields]


def header(fields, name, default=None):
    return next((value for key, value in fields if key.lower() == name), default)


def make_head(first, fields):
    lines = [first, *(f"{name}: {value}" for name, value in fields)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def body_of(wire, fields, bodiless=False, reply=False):
    """The pieces of the body that follows a head."""
    if bodiless:
        return iter(())
    if "chunked" in header(fields, "transfer-encoding", "").lower():
        return wire.chunks()
    length = header(fields, "content-length")
    if length is None:
        return wire.pieces(None) if reply else iter(())
    return wire.pieces(int(length))
