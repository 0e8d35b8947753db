"""A real browser that shows a page and tells what it made of it, spoken to over a pipe: no port is opened."""
import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time


def find_browser():
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next((path for path in map(shutil.which, names) if path), None)


def high_pipe():
    """Both ends above the numbers that the browser wants for its own."""
    ends = []
    for end in os.pipe():
        ends.append(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10))
        os.close(end)
    return ends


class Browser:
    """One headless browser; `with Browser() as browser`."""

    def __init__(self, timeout=60):
        self.timeout, self.number, self.buffer, self.events = timeout, 0, b"", []

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="kist-browser-")
        ours, theirs = high_pipe(), high_pipe()

        def take_ends():
            os.dup2(ours[0], 3)
            os.dup2(theirs[1], 4)

        words = [find_browser(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                 "--no-first-run", "--disable-background-networking", "--disable-component-update",
                 "--force-color-profile=srgb", f"--user-data-dir={self.folder}", "--remote-debugging-pipe",
                 "about:blank"]
        self.process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=take_ends, pass_fds=(3, 4), start_new_session=True,
        )
        os.close(ours[0])
        os.close(theirs[1])
        self.to, self.back = ours[1], theirs[0]
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = None
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.to)
        os.close(self.back)
        shutil.rmtree(self.folder, ignore_errors=True)

    session = None

    def read(self):
        """The next message."""
        end = time.monotonic() + self.timeout
        while b"\0" not in self.buffer:
            if not select.select([self.back], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError("the browser does not answer")
            data = os.read(self.back, 1 << 16)
            assert data, "the browser has ended"
            self.buffer += data
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data):]
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                assert "error" not in answer, (method, answer)
                return answer["result"]
            self.events.append(answer)

    def show(self, path, width, dark=False):
        """Opens a file. Returns what it asked the network for, and what it complained of."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.events.clear()
        self.call("Page.navigate", url=f"file://{path}")
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self.read())
        self.script("1")
        of = {kind: [event["params"] for event in self.events if event.get("method") == kind] for kind in
              ("Network.requestWillBeSent", "Log.entryAdded", "Runtime.exceptionThrown")}
        asked = [params["request"]["url"] for params in of["Network.requestWillBeSent"]]
        return asked, of["Log.entryAdded"] + of["Runtime.exceptionThrown"]

    def script(self, text):
        return self.call("Runtime.evaluate", expression=text, returnByValue=True)["result"].get("value")

    def picture(self, path):
        """All of the page as a PNG."""
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
        path.write_bytes(base64.b64decode(data))
        return path
