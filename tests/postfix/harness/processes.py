"""Starting and ending processes: only those that we started, each by its pid."""

import os
import signal
import subprocess
from pathlib import Path

from .checks import Failure, wait_for


def run(arguments, *, user=None, input=None, accept=(0,), timeout=60, environment=None):
    """Runs a program to its end; its CompletedProcess (octets). Failure on another exit code."""
    done = subprocess.run(
        [str(argument) for argument in arguments],
        input=input,
        stdin=subprocess.DEVNULL if input is None else None,
        capture_output=True,
        timeout=timeout,
        env=environment,
        **as_user(user),
    )
    if accept is not None and done.returncode not in accept:
        output = (done.stdout + done.stderr).decode("utf-8", "replace").strip()
        raise Failure(f"{' '.join(map(str, arguments))}: exit code {done.returncode}\n{output}")
    return done


def as_user(user):
    """Keywords for subprocess: the user's own ids and groups; nothing if we are not root."""
    if user is None or os.geteuid() != 0:
        return {}
    import pwd

    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def is_running(pid):
    """False for a zombie too: it does nothing any more, whoever may have to reap it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (OSError, IndexError):
        return False


def pids_naming(path):
    """Processes with `path` (a unique temporary directory) in an argument or as working directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            arguments = (entry / "cmdline").read_bytes()
            directory = os.readlink(entry / "cwd")
        except OSError:
            continue
        inside = directory == str(path) or directory.startswith(f"{path}/")
        if (inside or f"{path}/".encode() in arguments) and is_running(int(entry.name)):
            found.append(int(entry.name))
    return found


def end(pids, limit=10.0):
    """Asks, waits, then insists."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        try:
            wait_for("processes to end", lambda: not any(map(is_running, pids)), limit)
            return
        except Failure:
            pass
