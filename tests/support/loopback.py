"""An HTTP server on a free port of loopback, with a thread for each request, for fakes that derive from it."""
import threading
from http.server import ThreadingHTTPServer


class Loopback:
    def listen(self, handler, port=0):
        """Takes the port; the handler finds this object as `self.server.fake`."""
        self.server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self.server.daemon_threads, self.server.fake = True, self
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def start(self):
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
