"""A designated host that does at each step what a test says: any reply, no reply, half a reply, one octet at a time.

For our own client alone. What it is asked for is an action for a stage of the session:

    None      what a good host says there
    octets    said as they are (a text gets its CRLF), and the session goes on
    Drip      the same, octet by octet
    Hang      nothing is said, until the peer leaves
    Cut       what is in it is said, then the connection is ended
"""

import base64
import dataclasses
import re
import socket
import ssl
import threading
import time

from .checks import wait_for


@dataclasses.dataclass
class Drip:
    text: str
    pause: float = 0.01  # between two octets


@dataclasses.dataclass
class Hang:
    text: str = ""  # a 2xx that is meant: the message counts as accepted, and nothing is said


@dataclasses.dataclass
class Cut:
    text: str = ""


class Gone(Exception):
    """The session is over."""


class Session:
    """What the script may look at: whose session it is and what has come."""

    def __init__(self, connection):
        self.connection = connection
        self.input = b""
        self.tls = False
        self.user = None
        self.password = None
        self.helo = ""
        self.in_transaction = False
        self.sender = None
        self.envelope_id = ""
        self.recipients = []
        self.commands = []

    def fill(self):
        try:
            octets = self.connection.recv(65536)
        except OSError as error:
            raise Gone from error
        if not octets:
            raise Gone
        self.input += octets

    def read_line(self):
        while b"\n" not in self.input:
            self.fill()
        line, _, self.input = self.input.partition(b"\n")
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def read_data(self):
        while not (self.input.startswith(b".\r\n") or b"\r\n.\r\n" in self.input):
            self.fill()
        if self.input.startswith(b".\r\n"):
            octets, self.input = b"", self.input[3:]
        else:
            octets, _, self.input = self.input.partition(b"\r\n.\r\n")
            octets += b"\r\n"
        return re.sub(rb"(?m)^\.", b"", octets)

    def write(self, octets):
        try:
            self.connection.sendall(octets)
        except OSError as error:
            raise Gone from error


@dataclasses.dataclass
class Accepted:
    sender: str
    recipients: list
    octets: bytes
    tls: bool
    user: str
    envelope_id: str  # ENVID: the message's ID in SMTP/


class ScriptedHost:
    """`script(stage, session, argument)` gives the action; stages: CONNECT, EHLO, HELO, STARTTLS, AUTH, USER, PASSWORD, MAIL,
    RCPT, DATA, END, RSET. It may be changed at any time. `extensions`: what EHLO announces, and `tls_extensions` after STARTTLS. `certificate`, `key`: files."""

    def __init__(self, script=None, extensions=("PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES"),
                 tls_extensions=None, certificate=None, key=None):
        self.script = script or (lambda stage, session, argument: None)
        self.extensions = extensions
        self.tls_extensions = extensions if tls_extensions is None else tls_extensions
        self.context = None
        if certificate:
            self.use_certificate(certificate, key)
        self.users = {}
        self.accepted = []
        self.sessions = []
        self.hanging = 0
        self.open = 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def use_certificate(self, certificate, key):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.context = context

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            sessions = list(self.sessions)
        for session in sessions:
            try:
                session.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = Session(connection)
            with self.lock:
                self.sessions.append(session)
                self.open += 1
            threading.Thread(target=self.serve_one, args=(session,), daemon=True).start()

    def serve_one(self, session):
        try:
            self.converse(session)
        except Gone:
            pass
        finally:
            session.connection.close()
            with self.lock:
                self.open -= 1

    # --- a session -----------------------------------------------------------------------------

    def say(self, session, stage, good, argument=""):
        """What the script wants said, else `good`; whether it was `good`'s kind of answer that was said."""
        action = self.script(stage, session, argument)
        text = good if action is None else action
        if isinstance(text, Hang):
            with self.lock:
                self.hanging += 1
            try:
                while True:
                    session.fill()
                    session.input = b""
            finally:
                with self.lock:
                    self.hanging -= 1
        if isinstance(text, Drip):
            for octet in text.text.encode() + b"\r\n":
                session.write(bytes([octet]))
                time.sleep(text.pause)
            return text.text.startswith(good[0])
        if isinstance(text, Cut):
            session.write(text.text.encode())
            raise Gone
        octets = text if isinstance(text, bytes) else text.encode() + b"\r\n"
        session.write(octets)
        if octets.startswith(b"421"):
            raise Gone
        return octets.splitlines()[-1].startswith(good[0].encode())

    @staticmethod
    def hello(name, extensions):
        lines = [name, *extensions]
        return "\r\n".join(f"250{'-' if at + 1 < len(lines) else ' '}{line}" for at, line in enumerate(lines))

    def converse(self, session):
        self.say(session, "CONNECT", "220 scripted.test ESMTP")
        while True:
            line = session.read_line()
            session.commands.append(line)
            verb, _, argument = line.partition(" ")
            verb = verb.upper()
            if verb in ("EHLO", "HELO"):
                session.helo = argument
            if verb == "EHLO":
                extensions = self.tls_extensions if session.tls else self.extensions
                self.say(session, "EHLO", self.hello("scripted.test", extensions), argument)
            elif verb == "HELO":
                self.say(session, "HELO", "250 scripted.test", argument)
            elif verb == "STARTTLS":
                self.start_tls(session)
            elif verb == "AUTH":
                self.authenticate(session, argument)
            elif verb == "MAIL":
                session.sender, session.recipients = path_in(argument), []
                session.envelope_id = argument.partition(" ENVID=")[2].partition(" ")[0]
                session.in_transaction = self.say(session, "MAIL", "250 2.1.0 Ok", argument)
            elif verb == "RCPT":
                if not session.in_transaction:
                    session.write(b"503 5.5.1 MAIL first\r\n")
                elif self.say(session, "RCPT", "250 2.1.5 Ok", argument):
                    session.recipients.append(path_in(argument))
            elif verb == "DATA":
                self.take_data(session)
            elif verb == "RSET":
                self.say(session, "RSET", "250 2.0.0 Ok")
            elif verb == "QUIT":
                session.write(b"221 2.0.0 Bye\r\n")
                raise Gone
            else:
                session.write(b"500 5.5.2 what?\r\n")

    def start_tls(self, session):
        if not self.say(session, "STARTTLS", "220 2.0.0 go on"):
            return
        if session.input:
            raise Gone  # our client waits for the reply
        try:
            session.connection = self.context.wrap_socket(session.connection, server_side=True)
        except (OSError, ValueError) as error:
            raise Gone from error
        session.tls = True

    def authenticate(self, session, argument):
        mechanism, _, initial = argument.partition(" ")
        if mechanism.upper() == "PLAIN":
            _, session.user, session.password = base64.b64decode(initial).decode().split("\0")
        else:
            self.say(session, "USER", "334 VXNlcm5hbWU6")
            session.user = base64.b64decode(session.read_line()).decode()
            self.say(session, "PASSWORD", "334 UGFzc3dvcmQ6")
            session.password = base64.b64decode(session.read_line()).decode()
        good = self.users.get(session.user) == session.password
        self.say(session, "AUTH", "235 2.7.0 welcome" if good else "535 5.7.8 wrong user or password", argument)
        if not good:
            session.user = None

    def take_data(self, session):
        if not session.recipients:
            session.write(b"554 5.5.1 no valid recipients\r\n")
            return
        if not self.say(session, "DATA", "354 go on"):
            return
        octets = session.read_data()
        # Accepted at the moment at which the reply is decided, whether or not it gets through.
        action = self.script("END", session, octets)
        text = getattr(action, "text", action)
        if action is None or (isinstance(text, str) and text.startswith("2")):
            with self.lock:
                self.accepted.append(Accepted(session.sender, list(session.recipients), octets, session.tls, session.user,
                                              session.envelope_id))
        self.say(session, "END", f"250 2.0.0 Ok: queued as S{len(self.accepted)}", octets)

    # --- for tests -----------------------------------------------------------------------------

    def wait_for_accepted(self, count, limit=60):
        wait_for(f"{count} messages at the host (there are {len(self.accepted)})", lambda: len(self.accepted) >= count, limit)
        return list(self.accepted)


def path_in(argument):
    found = re.search(r"<([^>]*)>", argument)
    return found.group(1) if found else ""
