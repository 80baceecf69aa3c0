"""A Scene: a private Postfix, a postoffice and the gateway, set up as an administrator would do it
(smtpgate-setup), below one temporary directory. Use it as a context manager:

    with Scene(mailboxes=["anna"]) as scene:
        scene.send(message(), to=["anna@example.test"])

On a failure inside, the logs and the queue are printed; in every case the processes are ended and the
directory is removed (not with SMTPGATE_TEST_KEEP=1).
"""

import json
import os
import pwd
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from .checks import Failure, check, wait_for
from .private_postfix import PrivatePostfix
from .processes import as_user, end, pids_naming, run

REPOSITORY = Path(__file__).resolve().parents[3]
UNIT = REPOSITORY / "postfix-conf" / "systemd" / "smtpgate.service"
SETUP = REPOSITORY / "postfix-conf" / "smtpgate-setup"
PROGRAMS = ("smtpgate", "postoffice", "smtpput", "smtpconv")
DOMAIN = "example.test"
POSTOFFICE = "ACME/MAIN"

SETTINGS = """\
[gateway]
hostname = "{hostname}"
user = "{user}"
work = "{top}/work"
keep_chain = "{keep_chain}"
log = "{top}/log/smtpgate.log"
{gateway}
[milter]
socket = "{socket}"
{milter}
[converter]
address_map = "{top}/ADDR_MAP.CFG"
{converter}
[designated_host]
hosts = [{hosts}]
{designated_host}
[outbound]
{outbound}
[[postoffice]]
name = "{postoffice}"
path = "{top}/po"
{tables}
"""


def host_list(hosts):
    """Designated hosts as smtpgate.toml wants them; a bare port is one on the loopback."""
    return ", ".join(f'"127.0.0.1:{host}"' if isinstance(host, int) else f'"{host}"' for host in hosts)


def programs_directory():
    """Where the build put the programs; SMTPGATE_PROGRAMS names another place."""
    return Path(os.environ.get("SMTPGATE_PROGRAMS", REPOSITORY / "build" / "bin"))


def gateway_user():
    """Door 2 and the daemon run as somebody without rights: smtpgate if it exists, else daemon."""
    for name in ("smtpgate", "daemon"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise Failure("there is neither a user smtpgate nor daemon")


class Scene:
    def __init__(self, mailboxes=("anna",), *, daemon=True, keep_chain="failed", domains=(DOMAIN,),
                 gateway="", milter="", converter="", designated_host="", outbound="", sink=None, hosts=(), main_cf="", setup=(),
                 office=POSTOFFICE, address_map="", tables="", prefix="smtpgate-test-", beside=()):
        """gateway, milter, converter, designated_host, outbound: further lines of these tables of smtpgate.toml; sink: the Sink
        to which Postfix sends what is not ours; hosts: ports (or "name:port") of other designated hosts than Postfix, which is
        then set up, but not started; main_cf: further lines of Postfix's main.cf; setup: further words for
        smtpgate-setup; office: the postoffice's name; address_map: further lines of ADDR_MAP.CFG; tables: what follows in
        smtpgate.toml, {top} being the scene's directory; beside: temporary directories of the test that its daemon reads, too."""
        self.mailboxes = mailboxes
        self.beside = beside
        self.with_daemon = daemon
        self.domains = domains
        self.keep_chain = keep_chain
        self.lines = {"gateway": gateway, "milter": milter, "converter": converter, "designated_host": designated_host,
                      "outbound": outbound}
        self.office = office
        self.address_map = address_map
        self.tables = tables
        self.main_cf = main_cf
        self.sink = sink
        self.hosts = hosts
        self.setup_words = setup
        self.prefix = prefix
        self.user = gateway_user()
        self.daemon = None
        self.postfix = None
        self.top = None

    # --- life ----------------------------------------------------------------------------------

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
        self.open()
        try:
            self.build()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, error, trace):
        if kind is not None and kind is not SystemExit:
            self.report(sys.stderr)
        complaints = self.sanitizers_complaints()
        if os.environ.get("SMTPGATE_TEST_KEEP"):
            print(f"kept: {self.top}", file=sys.stderr)
        else:
            self.end()
        check(kind is not None or not complaints, complaints)

    def sanitizers_complaints(self):
        """What a daemon that was built with checks has found: it goes on all the same, or ends by a signal that a test may want."""
        path = self.top / "log" / "serve.out"
        said = path.read_text("utf-8", "replace") if path.exists() else ""
        return said if re.search("Sanitizer|runtime error:", said) else ""

    def open(self):
        self.top = Path(tempfile.mkdtemp(prefix=self.prefix))

    def end(self):
        """Ends every process of the scene and removes its directory."""
        if self.top is None:
            return
        if self.daemon is not None:
            self.kill_daemon()
        if self.postfix is not None:
            self.postfix.stop()
        end(pids_naming(self.top))
        shutil.rmtree(self.top)

    def build(self):
        self.make_place()
        self.make_postoffice()
        self.configure()
        if self.with_daemon and (self.sink is None or self.hosts):
            self.start_daemon()
        if self.hosts:
            return
        self.postfix.start()
        # Its port is known only now, and it is our designated host.
        self.write_settings()
        if self.with_daemon and self.sink is not None:
            self.start_daemon()

    def report(self, stream):
        if self.top is None:
            return
        print(f"--- {self.top}", file=stream)
        for name in ("mail.log", "log/smtpgate.log", "log/serve.out"):
            path = self.top / name
            if path.exists():
                lines = path.read_text("utf-8", "replace").splitlines()[-60:]
                print(f"--- {name} (last {len(lines)} lines)", *lines, sep="\n", file=stream)
        if self.postfix is not None and self.postfix.started:
            print("--- postqueue -p", self.postfix.queue_text(), sep="\n", file=stream)

    # --- parts ---------------------------------------------------------------------------------

    @property
    def socket(self):
        return self.top / "spool" / "smtpgate" / "milter.sock"

    @property
    def settings_file(self):
        return self.top / "smtpgate.toml"

    @property
    def postoffice_directory(self):
        return self.top / "po"

    def make_place(self):
        self.top.chmod(0o755)
        self.copy_programs()
        for name in ("work", "log", "run", "srv"):
            self.own_directory(self.top / name)
        (self.top / "work").chmod(0o700)  # mail lies in it

    def copy_programs(self):
        """A copy that the gateway's user can reach, wherever the build lies (often below /root)."""
        source, target = programs_directory(), self.top / "bin"
        target.mkdir()
        for name in PROGRAMS:
            check((source / name).exists(), f"{source / name} is missing; build first (README.md)")
            shutil.copy2(source / name, target / name)
            (target / name).chmod(0o755)
        shutil.copy2(REPOSITORY / "tests" / "tsan.suppressions", self.top)

    def own_directory(self, path):
        path.mkdir(parents=True)
        entry = pwd.getpwnam(self.user)
        os.chown(path, entry.pw_uid, entry.pw_gid)
        path.chmod(0o755)

    def make_postoffice(self):
        self.own_directory(self.postoffice_directory)
        self.postoffice("init", "--name", self.office)
        for name in self.mailboxes:
            self.postoffice("mailbox", "add", name)

    def configure(self):
        """Both sides, Postfix by our own set-up script, as an administrator does it."""
        (self.top / "ADDR_MAP.CFG").write_text("".join(f"{self.office}  {d}\n" for d in self.domains) + self.address_map)
        self.postfix = PrivatePostfix(self.top, self.main_cf)
        if self.sink is not None:
            self.postfix.set(default_transport=f"smtp:[127.0.0.1]:{self.sink.port}")
        self.own_directory(self.socket.parent)
        # As smtpgate-setup says: the socket gets Postfix's group.
        shutil.chown(self.socket.parent, group="postfix")
        self.socket.parent.chmod(0o2750)
        self.write_settings()
        self.setup("apply")

    def write_settings(self, **changes):
        """smtpgate.toml; `changes` replace values of the template or its lines."""
        port = changes.pop("port", self.postfix.port or 1)
        values = {
            "top": self.top, "socket": self.socket, "user": self.user, "postoffice": self.office,
            "keep_chain": self.keep_chain, "hostname": self.postfix.name, "hosts": host_list(self.hosts or [port]),
            "tables": self.tables.replace("{top}", str(self.top)), **self.lines, **changes,
        }
        self.settings_file.write_text(SETTINGS.format(**values))

    def setup(self, verb, *words, accept=(0,)):
        """smtpgate-setup on the private Postfix; its output as text."""
        done = run(
            ["sh", SETUP, "-c", self.postfix.configuration, "--address-map", self.top / "ADDR_MAP.CFG",
             "--config", self.settings_file, "--program", self.top / "bin" / "smtpgate",
             "--user", self.user, *self.setup_words, *words, verb],
            accept=accept)
        self.postfix.age_configuration()
        return (done.stdout + done.stderr).decode()

    def write_secret(self, name, text):
        """A file that only the gateway's user can read; its path."""
        path = self.top / name
        path.write_text(text)
        shutil.chown(path, self.user)
        path.chmod(0o600)
        return path

    def findings(self, *kinds):
        """What smtpgate check finds of these kinds: "error", "warning", "ok"."""
        answer = self.program("smtpgate", "check", "--json", "--config", self.settings_file, "--postfix",
                              self.postfix.configuration, accept=None)
        return [found["text"] for found in json.loads(answer.stdout)["findings"] if found["kind"] in kinds]

    # --- the daemon ----------------------------------------------------------------------------

    def start_daemon(self, wait=True, environment=None, as_root=False):
        """`environment`: variables beside our own; as_root: as an administrator starts it, to become the user by itself."""
        # Ending in the middle of its threads' work is what the daemon does when it is told to stop.
        checks = {"TSAN_OPTIONS": f"report_thread_leaks=0 suppressions={self.top}/tsan.suppressions"}
        output = open(self.top / "log" / "serve.out", "ab")
        command = [self.top / "bin" / "smtpgate", "serve", "--config", self.settings_file]
        restricted = bool(os.environ.get("SMTPGATE_TEST_RESTRICTED")) and not as_root
        with output:
            self.daemon = subprocess.Popen(
                [*(self.restriction() if restricted else []), *command],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
                env={**checks, **os.environ, **(environment or {})}, **({} if as_root or restricted else as_user(self.user)))
        if wait:
            wait_for("the milter socket", self.daemon_answers)

    def restriction(self):
        """The words that make what follows run as its systemd unit says (restricted.py)."""
        postoffices = re.findall(r'^path = "(.*)"', self.settings_file.read_text(), re.MULTILINE)
        keep = [self.top, *self.beside]
        write = [*(self.top / name for name in ("work", "log", "run", "srv")), self.socket.parent,
                 *(path for path in postoffices if os.path.isdir(path))]
        return [sys.executable, Path(__file__).with_name("restricted.py"), "--unit", UNIT, "--user", self.user,
                *(f"--keep={path}" for path in keep), *(f"--write={path}" for path in write), "--"]

    def daemon_answers(self):
        if self.daemon.poll() is not None:
            raise Failure(f"smtpgate serve ended with exit code {self.daemon.returncode}")
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.socket))
                return True
            except OSError:
                return False

    def stop_daemon(self, limit=15):
        """SIGTERM; its exit code."""
        self.daemon.terminate()
        code = self.daemon.wait(limit)
        self.daemon = None
        return code

    def reload_daemon(self):
        """SIGUSR1, and until the configuration has been read again."""
        before = self.log().count("configuration read again")
        self.daemon.send_signal(signal.SIGUSR1)
        wait_for("the configuration to be read again", lambda: self.log().count("configuration read again") > before)

    def kill_daemon(self):
        """SIGKILL, at once."""
        if self.daemon.poll() is None:
            self.daemon.kill()
        self.daemon.wait()
        self.daemon = None

    def log(self):
        path = self.top / "log" / "smtpgate.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def wait_for_log(self, text, limit=30):
        wait_for(f"{text!r} in the gateway's log", lambda: text in self.log(), limit)

    # --- sending -------------------------------------------------------------------------------

    def send(self, octets, to, sender="carol@sender.test", mail_options=(), rcpt_options=(), port=None):
        """One SMTP session. The recipients that were refused: {address: (code, text)}; empty if all
        were taken. With no recipient left, nothing is sent. `port`: one of PrivatePostfix.listen()."""
        with self.postfix.client(port) as client:
            try:
                refused = client.sendmail(sender, to, octets, list(mail_options), list(rcpt_options))
            except smtplib.SMTPRecipientsRefused as error:
                refused = error.recipients
        return {address: (code, text.decode("utf-8", "replace")) for address, (code, text) in refused.items()}

    # --- the postoffice ------------------------------------------------------------------------

    def program(self, name, *arguments, **keywords):
        """One of our programs, as the gateway's user; its CompletedProcess."""
        return run([self.top / "bin" / name, *arguments], user=self.user, **keywords)

    def postoffice(self, *arguments, **keywords):
        """The tool `postoffice` on our postoffice; its standard output as text."""
        done = self.program("postoffice", "-d", self.postoffice_directory, *arguments, **keywords)
        return done.stdout.decode("utf-8", "replace")

    def mailbag(self, mailbox):
        """The message files of a mailbag, unread and read, oldest name first."""
        directory = self.postoffice_directory / "MBG" / mailbox
        return sorted(path for part in ("new", "cur") for path in (directory / part).iterdir())

    def wait_for_messages(self, mailbox, count, limit=60):
        """Waits until the mailbag holds `count` messages; more is a failure."""
        wait_for(f"{count} messages in {mailbox}", lambda: len(self.mailbag(mailbox)) >= count, limit)
        found = self.mailbag(mailbox)
        check(len(found) == count, f"{mailbox} holds {len(found)} messages instead of {count}")
        return found

    def drop(self, mailbox, octets, name="message.API"):
        """Puts a file into an outbox as a careful program does: written under another name, then renamed. Its path."""
        outbox = self.postoffice_directory / "MBG" / mailbox / "outbox"
        hidden = outbox / f".{name}"
        hidden.write_bytes(octets)
        shutil.chown(hidden, self.user)
        return hidden.rename(outbox / name)

    def outgoing(self):
        """Names of the messages that wait in SMTP/ or are taken by a host."""
        return sorted(p.name for p in (self.postoffice_directory / "SMTP").iterdir() if len(p.name.partition(".")[0]) == 32)

    def queue(self):
        """What `postoffice queue list --json` says: a list of messages."""
        return json.loads(self.postoffice("queue", "list", "--json"))["messages"]

    def wait_until_sent(self, limit=60):
        wait_for("SMTP/ to be empty", lambda: not self.outgoing(), limit)

    def show(self, path):
        """What an MMFF file says: the one message in it, as smtpconv show --json tells it."""
        answer = json.loads(self.program("smtpconv", "show", "--json", path).stdout)
        check(len(answer["messages"]) == 1, f"{path} holds {len(answer['messages'])} messages")
        return answer["messages"][0]

    def extract(self, path):
        """{name: octets}: the text (message.txt) and the attachments of an MMFF file."""
        directory = Path(tempfile.mkdtemp(dir=self.top / "work"))
        entry = pwd.getpwnam(self.user)
        os.chown(directory, entry.pw_uid, entry.pw_gid)
        self.program("smtpconv", "extract", "--out", directory, path)
        contents = {file.name: file.read_bytes() for file in directory.iterdir()}
        shutil.rmtree(directory)
        return contents
