"""A private Samba on a loopback port, with the shares of postfix-conf/smb.conf, and its clients: smbclient(1) for what people do, and
libsmbclient for what needs a file held open. Nothing of the machine's own Samba is used or touched.
"""

import ctypes
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness.checks import check, wait_for  # noqa: E402
from harness.private_postfix import free_port  # noqa: E402
from harness.processes import run  # noqa: E402
from harness.scene import REPOSITORY  # noqa: E402

PASSWORD = "secret"
PRIVATE = """\
[global]
server role = standalone server
workgroup = TEST
interfaces = 127.0.0.1
bind interfaces only = yes
smb ports = {port}
disable netbios = yes
load printers = no
printcap name = /dev/null
disable spoolss = yes
rpc start on demand helpers = no
passdb backend = tdbsam
username map = {top}/users
private dir = {top}/private
lock directory = {top}/lock
state directory = {top}/state
cache directory = {top}/cache
pid directory = {top}/pid
ncalrpc dir = {top}/ncalrpc
log file = {top}/log.smbd
# As the sample says it for DOS; the client's side of it, too.
server min protocol = LANMAN1
client min protocol = LANMAN1
lanman auth = yes
client lanman auth = yes
client NTLMv2 auth = no
ntlm auth = yes
"""


class Samba:
    """Ended with the block. `users`: the share's users, each with the system's that he is here."""

    def __init__(self, top, postoffice, users):
        self.top = top
        self.port = free_port()
        self.configuration = top / "smb.conf"
        top.mkdir(mode=0o755)
        for name in ("private", "lock", "state", "cache", "pid", "ncalrpc", "home"):
            (top / name).mkdir(mode=0o755)
        sample = (REPOSITORY / "postfix-conf" / "smb.conf").read_text()
        check("/srv/postoffice" in sample, "the sample has another path")
        self.configuration.write_text(PRIVATE.format(top=top, port=self.port)
                                      + re.sub(r"/srv/postoffice(?=[/\s])", str(postoffice), sample))
        (top / "users").write_text("".join(f"{system} = {name}\n" for name, system in users.items()))
        for system in users.values():
            run(["smbpasswd", "-c", self.configuration, "-s", "-a", system], input=f"{PASSWORD}\n{PASSWORD}\n".encode())
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(["smbd", "--foreground", "--no-process-group", "-s", self.configuration],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        start_new_session=True)

        def is_up():
            check(self.process.poll() is None, "smbd has ended")
            try:
                socket.create_connection(("127.0.0.1", self.port), 5).close()
                return True
            except OSError:
                return False

        wait_for("Samba to answer", is_up)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)

    def open_file(self, user, path):
        return OpenFile(user, self.top, self.port, path)

    def dying_client(self, user, files, octets):
        """Another process, which has begun to write these files when this returns: {path: its size, or 0}. To be killed."""
        process = subprocess.Popen([sys.executable, __file__, user, self.top, str(self.port), *[f"{path}:{size}" for path, size in files.items()]],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdin.write(octets)
        process.stdin.close()
        check(process.stdout.read(1) == b"x", "the client has not begun")
        return process

    def client(self, user, commands, share="mail", dialect="SMB3"):
        """What smbclient says to these commands."""
        done = run(["smbclient", f"//127.0.0.1/{share}", "-p", str(self.port), "-U", f"{user}%{PASSWORD}", "-s", self.configuration,
                    "-m", dialect, "-c", "; ".join(commands)], accept=None)
        return (done.stdout + done.stderr).decode("utf-8", "replace")

    def names(self, user, folder, share="mail", dialect="SMB3"):
        """{name: attributes} of a folder."""
        said = self.client(user, [f"cd {folder}", "ls"] if folder else ["ls"], share, dialect)
        found = re.findall(r"^  (\S+) +([A-Z]*) +\d+  \w{3} \w{3} [ \d]\d ", said, re.MULTILINE)
        return {name: attributes for name, attributes in found if name not in (".", "..")}


class OpenFile:
    """A file on the share that its writer holds open, as Windows' copy and programs do."""

    library = None

    def __init__(self, user, top, port, path):
        """`top`, `port`: Samba's."""
        self.start(user, top)
        where = f"smb://127.0.0.1:{port}/mail/{path}".encode()
        self.number = self.library.smbc_open(where, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o644)
        check(self.number >= 0, f"cannot make {path} on the share: {os.strerror(ctypes.get_errno())}")

    @classmethod
    def start(cls, user, top):
        if cls.library is not None:
            return
        os.environ["HOME"] = f"{top}/home"  # whose smb.conf is read
        text = ctypes.POINTER(ctypes.c_char)
        ask = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, text, ctypes.c_int, text, ctypes.c_int, text, ctypes.c_int)

        def answer(_server, _share, _group, _group_size, name, _name_size, password, _password_size):
            for target, value in ((name, user), (password, PASSWORD)):
                ctypes.memmove(target, value.encode() + b"\0", len(value) + 1)

        cls.answer = ask(answer)  # it is called for as long as the library lives
        cls.library = ctypes.CDLL("libsmbclient.so.0", use_errno=True)
        cls.library.smbc_write.restype = ctypes.c_ssize_t
        cls.library.smbc_write.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t]
        cls.library.smbc_ftruncate.argtypes = [ctypes.c_int, ctypes.c_int64]
        check(cls.library.smbc_init(cls.answer, 0) == 0, "libsmbclient does not start")

    def set_size(self, size):
        """Before anything is written."""
        check(self.library.smbc_ftruncate(self.number, size) == 0, "the size was not set")

    def write(self, octets):
        check(self.library.smbc_write(self.number, octets, len(octets)) == len(octets), "not all was written")

    def close(self):
        check(self.library.smbc_close(self.number) == 0, "the file was not closed")


def begin_to_write(user, top, port, *files):
    """What dying_client() does: the standard input into each file, and on without an end."""
    octets = sys.stdin.buffer.read()
    opened = []
    for path, size in (file.split(":") for file in files):
        opened.append(OpenFile(user, top, port, path))
        if int(size):
            opened[-1].set_size(int(size))
        opened[-1].write(octets)
    os.write(1, b"x")
    signal.pause()


if __name__ == "__main__":
    begin_to_write(*sys.argv[1:])
