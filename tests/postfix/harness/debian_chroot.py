"""A Debian of its own below a directory: made by debootstrap from the archive that this machine's apt uses,
with processes, mounts and network apart, so that it may listen on any port and all of it ends together.

    with DebianChroot(top, ["postfix"]) as system:
        system.run("postfix", "start")

Not for tests of mail alone: a private Postfix (private_postfix.py) is made in a second, this in one or two minutes.
Whoever makes one calls reason_to_skip() first.
"""

import os
import shutil
import subprocess
from pathlib import Path

from .checks import Failure, wait_for

TOOLS = ("debootstrap", "unshare", "nsenter", "apt-get", "dpkg-deb", "ip")
SIZE = "2g"


def archive():
    """(address, suite) of the archive of this Debian release, as apt is configured; None if it has none."""
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    suite = release.get("VERSION_CODENAME", "").strip('"')
    try:
        done = subprocess.run(["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)", "Created-By: Packages"],
                              capture_output=True, text=True)
    except OSError:
        return None
    for line in done.stdout.splitlines():
        words = line.split()
        if len(words) == 3 and words[1:] == [suite, "main"]:
            return words[0], suite
    return None


def reason_to_skip():
    """Why no chroot can be made here; nothing if it can."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        return f"{', '.join(missing)}: not installed (postfix-conf/install-packages tests)"
    if os.geteuid() != 0:
        return "a chroot needs root"
    if archive() is None:
        return "apt knows no Debian archive of this release"
    if subprocess.run(["unshare", "--mount", "--net", "--pid", "--ipc", "--fork", "true"], capture_output=True).returncode != 0:
        return "no namespaces can be made here"
    return ""


class DebianChroot:
    def __init__(self, top, packages):
        """packages: what is installed beside the smallest system."""
        self.top = Path(top)
        self.root = self.top / "root"
        self.packages = packages
        self.first = None  # unshare(1), whose child is process 1 of the system
        self.mounted = False

    def __enter__(self):
        self.root.mkdir()
        # In memory it takes half the time; dpkg syncs each file.
        self.mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0755", "smtpgate-test", self.root],
                                      capture_output=True).returncode == 0
        try:
            self.bootstrap()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.first is not None:
            os.kill(self.first_inside, 9)  # and with it all others inside
            self.first.wait()
        if self.mounted:
            wait_for("the chroot to be free", lambda: subprocess.run(["umount", self.root], capture_output=True).returncode == 0)
        return False

    def bootstrap(self):
        address, suite = archive()
        log = self.top / "debootstrap.log"
        with open(log, "wb") as output:
            # In namespaces of its own: what a package starts by itself ends with it, and is seen by nobody.
            done = subprocess.run(
                ["unshare", "--mount", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc", "debootstrap", "--variant=minbase",
                 f"--include={','.join(self.packages)}", suite, self.root, address],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
        if done.returncode != 0:
            raise Failure("debootstrap failed:\n" + "\n".join(log.read_text("utf-8", "replace").splitlines()[-15:]))

    def start(self):
        script = f'mount -t proc proc "{self.root}/proc" && ip link set lo up && echo up && exec sleep infinity'
        self.first = subprocess.Popen(["unshare", "--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "sh", "-c", script],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                      start_new_session=True)
        if self.first.stdout.readline() != b"up\n":
            raise Failure("the namespaces of the chroot could not be set up")
        self.first_inside = int(Path(f"/proc/{self.first.pid}/task/{self.first.pid}/children").read_text().split()[0])

    def command(self, *arguments, inside=True):
        """The words that run a program in the system; inside=False: one of this machine's, on the system's network."""
        words = ["nsenter", f"--target={self.first_inside}", "--net"]
        if inside:
            words += ["--mount", "--pid", "--ipc", "--uts", "--", "chroot", str(self.root), "env", "-i",
                      "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"]
        return words + [str(argument) for argument in arguments]

    def run(self, *arguments, accept=(0,), inside=True, input=None, timeout=120):
        """What it printed, as text."""
        done = subprocess.run(self.command(*arguments, inside=inside), input=input, capture_output=True, text=True, timeout=timeout,
                              **({} if input is not None else {"stdin": subprocess.DEVNULL}))
        if accept is not None and done.returncode not in accept:
            raise Failure(f"{' '.join(map(str, arguments))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def begin(self, *arguments):
        """Starts a program in the system, without waiting; what it says goes to `began.out` in the top directory."""
        with open(self.top / "began.out", "ab") as output:
            return subprocess.Popen(self.command(*arguments), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)

    def path(self, name):
        """Where an absolute path of the system lies for us."""
        return self.root / name.lstrip("/")
