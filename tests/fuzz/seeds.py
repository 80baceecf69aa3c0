"""Seeds for the fuzz programs, out of the test data of this repository and, where it is there, the public corpus: whole
messages and files, and what stands in them (values of header fields, parts without their transfer encoding). Each begins with
the octets of choices that its program wants (see the first comment of each fuzz_*.cpp)."""

import email
import email.policy
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parent / "data"
LARGEST = 16384  # octets; what is larger teaches nothing more
MOST = 120  # for a program

ADDRESSES = ("from", "to", "cc", "reply-to", "sender", "bcc")
PARAMETERS = ("content-type", "content-disposition")


def messages(corpus):
    paths = sorted(DATA.glob("**/*.eml"))
    if corpus and corpus.exists():
        # A few of each project.
        for folder in sorted(corpus.iterdir()):
            paths += sorted(folder.glob("**/*.eml"))[:60] if folder.is_dir() else []
    for path in paths:
        octets = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        if len(octets) <= 8 * LARGEST:
            yield octets


def headers(octets):
    head = octets.split(b"\r\n\r\n", 1)[0].replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
    for line in head.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if colon and value.strip():
            yield name.strip().lower().decode("latin-1"), value.strip()


def parts(octets):
    """Type, octets as they came, octets without the transfer encoding."""
    try:
        for part in email.message_from_bytes(octets).walk():
            if part.is_multipart():
                continue
            payload = part.get_payload(decode=True)
            raw = part.get_payload()
            if payload:
                yield part, raw.encode("utf-8", "surrogateescape") if isinstance(raw, str) else b"", payload
    except Exception:  # Python gives up; other messages will do
        return


class Seeds:
    def __init__(self):
        self.of = {}

    def add(self, program, choices, octets):
        found = self.of.setdefault(program, {})
        if 0 < len(octets) <= LARGEST and len(found) < MOST:
            found[bytes(choices) + octets] = None


def collect(corpus):
    """{program: [octets]}"""
    seeds = Seeds()
    for path in sorted(DATA.glob("**/*.api")):
        octets = path.read_bytes()
        seeds.add("mmff_reader", [3], octets)
        seeds.add("outbound", [0], octets)
        seeds.add("outbound", [3], octets)
    head = b"ID 0000000000000000000000000000001f\nCREATED 1795300000\nCHARSET UTF-8\nFROM NET/PO/a\nTO NET/PO/b\n"
    seeds.add("encapsulated", [1], head + b"\nVERSION:3.00\nFROM:CSI:NET/PO/a\nTO:CSI:NET/PO/b\nTEXT:0\n")
    seeds.add("encapsulated", [0], b"SMTPGATE-ENCAPSULATED 1\nMAC " + b"0" * 64 + b"\n" + head + b"\n")
    seeds.add("apple_file", [7], bytes.fromhex("00051600 00020000") + bytes(16) + bytes.fromhex(
        "0003 00000003 0000003e 00000001 00000001 0000003f 00000002 00000002 00000041 00000002") + b"naabb")
    seeds.add("rtf", [0], rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 A;}}\f0 a\'e9\u8364 ?\par{\*\x y}\trowd a\cell\row}")
    seeds.add("rtf", [0], rb"{\rtf1\ansi\fromhtml1{\*\htmltag64 <p>}\htmlrtf\par\htmlrtf0 a{\*\htmltag72 </p>}}")
    # MS-OXRTFCP 3.1
    seeds.add("rtf", [0x80], bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a00726370673132354232 0af32068656c09002062770 5b06c647d0a800fa0"
        .replace(" ", "")))
    for octets in messages(corpus):
        seeds.add("inbound", [255], octets)
        seeds.add("mime_parser", [9], octets)
        for name, value in headers(octets):
            if name in ADDRESSES:
                seeds.add("address_list", [], value)
            if name in ("date", "received"):
                seeds.add("mail_date", [], value.rsplit(b";", 1)[-1].strip())
            if name in PARAMETERS:
                seeds.add("mime_parameters", [], value)
            if b"=?" in value:
                seeds.add("encoded_word", [], value)
        for part, raw, payload in parts(octets):
            kind = part.get_content_type()
            encoding = str(part.get("content-transfer-encoding", "")).strip().lower()
            number = {"base64": 0, "quoted-printable": 1}.get(encoding, 2)
            seeds.add("transfer_decoder", [number, 7], raw)
            if kind == "text/html":
                seeds.add("html_to_text", [7], payload)
            if kind == "text/calendar":
                seeds.add("calendar", [7], payload)
            if kind in ("message/delivery-status", "message/disposition-notification", "text/rfc822-headers"):
                seeds.add("report", [7, 2], payload)
            if kind in ("application/ms-tnef", "application/vnd.ms-tnef") or payload.startswith(b"\x78\x9f\x3e\x22"):
                seeds.add("tnef", [63], payload)
            if kind == "application/applefile":
                seeds.add("apple_file", [7], payload)
            if kind == "text/plain":
                seeds.add("text_files", [len(payload) % 4, 7], payload)
                if any(octet > 127 or octet == 27 for octet in payload):
                    seeds.add("character_decoder", [len(payload) % 21, 7], payload[:2000])
            if b"begin " in payload or b"=ybegin" in payload or b"BinHex" in payload:
                seeds.add("text_files", [0, 7], payload)
                seeds.add("text_files", [4, 7], payload)
        if b"message/delivery-status" in octets:
            for piece in octets.split(b"message/delivery-status")[1:]:
                seeds.add("report", [7, 0], piece[:2000])
        if b"message/disposition-notification" in octets:
            for piece in octets.split(b"message/disposition-notification")[1:]:
                seeds.add("report", [7, 1], piece[:2000])
    if corpus and corpus.exists():
        for path in sorted(corpus.glob("**/*.tnef")):
            seeds.add("tnef", [63], path.read_bytes())
    return {program: list(found) for program, found in seeds.of.items()}
