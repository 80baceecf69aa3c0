"""Malformed messages: one Case for each row of docs/malformed.md, the smallest message that shows the fault. What must
come of each stands in expected.json.
"""

from dataclasses import dataclass


@dataclass
class Case:
    name: str
    message: bytes


HEAD = b"From: a@example.com\r\nTo: b@example.net\r\nSubject: s\r\nMIME-Version: 1.0\r\n"


def mixed(*lines, boundary=b'boundary="b"'):
    return HEAD + b"Content-Type: multipart/mixed; " + boundary + b"\r\n\r\n" + b"\r\n".join(lines)


TEXT = b"Content-Type: text/plain\r\n\r\n"


def octets(encoding, body, name=b"f.bin"):
    return (b"Content-Type: application/octet-stream; name=\"" + name + b"\"\r\n"
            b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n" + body)


CASES = [
    # Boundaries
    Case("boundary-parameter-missing", HEAD + b"Content-Type: multipart/mixed\r\n\r\n--b\r\n" + TEXT + b"hello\r\n--b--\r\n"),
    Case("boundary-never-comes", mixed(b"hello", b"world", b"")),
    Case("boundary-not-closed", mixed(b"--b", TEXT + b"hello", b"--b", octets(b"base64", b"aGVsbG8="), b"")),
    Case("boundary-cut-in-part-header", mixed(b"--b", TEXT + b"hello", b"--b", b"Content-Type: text/pl")),
    Case("boundary-after-close", mixed(b"--b", TEXT + b"one", b"--b--", b"--b", TEXT + b"two", b"--b--", b"")),
    Case("boundary-text-after-close", mixed(b"--b", TEXT + b"one", b"--b--", b"behind", b"")),
    Case("boundary-text-before-first", mixed(b"before", b"--b", TEXT + b"one", b"--b--", b"")),
    Case("boundary-trailing-blanks", mixed(b"--b  \t", TEXT + b"one", b"--b-- \t", b"")),
    Case("boundary-with-more-behind", mixed(b"--b", TEXT + b"one", b"--bc", b"still one", b"--b--", b"")),
    Case("boundary-inside-line", mixed(b"--b", TEXT + b"one--b--", b"still one", b"--b--", b"")),
    Case("boundary-without-dashes", mixed(b"b", b"Content-Type: text/plain", b"", b"one", b"b", b"")),
    Case("boundary-ends-in-blank", mixed(b"--b ", TEXT + b"one", b"--b --", b"", boundary=b'boundary="b "')),
    Case("boundary-empty", mixed(b"--", TEXT + b"one", b"----", b"", boundary=b'boundary=""')),
    Case("boundary-longer-than-70", mixed(b"--" + b"x" * 200, TEXT + b"one", b"--" + b"x" * 200 + b"--", b"",
                                          boundary=b'boundary="' + b"x" * 200 + b'"')),
    Case("boundary-of-outer-inside-inner", HEAD + b'Content-Type: multipart/mixed; boundary="o"\r\n\r\n--o\r\n'
         b'Content-Type: multipart/alternative; boundary="i"\r\n\r\n--i\r\n' + TEXT + b"one\r\n--o\r\n"
         + octets(b"7bit", b"two") + b"\r\n--o--\r\n"),
    Case("boundary-inner-same-as-outer", HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n'
         b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n' + TEXT + b"one\r\n--b--\r\n--b\r\n"
         + octets(b"7bit", b"two") + b"\r\n--b--\r\n"),
    Case("boundary-inner-begins-with-outer", HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n'
         b'Content-Type: multipart/mixed; boundary="bc"\r\n\r\n--bc\r\n' + TEXT + b"one\r\n--bc--\r\n--b--\r\n"),
    Case("boundary-line-doubled", mixed(b"--b", b"--b", TEXT + b"one", b"--b--", b"")),
    Case("boundary-straight-after-part-header", mixed(b"--b", b"Content-Type: text/plain", b"--b", TEXT + b"two", b"--b--", b"")),
    Case("boundary-straight-after-header", HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n--b\r\n" + octets(b"base64", b"aGVsbG8=")
         + b"\r\n--b--\r\n"),
    Case("part-header-stray-line", mixed(b"--b", TEXT + b"one", b"--b", b"no field", octets(b"base64", b"aGVsbG8="), b"--b--", b"")),
    Case("part-header-stray-fold", mixed(b"--b", b"\tcharset=utf-8", octets(b"base64", b"aGVsbG8="), b"--b--", b"")),
    Case("part-header-indented", mixed(b"--b", b" " + octets(b"base64", b"aGVsbG8="), b"--b--", b"")),
    Case("part-header-missing", mixed(b"--b", b"Hello,", b"Subject: none", b"", b"one", b"--b--", b"")),
    Case("boundary-two-parameters", mixed(b"--b", TEXT + b"one", b"--b--", b"", boundary=b'boundary="b"; boundary="c"')),
    Case("boundary-quote-not-closed", mixed(b"--b", TEXT + b"one", b"--b--", b"", boundary=b'boundary="b')),
    Case("boundary-unquoted-with-specials", mixed(b"--a=b:c", TEXT + b"one", b"--a=b:c--", b"", boundary=b"boundary=a=b:c")),
    Case("multipart-without-parts", mixed(b"--b--", b"")),
    Case("multipart-in-base64", HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
         b"--b\r\n" + TEXT + b"one\r\n--b--\r\n"),
    Case("multipart-really-in-base64", HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
         b"LS1iDQpDb250ZW50LVR5cGU6IHRleHQvcGxhaW4NCg0Kb25lDQotLWItLQ0K\r\n"),
    Case("truncated-in-base64", mixed(b"--b", octets(b"base64", b"aGVsbG8gd29y"))),
    # Headers
    Case("header-without-blank-line", b"From: a@example.com\r\nSubject: s\r\nHello there\r\nsecond\r\n"),
    Case("header-only", b"From: a@example.com\r\nSubject: s\r\n"),
    Case("header-only-no-line-end", b"From: a@example.com\r\nSubject: s"),
    Case("header-none", b"\r\nhello\r\n"),
    Case("message-empty", b""),
    Case("header-first-line-folded", b" folded\r\nSubject: s\r\n\r\nhello\r\n"),
    Case("header-line-without-colon", b"From: a@example.com\r\nnonsense here\r\nSubject: s\r\nTo: b@example.net\r\n\r\nhello\r\n"),
    Case("header-line-after-address", b"From: a@example.com\r\n<evil@example.org>\r\nSubject: s\r\n\r\nhello\r\n"),
    Case("header-fold-lost", b"From: Bob\r\n<a@example.com>\r\nTo: b@example.net,\r\nc@example.net\r\nSubject:\r\ns\r\n"
         b"Date: Mon, 1 Jan 2001 10:00:00 +0000\r\n\r\nhello\r\n"),
    Case("header-last-line-stray", HEAD + b"Content-Type: application/pdf; name=a.pdf\r\n"
         b"Content-Transfer-Encoding: base64\r\ngarbage\r\n\r\nJVBERi0xLjQK\r\n"),
    Case("address-list-without-commas", b"From: a@example.com\r\nSubject: s\r\nTo: b@example.net c@example.net\r\n d@example.net\r\n\r\nhello\r\n"),
    Case("address-where-none-belongs", b'From: "Ann <a@example.com>"\r\nTo: Bob [mailto:b@example.net], C <SMTP:c@example.net>, d@example.net <D>\r\nSubject: s\r\n\r\nhello\r\n'),
    Case("address-of-nobody-in-brackets", b"From: a@example.com\r\nTo: <Undisclosed-Recipient:;>\r\nSubject: s\r\n\r\nhello\r\n"),
    Case("header-blank-before-colon", b"From: a@example.com\r\nSubject : s\r\n\r\nhello\r\n"),
    Case("header-name-empty", b"From: a@example.com\r\n: value\r\nSubject: s\r\n\r\nhello\r\n"),
    Case("header-mbox-line", b"From a@example.com Mon Jan  1 00:00:00 2001\r\nFrom: a@example.com\r\nSubject: s\r\n\r\nhello\r\n"),
    Case("header-mbox-line-quoted", b">From a@example.com Mon Jan  1 00:00:00 2001\r\nFrom: a@example.com\r\nSubject: s\r\n\r\nhello\r\n"),
    Case("header-blank-line-of-blanks", b"From: a@example.com\r\nSubject: s\r\n \t\r\nhello\r\n"),
    Case("header-fold-of-blanks-only", b"From: a@example.com\r\nSubject: s\r\n \r\n more\r\n\r\nhello\r\n"),
    Case("header-content-type-doubled", HEAD + b'Content-Type: text/html\r\nContent-Type: text/plain\r\n\r\n<b>x</b>\r\n'),
    Case("header-encoding-doubled", HEAD + b"Content-Type: text/plain\r\nContent-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n"),
    Case("header-subject-doubled", b"From: a@example.com\r\nSubject: one\r\nSubject: two\r\n\r\nhello\r\n"),
    Case("header-from-doubled", b"From: a@example.com\r\nFrom: c@example.com\r\nSubject: s\r\n\r\nhello\r\n"),
    Case("header-raw-8bit", b"From: a@example.com\r\nSubject: gr\xfc\xdfe\r\n\r\nhello\r\n"),
    Case("header-nul", b"From: a@example.com\r\nSubject: a\x00b\r\n\r\nhello\r\n"),
    Case("mime-version-missing", b"From: a@example.com\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + TEXT + b"one\r\n--b--\r\n"),
    # Line ends
    Case("bare-lf", b"From: a@example.com\nSubject: s\n\nhello\nworld\n"),
    Case("bare-lf-mixed", b"From: a@example.com\r\nSubject: s\n\r\nhello\nworld\r\n"),
    Case("bare-cr-in-text", b"From: a@example.com\r\nSubject: s\r\n\r\nhello\rworld\r\n"),
    Case("bare-cr-everywhere", b"From: a@example.com\rSubject: s\r\rhello\rworld\r"),
    Case("bare-cr-before-crlf", b"From: a@example.com\r\r\nSubject: s\r\r\n\r\r\nhello\r\r\n"),
    # Transfer encodings
    Case("base64-garbage", HEAD + octets(b"base64", b"aGVs*!bG8=\r\n")),
    Case("base64-cut", HEAD + octets(b"base64", b"aGVsbG8gd29ybGQ\r\n")),
    Case("base64-cut-one-character", HEAD + octets(b"base64", b"aGVsb\r\n")),
    Case("base64-data-after-padding", HEAD + octets(b"base64", b"aGVsbG8=\r\nd29ybGQ=\r\n")),
    Case("base64-blank-lines", HEAD + octets(b"base64", b"aGVs\r\n\r\nbG8=\r\n\r\n")),
    Case("base64-text-behind", HEAD + octets(b"base64", b"aGVsbG8=\r\n\r\n-- \r\nA list's footer.\r\n")),
    Case("base64-text-behind-little", HEAD + b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n"
         b"aGVsbG8=\r\n\r\n-- \r\nA list's footer, and where to leave it:\r\nhttp://list.example/\r\n"),
    Case("base64-word-behind", HEAD + octets(b"base64", b"VGVzdA==\r\nlist\r\nhttp://list.example/\r\n")),
    Case("base64-short-text-behind", HEAD + b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n"
         b"SGVsbG8gV29ybGQh\r\n____\r\nList mailing list\r\nhttp://list.example/\r\n"),
    Case("base64-short-page-behind", HEAD + b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n"
         b"PHA+SGVsbG8gV29ybGQh\r\n____\r\nList mailing list\r\nhttp://list.example/\r\n"),
    Case("base64-that-is-a-message", HEAD + b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
         b"From: b@example.com\r\nSubject: inner\r\n\r\nIt is (plain) text.\r\n"),
    Case("base64-that-is-text", HEAD + b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nThis is plain text, (really).\r\n"),
    Case("quoted-printable-bad-escape", HEAD + TEXT.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n") + b"a=XYb=3d=3Dc=\r\n"),
    Case("quoted-printable-cut-escape", HEAD + TEXT.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n") + b"end=3"),
    Case("quoted-printable-trailing-blanks", HEAD + TEXT.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n") + b"soft=  \r\nbreak  \r\nnext\r\n"),
    Case("quoted-printable-8bit", HEAD + b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ngr\xfc=DFe\r\n"),
    Case("encoding-unknown", HEAD + octets(b"x-strange", b"abc\r\ndef\r\n")),
    Case("encoding-misspelt", HEAD + octets(b"base 64", b"aGVsbG8=\r\n")),
    Case("encoding-empty", HEAD + octets(b"", b"aGVsbG8=\r\n")),
    Case("encoding-quoted", HEAD + octets(b'"base64"', b"aGVsbG8=\r\n")),
    Case("encoding-7bit-with-8bit", HEAD + b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 7bit\r\n\r\ngr\xfc\xdfe\r\n"),
    # Content-Type and names
    Case("type-without-subtype", HEAD + b"Content-Type: text\r\n\r\nhello\r\n"),
    Case("type-nonsense", HEAD + b"Content-Type: ;;; !!\r\n\r\nhello\r\n"),
    Case("type-without-semicolon", HEAD + b'Content-Type: multipart/mixed boundary="b"\r\n\r\n--b\r\n' + TEXT + b"one\r\n--b--\r\n"),
    Case("type-name-unquoted-blanks", HEAD + b"Content-Type: application/pdf; name=my file.pdf\r\n\r\nx\r\n"),
    Case("type-name-quote-not-closed", HEAD + b'Content-Type: application/pdf; name="my file.pdf\r\n\r\nx\r\n'),
    Case("type-comment", HEAD + b"Content-Type: (a) text/plain (b); charset=(c) utf-8\r\n\r\ngr\xc3\xbc\xc3\x9fe\r\n"),
    Case("name-encoded-word-in-quotes", HEAD + b'Content-Type: application/pdf; name="=?utf-8?B?Z3LDvMOfZS5wZGY=?="\r\n\r\nx\r\n'),
    Case("name-rfc2231-segment-missing", HEAD + b"Content-Type: application/pdf; name*0=a; name*2=c.pdf\r\n\r\nx\r\n"),
    Case("name-rfc2231-out-of-order", HEAD + b"Content-Type: application/pdf; name*1=b.pdf; name*0=a\r\n\r\nx\r\n"),
    Case("name-rfc2231-bad-percent", HEAD + b"Content-Type: application/pdf; name*=utf-8''gr%C3%BC%ZZ.pdf\r\n\r\nx\r\n"),
    Case("name-path", HEAD + b'Content-Type: application/pdf; name="C:\\\\dir\\\\..\\\\x.pdf"\r\n\r\nx\r\n'),
    Case("name-raw-8bit", HEAD + b'Content-Type: application/pdf; name="gr\xfc\xdfe.pdf"\r\n\r\nx\r\n'),
    # Character sets
    Case("charset-unknown", HEAD + b"Content-Type: text/plain; charset=x-nonsense\r\n\r\ngr\xc3\xbc\xc3\x9fe\r\n"),
    Case("charset-missing-8bit-utf8", HEAD + b"Content-Type: text/plain\r\n\r\ngr\xc3\xbc\xc3\x9fe\r\n"),
    Case("charset-missing-8bit-other", HEAD + b"Content-Type: text/plain\r\n\r\ngr\xfc\xdfe\r\n"),
    Case("charset-utf8-wrong", HEAD + b"Content-Type: text/plain; charset=utf-8\r\n\r\ngr\xfc\xdfe\r\n"),
    Case("charset-ascii-with-8bit", HEAD + b"Content-Type: text/plain; charset=us-ascii\r\n\r\ngr\xfc\xdfe\r\n"),
    Case("charset-page-says-its-own", HEAD + b"Content-Type: text/html\r\n\r\n<html><head><meta charset=windows-1251></head>"
         b"<p>\xcf\xf0\xe8\xe2\xe5\xf2</p>\r\n"),
    Case("charset-utf8-damaged", HEAD + b"Content-Type: text/plain; charset=utf-8\r\n\r\ngr\xc3\xbc\xdfe\r\n"),
    Case("text-that-is-none", HEAD + b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n"
         b"JVBERi0xLjQKgY0AQP/QCg==\r\n"),
    Case("text-of-blanks-in-alternative", HEAD + b"Content-Type: multipart/alternative; boundary=q\r\n\r\n--q\r\n"
         b"Content-Type: text/plain; charset=utf-8\r\n\r\n\xef\xbb\xbf\xc2\xa0\r\n--q\r\nContent-Type: text/html\r\n\r\n<p>the page\r\n--q--\r\n"),
    Case("charset-missing-utf8-damaged", HEAD + b"Content-Type: text/plain\r\n\r\n"
         + "äöüßéäöüßé ".encode() + b"\xe9\r\n"),
    Case("charset-missing-utf16", HEAD + b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n//5HAPwACgA=\r\n"),
    Case("charset-utf16-not-encoded", HEAD + b"Content-Type: text/plain; charset=utf-16le\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
         + "Gr\xfc\xdfe\nzwei\n".encode("utf-16le").replace(b"\n", b"\r\n") + b"\r\n"),
    Case("charset-latin1-that-is-cp1252", HEAD + b"Content-Type: text/plain; charset=iso-8859-1\r\n\r\n\x93quoted\x94 \x80\r\n"),
    Case("header-raw-in-the-texts-set", b"From: \xc8\xe2\xe0\xed <a@example.com>\r\nSubject: \xcf\xf0\xe8\xe2\xe5\xf2\r\n"
         b"Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\nContent-Type: text/plain; charset=windows-1251\r\n\r\n"
         b"\xcf\xf0\r\n--q\r\nContent-Type: application/msword; name=\"\xce\xf2.doc\"\r\n\r\nx\r\n--q--\r\n"),
    Case("header-raw-japanese", b"From: a@example.com\r\nSubject: \x95\x5c\x8e\xa6\r\nContent-Type: application/pdf; charset=shift_jis; "
         b"name=\"\x95\x5c\x8e\xa6.pdf\"\r\n\r\nx\r\n"),
    Case("header-empty-doubled", b"From:\r\nFrom: a@example.com\r\nSubject: \r\nSubject: s\r\nContent-Type: application/pdf\r\n"
         b"Content-Disposition: inline\r\nContent-Disposition: attachment; filename=a.pdf\r\nContent-Transfer-Encoding:\r\n"
         b"Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n"),
    Case("encoded-word-split-character", b"From: a@example.com\r\nSubject: =?utf-8?B?Z3LD?= =?utf-8?B?vMOf?=\r\n\r\nx\r\n"),
    Case("encoded-word-unknown-charset", b"From: a@example.com\r\nSubject: =?x-nonsense?Q?abc?=\r\n\r\nx\r\n"),
    Case("encoded-word-blanks-inside", b"From: a@example.com\r\nSubject: =?utf-8?Q?a b c?=\r\n\r\nx\r\n"),
    Case("encoded-word-not-closed", b"From: a@example.com\r\nSubject: =?utf-8?Q?abc\r\n\r\nx\r\n"),
    Case("encoded-word-base64-cut", b"From: a@example.com\r\nSubject: =?utf-8?B?aGVsbG8gd29ybGQ?=\r\n\r\nx\r\n"),
    Case("encoded-word-glued", b"From: a@example.com\r\nSubject: x=?utf-8?Q?abc?=y\r\n\r\nx\r\n"),
    # Enclosed messages
    Case("enclosed-in-base64", HEAD + b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogaW4NCg0KaGVsbG8NCg==\r\n"),
    Case("enclosed-empty", mixed(b"--b", TEXT + b"one", b"--b", b"Content-Type: message/rfc822", b"", b"--b--", b"")),
]
