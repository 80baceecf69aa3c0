"""Messages to send: made on the spot, or shipped in tests/data/messages."""

import hashlib
from pathlib import Path

SHIPPED = Path(__file__).resolve().parents[2] / "data" / "messages"


def message(subject="Hello", sender="carol@sender.test", to="anna@example.test", body="Just a line.\n",
            message_id=None, extra=()):
    """A plain message (octets, LF line ends). `extra`: further header lines. The Message-ID follows
    from the content: else Postfix would add one of its own, and sent twice it would be two messages."""
    if message_id is None:
        digest = hashlib.sha256("\n".join([subject, sender, to, body, *extra]).encode()).hexdigest()
        message_id = f"{digest[:24]}@sender.test"
    lines = [
        f"From: Carol Sender <{sender}>",
        f"To: {to}",
        f"Subject: {subject}",
        "Date: Mon, 06 Jan 2025 09:30:00 +0100",
        f"Message-ID: <{message_id}>",
    ]
    lines.extend(extra)
    return ("\n".join(lines) + "\n\n" + body).encode()


def shipped_message(name):
    return (SHIPPED / name).read_bytes()
