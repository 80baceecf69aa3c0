"""A Postfix of our own: configuration, queue, log and a random loopback port below one directory.

Needs root and Debian's postfix package (its programs, the users postfix and postdrop), never the
machine's own configuration. Mail for domains that nobody set up stays in the queue, since nobody listens
on the loopback port it is sent to: no test sends anything off the machine.
"""

import collections
import json
import os
import pwd
import random
import re
import secrets
import smtplib
import socket
import stat
import subprocess
from pathlib import Path

from .checks import Failure, check, wait_for
from .processes import end, is_running, pids_naming, run

MAIN_CF = """\
compatibility_level = 3.6
config_directory = {top}/conf
queue_directory = {top}/spool
data_directory = {top}/data
mail_owner = postfix
setgid_group = postdrop
maillog_file = {top}/mail.log
maillog_file_prefixes = {top}
myhostname = {name}
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
disable_dns_lookups = yes
smtp_host_lookup = native
smtp_dns_support_level = disabled
smtpd_peername_lookup = no
alias_maps =
alias_database =
notify_classes =
biff = no
default_transport = smtp:[127.0.0.1]:1
relay_transport = $default_transport
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_error_sleep_time = 0
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
default_process_limit = 100
in_flow_delay = 0
smtpd_forbid_bare_newline = normalize
minimal_backoff_time = 5s
maximal_backoff_time = 5s
queue_run_delay = 5s
"""

MASTER_CF = """\
127.0.0.1:{port} inet n - n - 64 smtpd
pickup    unix  n - n 60  1 pickup
cleanup   unix  n - n -   0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n -   - trivial-rewrite
bounce    unix  - - n -   0 bounce
defer     unix  - - n -   0 bounce
trace     unix  - - n -   0 bounce
verify    unix  - - n -   1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -   - proxymap
smtp      unix  - - n -   - smtp
relay     unix  - - n -   - smtp
showq     unix  n - n -   - showq
error     unix  - - n -   - error
retry     unix  - - n -   - error
discard   unix  - - n -   - discard
local     unix  - n n -   - local
virtual   unix  - n n -   - virtual
lmtp      unix  - - n -   - lmtp
anvil     unix  - - n -   1 anvil
scache    unix  - - n -   1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


class Client(smtplib.SMTP):
    """Sends octets with LF line ends as a mail client does, with CR LF (smtplib would leave them)."""

    def data(self, msg):
        return super().data(re.sub(rb"\r?\n", b"\r\n", msg))


def environment_of_checks():
    """Lines of main.cf by which programs built with checks, which Postfix starts, write their reports where tests/sanitize/run looks."""
    names = [name for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS") if name in os.environ]
    if not names:
        return ""
    return "".join(f"{kind} = {run(['postconf', '-dh', kind]).stdout.decode().strip()} {' '.join(names)}\n"
                   for kind in ("import_environment", "export_environment"))


QueueFile = collections.namedtuple("QueueFile", "live claimed delivered")


class PrivatePostfix:
    def __init__(self, top, extra_main_cf=""):
        """Writes the configuration below `top`; extra_main_cf lines come last and so win."""
        check(os.geteuid() == 0, "a private Postfix needs root")
        self.top = Path(top)
        self.configuration = self.top / "conf"
        self.spool = self.top / "spool"
        self.log_file = self.top / "mail.log"
        self.name = f"mx-{self.top.name.lower().replace('_', '-').strip('-')}.test"
        self.port = 0
        self.started = False
        for directory in (self.configuration, self.spool, self.top / "data"):
            directory.mkdir()
            directory.chmod(0o755)
        os.chown(self.top / "data", pwd.getpwnam("postfix").pw_uid, -1)
        (self.top / "data").chmod(0o700)
        # Each process would warn of a line that another one overrides.
        own = [line for line in MAIN_CF.format(top=self.top, name=self.name).splitlines()
               if not re.search(rf"^{line.split()[0]}\s*=", extra_main_cf, re.MULTILINE)]
        main_cf = "\n".join(own) + "\n" + extra_main_cf + environment_of_checks()
        (self.configuration / "main.cf").write_text(main_cf)
        (self.configuration / "master.cf").write_text(MASTER_CF.format(port=1))
        self.age_configuration()

    def start(self, port=None):
        """`port`, if it is free still, else random ports until one is ours alone: Postfix shares ports silently (SO_REUSEPORT), so the
        greeting must show our name before anything is sent."""
        for _ in range(10):
            old, self.port = self.port, port or free_port()
            port = None
            service = f"127.0.0.1:{self.port}/inet"
            previous = f"127.0.0.1:{old or 1}/inet"
            self.command("postconf", "-MX", previous)
            self.command("postconf", "-M", f"{service}=127.0.0.1:{self.port} inet n - n - 64 smtpd")
            self.age_configuration()
            self.command("postfix", "start", timeout=120)
            self.started = True
            if self.answers_alone():
                return
            self.stop()
        raise Failure("found no loopback port of our own")

    def stop(self):
        """Ends the master, which ends its children, and what they spawned; all by pid."""
        if not self.started:
            return
        pids = self.pids()
        try:
            master = int((self.spool / "pid" / "master.pid").read_text())
        except (OSError, ValueError):
            master = 0
        if master in pids:
            end([master])
        # Give what it had started the time to see the end of its input, then insist.
        try:
            wait_for("Postfix to end", lambda: not any(map(is_running, pids)), 5)
        except Failure:
            end([pid for pid in pids if is_running(pid)])
        self.started = False

    def pids(self):
        """All processes of this Postfix: each has its queue directory as working directory or names
        this directory in its arguments."""
        own = set(pids_naming(self.spool)) | set(pids_naming(self.configuration))
        return [pid for pid in own if not is_ours(pid)]

    def reload(self):
        """Returns when no smtpd with the old configuration is left."""
        before = [pid for pid in self.pids() if program_name(pid) == "smtpd"]
        self.age_configuration()
        self.command("postfix", "reload")
        wait_for("the old smtpd processes to end", lambda: not any(map(is_running, before)))

    def restart(self):
        """As reload(); on the same port, if nobody takes it meanwhile. While master reads its configuration again nobody takes log lines in, and once ten
        of them wait, master waits with its own for ever: so not by reload where processes have just begun in numbers."""
        self.stop()
        self.start(self.port)

    def age_configuration(self):
        """Every program of Postfix waits a second or two while main.cf is younger than that."""
        for name in ("main.cf", "master.cf"):
            status = (self.configuration / name).stat()
            os.utime(self.configuration / name, (status.st_atime, status.st_mtime - 60))

    def command(self, program, *arguments, **keywords):
        """Runs one of Postfix's commands on this instance; its standard output as text."""
        done = run([program, "-c", self.configuration, *arguments], **keywords)
        return done.stdout.decode("utf-8", "replace")

    def listen(self, services):
        """Further smtpds, each with settings of its own: {name: {parameter: value}}; {name: port}. The name "chroot"
        among the parameters is the column of master.cf."""
        for _ in range(10):
            ports = {name: free_port() for name in services}
            for name, settings in services.items():
                options = " ".join(f"-o {{ {key} = {value} }}" for key, value in settings.items() if key != "chroot")
                self.set_service(f"127.0.0.1:{ports[name]}", "inet", settings.get("chroot", "n"), f"smtpd {options}")
            self.restart()
            if all([self.answers_alone(port) for port in ports.values()]):
                return ports
            for port in ports.values():
                self.command("postconf", "-MX", f"127.0.0.1:{port}/inet")
        raise Failure("found no loopback ports of our own")

    def set_service(self, name, kind, chroot, command):
        """An entry of master.cf; it counts from the next reload."""
        self.command("postconf", "-M", f"{name}/{kind}={name} {kind} n - {chroot} - 0 {command}")

    def answers_alone(self, port=None):
        def greetings():
            names = set()
            for _ in range(8):
                try:
                    with socket.create_connection(("127.0.0.1", port or self.port), 5) as connection:
                        connection.settimeout(10)
                        greeting = connection.recv(512).decode("ascii", "replace").split()
                        names.add(greeting[1] if len(greeting) > 1 else "")
                except OSError:
                    return None
            return names

        return wait_for("Postfix's greeting", greetings, 20) == {self.name}

    def client(self, port=None):
        """A connected smtplib.SMTP that has said EHLO."""
        client = Client("127.0.0.1", port or self.port, local_hostname="client.test", timeout=60)
        client.ehlo()
        return client

    def set(self, **parameters):
        """Changes main.cf by postconf -e."""
        self.command("postconf", "-e", *[f"{name} = {value}" for name, value in parameters.items()])
        self.age_configuration()

    # --- the queue -----------------------------------------------------------------------------

    def queue(self):
        """Every message in the queue, as postqueue -j tells it; asked again while it leaves one out: it reads one directory
        behind the other, and a file that Postfix moves meanwhile may be in neither."""
        def listing():
            before = self.queue_files()
            lines = self.command("postqueue", "-j").splitlines()
            found = [json.loads(line) for line in lines if line.strip()]
            left_out = before - {message["queue_id"] for message in found}
            return None if left_out & self.queue_files() else (found,)

        return wait_for("a whole listing of the queue", listing)[0]

    def queue_files(self):
        """The queue ids of all whole queue files. In the order in which they go on, then where a flush puts them back."""
        found = set()
        for directory in ("maildrop", "hold", "incoming", "active", "deferred", "incoming", "active"):
            for parent, _, names in os.walk(self.spool / directory):
                found.update(name for name in names if is_whole(Path(parent) / name))
        return found

    def queue_text(self):
        """What an administrator sees: postqueue -p."""
        return self.command("postqueue", "-p")

    def release(self):
        """Everything that is on hold, to be tried at once."""
        self.command("postsuper", "-H", "ALL")
        self.flush()

    def flush(self):
        self.command("postqueue", "-f")

    def wait_until_empty(self, limit=60):
        wait_for("an empty queue", lambda: not self.queue(), limit)

    def wait_until_settled(self, limit=60):
        """Until each message has been tried: nothing is on its way any more, only deferred or held."""
        resting = {"deferred", "hold"}
        wait_for("a settled queue", lambda: all(m["queue_name"] in resting for m in self.queue()), limit)

    def recipients_in_queue_file(self, queue_id):
        """Who stands in the queue file itself, by postcat: `live` (still to be delivered), `claimed`
        (taken out by a milter) and `delivered` (done by a transport)."""
        words = {"recipient": "live", "canceled_recipient": "claimed", "done_recipient": "delivered"}
        found = QueueFile([], [], [])
        for line in self.command("postcat", "-e", "-q", queue_id).splitlines():
            kind, _, value = line.partition(": ")
            if kind in words:
                getattr(found, words[kind]).append(value.strip())
        return found

    def live_recipients(self):
        """Every recipient that any queue file still holds."""
        addresses = []
        for queued in self.queue():
            addresses.extend(self.recipients_in_queue_file(queued["queue_id"]).live)
        return sorted(addresses)

    # --- the log -------------------------------------------------------------------------------

    def log(self):
        try:
            return self.log_file.read_text("utf-8", "replace")
        except OSError:
            return ""

    def whole_log(self):
        """With all that was said until now: postlogd, one process, writes what it is told in that order, but later."""
        mark = f"until here {secrets.token_hex(8)}"
        self.command("postlog", mark)
        self.wait_for_log(mark)
        return self.log()

    def wait_for_log(self, text, limit=30):
        wait_for(f"{text!r} in Postfix's log", lambda: text in self.log(), limit)

    def sendmail(self, octets, *arguments, environment=None):
        """Local submission, as a program on this machine does it."""
        run(["sendmail", "-C", self.configuration, *arguments], input=octets, environment=environment)


def is_whole(queue_file):
    """Postfix makes a queue file executable once all of it is there; until then no program of it knows the message. One that
    went meanwhile counts: it is elsewhere, or done."""
    try:
        return bool(queue_file.stat().st_mode & stat.S_IXUSR)
    except OSError:
        return True


def is_ours(pid):
    """Ourselves or a program we run in the foreground (its parent is this process)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return pid == os.getpid() or int(fields[1]) == os.getpid()
    except (OSError, IndexError, ValueError):
        return False


def program_name(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def free_port():
    """Below the ports that the kernel gives to clients: one of these could be taken between our look and Postfix's, and a
    Postfix that cannot bind ends."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(max(1024, first // 2), first)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def installed():
    return subprocess.run(["sh", "-c", "command -v postfix"], capture_output=True).returncode == 0
