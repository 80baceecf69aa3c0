"""Traps that a mailbox's owner lays in her own mailbag: under the names that messages will get, while they are filed, and for whoever
lists, reads, moves or removes what is there. For `run` beside it."""

import os
import pwd
import re
import shutil
import signal
import stat

from harness import check, check_equal, corner, message
from harness.processes import act_as, run, start_as

OWNER = "games"  # a user of every Debian system; nobody logs in as it
SECRET = b"the secret that must not leave\n"
CONTROLS = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")


def traps(place, directory, name):
    """What can lie under a name that a message is about to get; each made by the mailbox's owner."""
    path = directory / name
    return [lambda: path.symlink_to(place.secret), lambda: path.symlink_to(place.part("ben", "new") / "planted"), lambda: os.mkfifo(path),
            path.mkdir, lambda: path.write_bytes(b"mine"), lambda: path.symlink_to(place.kept), lambda: path.symlink_to(name)]


def take_away(path):
    path.rmdir() if not path.is_symlink() and path.is_dir() else path.unlink()


def letters(kind, count):
    return [message(subject=f"{kind} {number}") for number in range(count)]


def known_names(place, octets):
    """The names that these messages get: made of their content, so whoever sends them himself knows them."""
    for one in octets:
        place.scene.send(one, ["carl@example.test"])
    place.scene.wait_for_messages("carl", len(octets))
    names = {place.scene.show(path)["subject"]: path.name for path in place.scene.mailbag("carl")}
    for path in place.scene.mailbag("carl"):
        path.unlink()
    return [names[re.search(rb"Subject: (.*)", one).group(1).decode()] for one in octets]


def filed_subjects(place, mailbox):
    user = pwd.getpwnam(place.scene.user).pw_uid
    return sorted(place.scene.show(path)["subject"] for path in place.scene.mailbag(mailbox)
                  if stat.S_ISREG(path.lstat().st_mode) and path.lstat().st_uid == user)


def traps_for_filing(place):
    """Traps under the very names of messages, in new/ and in cur/, for both doors."""
    scene = place.scene
    for door in (1, 2):
        octets = letters(f"trap at door {door},", 14)
        names = known_names(place, octets)
        if door == 2:
            scene.stop_daemon()
        before = filed_subjects(place, "anna")
        for number, name in enumerate(names):
            directory = place.part("anna", ("new", "cur")[number // 7])
            act_as(OWNER, traps(place, directory, name)[number % 7])
        for one in octets:
            check_equal(scene.send(one, ["anna@example.test"]), {}, "refused recipients")
        scene.postfix.wait_until_empty()
        wanted = sorted(before + [f"trap at door {door}, {number}" for number in range(14)])
        check_equal(filed_subjects(place, "anna"), wanted, f"what door {door} filed beside the traps")
        place.check_untouched()
    check_equal(scene.mailbag("carl"), [], "what lies elsewhere")
    scene.start_daemon(as_root=True)
    corner("links, FIFOs, folders and files under a message's own name, in new/ and cur/, both doors: filed beside them")


def races(place):
    """The same while messages are filed: names that come and go and change their kind."""
    scene = place.scene
    octets = letters("race", 40)
    names = known_names(place, octets)

    def change_for_ever():
        """Makes what is free and takes away only what it made: messages are left alone."""
        turn = 0
        while True:
            made = []
            for place_in_list, name in enumerate(names):
                directory = place.part("anna", ("new", "cur")[(turn + place_in_list) % 2])
                try:
                    traps(place, directory, name)[(turn + place_in_list) % 7]()
                    made.append(directory / name)
                except OSError:
                    pass
            for path in made:
                take_away(path)
            turn += 1

    before = filed_subjects(place, "anna")
    child = start_as(OWNER, change_for_ever)
    try:
        for one in octets:
            check_equal(scene.send(one, ["anna@example.test"]), {}, "refused recipients")
        check_equal(os.waitpid(child, os.WNOHANG), (0, 0), "whoever lays the traps has ended")
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    scene.postfix.flush()
    scene.postfix.wait_until_empty()
    wanted = sorted(before + [f"race {number}" for number in range(40)])
    check_equal(filed_subjects(place, "anna"), wanted, "what was filed during the race")
    place.check_untouched()
    check(scene.daemon.poll() is None, "the daemon has ended")
    corner("40 messages while their names change their kind all the time: each filed once")


def mmff(subject=b"plain", extra=b"", text=b"TEXT:3\nhi\n", attachments=b""):
    return (b"VERSION:3.00\nTO:CSI:ACME/MAIN/anna\nFROM:CSI:ACME/MAIN/ben\nSUBJECT:" + subject + b"\n" + extra + attachments + text)


PLANTED = {
    "a1-link": None, "a2-fifo": None, "a3-folder": None, "a4-deep": None, "a5-dangling": None,
    "b1-attach": mmff(extra=b"XATTACH:%s s\n"),
    "b2-text": mmff(text=b"XTEXT:%s\n"),
    "b3-climb": mmff(extra=b"XATTACH:../../../../secret s\n"),
    "b4-huge": mmff(text=b"TEXT:99999999999999999\nhi\n"),
    "b5-empty": b"",
    "b6-octets": bytes(range(256)) * 64,
    "b7-lines": b"EXT:S:0:X\n" * 20000,
    "c1-escape": mmff(subject=b"\x1b]0;owned\x07\x1b[2J\x9b31m", text=b"TEXT:22\n\x1b[2J\x1b]0;owned\x07\x9b31m\r\x08ok\n"),
    "c2-names": mmff(attachments=b"ATTACHMENT:../../../../kept/x 2\nATTACHMENT:/etc/x 2\nATTACHMENT:.. 2\nATTACHMENT:message.txt 2\nATTACHMENT:\x1b[2J 2\n",
                     text=b"TEXT:3\nhi\nababababab"),
    "c3-receipt": mmff(extra=b"PRIORITY:R\n"),
    "c4\n\x1b[2Jname": mmff(),
}


def plant(place):
    """As the mailbox's owner can; in all three folders."""
    def lay():
        for part in ("new", "cur", "sent"):
            directory = place.part("dora", part)
            for name, octets in PLANTED.items():
                if octets is not None:
                    (directory / f"{part}-{name}").write_bytes(octets.replace(b"%s", bytes(place.secret)))
            (directory / f"{part}-a1-link").symlink_to(place.secret)
            (directory / f"{part}-a5-dangling").symlink_to("/nowhere")
            os.mkfifo(directory / f"{part}-a2-fifo")
            (directory / f"{part}-a3-folder").mkdir()
            (directory / f"{part}-a4-deep").symlink_to(place.kept)
        # Where the marks of receipts go.
        for name in ("new-c3-receipt", "cur-c3-receipt"):
            (place.part("dora", "cur") / f".receipt-{name}").symlink_to(place.secret)

    act_as(OWNER, lay)


def commands(place):
    """Every command that reads or moves, on all of it, as root, as the gateway's user and as the owner herself."""
    scene = place.scene
    for user in ("root", scene.user, OWNER):
        plant(place)
        out = scene.top / f"out-{user}"
        out.mkdir()
        shutil.chown(out, user)

        def say(*words):
            done = run([scene.top / "bin" / "postoffice", "-d", place.po, *words], user=None if user == "root" else user, accept=None, timeout=20)
            said = done.stdout + done.stderr
            check(done.returncode >= 0 and done.returncode != 70, f"as {user}: {words} ended with {done.returncode}: {said!r}")
            check(SECRET.strip() not in said, f"as {user}: {words} told the secret")
            check(not CONTROLS.search(said.replace(b"\r\n", b"\n")), f"as {user}: control characters in the answer to {words}: {said!r}")
            return done.returncode

        for words in (["list", "dora"], ["list", "--sent", "dora"], ["list", "--json", "dora"], ["mailbox", "show", "dora"]):
            check_equal(say(*words), 0, f"exit code of {words}")
        for part in ("new", "cur", "sent"):
            sent = ["--sent"] if part == "sent" else []
            for number, name in enumerate(PLANTED):
                identity = f"{part}-{name}"
                say("read", "dora", identity, "--headers", *sent)
                say("extract", "dora", identity, "--out", out / f"{part}-{number}", *sent)
                say("extract", "dora", identity, "--out", out / f"short-{part}-{number}", "--short-names", *sent)
        for number, name in enumerate(PLANTED):
            for part, state in (("new", "--read"), ("cur", "--unread")):
                say("mark", "dora", f"{part}-{name}", state, *(["--receipt"] if part == "new" else []))
        say("read", "dora", "cur-c3-receipt", "--mark-read", "--receipt")
        for path in out.rglob("*"):
            check(not path.is_symlink() and (path.is_dir() or SECRET.strip() not in path.read_bytes()), f"{path} holds the secret")
        check(any(path.name == "message.txt" for path in out.rglob("*")), "nothing was extracted at all")
        place.check_untouched()
        check_equal(sorted(place.scene.top.glob("kept/*")), [place.kept / "file"], "what an attachment's name reached")
        for part in ("new", "cur", "sent", "outbox"):
            for path in place.part("dora", part).iterdir():
                take_away(path)
    corner(f"{3 * len(PLANTED)} traps in new/, cur/ and sent/, read, extracted, moved and answered by root, gateway and owner")


def removal(place):
    """By root, of a mailbox that holds links to elsewhere."""
    scene = place.scene
    plant(place)
    run([scene.top / "bin" / "postoffice", "-d", place.po, "mailbox", "remove", "dora", "--with-messages"])
    check(not (place.po / "MBG" / "dora").exists(), "the mailbox is still there")
    place.check_untouched()
    corner("a mailbox full of links removed by root: only what is in it")
