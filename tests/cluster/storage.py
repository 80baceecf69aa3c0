"""A GlusterFS volume of three bricks, each a copy of all (replica 3), on a machine of its own.

glusterd's working directory, log and sockets are that machine's alone, so that a GlusterFS that is installed for other purposes
is not touched.
"""

import hashlib
import os
import re
import signal
import time

from machines import Machine, wait_for

VOLUME = "mail"
BRICKS = 3


class Storage:
    def __init__(self, top, names, slower=0):
        """`slower`: so many milliseconds more for each sync of a file on a brick."""
        self.top = top
        self.machine = Machine(top, "storage", names["storage"], names, {
            "/var/lib/glusterd": top / "glusterd", "/var/log/glusterfs": top / "log", "/run/gluster": top / "run"})
        self.machine.be_switch()
        self.machine.run("glusterd", "-p", "/run/gluster/glusterd.pid")
        self.bricks = [top / f"brick{n}" for n in range(1, BRICKS + 1)]
        wait_for("glusterd", lambda: self.gluster("volume", "list", accept=None).returncode == 0)
        self.gluster("volume", "create", VOLUME, "replica", BRICKS, *(f"storage:{brick}" for brick in self.bricks), "force")
        if slower:
            self.slow_down(slower)
        self.gluster("volume", "start", VOLUME)

    def gluster(self, *words, **keywords):
        return self.machine.run("gluster", "--mode=script", *words, timeout=120, **keywords)

    def text(self, *words):
        return self.gluster(*words).stdout.decode()

    def brick_pid(self, number):
        """As we see it from outside; 0 if it does not run."""
        wanted = f"--brick-name\0{self.bricks[number - 1]}\0".encode()
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    if wanted in file.read():
                        return int(entry)
            except OSError:
                continue
        return 0

    def kill_brick(self, number):
        pid = self.brick_pid(number)
        os.kill(pid, signal.SIGKILL)
        wait_for("the brick to end", lambda: not self.brick_pid(number))

    def restore_brick(self, number):
        """Started again; what it missed is copied to it while the volume is used."""
        self.gluster("volume", "start", VOLUME, "force")
        wait_for("the brick", lambda: self.brick_pid(number))

    def wait_until_healed(self, limit=300):
        """How many seconds it took until no brick lacks anything."""
        begun = time.monotonic()
        self.gluster("volume", "heal", VOLUME, accept=None)

        def healed():
            counts = re.findall(r"Number of entries: (\S+)", self.text("volume", "heal", VOLUME, "info"))
            if counts == ["0"] * BRICKS:
                return True
            self.gluster("volume", "heal", VOLUME, accept=None)
            return False

        wait_for("all bricks to be healed", healed, limit, 1.0)
        return time.monotonic() - begun

    def contents(self, number):
        """{path: hash} of what lies on a brick, GlusterFS's own things left out."""
        found = {}
        brick = str(self.bricks[number - 1])
        for directory, names, files in os.walk(brick):
            if directory == brick:
                names.remove(".glusterfs")
            for name in names:
                found[os.path.relpath(os.path.join(directory, name), brick)] = "directory"
            for name in files:
                path = os.path.join(directory, name)
                with open(path, "rb") as file:
                    found[os.path.relpath(path, brick)] = hashlib.sha256(file.read()).hexdigest()
        return found

    def slow_down(self, milliseconds):
        """As on slow disks: by GlusterFS's own translator for tests, which a brick takes in when it starts."""
        self.gluster("volume", "set", VOLUME, "debug.delay-gen", "posix")
        for name, value in (("delay-percentage", 100), ("delay-duration", milliseconds * 1000), ("enable", "fsync,fsyncdir")):
            self.gluster("volume", "set", VOLUME, f"delay-gen.{name}", value)

    def end(self):
        self.machine.kill()
