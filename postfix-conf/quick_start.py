"""What quick-start shows once the packages are there: build, start, send, look, clean up.

Uses the same private Postfix and set-up as the end-to-end tests (tests/postfix/harness). On a failure
it names the step, prints the logs and cleans up.
"""

import argparse
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests" / "postfix"))
sys.dont_write_bytecode = True

from harness import Failure, Scene, message, shipped_message, wait_for  # noqa: E402
from harness.processes import end, pids_naming  # noqa: E402

STEPS = 9
WIDTH = 108
DOMAIN = "example.com"
MARK = "smtpgate-quick-start"
MESSAGES = (  # file, envelope sender, envelope recipients
    ("plain.eml", "carol@harbour-supplies.example", ["anna@example.com"]),
    ("order.eml", "orders@rhine-valves.example", ["orders@example.com", "anna@example.com"]),
    ("newsletter.eml", "bounces+17@cafe-meridian.example", ["anna@example.com"]),
    ("latin1.eml", "j.mueller@pruefdienst.example", ["anna@example.com"]),
    ("forwarded.eml", "anna@partner.example", ["orders@example.com"]),
)


class Steps:
    """Numbered steps on the screen, each with its time; knows which one failed."""

    def __init__(self, first):
        self.number = first - 1
        self.name = ""

    def begin(self, name):
        self.number += 1
        self.name = name
        print(f"[{self.number}/{STEPS}] {name}", flush=True)

    @staticmethod
    def say(text):
        for line in text.rstrip("\n").splitlines():
            print(f"      {line}", flush=True)


def show(title, text, most=40):
    """A block of what a program printed or a file holds; long ones are cut, and it says so."""
    lines = text.rstrip("\n").splitlines()
    terminal = sys.stdout.isatty()
    print(f"\n      {chr(27)}[1m{title}{chr(27)}[0m" if terminal else f"\n      == {title}")
    for line in lines[:most]:
        for piece in textwrap.wrap(printable(line), WIDTH, subsequent_indent="    ", tabsize=8,
                                   drop_whitespace=False, replace_whitespace=False) or [""]:
            print(f"      | {piece}")
    if len(lines) > most:
        print(f"      | ... {len(lines) - most} more lines")
    sys.stdout.flush()


def printable(line):
    return "".join(c if c.isprintable() or c == "\t" else "." for c in line)


def build(steps):
    """Release, in build/; what is up to date is not built again. One build at a time. Nothing where SMTPGATE_PROGRAMS names programs."""
    if os.environ.get("SMTPGATE_PROGRAMS"):
        steps.say(f"programs in {os.environ['SMTPGATE_PROGRAMS']}, as SMTPGATE_PROGRAMS says")
        return
    directory = REPOSITORY / "build"
    directory.mkdir(exist_ok=True)
    log = directory / "quick-start.log"
    with open(directory / ".quick-start.lock", "w") as lock, open(log, "w+") as output:
        fcntl.flock(lock, fcntl.LOCK_EX)
        configure = ["cmake", "-S", REPOSITORY, "-B", directory, "-DCMAKE_BUILD_TYPE=Release"]
        if not (directory / "CMakeCache.txt").exists():
            configure.append("-DSMTPGATE_BUILD_TESTS=OFF")
        compile_ = ["cmake", "--build", directory, f"-j{os.cpu_count() or 2}", "--target",
                    "smtpgate", "postoffice", "smtpput", "smtpconv"]
        for command in (configure, compile_):
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            shown = 0
            for line in process.stdout:
                output.write(line)
                percent = re.match(r"\[ *(\d+)%\]|\[(\d+)/(\d+)\]", line)
                if percent:
                    done = int(percent[1]) if percent[1] else 100 * int(percent[2]) // int(percent[3])
                    if done >= shown + 20:
                        shown = done - done % 20
                        steps.say(f"{shown:3} %")
            if process.wait() != 0:
                output.seek(0)
                show(f"the end of {log}", "\n".join(output.read().splitlines()[-40:]))
                raise Failure("the build failed")
    steps.say(f"programs in {directory / 'bin'}")


def send_all(scene, steps):
    for name, sender, recipients in MESSAGES:
        refused = scene.send(shipped_message(name), recipients, sender)
        if refused:
            raise Failure(f"{name} was refused: {refused}")
        steps.say(f"{name:<15} from {sender:<33} to {', '.join(recipients)}")
    wanted = {}
    for _, _, recipients in MESSAGES:
        for recipient in recipients:
            box = recipient.split("@")[0]
            wanted[box] = wanted.get(box, 0) + 1
    for box, count in wanted.items():
        scene.wait_for_messages(box, count)
    scene.postfix.wait_until_empty()


OUTGOING = """\
VERSION:3.00
TO:SMTP:sales@example.com
FROM:CSI:ACME/MAIN/anna
SUBJECT:Offer for Harbour Supplies
ATTACHMENT:offer.csv 33
TEXT:40
Dear all,

the offer is attached.

Anna
item;price
valve;12.50
seal;0.80
"""


def send_out(scene, steps):
    """Out through Postfix, and back by it to another mailbox, as the address is ours."""
    dropped = scene.drop("anna", OUTGOING.encode(), "offer.API")
    steps.say(f"dropped as {dropped.relative_to(scene.postoffice_directory)}:")
    show("offer.API", OUTGOING)
    scene.wait_for_messages("sales", 1)
    scene.wait_until_sent()
    scene.postfix.wait_until_empty()
    line = next(line for line in scene.log().splitlines() if "smtpgate/outbound" in line and "status=sent" in line)
    show("the log: its queue id is Postfix's", line.split(" ", 2)[2])
    (received,) = scene.mailbag("sales")
    show(f"postoffice read sales {received.name[:12]}", scene.postoffice("read", "sales", received.name[:12]))
    left = list(dropped.parent.iterdir()) + scene.outgoing()
    steps.say(f"left in the outbox and in SMTP/: {len(left)} files")


def show_filed(scene):
    for box in ("anna", "orders"):
        show(f"postoffice list {box}", scene.postoffice("list", box))
    order = next(path for path in scene.mailbag("orders")
                 if scene.show(path)["subject"] == "Purchase order 4711")
    ident = order.name[:12]
    show(f"postoffice read orders {ident}", scene.postoffice("read", "orders", ident))
    # A directory of the gateway's user: the tool runs as that user here.
    target = scene.top / "work" / "extracted"
    scene.own_directory(target)
    scene.postoffice("extract", "orders", ident, "--out", target)
    listing = "\n".join(f"{file.stat().st_size:>8}  {file.name}" for file in sorted(target.iterdir()))
    show(f"postoffice extract orders {ident} --out DIR", listing)
    show("order-4711.csv", (target / "order-4711.csv").read_text())


def show_chain(scene):
    """The four files of the purchase order, as the original gateway named them (keep_chain)."""
    chain = scene.top / "work" / "chain"
    for directory in sorted(path for path in chain.iterdir() if path.is_dir()):
        if b"Purchase order 4711" in (directory / "SMTP_IN.822").read_bytes():
            break
    else:
        raise Failure(f"{chain} holds no chain files of the purchase order")
    names = ("SMTP_IN.ENV", "SMTP_IN.822", "API_OUT.TMP", "TO_NC.API")
    listing = "\n".join(f"{(directory / name).stat().st_size:>8}  {name}" for name in names)
    show("the chain of the purchase order, mail to mailbag", listing)
    for name in ("SMTP_IN.ENV", "TO_NC.API"):
        text = (directory / name).read_bytes().decode("utf-8", "replace")
        show(name, text, 36)


def demonstrate(scene, steps):
    steps.begin("send five messages by SMTP")
    send_all(scene, steps)

    steps.begin("what lies in the postoffice now")
    show_filed(scene)
    show_chain(scene)
    lines = [line for line in scene.log().splitlines() if "status=sent" in line]
    show("the gateway's log, a line per recipient", "\n".join(line.split(" ", 2)[2] for line in lines))
    show("postqueue -p", scene.postfix.queue_text())

    steps.begin("a file in an outbox is sent")
    send_out(scene, steps)

    steps.begin("an unknown recipient is refused, daemon or not")
    for daemon in ("running", "stopped"):
        if daemon == "stopped":
            scene.stop_daemon()
        refused = scene.send(message(), ["nobody@example.com"])
        if not refused:
            raise Failure("nobody@example.com was not refused")
        code, text = refused["nobody@example.com"]
        steps.say(f"daemon {daemon}: {code} {text}")
    scene.send(message(subject="Sent while the daemon was stopped"), ["anna@example.com"])
    scene.wait_for_messages("anna", sum("anna@example.com" in to for _, _, to in MESSAGES) + 1)
    scene.postfix.wait_until_empty()
    steps.say("daemon stopped: a message for anna was filed through door 2 all the same")


def keep_running(scene):
    scene.start_daemon()
    (scene.top / MARK).touch()
    tool = f"{scene.top}/bin/postoffice -d {scene.postoffice_directory}"
    print(f"""
Left running, all below {scene.top}:
  send more        /usr/sbin/sendmail -C {scene.postfix.configuration} anna@example.com   (or SMTP to 127.0.0.1:{scene.postfix.port})
  look             {tool} list anna
  send             {tool} send --from anna --to sales@example.com --subject Hello FILE
  queue            postqueue -c {scene.postfix.configuration} -p
  logs             {scene.postfix.log_file}  {scene.top}/log/smtpgate.log
  configuration    {scene.settings_file}
  stop             sudo sh {REPOSITORY}/postfix-conf/quick-start --stop {scene.top}""")


def run_demonstration(keep):
    started = time.monotonic()
    steps = Steps(2)
    # keep_chain: this is a show; a gateway at work keeps the chain of failed messages only.
    scene = Scene(daemon=False, keep_chain="always", domains=(DOMAIN,), mailboxes=("anna", "orders", "sales"),
                  prefix="smtpgate-quick-start-")
    failed = True
    try:
        steps.begin("build (the first time takes some minutes)")
        build(steps)
        steps.begin("a postoffice ACME/MAIN with the mailboxes anna, orders, sales and postmaster")
        scene.open()
        scene.make_place()
        scene.make_postoffice()
        steps.say(str(scene.postoffice_directory))
        steps.begin("a private Postfix, connected by smtpgate-setup")
        scene.configure()
        scene.postfix.start()
        scene.write_settings()  # its port is known now: it is where outgoing mail goes
        steps.say(f"127.0.0.1:{scene.postfix.port}, {scene.postfix.configuration}")
        steps.begin("smtpgate serve")
        scene.start_daemon()
        steps.say(f"pid {scene.daemon.pid}, milter socket {scene.socket}")
        demonstrate(scene, steps)
        if keep:
            keep_running(scene)
        failed = False
    except (Failure, OSError, subprocess.SubprocessError) as error:
        print(f"\nquick-start: step {steps.number}, {steps.name}, failed: {error}", file=sys.stderr)
        scene.report(sys.stderr)
    finally:
        if failed or not keep:
            scene.end()
    if failed:
        return 1
    if not keep:
        print(f"\nDone in {time.monotonic() - started:.0f} s; stopped and cleaned up."
              f"\nTo look around: sudo sh {os.path.relpath(REPOSITORY)}/postfix-conf/quick-start --keep"
              f"   (it prints how to stop it)")
    return 0


def stop(directory):
    """Only a directory that we left running: its mark is in it."""
    directory = Path(directory).resolve()
    if not (directory / MARK).exists():
        print(f"quick-start: {directory} is nothing that --keep left running", file=sys.stderr)
        return 64
    master = directory / "spool" / "pid" / "master.pid"
    ours = pids_naming(directory)
    if master.exists() and int(master.read_text()) in ours:
        end([int(master.read_text())])
    end([pid for pid in pids_naming(directory) if pid != os.getppid()])
    shutil.rmtree(directory)
    print(f"stopped, and removed {directory}")
    return 0


def main():
    parser = argparse.ArgumentParser(prog="quick-start")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--stop", metavar="DIR")
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    if options.stop:
        return stop(options.stop)
    return run_demonstration(options.keep)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("quick-start: interrupted; cleaned up")
