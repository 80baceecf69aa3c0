"""A milter of somebody else beside ours: it lets all pass but the end of the message, and there does as it is told.

Speaks version 6 of the milter protocol, as Postfix's milter8.c has it: packets of a length (4 octets), a letter and data.
"""

import socketserver
import struct
import threading

NEGOTIATE, MACROS, END, ABORT, QUIT, QUIT_NEW_CONNECTION = b"O", b"D", b"E", b"A", b"Q", b"K"
MAY_QUARANTINE = 0x20
ONLY_END = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x20 | 0x40 | 0x100 | 0x200  # none of the other events, please

CONTINUE, TEMPFAIL, REJECT, DISCARD = b"c", b"t", b"r", b"d"
QUARANTINE = b"q"


class ScriptedMilter:
    """Listens on a random loopback port. `at_end`: CONTINUE, TEMPFAIL, REJECT, DISCARD or QUARANTINE; it may be changed at any time."""

    CONTINUE, TEMPFAIL, REJECT, DISCARD, QUARANTINE = CONTINUE, TEMPFAIL, REJECT, DISCARD, QUARANTINE

    def __init__(self):
        self.at_end = CONTINUE
        milter = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                milter.converse(self)

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
        def say(letter, data=b""):
            peer.wfile.write(struct.pack(">I", 1 + len(data)) + letter + data)

        try:
            while len(head := peer.rfile.read(4)) == 4:
                packet = peer.rfile.read(struct.unpack(">I", head)[0])
                letter = packet[:1]
                if letter == NEGOTIATE:
                    _, actions, events = struct.unpack(">III", packet[1:13])
                    say(NEGOTIATE, struct.pack(">III", 6, actions & MAY_QUARANTINE, events & ONLY_END))
                elif letter == QUIT:
                    return
                elif letter == END and self.at_end == QUARANTINE:
                    say(QUARANTINE, b"to be looked at\0")
                    say(CONTINUE)
                elif letter == END:
                    say(self.at_end)
                elif letter not in (MACROS, ABORT, QUIT_NEW_CONNECTION):
                    say(CONTINUE)
        except OSError:
            return
