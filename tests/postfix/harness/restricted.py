"""Runs a program as systemd would run a unit, as far as that goes without systemd: the file system read-only but for what
the unit names, no home directories, a /tmp, /dev and /proc of its own, no capabilities, limits, and its filter of system calls.

    restricted.py --unit FILE [--user USER] [--write DIR]... [--keep DIR]... -- PROGRAM...     (as root)

All of it is read from the unit's file, so that what is tested is what is installed; a setting that is not known here is an
error. --write takes the place of ReadWritePaths=, which names paths of an installation: one for each of those that there is here.
Without it, those of the unit count, as far as they are there.
--keep stays visible where /tmp is private.

Not for tests of systemd itself, nor for what only a service manager does (Restart=, WatchdogSec=, ...).
"""

import argparse
import ctypes
import os
import pwd
import re
import resource
import struct
import subprocess
import sys
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)

# What a service manager does beside the process, or what another setting here has done already.
ELSEWHERE = {
    "Type", "ExecStart", "ExecReload", "Restart", "RestartSec", "RestartPreventExitStatus", "WatchdogSec", "TimeoutStopSec", "User",
    "Group", "ReadWritePaths",
    "AmbientCapabilities",  # none: they go with the change of the user
    "ProtectKernelModules", "ProtectKernelLogs", "ProtectClock",  # capabilities and system calls that are gone
    "DevicePolicy",  # the private /dev has nothing else
    "KillMode", "Nice", "IOSchedulingClass",
    "ProtectControlGroups",  # with the kernel's tunables
    "RemoveIPC",  # when the unit ends
    "PrivateMounts",  # all mounts here are
}

# By number; of those that our units name.
CAPABILITIES = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID"]

# Numbers of x86-64 where neither Python nor libc has a name.
MOUNT_SETATTR, OPEN_TREE, MOVE_MOUNT = 442, 428, 429
AT_RECURSIVE, AT_EMPTY_PATH, AT_FDCWD = 0x8000, 0x1000, -100
MS_BIND, MS_REC, MS_SLAVE, MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 4096, 16384, 1 << 19, 1, 2, 4, 8
ATTR_RDONLY = 1
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWNET = 0x20000, 0x4000000, 0x40000000
NAMESPACES = 0x7E020080  # all CLONE_NEW... of clone(2)
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, PR_CAPBSET_DROP = 38, 22, 24


def check(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


def mount(source, target, kind, flags, data=""):
    check(LIBC.mount(str(source).encode(), str(target).encode(), kind.encode(), flags, data.encode()), f"mount {target}")


def set_read_only(path, yes):
    """A mount and all below it."""
    attributes = struct.pack("QQQQ", ATTR_RDONLY if yes else 0, 0 if yes else ATTR_RDONLY, 0, 0)
    check(LIBC.syscall(MOUNT_SETATTR, AT_FDCWD, str(path).encode(), AT_RECURSIVE, attributes, len(attributes)), f"mount_setattr {path}")


def writable_paths(unit):
    """Of ReadWritePaths=: a "-" before one says that it may be missing."""
    paths = [word for name, value in unit if name == "ReadWritePaths" for word in value.split()]
    return [path.lstrip("-") for path in paths if not path.startswith("-") or os.path.exists(path[1:])]


def read_unit(path):
    """[(setting, value)] of [Service], in order."""
    section, found = "", []
    for line in Path(path).read_text().splitlines():
        line = line.strip()
        if line.startswith("["):
            section = line
        elif section == "[Service]" and line and line[0] not in "#;":
            name, _, value = line.partition("=")
            found.append((name, value))
    return found


# --- file system -------------------------------------------------------------------------------


class Mounts:
    def __init__(self, unit, write, keep):
        self.settings = dict(unit)
        self.write = write
        self.keep = keep

    def is_on(self, name):
        return self.settings.get(name) in ("yes", "strict", "invisible", "pid")

    def apply(self):
        check(LIBC.unshare(CLONE_NEWNS | (CLONE_NEWUTS if self.is_on("ProtectHostname") else 0)
                           | (CLONE_NEWNET if self.is_on("PrivateNetwork") else 0)), "unshare")
        # What is mounted outside later is seen here, as a unit sees it.
        mount("none", "/", "", MS_REC | MS_SLAVE)
        if self.is_on("PrivateTmp"):
            self.private_tmp()
        for path in self.write:
            mount(path, path, "", MS_BIND)
        if self.is_on("PrivateDevices"):
            self.private_devices()
        if self.is_on("ProtectSystem"):
            set_read_only("/", True)
            for path in [*self.write, "/dev", "/proc", "/sys", *(["/tmp"] if self.is_on("PrivateTmp") else [])]:
                set_read_only(path, False)
            for path in self.keep:  # below /tmp, and made writable with it
                set_read_only(path, True)
            for path in self.write:
                set_read_only(path, False)
        if self.settings.get("ProtectSystem") == "full":
            for path in ("/usr", "/boot", "/etc"):
                if os.path.isdir(path):
                    mount(path, path, "", MS_BIND | MS_REC)
                    set_read_only(path, True)
        if self.is_on("ProtectHome"):
            for path in ("/home", "/root", "/run/user"):
                if os.path.isdir(path):
                    mount("none", path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=000")
        if self.is_on("ProtectProc") or self.is_on("ProcSubset"):
            mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "hidepid=invisible,subset=pid")
        if self.is_on("ProtectKernelTunables"):
            set_read_only("/sys", True)
            if os.path.isdir("/proc/sys"):  # not with subset=pid
                mount("/proc/sys", "/proc/sys", "", MS_BIND)
                set_read_only("/proc/sys", True)

    def private_tmp(self):
        """An empty one, with the directories to keep at their places."""
        trees = {path: check(LIBC.syscall(OPEN_TREE, AT_FDCWD, path.encode(), 1 | AT_RECURSIVE), "open_tree") for path in self.keep}
        for path in ("/tmp", "/var/tmp"):
            mount("none", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
        for path, tree in trees.items():
            os.makedirs(path)
            check(LIBC.syscall(MOVE_MOUNT, tree, b"", AT_FDCWD, path.encode(), 4), "move_mount")
            os.close(tree)

    def private_devices(self):
        names = [name for name in ("null", "zero", "full", "random", "urandom", "tty", "log") if os.path.exists(f"/dev/{name}")]
        trees = {name: check(LIBC.syscall(OPEN_TREE, AT_FDCWD, f"/dev/{name}".encode(), 1), "open_tree") for name in names}
        mount("none", "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755")
        for name, tree in trees.items():
            os.close(os.open(f"/dev/{name}", os.O_CREAT | os.O_WRONLY))
            check(LIBC.syscall(MOVE_MOUNT, tree, b"", AT_FDCWD, f"/dev/{name}".encode(), 4), "move_mount")
            os.close(tree)


# --- system calls ------------------------------------------------------------------------------


def call_numbers():
    """{name: number}, from the C library's header."""
    for path in ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"):
        if os.path.exists(path):
            return {name: int(number) for name, number in re.findall(r"#define __NR_(\w+)\s+(\d+)", Path(path).read_text())}
    raise FileNotFoundError("no list of system calls (asm/unistd_64.h)")


def group(name):
    """The calls of one of systemd's groups, groups within it resolved."""
    if not name.startswith("@"):
        return {name}
    said = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True).stdout
    words = [line.strip() for line in said.splitlines() if line.startswith("    ") and not line.strip().startswith("#")]
    return set().union(*(group(word) for word in words))


def allowed_calls(unit):
    """As systemd reads the lines: the first says whether they allow or forbid, later ones add or take away."""
    allowed = None
    for name, value in unit:
        if name != "SystemCallFilter":
            continue
        forbid = value.startswith("~")
        calls = set().union(*(group(word) for word in value.lstrip("~").split()))
        if allowed is None:
            allowed = set(call_numbers()) - calls if forbid else calls | group("@default")
        else:
            allowed = allowed - calls if forbid else allowed | calls
    return allowed


class Filter:
    """A seccomp program, by hand: loads are of struct seccomp_data."""

    DENY, ALLOW, KILL = 0x00050000 | 1, 0x7FFF0000, 0x80000000  # EPERM
    LOAD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06

    def __init__(self, unit):
        settings = dict(unit)
        self.code = []
        self.add(self.LOAD, 4)
        self.add(self.EQUAL, 0xC000003E, 1, 0)  # x86-64 alone
        self.add(self.RETURN, self.KILL)
        numbers = call_numbers()
        if "RestrictAddressFamilies" in settings:
            families = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16}
            wanted = [families[word] for word in settings["RestrictAddressFamilies"].split()]
            for call in ("socket", "socketpair"):
                self.when(numbers[call], lambda: self.deny_unless_equal(0, wanted))
        if settings.get("RestrictNamespaces") == "yes":
            for call, argument in (("clone", 0), ("unshare", 0), ("setns", 1)):
                self.when(numbers[call], lambda argument=argument: self.deny_if_bits(argument, NAMESPACES))
        if settings.get("MemoryDenyWriteExecute") == "yes":
            self.when(numbers["mmap"], lambda: self.deny_if_all_bits(2, 6))
            self.when(numbers["mprotect"], lambda: self.deny_if_bits(2, 4))
        if settings.get("RestrictRealtime") == "yes":
            self.when(numbers["sched_setscheduler"], lambda: self.deny_if_bits(1, 3))
        if settings.get("RestrictSUIDSGID") == "yes":
            for call, argument in (("chmod", 1), ("fchmod", 1), ("fchmodat", 2), ("mkdir", 1), ("mkdirat", 2), ("creat", 1), ("mknod", 1),
                                   ("mknodat", 2)):
                self.when(numbers[call], lambda argument=argument: self.deny_if_bits(argument, 0o6000))
        if settings.get("LockPersonality") == "yes":
            self.when(numbers["personality"], lambda: self.add(self.RETURN, self.DENY))
        if (allowed := allowed_calls(unit)) is not None:
            # One comparison each, the common end far away: a jump goes 255 steps at most, so each has its own return.
            self.add(self.LOAD, 0)
            for number in sorted(numbers[name] for name in allowed if name in numbers):
                self.add(self.EQUAL, number, 0, 1)
                self.add(self.RETURN, self.ALLOW)
            # What the program that starts it needs once more.
            self.add(self.EQUAL, numbers["execve"], 0, 1)
            self.add(self.RETURN, self.ALLOW)
            self.add(self.RETURN, self.DENY)
        self.add(self.RETURN, self.ALLOW)

    def add(self, code, value, if_true=0, if_false=0):
        self.code.append((code, if_true, if_false, value))

    def when(self, number, body):
        self.add(self.LOAD, 0)
        place = len(self.code)
        self.add(self.EQUAL, number)
        body()
        code, _, _, value = self.code[place]
        self.code[place] = (code, 0, len(self.code) - place - 1, value)

    def load_argument(self, number):
        self.add(self.LOAD, 16 + 8 * number)  # its lower half

    def deny_unless_equal(self, argument, values):
        self.load_argument(argument)
        for left, value in zip(range(len(values), 0, -1), values):
            self.add(self.EQUAL, value, left, 0)
        self.add(self.RETURN, self.DENY)

    def deny_if_bits(self, argument, bits):
        self.load_argument(argument)
        self.add(self.ANY_BIT, bits, 0, 1)
        self.add(self.RETURN, self.DENY)

    def deny_if_all_bits(self, argument, bits):
        self.load_argument(argument)
        self.add(0x54, bits)  # and
        self.add(self.EQUAL, bits, 0, 1)
        self.add(self.RETURN, self.DENY)

    def install(self):
        octets = b"".join(struct.pack("HBBI", *one) for one in self.code)
        buffer = ctypes.create_string_buffer(octets, len(octets))

        class Program(ctypes.Structure):
            _fields_ = [("size", ctypes.c_ushort), ("code", ctypes.c_void_p)]

        program = Program(len(self.code), ctypes.cast(buffer, ctypes.c_void_p))
        check(LIBC.prctl(PR_SET_SECCOMP, 2, ctypes.byref(program), 0, 0), "seccomp")


# --- process -----------------------------------------------------------------------------------

HANDLED = {"UMask", "LimitNOFILE", "NoNewPrivileges", "CapabilityBoundingSet", "ProtectSystem", "ProtectHome", "PrivateTmp", "PrivateDevices",
           "PrivateNetwork", "RestrictSUIDSGID", "ProtectKernelTunables", "ProtectHostname", "ProtectProc", "ProcSubset", "RestrictAddressFamilies", "RestrictNamespaces",
           "RestrictRealtime", "LockPersonality", "MemoryDenyWriteExecute", "SystemCallArchitectures", "SystemCallFilter",
           "SystemCallErrorNumber"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--unit", required=True)
    parser.add_argument("--user", help="in the place of the unit's User=; none: it stays root, as a unit without User= does")
    parser.add_argument("--write", action="append", default=[])
    parser.add_argument("--keep", action="append", default=[])
    parser.add_argument("program", nargs="+")
    options = parser.parse_args()

    unit = read_unit(options.unit)
    settings = dict(unit)
    unknown = sorted(set(settings) - HANDLED - ELSEWHERE)
    if unknown:
        sys.exit(f"restricted.py: {options.unit}: no such restriction is known here: {', '.join(unknown)}")
    # Before anything is out of sight.
    if ("User" in settings) != bool(options.user):
        sys.exit(f"restricted.py: {options.unit} and --user differ in whether it runs as root")
    entry = pwd.getpwnam(options.user) if options.user else None
    filter_program = Filter(unit)
    Mounts(unit, options.write or writable_paths(unit), options.keep).apply()
    if "CapabilityBoundingSet" in settings:
        kept = {CAPABILITIES.index(name) for name in settings["CapabilityBoundingSet"].split()}
        last = int(Path("/proc/sys/kernel/cap_last_cap").read_text()) if os.path.exists("/proc/sys/kernel/cap_last_cap") else 40
        for capability in set(range(last + 1)) - kept:
            check(LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), "capability bounding set")
    if "LimitNOFILE" in settings:
        most = min(int(settings["LimitNOFILE"]), resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    os.umask(int(settings.get("UMask", "0022"), 8))
    if entry:
        os.initgroups(entry.pw_name, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    if settings.get("NoNewPrivileges") == "yes":
        check(LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")
    filter_program.install()
    os.execv(options.program[0], options.program)


if __name__ == "__main__":
    main()
