"""Mail for the cluster: made so that each message is known by its subject and can be compared octet by octet; sent by sessions that try
again elsewhere, as a client does whose host is gone; and counted at the end."""

import base64
import collections
import hashlib
import itertools
import queue
import random
import re
import smtplib
import threading

from machines import check

DOMAIN = "example.test"


class Mail:
    """One message. `twin`: sent to two hosts at one moment."""

    def __init__(self, number, recipients, size, twin=False):
        self.subject = f"load-{number:06}"
        self.recipients = recipients
        self.twin = twin
        line = hashlib.sha256(self.subject.encode()).hexdigest()
        self.text = "".join(f"{n} {line}\n" for n in range(max(1, size // 70)))
        self.file = hashlib.sha512(self.subject.encode()).digest() * (size // 256 + 1)

    def octets(self):
        boundary = f"=-{self.subject}"
        encoded = base64.encodebytes(self.file).decode()
        text = (f"From: Carol <carol@sender.test>\nTo: someone@{DOMAIN}\nSubject: {self.subject}\nDate: Mon, 06 Jan 2025 09:30:00 +0100\n"
                f"Message-ID: <{self.subject}@sender.test>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"{boundary}\"\n\n"
                f"--{boundary}\nContent-Type: text/plain\n\n{self.text}\n--{boundary}\n"
                "Content-Type: application/octet-stream; name=data.bin\nContent-Disposition: attachment; filename=data.bin\n"
                f"Content-Transfer-Encoding: base64\n\n{encoded}\n--{boundary}--\n")
        return text.encode()

    def is_whole(self, octets):
        return self.text.encode() in octets and self.file in octets


class Load:
    """Sessions that send until they are told to stop, and what was promised (250) so far."""

    def __init__(self, mailboxes, seed):
        self.mailboxes = mailboxes
        self.random = random.Random(seed)
        self.numbers = itertools.count(1)
        self.lock = threading.Lock()
        self.mails = {}
        self.accepted = set()
        self.counts = collections.Counter()
        self.problems = []

    def make(self, twin=False):
        with self.lock:
            count = self.random.choice((1, 1, 1, 2, 5))
            size = self.random.choice((500, 2000, 8000, 8000, 60000))
            mail = Mail(next(self.numbers), self.random.sample(self.mailboxes, count), size, twin)
            self.mails[mail.subject] = mail
        return mail

    def send(self, client, mail):
        client.sendmail("carol@sender.test", [f"{name}@{DOMAIN}" for name in mail.recipients], mail.octets())
        with self.lock:
            self.accepted.add(mail.subject)
            self.counts["accepted"] += 1

    def deliver(self, mail, hosts):
        """Until one of `hosts`, in this order and again, has taken it; how long ever that takes is the test's limit, not ours."""
        for host in itertools.islice(itertools.cycle(hosts), 60):
            try:
                with host.client() as client:
                    client.ehlo()
                    self.send(client, mail)
                return
            except (OSError, smtplib.SMTPException):
                with self.lock:
                    self.counts["tried again"] += 1
        self.problems.append(f"{mail.subject} was taken by no host")

    def phase(self, hosts, each, sessions, twins, during=None):
        """`each` messages into each host by so many sessions, `twins` into two at once; `during` is called when a third is sent."""
        work = {host: queue.SimpleQueue() for host in hosts}
        for host in hosts:
            for _ in range(each):
                work[host].put(self.make())
        started, threads = len(self.accepted), []

        def session(host):
            others = [other for other in hosts if other is not host]
            while True:
                try:
                    mail = work[host].get_nowait()
                except queue.Empty:
                    return
                self.deliver(mail, [host, *others])

        def twin():
            for _ in range(twins):
                mail, pair = self.make(True), self.random.sample(hosts, 2)
                both = [threading.Thread(target=self.deliver, args=(mail, order)) for order in (pair, pair[::-1])]
                for thread in both:
                    thread.start()
                for thread in both:
                    thread.join()

        for host in hosts:
            threads += [threading.Thread(target=session, args=(host,)) for _ in range(sessions)]
        threads += [threading.Thread(target=twin)]
        for thread in threads:
            thread.start()
        if during is not None:
            total = each * len(hosts) + twins
            during(lambda part: len(self.accepted) - started >= part * total)
        for thread in threads:
            thread.join()
        check(not self.problems, "; ".join(self.problems[:3]))


class Count:
    """What lies in the mailbags against what was promised."""

    def __init__(self, load, directory):
        self.filed = self.lost = self.doubled = self.damaged = self.strange = 0
        found = collections.Counter()
        for mailbox in load.mailboxes:
            for part in ("new", "cur"):
                for path in (directory / "MBG" / mailbox / part).iterdir():
                    octets = path.read_bytes()
                    subject = re.search(rb"(?m)^SUBJECT:(load-\d+)$", octets)
                    mail = load.mails.get(subject.group(1).decode()) if subject else None
                    if mail is None or mailbox not in mail.recipients:
                        self.strange += 1
                        continue
                    found[mail.subject, mailbox] += 1
                    self.damaged += not mail.is_whole(octets)
                    self.filed += 1
        for subject in load.accepted:
            self.lost += sum(not found[subject, mailbox] for mailbox in load.mails[subject].recipients)
        self.doubled = sum(count - 1 for count in found.values())

    def row(self):
        return [self.filed, self.lost, self.doubled, self.damaged, self.strange]
