"""Mail servers for tests: a real one (aiosmtpd) that keeps what it gets, and a wire that can be listened to and cut."""
import asyncio
import contextlib
import email
import email.policy
import hmac
import socket
import threading

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

USER, PASSWORD = "bob", "p@ss wörd-of-mail"

# By the name before the '@': what the server answers to a recipient, and to a message for one.
RECIPIENTS = {
    "tempfail": "451 4.3.0 try again later",
    "reject": "550-5.1.1 no such user\r\n550 5.1.1 ask somebody",
}
MESSAGES = {"full": "552 5.2.2 mailbox full", "later": "451 4.2.0 not now"}


class Mail:
    """One that was taken."""

    def __init__(self, envelope, session, tls):
        self.sender, self.recipients = envelope.mail_from, list(envelope.rcpt_tos)
        self.raw = envelope.original_content
        self.ehlo, self.tls = session.host_name, tls
        self.login = session.auth_data.login.decode() if session.auth_data else None
        self.message = email.message_from_bytes(self.raw, policy=email.policy.default)

    def __getitem__(self, header):
        return self.message[header]

    def part(self, kind):
        return self.message.get_body((kind,)).get_content()


class MailServer:
    """STARTTLS before anything else and a login before a mail, unless told otherwise. `context`: an ssl.SSLContext."""

    def __init__(self, context=None, implicit=False, login=True):
        self.mails, self.logins = [], []
        self.context, self.implicit, self.login = context, implicit, login
        self.loop = asyncio.new_event_loop()
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        assert self.ready.wait(10)
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()

    def take(self):
        """The mails since the last call."""
        mails, self.mails = self.mails, []
        return mails

    def _session(self):
        starttls = self.context is not None and not self.implicit
        return SMTP(
            self,
            hostname="mail.test",
            tls_context=self.context if starttls else None,
            require_starttls=starttls,
            auth_required=self.login,
            auth_require_tls=starttls,
            authenticator=self._authenticate,
            enable_SMTPUTF8=True,
            loop=self.loop,
        )

    def _serve(self):
        asyncio.set_event_loop(self.loop)
        context = self.context if self.implicit else None
        server = self.loop.run_until_complete(self.loop.create_server(self._session, "127.0.0.1", 0, ssl=context))
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        self.loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0.01))

    def _authenticate(self, server, session, envelope, mechanism, data):
        good = (
            isinstance(data, LoginPassword)
            and hmac.compare_digest(data.login, USER.encode())
            and hmac.compare_digest(data.password, PASSWORD.encode())
        )
        self.logins.append((mechanism, good))
        return AuthResult(success=good, handled=False, auth_data=data if good else None)

    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = RECIPIENTS.get(address.split("@")[0])
        if not answer:
            envelope.rcpt_tos.append(address)
        return answer or "250 2.1.5 taken"

    async def handle_DATA(self, server, session, envelope):
        names = [address.split("@")[0] for address in envelope.rcpt_tos]
        if "drop" in names:
            server.transport.abort()
            return "421 gone"
        for name in names:
            if name in MESSAGES:
                return MESSAGES[name]
        tls = server.transport.get_extra_info("ssl_object")
        self.mails.append(Mail(envelope, session, tls.version() if tls else None))
        return "250 2.0.0 stored"


class Wire:
    """A connection's way to a server (`port`; None: nobody, who says `greeting` alone), which takes notes of what
    clients send, and passes on what the server says through `edit`."""

    def __init__(self, port=None, edit=lambda data: data, greeting=b""):
        self.upstream, self.edit, self.greeting = port, edit, greeting
        self.sent = b""
        self.sockets = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for sock in [self.listener, *self.sockets]:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client = self.listener.accept()[0]
                self.sockets.append(client)
                client.sendall(self.greeting)
                server = socket.create_connection(("127.0.0.1", self.upstream)) if self.upstream else None
                if server:
                    self.sockets.append(server)
                    threading.Thread(target=self._pump, args=(server, client, self.edit), daemon=True).start()
                threading.Thread(target=self._pump, args=(client, server, self._note), daemon=True).start()

    def _note(self, data):
        self.sent += data
        return data

    def _pump(self, source, sink, edit):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                data = edit(data)
                if sink:
                    sink.sendall(data)
        for sock in (source, sink):
            if sock:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
