"""What is measured beside one another in tests/bench/run: each a private Postfix with what takes mail out of it.

A peer starts and ends itself, says how many messages lie in its mailboxes, empties them, and lists its processes.
Not for measuring: run.
"""

import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "postfix"))
from harness import Scene, wait_for  # noqa: E402
from harness.private_postfix import PrivatePostfix  # noqa: E402
from harness.processes import end, is_running, pids_naming  # noqa: E402

BOXES = 50
DOMAIN = "bench.test"
# As the testbed found: 40 sessions must not measure Postfix's limits.
COMMON = "message_size_limit = 0\nmailbox_size_limit = 0\nvirtual_mailbox_limit = 0\nsmtpd_recipient_limit = 2000\n"


def count_files(directories):
    return sum(len(os.listdir(directory)) for directory in directories if directory.is_dir())


def empty(directories):
    for directory in directories:
        for entry in os.scandir(directory):
            shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)


class Peer:
    """With a Postfix that knows box0 to box49 at bench.test."""

    counts = True  # whether messages lie somewhere afterwards
    name = ""
    boxes = BOXES

    def __init__(self, top):
        self.top = Path(top) / re.sub(r"\W+", "-", self.name).strip("-").lower()
        self.top.mkdir()
        self.top.chmod(0o755)
        self.user = "daemon"
        self.account = pwd.getpwnam(self.user)
        self.postfix = None

    def owned(self, path):
        path.mkdir(parents=True)
        os.chown(path, self.account.pw_uid, self.account.pw_gid)
        return path

    def make_postfix(self, lines):
        self.postfix = PrivatePostfix(self.top, COMMON + lines)
        boxes = self.top / "boxes"
        boxes.write_text("".join(f"box{n}@{DOMAIN} box{n}/\n" for n in range(BOXES)))

    def start(self):
        self.postfix.start()

    def stop(self):
        self.postfix.stop()
        end([pid for pid in self.processes() if is_running(pid)])

    @property
    def port(self):
        return self.postfix.port

    def processes(self):
        return set(self.postfix.pids()) | set(pids_naming(self.top)) - {os.getpid()}

    def directories(self):
        return []

    def messages(self):
        return count_files(self.directories())

    def clear(self):
        empty(self.directories())

    def settle(self):
        """What is dirty is somebody else's work in the next round."""
        os.sync()
        time.sleep(0.2)

    def queue_is_empty(self):
        spool = self.postfix.spool
        return not any(files for queue in ("incoming", "active", "deferred", "maildrop")
                       for _, _, files in os.walk(spool / queue))


class Floor(Peer):
    """A milter that does nothing: what any milter costs."""

    counts = False

    def __init__(self, top, program, verb):
        self.name = "P0 discard" if verb == "discard" else "P0c delete"
        super().__init__(top)
        self.program, self.verb, self.process = program, verb, None
        self.make_postfix(f"virtual_mailbox_domains = {DOMAIN}\nvirtual_mailbox_maps = static:x\nvirtual_transport = discard:\n"
                          "smtpd_milters = { unix:floor/milter.sock, default_action=tempfail }\n")
        (self.postfix.spool / "floor").mkdir(mode=0o755)

    def start(self):
        socket = self.postfix.spool / "floor" / "milter.sock"
        socket.unlink(missing_ok=True)  # of the round before
        self.process = subprocess.Popen([self.program, self.verb, socket], start_new_session=True)
        wait_for("the floor's socket", socket.exists)
        super().start()

    def stop(self):
        super().stop()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def processes(self):
        return super().processes() | {self.process.pid}


class Maildir(Peer):
    name = "P1 virtual(8)"

    def __init__(self, top):
        super().__init__(top)
        account = self.account
        self.make_postfix(f"virtual_mailbox_domains = {DOMAIN}\nvirtual_mailbox_maps = texthash:{self.top}/boxes\n"
                          f"virtual_mailbox_base = {self.top}/mail\nvirtual_uid_maps = static:{account.pw_uid}\n"
                          f"virtual_gid_maps = static:{account.pw_gid}\nvirtual_minimum_uid = 1\n")
        self.owned(self.top / "mail")

    def directories(self):
        return [self.top / "mail" / f"box{n}" / "new" for n in range(BOXES)]

    def clear(self):
        empty([directory for directory in self.directories() if directory.is_dir()])


DOVECOT = """\
base_dir = {top}/run
log_path = {top}/dovecot.log
protocols = lmtp
listen = 127.0.0.1
ssl = no
mail_location = maildir:{top}/mail/%n
first_valid_uid = 1
mail_uid = {uid}
mail_gid = {gid}
default_login_user = {user}
default_internal_user = {user}
default_internal_group = {user}
default_process_limit = 100
default_client_limit = 1000
auth_username_format = %Ln
lmtp_save_to_detail_mailbox = no
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={top}/mail/%n allow_all_users=yes
}}
service lmtp {{
  process_limit = 40
  unix_listener {top}/spool/private/dovecot-lmtp {{
    mode = 0666
  }}
}}
"""


class Dovecot(Peer):
    name = "P2 Dovecot LMTP"

    def __init__(self, top):
        super().__init__(top)
        self.make_postfix(f"virtual_mailbox_domains = {DOMAIN}\nvirtual_mailbox_maps = texthash:{self.top}/boxes\n"
                          "virtual_transport = lmtp:unix:private/dovecot-lmtp\n")
        self.owned(self.top / "mail")
        self.process = None
        (self.top / "dovecot.conf").write_text(
            DOVECOT.format(top=self.top, user=self.user, uid=self.account.pw_uid, gid=self.account.pw_gid))

    def start(self):
        super().start()
        self.process = subprocess.Popen(["dovecot", "-F", "-c", self.top / "dovecot.conf"], start_new_session=True,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for("Dovecot's socket", (self.top / "spool" / "private" / "dovecot-lmtp").exists)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        super().stop()

    def processes(self):
        found = super().processes() | {self.process.pid}
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                if int(status.read_text().rpartition(")")[2].split()[1]) in found:
                    found.add(int(status.parent.name))
            except OSError:
                pass  # it has ended
        return found

    def directories(self):
        return [self.top / "mail" / f"box{n}" / "new" for n in range(BOXES)]

    def clear(self):
        empty([directory for directory in self.directories() if directory.is_dir()])


class Ripmime(Peer):
    """What people build today: a script for each recipient, a directory for each message."""

    name = "P4 ripmime"

    def __init__(self, top):
        super().__init__(top)
        self.mail = self.owned(self.top / "mail")
        for n in range(BOXES):
            self.owned(self.mail / f"box{n}")
        script = self.top / "take"
        script.write_text("#!/bin/sh\n"
                          f'd=$(mktemp -d "{self.mail}/$1/m-XXXXXXXX") || exit 75\n'
                          'ripmime -i - -d "$d" --no-nameless 2> /dev/null || exit 75\n')
        script.chmod(0o755)
        self.make_postfix(f"virtual_mailbox_domains = {DOMAIN}\nvirtual_mailbox_maps = texthash:{self.top}/boxes\n"
                          "virtual_transport = ripmime:\nripmime_destination_recipient_limit = 1\n")
        self.postfix.command("postconf", "-M", f"ripmime/unix=ripmime unix - n n - 20 pipe user={self.user} argv={script} $" + "{user}")

    def directories(self):
        return [self.mail / f"box{n}" for n in range(BOXES)]


class Gateway(Peer):
    """Ours. `way`: "delete" and "discard" claim at the milter, "door2" has none."""

    def __init__(self, top, programs, way, boxes=BOXES, name=""):
        self.name = name or {"delete": "smtpgate", "discard": "smtpgate discard", "door2": "smtpgate door 2"}[way]
        self.boxes = boxes
        super().__init__(top)
        os.environ["SMTPGATE_PROGRAMS"] = str(programs)
        self.way = way
        self.scene = Scene(mailboxes=[], daemon=False, domains=(DOMAIN,), main_cf=COMMON,
                           setup=("--no-milter",) if way == "door2" else ())
        self.scene.prefix = "smtpgate-bench-"
        self.scene.top = self.top / "scene"
        self.scene.top.mkdir()
        self.scene.make_place()
        self.scene.make_postoffice()
        people = self.scene.top / "people.csv"
        people.write_text("name\n" + "".join(f"box{n}\n" for n in range(boxes)))
        self.scene.postoffice("mailbox", "import", people)
        self.scene.configure()
        self.scene.lines["outbound"] = "enabled = false"
        if way == "discard":
            self.scene.lines["milter"] = f'claim = "discard"\npostfix_directory = "{self.scene.postfix.configuration}"'
        self.postfix = self.scene.postfix

    def start(self):
        self.postfix.start()
        self.scene.write_settings()
        if self.way != "door2":
            self.scene.start_daemon()
        if self.way == "discard":
            self.scene.wait_for_log("nothing in Postfix adds recipients")

    def stop(self):
        if self.scene.daemon is not None:
            self.scene.stop_daemon()
        super().stop()

    def processes(self):
        daemon = {self.scene.daemon.pid} if self.scene.daemon is not None else set()
        return super().processes() | daemon

    def directories(self):
        return [self.scene.postoffice_directory / "MBG" / f"box{n}" / "new" for n in range(self.boxes)]

    def clear(self):
        empty(self.directories())
        empty([self.scene.postoffice_directory / "MBG" / f"box{n}" / "ids" for n in range(self.boxes)])

    def resident(self):
        """The daemon's largest resident memory, in octets."""
        for line in Path(f"/proc/{self.scene.daemon.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        return 0
