"""Messages pieced together by chance from what makes journeys hard: blocks of old encodings and things that only look like one,
escapes, octets of other sets, base64 with text behind it, boundaries, labels that are wrong. For tests/roundtrip/run."""

import base64
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
TNEF_IN_TEXT = (HERE.parent / "data" / "inbound" / "container-tnef-in-text.eml").read_bytes().split(b"\n\n", 2)[2]
LINES = [
    b"list", b"____", b"http://x.example/", b"-- ", b"Regards,", b"VGVzdA==", b"SGVsbG8gV29ybGQh", b"QUJD", b"=", b"==",
    b"\xff\xfe", b"\x1b$BF|K\\\x1b(B", b"\x1b(I1", b"~{<:Ky~}", b"caf\xc3\xa9", b"\xe9", b" ", b"\t", b"\x00", b"\xef\xbb\xbf",
    b"<table><tr><td>a<td>1<tr><td>b<td>22</table>", b"<p hidden>x", b'<div style="display:none">', b"</div>", b"<pre>",
    b"<meta charset=windows-1251>", b"\xcf\xf0", b"begin 644 a.txt\r\n#86)C\r\n`\r\nend", TNEF_IN_TEXT.replace(b"\n", b"\r\n"),
    b"a" * 70, b"A1b2" * 19, b"From: x@y.example", b"--q", b"--q--", b"stray line", b"Bcc: s@t.example"]
# No report: its line ends may change, which docs/conversion-out.md says.
TYPES = [
    b"text/plain", b"text/plain; name=a.txt", b"text/plain; format=flowed", b"text/plain; charset=utf-16",
    b"text/plain; charset=utf-16le", b"text/plain; charset=iso-2022-jp", b"text/plain; charset=hz-gb-2312; name=z.txt",
    b"text/html", b"text/html; charset=utf-8", b"text/html; name=p.html", b"text/csv; name=t.csv", b"text/calendar",
    b'application/pdf; name="\xcf\xf0.pdf"', b"application/x-odd", b"application/ms-tnef", b"message/rfc822",
    b"multipart/mixed; boundary=zz"]
ENCODINGS = [b"base64", b"quoted-printable", b"8bit", b"7bit", b"binary", b"x-uuencode", b"", b"x-foo"]
KINDS = [b"mixed", b"alternative", b"related", b"signed"]


def body(chance):
    lines = [chance.choice(LINES) if chance.random() < 0.7 else base64.b64encode(chance.randbytes(chance.randrange(1, 58)))
             for _ in range(chance.randrange(0, 25))]
    octets = b"\r\n".join(lines)
    if chance.random() < 0.3:
        octets = base64.b64encode(octets) + b"\r\n" + chance.choice(LINES)
    return octets + b"\r\n"


def fields(chance):
    octets = b""
    for field, values in ((b"Content-Type: ", TYPES), (b"Content-Transfer-Encoding: ", ENCODINGS)):
        octets += field + chance.choice(values) + b"\r\n"
        if chance.random() < 0.2:
            octets += chance.choice(LINES) + b"\r\n"
    return octets


def message(chance):
    octets = b"From: a@x.example\r\nSubject: s\r\nMIME-Version: 1.0\r\n"
    if chance.random() < 0.5:
        return octets + fields(chance) + b"\r\n" + body(chance)
    octets += b"Content-Type: multipart/" + chance.choice(KINDS) + b"; boundary=q\r\n\r\n"
    for _ in range(chance.randrange(0, 4)):
        octets += b"--q\r\n" + fields(chance) + b"\r\n" + body(chance)
    return octets + b"--q--\r\n"
