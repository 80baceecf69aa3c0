"""Starting and ending processes: only those that we started, each by its pid."""

import os
import pwd
import signal
import subprocess
import sys
from pathlib import Path

from .checks import Failure, check_equal, wait_for


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
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def act_as(name, action):
    """Calls `action` in a process of its own with that user's rights, and nobody's groups but its own."""
    child = start_as(name, action)
    check_equal(os.waitpid(child, 0)[1], 0, f"what {name} did")


def start_as(name, action):
    """The same, without waiting: the process's pid."""
    entry = pwd.getpwnam(name)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups([])
            os.setgid(entry.pw_gid)
            os.setuid(entry.pw_uid)
            action()
            code = 0
        except BaseException as error:  # noqa: BLE001 (it is told, and the child must never get further)
            print(f"as {name}: {error!r}", file=sys.stderr)
        finally:
            os._exit(code)
    return child


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
