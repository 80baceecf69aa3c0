"""The messages of a soak: made from a seed and a number, so that each can be told from all others and judged when it is filed.

Not for sending (soak_campaign.py)."""

import base64
import hashlib
import random
import re
import textwrap

MEGABYTE = 1 << 20
TYPICAL = 6000  # octets: half of all mail is smaller
SPREAD = 1.8  # of the logarithm; so one in a hundred is larger than 400 kB
LARGE_SHARE = 0.01  # and besides one in a hundred has a large attachment, of any size from here ...
LARGE = MEGABYTE
LARGEST = 25_000_000  # ... to here


def digest(octets):
    return hashlib.sha256(octets).digest()


def size_of(number, chance, largest):
    """The first ones are the edges, the others as real mail is."""
    edges = [1, largest, 2, 0]
    if number < len(edges):
        return edges[number]
    if chance.random() < LARGE_SHARE:
        return int(LARGE * (largest / LARGE) ** chance.random())
    return min(largest, max(1, int(chance.lognormvariate(0, SPREAD) * TYPICAL)))


def text_of(size, chance, alphabet="abcdefghijklmnopqrstuvwxyz   "):
    """Lines of letters with `size` octets in all; no line that means anything to anybody."""
    if size < 70:
        return "x" * size
    block = "".join(chance.choices(alphabet, k=2000))
    block = "\n".join(f"x{line}x" for line in textwrap.wrap(block, 66))
    text = (block + "\n") * (size // len(block) + 1)
    return text[:size - 1].rstrip(" \n") + "x"


class Message:
    """`octets` as a client sends it (LF), and what must be filed: the text's digest, and each attachment's."""

    def __init__(self, seed, number, largest=LARGEST):
        chance = random.Random(f"{seed}.{number}")
        self.number = number
        self.sender = f"sender{chance.randrange(50)}@sender.test"
        size = size_of(number, chance, largest)
        self.size = size
        kind = chance.choices(("plain", "umlauts", "quoted", "files"), (40, 15, 10, 35))[0]
        if size > LARGE or number == 1:
            kind = "files"
        self.attachments = []
        head, body = getattr(self, kind)(size, chance)
        lines = [f"From: Sender <{self.sender}>", "To: Some People <people@example.test>", f"Subject: {number}",
                 "Date: Mon, 06 Jan 2025 09:30:00 +0100", f"Message-ID: <{seed}.{number}@sender.test>", *head]
        self.octets = "\n".join(lines).encode() + b"\n\n" + body

    def expect_text(self, text):
        """Each line of what is filed ends, the last one too; an empty text is one."""
        octets = text.encode()
        self.text = digest(octets if octets.endswith(b"\n") or not octets else octets + b"\n")

    def plain(self, size, chance):
        text = text_of(size, chance)
        self.expect_text(text)
        return [], text.encode()

    def umlauts(self, size, chance):
        text = text_of(size, chance, "abcdefäöüß€  ")
        self.expect_text(text)
        return ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"], text.encode()

    def quoted(self, size, chance):
        text = text_of(size, chance, "abcdefghij=  ")
        self.expect_text(text)
        return ["MIME-Version: 1.0", "Content-Type: text/plain; charset=us-ascii",
                "Content-Transfer-Encoding: quoted-printable"], text.replace("=", "=3D").encode()

    def files(self, size, chance):
        count = min(chance.randint(1, 3), max(1, size))
        shares = [size // count] * (count - 1) + [size - size // count * (count - 1)]
        text = f"{count} files with message {self.number}"
        self.expect_text(text)
        boundary = f"=_{self.number}.{chance.randrange(1 << 40)}"
        pieces = [f"--{boundary}\nContent-Type: text/plain\n\n{text}\n".encode()]
        for place, share in enumerate(shares):
            content = chance.randbytes(share)
            self.attachments.append(digest(content))
            pieces.append((f"--{boundary}\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n"
                           f'Content-Disposition: attachment; filename="{place}.bin"\n\n').encode() + base64.encodebytes(content))
        pieces.append(f"--{boundary}--\n".encode())
        return ["MIME-Version: 1.0", f'Content-Type: multipart/mixed; boundary="{boundary}"'], b"".join(pieces)

    def expectation(self):
        """What is kept of it while it is on its way."""
        return Expectation(self.text, tuple(self.attachments))


class Expectation:
    def __init__(self, text, attachments):
        self.text = text
        self.attachments = attachments

    def is_met_by(self, filed):
        return (filed.text, filed.attachments) == (self.text, self.attachments)


class Filed:
    """What an MMFF file says (docs/mmff.md), read by other hands than smtpconv's; ValueError if it is no whole message."""

    def __init__(self, octets):
        sizes = []
        place = 0
        header_lines = 0  # on top of the text, for people
        while True:
            end = octets.index(b"\n", place)
            line, place = octets[place:end], end + 1
            word, _, value = line.partition(b":")
            if word == b"EXT":
                start, place = place, octets.index(b"\n", place) + 1
                if value.endswith(b":HEADLEN"):
                    header_lines = int(octets[start:place])
            elif word == b"SUBJECT":
                self.number = int(value)
            elif word == b"ATTACHMENT":
                sizes.append(int(re.search(rb" (\d+)$", value).group(1)))
            elif word == b"TEXT":
                break
        size = int(value)
        text = octets[place:place + size].split(b"\n", header_lines)[-1]
        place += size
        contents = []
        for size in sizes:
            contents.append(digest(octets[place:place + size]))
            place += size
        if place != len(octets):
            raise ValueError(f"{len(octets)} octets instead of {place}")
        self.text = digest(text)
        self.attachments = tuple(contents)
