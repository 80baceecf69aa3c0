"""Machines in one machine: namespaces with a network card, a host name, mounts and processes of their own.

A machine is a process (unshare(1)) whose child is the first process of the new world: when that is killed, everything in it is, at
once, as when a power supply fails. It ends with us, too, however we end (PR_SET_PDEATHSIG, --kill-child), and leaves nothing: its
mounts and its network go with it. The cable between machines is a bridge in the first one, so that nothing of it is seen outside.
"""

import collections
import ctypes
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "postfix"))
from harness.checks import Failure, check, wait_for  # noqa: E402
from harness.processes import is_running, run  # noqa: E402

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
NETWORK = "10.99.0."
# It takes in what others leave behind: to glusterd a brick that was killed would live on as a zombie.
FIRST_PROCESS = """
import os, time
while True:
    try:
        os.wait()
    except ChildProcessError:
        time.sleep(0.2)
"""


def within_network(pid, call):
    """What `call` returns in the network of that process: a socket made there stays there. A thread of its own has to enter it."""
    answer = {}

    def enter():
        try:
            with open(f"/proc/{pid}/ns/net") as network:
                check(LIBC.setns(network.fileno(), CLONE_NEWNET) == 0, f"cannot enter the network of process {pid}")
            answer["value"] = call()
        except BaseException as error:  # noqa: BLE001 (it is raised where it belongs)
            answer["error"] = error

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if "error" in answer:
        raise answer["error"]
    return answer["value"]


class Machine:
    """`number`: the last part of its address; `names`: {name: number} of all machines; `binds`: {what is seen: what it is}."""

    def __init__(self, top, name, number, names, binds=None):
        self.name = name
        self.number = number
        self.switch = None
        self.top = Path(top)
        hosts = self.top / f"hosts-{name}"
        hosts.write_text("127.0.0.1 localhost\n" + "".join(f"{NETWORK}{n} {host}\n" for host, n in names.items()))
        script = f"set -e\nhostname {name}\nip link set lo up\nmount --bind {hosts} /etc/hosts\n"
        for place, source in (binds or {}).items():
            script += f"mkdir -p {place} {source}\nmount --bind {source} {place}\n"
        script += f"echo ready\nexec {sys.executable} -c '{FIRST_PROCESS}'\n"
        self.outer = subprocess.Popen(
            ["unshare", "--net", "--uts", "--ipc", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
        if self.outer.stdout.readline() != b"ready\n":
            raise Failure(f"cannot make a machine of its own: {self.outer.stderr.read().decode()}")
        children = Path(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children").read_text().split()
        self.first = int(children[0])

    def inside(self, *command, user=None):
        """The words that run `command` in it."""
        words = ["nsenter", "-t", str(self.first), "-n", "-u", "-i", "-m", "-p", "--"]
        if user is not None:
            words += ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--"]
        return [*words, *map(str, command)]

    def run(self, *command, user=None, **keywords):
        return run(self.inside(*command, user=user), **{"timeout": 300, **keywords})

    def seen(self, path):
        """A path in it, as we can open it from here."""
        return Path(f"/proc/{self.first}/root{path}")

    def connect_to(self, switch):
        """A cable to the bridge in the machine `switch`, made there."""
        self.switch = switch
        end = f"port{self.number}"
        words = f"ip link add {end} type veth peer name eth0 netns {self.first} && ip link set {end} master bridge0 up"
        run(["nsenter", "-t", switch.first, "-n", "sh", "-c", words])
        self.run("sh", "-c", f"ip addr add {NETWORK}{self.number}/24 dev eth0 && ip link set eth0 up")

    def be_switch(self):
        self.run("sh", "-c", f"ip link add bridge0 type bridge && ip addr add {NETWORK}{self.number}/24 dev bridge0 && ip link set bridge0 up")

    def processor_time(self):
        """{program: seconds} of all that runs in it, with the children that they have seen end; what Postfix starts is Postfix's."""
        world = os.readlink(f"/proc/{self.first}/ns/pid")
        found = collections.Counter()
        for entry in os.listdir("/proc"):
            try:
                if not entry.isdigit() or os.readlink(f"/proc/{entry}/ns/pid") != world:
                    continue
                name, _, rest = Path(f"/proc/{entry}/stat").read_text().partition("(")[2].rpartition(")")
            except OSError:
                continue
            ticks = sum(map(int, rest.split()[11:15]))
            kind = name if name in ("smtpgate", "glusterfs", "glusterfsd") else "others"
            found[kind] += ticks / os.sysconf("SC_CLK_TCK")
        return found

    def kill(self):
        """SIGKILL to all that runs in it."""
        if self.outer.poll() is None:
            try:
                os.kill(self.first, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.outer.wait()
            if self.switch is not None and self.switch.outer.poll() is None:
                # Else its network would live on with our sockets in it, under an address that its successor has.
                run(["nsenter", "-t", self.switch.first, "-n", "ip", "link", "del", f"port{self.number}"], accept=None)
        self.outer.stdout.close()
        self.outer.stderr.close()
        wait_for(f"the end of {self.name}", lambda: not is_running(self.first))
