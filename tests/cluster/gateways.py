"""A gateway host: a machine with a Postfix, a mount of the volume and a daemon of its own; its postoffice is everybody's."""

import os
import shutil
import signal
import socket
import subprocess

from machines import Machine, check, wait_for, within_network
from harness import Scene, Sink
from harness.private_postfix import Client, PrivatePostfix
from storage import VOLUME

PORT = 2525


class HostClient(Client):
    """An SMTP session with a host's loopback."""

    def __init__(self, machine, timeout=60):
        self.machine = machine
        super().__init__("127.0.0.1", PORT, local_hostname="client.test", timeout=timeout)

    def _get_socket(self, host, port, timeout):
        return within_network(self.machine.first, lambda: socket.create_connection((host, port), timeout))


class HostPostfix(PrivatePostfix):
    machine = None

    def command(self, program, *arguments, **keywords):
        return self.machine.run(program, "-c", self.configuration, *arguments, **keywords).stdout.decode("utf-8", "replace")

    def start(self, port=None):
        del port  # it has the network for itself
        self.port = PORT
        self.command("postconf", "-MX", "127.0.0.1:1/inet", accept=None)
        self.command("postconf", "-M", f"127.0.0.1:{PORT}/inet=127.0.0.1:{PORT} inet n - n - 200 smtpd")
        self.age_configuration()
        self.command("postfix", "start", timeout=120)
        self.started = True

        def answers():
            try:
                self.client().quit()
                return True
            except OSError:
                return False

        wait_for("Postfix's greeting", answers, 30)

    def client(self, port=None):
        client = HostClient(self.machine)
        client.ehlo()
        return client

    def stop(self):
        self.started = False  # it ends with its machine


class GatewayHost(Scene):
    def __init__(self, storage, name, names, mailboxes):
        super().__init__(mailboxes=mailboxes, prefix=f"smtpgate-cluster-{name}-", milter="", main_cf="default_process_limit = 200\n",
                         outbound="poll = 1", gateway="")
        self.storage = storage
        self.name = name
        self.names = names
        self.machine = None
        self.sinks = []

    # --- life ----------------------------------------------------------------------------------

    def open(self):
        super().open()
        self.switch_on()

    def switch_on(self):
        """The machine, its cable, its mount, and somebody who takes what it sends."""
        self.machine = Machine(self.top, self.name, self.names[self.name], self.names)
        self.machine.connect_to(self.storage.machine)
        os.makedirs(self.office_path, exist_ok=True)
        self.machine.run("glusterfs", f"--log-file={self.top}/gluster.log", "--volfile-server=storage", f"--volfile-id={VOLUME}",
                         self.office_path)
        sink = within_network(self.machine.first, Sink)
        sink.__enter__()
        self.sinks.append(sink)

    def begin(self):
        """Set up for the first time."""
        self.open()
        self.make_place()
        self.make_postoffice()
        self.configure()
        self.start_services()

    def start_services(self):
        self.postfix.machine = self.machine
        self.postfix.set(default_transport=f"smtp:[127.0.0.1]:{self.sinks[-1].port}")
        self.postfix.start()
        self.write_settings()
        self.start_daemon()

    def kill(self):
        """As if its power failed: daemon, Postfix and mount at once."""
        self.machine.kill()
        self.daemon.wait()
        self.daemon = None
        self.postfix.started = False

    def bring_back(self):
        self.switch_on()
        self.socket.unlink(missing_ok=True)
        self.start_services()

    def end(self):
        for sink in self.sinks:
            sink.__exit__()
        if self.machine is not None:
            self.machine.kill()
        if self.daemon is not None:
            self.daemon.wait()
        if self.top is not None:
            shutil.rmtree(self.top)

    # --- parts of the scene that are elsewhere ---------------------------------------------------

    @property
    def office_path(self):
        return self.top / "po"

    @property
    def postoffice_directory(self):
        return self.machine.seen(self.office_path)

    def make_postoffice(self):
        if (self.postoffice_directory / "GLB").exists():
            return
        shutil.chown(self.postoffice_directory, self.user, self.user)
        self.postoffice("init", "--name", self.office)
        for name in self.mailboxes:
            self.postoffice("mailbox", "add", name)

    def configure(self):
        super().configure()
        self.postfix.__class__ = HostPostfix
        self.postfix.machine = self.machine

    def program(self, name, *arguments, **keywords):
        return self.machine.run(self.top / "bin" / name, *arguments, user=self.user, **keywords)

    def postoffice(self, *arguments, **keywords):
        return self.program("postoffice", "-d", self.office_path, *arguments, **keywords).stdout.decode("utf-8", "replace")

    def start_daemon(self):
        with open(self.top / "log" / "serve.out", "ab") as output:
            self.daemon = subprocess.Popen(
                self.machine.inside(self.top / "bin" / "smtpgate", "serve", "--config", self.settings_file, user=self.user),
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
        wait_for("the milter socket", self.daemon_answers)

    def client(self, timeout=60):
        return HostClient(self.machine, timeout)

    def received(self):
        """What it has sent to the world, before it was killed and after."""
        return [message for sink in self.sinks for message in sink.messages]
