"""What the commands that measure mail that comes in share: a fresh disk, processor time, and one measurement.

Not for who is measured: peers.py; nor for tables: run, grown.
"""

import contextlib
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import peers as makers

# --- the disk --------------------------------------------------------------------------------------


@contextlib.contextmanager
def fresh_disk(gibibytes, inodes=None):
    """An ext4 with a journal in a file of zeros; its directory. The path says where nothing can be mounted."""
    place = Path(tempfile.mkdtemp(prefix="smtpgate-bench-"))
    place.chmod(0o755)
    image, mounted, device = place / "image", place / "disk", None
    mounted.mkdir()
    try:
        subprocess.run(["dd", "if=/dev/zero", f"of={image}", "bs=1M", f"count={gibibytes * 1024}", "status=none"], check=True)
        device = subprocess.run(["losetup", "--find", "--show", "--direct-io=on", image], check=True, capture_output=True,
                                text=True).stdout.strip()
        subprocess.run(["mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", *(["-N", str(inodes)] if inodes else []),
                        device], check=True)
        subprocess.run(["mount", device, mounted], check=True)
        mounted.chmod(0o755)
        yield mounted
    finally:
        subprocess.run(["umount", mounted], capture_output=True)
        if device:
            subprocess.run(["losetup", "--detach", device], capture_output=True)
        shutil.rmtree(place, ignore_errors=True)


def flush_milliseconds(directory):
    """How long one flush takes here, since machines differ by a hundred times."""
    took = []
    for number in range(20):
        began = time.perf_counter()
        with open(directory / f"flush{number}", "wb") as file:
            file.write(b"x" * 8192)
            os.fsync(file.fileno())
        took.append((time.perf_counter() - began) * 1000)
        os.unlink(directory / f"flush{number}")
    return statistics.median(took)


# --- processor time --------------------------------------------------------------------------------


class Accounting:
    """Processor time of processes and of all that they start from now on, ended ones included."""

    def __init__(self):
        for base, usage in (("/sys/fs/cgroup/cpuacct", "cpuacct.usage"), ("/sys/fs/cgroup", "cpu.stat")):
            directory = Path(base) / f"smtpgate-bench-{os.getpid()}"
            with contextlib.suppress(OSError):
                directory.mkdir()
                if (directory / usage).exists():
                    self.directory, self.usage = directory, directory / usage
                    return
                directory.rmdir()
        sys.exit("no control group counts processor time here (cpuacct, or version 2)")

    def take(self, pids):
        for pid in pids:
            with contextlib.suppress(OSError):
                (self.directory / "cgroup.procs").write_text(str(pid))

    def seconds(self):
        said = self.usage.read_text()
        if self.usage.name == "cpuacct.usage":
            return int(said) / 1e9
        return int(said.split("usage_usec ")[1].split()[0]) / 1e6

    def close(self):
        parent = self.directory.parent / "cgroup.procs"
        for pid in (self.directory / "cgroup.procs").read_text().split():
            with contextlib.suppress(OSError):
                parent.write_text(pid)
        with contextlib.suppress(OSError):
            self.directory.rmdir()


def others_busy(before, ours):
    """Part of the machine's processor time since `before` that was neither idle nor ours."""
    now = machine_times()
    total = sum(now) - sum(before)
    idle = now[3] + now[4] - before[3] - before[4]
    ticks = os.sysconf("SC_CLK_TCK")
    return max(0.0, (total - idle) / ticks - ours) / max(total / ticks, 0.001)


def machine_times():
    return [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]


# --- one measurement -------------------------------------------------------------------------------


def send(load, peer, files, messages, recipients, sessions, run):
    done = subprocess.run([load, "--port", str(peer.port), "--sessions", str(sessions), "--messages", str(messages), "--recipients",
                           str(recipients), "--boxes", str(peer.boxes), "--domain", makers.DOMAIN, "--run", run, *files],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{peer.name}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def wait_until_there(peer, wanted, limit=300):
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        if peer.queue_is_empty() and (not peer.counts or peer.messages() >= wanted):
            return
        time.sleep(0.005)
    raise RuntimeError(f"{peer.name}: {peer.messages()} of {wanted} messages after {limit} s")


def measure(load, peer, files, recipients, messages, sessions):
    """Started anew, warmed up; delivered a second, milliseconds of processor time for each, and the client's times."""
    accounting = Accounting()
    peer.start()
    try:
        accounting.take(peer.processes())
        warm = min(messages, max(sessions, 20))
        send(load, peer, files, warm, recipients, sessions, f"w{random.random()}")
        wait_until_there(peer, warm * recipients)
        accounting.take(peer.processes())
        peer.clear()
        peer.settle()
        machine, before = machine_times(), accounting.seconds()
        began = time.perf_counter()
        said = send(load, peer, files, messages, recipients, sessions, f"r{random.random()}")
        wait_until_there(peer, messages * recipients)
        seconds = time.perf_counter() - began
        used = accounting.seconds() - before
        got = peer.messages() if peer.counts else messages * recipients
        if got != messages * recipients:
            raise RuntimeError(f"{peer.name}: {got} messages instead of {messages * recipients}")
        resident = peer.resident() if hasattr(peer, "resident") and peer.scene.daemon else 0
        return {"rate": messages / seconds, "cpu_ms": used * 1000 / messages, "p50_ms": said["p50_ms"], "p99_ms": said["p99_ms"],
                "resident": resident, "machine": others_busy(machine, used)}
    finally:
        peer.stop()
        peer.clear()
        accounting.close()


def median(rounds, key):
    return statistics.median(one[key] for one in rounds)
