"""The Internet, as far as tests need it: an SMTP server that keeps what it gets, and refuses what it is told to.

smtp-sink(1) throws content away or dumps it without a word about who it was for; a test of mail that goes out wants both.
"""

import dataclasses
import email
import email.policy
import re
import socket
import socketserver
import threading

from .checks import wait_for


@dataclasses.dataclass
class Received:
    sender: str
    sender_parameters: str
    recipients: list
    recipient_parameters: dict
    octets: bytes

    @property
    def parsed(self):
        return email.message_from_bytes(self.octets, policy=email.policy.default)


class Sink:
    """Listens on a random loopback port. `replies` maps a recipient (or "MAIL", "DATA", "END") to the reply it gets instead of
    250: "550 5.1.1 no such person"; it may be changed at any time."""

    def __init__(self):
        self.messages = []
        self.replies = {}
        self.connections = 0
        self.lock = threading.Lock()
        sink = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                sink.converse(self)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 100

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def converse(self, peer):
        with self.lock:
            self.connections += 1
        say = lambda text: peer.wfile.write(text.encode() + b"\r\n")  # noqa: E731
        say("220 sink.test ESMTP")
        sender, parameters, recipients = None, "", {}
        try:
            while line := peer.rfile.readline(65536):
                command = line.decode("utf-8", "replace").rstrip("\r\n")
                verb = command.upper()
                if verb.startswith(("EHLO", "HELO")):
                    say("250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250 ENHANCEDSTATUSCODES")
                elif verb.startswith("MAIL FROM:"):
                    path = re.match(r"<([^>]*)>\s*(.*)", command[10:])
                    sender, parameters, recipients = path.group(1), path.group(2), {}
                    say(self.replies.get("MAIL", "250 2.1.0 Ok"))
                elif verb.startswith("RCPT TO:"):
                    path = re.match(r"<([^>]*)>\s*(.*)", command[8:])
                    reply = self.replies.get(path.group(1), "250 2.1.5 Ok")
                    if reply.startswith("2"):
                        recipients[path.group(1)] = path.group(2)
                    say(reply)
                elif verb == "DATA":
                    if not recipients:
                        say("554 5.5.1 no valid recipients")
                        continue
                    say(self.replies.get("DATA", "354 go on"))
                    if "DATA" in self.replies:
                        continue
                    octets = self.read_data(peer.rfile)
                    reply = self.replies.get("END", "250 2.0.0 Ok")
                    if reply.startswith("2"):
                        with self.lock:
                            self.messages.append(Received(sender, parameters, list(recipients), recipients, octets))
                    say(reply)
                elif verb == "RSET":
                    say("250 2.0.0 Ok")
                elif verb == "QUIT":
                    say("221 2.0.0 Bye")
                    return
                else:
                    say("250 2.0.0 Ok")
        except (ConnectionError, socket.timeout):
            return

    @staticmethod
    def read_data(stream):
        lines = []
        while (line := stream.readline()) != b".\r\n":
            if not line:
                raise ConnectionError("the sender is gone in the middle of a message")
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)

    def wait_for_messages(self, count, limit=60):
        wait_for(f"{count} messages at the sink (there are {len(self.messages)})", lambda: len(self.messages) >= count, limit)
        return list(self.messages)
