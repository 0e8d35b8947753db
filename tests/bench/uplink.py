"""A line to a server that is slower than the machine: a relay that lets only so many bytes a second through to it."""
import socket
import threading
import time

PIECE = 1 << 18


class Uplink:
    """Listens at `endpoint` for one server. All connections share the rate, as they would a line."""

    def __init__(self, endpoint, rate):
        host, _, port = endpoint.partition("://")[2].partition(":")
        self.server, self.rate = (host, int(port)), rate
        self.lock, self.free_at = threading.Lock(), 0.0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(self.server)
            except OSError:
                return
            for words in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._copy, args=words, daemon=True).start()

    def _wait_for(self, size):
        """Until the line has carried these bytes, too."""
        with self.lock:
            self.free_at = max(self.free_at, time.monotonic()) + size / self.rate
            until = self.free_at
        time.sleep(max(0.0, until - time.monotonic()))

    def _copy(self, source, sink, limited):
        memory = bytearray(PIECE)
        try:
            while size := source.recv_into(memory):
                if limited:
                    self._wait_for(size)
                sink.sendall(memoryview(memory)[:size])
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            source.close()
            sink.close()
