"""A day of a gateway that is busy enough to be seen: fixed data, as /status.json tells it. The end of it is always the same moment."""

import json
import math

NOW = 1795348980  # 2026-11-22 12:03 UTC
OFFICE = "ACME/MAIN"


def bins():
    result = []
    begin = (NOW // 300 + 1) * 300 - 72 * 300
    for i in range(72):
        wave = 1 + math.sin(i / 72 * math.pi * 1.3 - 0.7)
        jitter = (i * 7919) % 23
        down = 38 <= i < 42  # the daemon was away: door 2 took it
        busy = int(14 + 38 * max(wave, 0) + jitter)
        median = 0.0042 + (jitter % 7) * 0.0005
        result.append({
            "begin": begin + i * 300, "door_1": 0 if down else busy, "door_2": busy if down else jitter % 4,
            "out": 4 + (i * 31) % 9, "median_seconds": median * (3 if down else 1),
            "slow_seconds": median * (3 if down else 1) * (4 + (i * 13) % 5) + (0.35 if i in (20, 21, 55) else 0),
        })
    return result


PEOPLE = ["anna", "ben", "carl", "dora", "einkauf", "verkauf", "scanner", "postmaster"]
SENDERS = ["orders@wholesale.example", "carol@remote.example", "", "noreply@shop.example", "zoe@elsewhere.example"]


def recent():
    result = []
    for i in range(15):
        out = i % 5 == 3
        outcome = "sent" if out else {4: "duplicate", 9: "left", 10: "over_quota"}.get(i, "filed")
        result.append({
            "time_ms": (NOW - 4 - i * 9) * 1000, "way": "out" if out else "2" if i % 6 == 5 or i == 10 else "1",
            "id": f"01a2034{i:05x}512ec895037626c7ceed6" if out else f"4cVx1Z{i:X}yJkz9sR",
            "sender": f"{PEOPLE[i % 8]}@example.com" if out else SENDERS[i % 5],
            "recipient": "bob@far.example" if out else f"{PEOPLE[(i * 3) % 8]}@example.com",
            "recipients": 3 if i == 6 else 1, "result": outcome, "text": "filed as 6a5a in mailbox anna",
            "octets": 1800 + (i * 7919 * 13) % 260000, "seconds": 0.003 + (i * 37 % 11) * 0.0011,
        })
    return result


def waiting(number, recipient, reason, attempts, held=False):
    return {"id": f"01a203{number:02x}aa51142f711c3e17b98164bd", "mailbox": PEOPLE[number % 8], "created": NOW - number * 1500 - 600,
            "next_attempt": NOW + 240, "attempts": attempts, "held": held, "recipient": recipient, "recipients": 1, "reason": reason}


def report():
    return {
        "version": "0.1.0", "pid": 812, "now": NOW, "started": NOW - 11 * 86400, "configuration": "/etc/smtpgate/smtpgate.toml",
        "configuration_read": NOW - 86400 * 2, "listens": "/run/smtpgate/status.sock",
        "reload": {"time": NOW - 86400 * 2, "seconds": 0.004, "taken": True, "errors": []},
        "readiness": {"ready": True, "problems": {}}, "designated_host": "answers",
        "sessions_open": 6, "sessions": 48211, "totals": {"1": 91022, "2": 1204, "out": 8120},
        "minute": {"door_1": 11, "door_2": 0, "out": 1},
        "hour": {"door_1": 702, "door_2": 18, "out": 96, "octets": 41203311, "recipients": {"filed": 811, "duplicate": 4, "left": 7,
                 "over_quota": 3}, "outgoing": {"sent": 101, "deferred": 2}, "median_seconds": 0.0051, "slow_seconds": 0.027},
        "today": {"door_1": 5210, "door_2": 141, "out": 533, "octets": 402033110, "recipients": {"filed": 6001, "duplicate": 31},
                  "outgoing": {"sent": 588}, "median_seconds": 0.0049, "slow_seconds": 0.031},
        "bin_seconds": 300, "bins": bins(), "recent": recent(), "looked": NOW - 7,
        "queues": [{
            "postoffice": OFFICE, "waiting": 3, "taken": 1, "bad": 1, "oldest": NOW - 5100,
            "command": "postoffice -d /srv/postoffice letters",
            "messages": [
                waiting(3, "lager@partner.example", "host mx.partner.example[192.0.2.9]:25 said: 451 4.3.0 try again later (in reply to RCPT)", 4),
                waiting(2, "fax@hotel.example", "", 0, held=True),
                waiting(1, "zoe@elsewhere.example", "no connection to mx.elsewhere.example[192.0.2.77]:25: Connection timed out", 2)],
            "bad_messages": [waiting(9, "bücher@example.net", "error 144 in line 7: ATTACHMENT announces 40960 octets, 39116 follow", 1)],
            "problem": ""}],
        "disks": [
            {"place": "work", "path": "/var/spool/smtpgate", "free_bytes": 31 << 30, "size_bytes": 40 << 30, "free_inodes": 2611200,
             "inodes": 2621440, "problem": ""},
            {"place": OFFICE, "path": "/srv/postoffice/acme-main", "free_bytes": 61 << 30, "size_bytes": 1 << 40, "free_inodes": 58011201,
             "inodes": 67108864, "problem": ""}],
        "mailbags": {
            "counted": NOW - 1260, "mailboxes": 214, "uncounted": 0,
            "offices": {OFFICE: {"postoffice": OFFICE, "mailbox": "", "messages": 120411, "unread": 4011, "octets": 31 << 30}},
            "largest": [{"postoffice": OFFICE, "mailbox": name, "messages": 21000 // (i + 1), "unread": 1201 // (i + 2),
                         "octets": int((9 << 30) / (i + 1) ** 1.35)} for i, name in enumerate(PEOPLE)]},
        "check": {"made": NOW - 1240, "ok": 23, "findings": [
            {"kind": "warning", "text": "smtpd_recipient_restrictions does not ask smtpgate-lookup for rights, so mail for mailboxes that take "
                                        "none from the Internet is refused by door 2 only; see flow.md"}]},
        "log": [
            {"time_ms": (NOW - 3900) * 1000, "severity": "warning", "text": "4cVx1Z2yJkz9sR: <einkauf@example.com> left for door 2: mailbox einkauf is full"},
            {"time_ms": (NOW - 9300) * 1000, "severity": "warning", "text": "01a20309aa51: set aside in SMTP/BAD: error 144 in line 7: ATTACHMENT "
                                                                            "announces 40960 octets, 39116 follow"}],
    }


if __name__ == "__main__":
    print(json.dumps(report()))
