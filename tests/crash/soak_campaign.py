"""One campaign of a soak: so many messages in so many sessions through a real Postfix, the daemon killed at random in the first half,
left alone and measured in the second; then everything is counted.

Not for making messages (soak_messages.py), and not for single moments of a delivery (crash_tests, t-42-stop-points)."""

import collections
import dataclasses
import random
import re
import smtplib
import statistics
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "postfix"))
from harness import Scene, Sink, check, check_equal, wait_for  # noqa: E402, F401 (Sink: for those who run campaigns)
from soak_messages import Filed, Message, text_of  # noqa: E402

BOXES = [f"user{number:02}" for number in range(20)]
GROUP = ("team", BOXES[:4])
MAIN_CF = "message_size_limit = 0\nvirtual_mailbox_limit = 0\nqueue_minfree = 0\n"
OUT_SHARE = 20  # of so many messages in the second half one more goes the other way
SENT_AGAIN = 0.02  # of all messages, by clients that take the 250 for lost
LONGEST_SESSION = 30  # messages
LONGEST_ABSENCE = 1.0  # seconds for which a killed daemon is away
ROUNDS = 9  # of the second half; between any two the daemon is looked at
PATIENCE = 600  # seconds for a reply, and for Postfix's queue to run empty


@dataclasses.dataclass
class Sample:
    descriptors: int
    threads: int
    memory: int  # KiB, resident


@dataclasses.dataclass
class Result:
    messages: int = 0
    octets: int = 0
    distinct: int = 0  # messages found, wherever
    filed: int = 0  # in mailboxes
    kills: int = 0
    again: int = 0
    lost: int = 0
    doubled: int = 0
    damaged: int = 0
    seconds: float = 0
    left_in_peace: int = 0  # messages of the second half that door 2 had to take
    out: int = 0  # messages dropped into outboxes
    arrived: int = 0  # at the other end
    is_sanitized: bool = False  # such a daemon keeps freed memory on purpose
    samples: list = dataclasses.field(default_factory=list)

    def growth(self):
        """KiB by which the daemon's memory grew in the second half: the last third of the looks against the first."""
        memory = [sample.memory for sample in self.samples]
        third = max(1, len(memory) // 3)
        return statistics.median(memory[-third:]) - statistics.median(memory[:third])

    def check(self):
        check_equal((self.lost, self.doubled, self.damaged), (0, 0, 0), "lost, doubled, damaged")
        check_equal(self.distinct, self.messages, "distinct messages")
        first = self.samples[0]
        for sample in self.samples:
            check(sample.descriptors <= first.descriptors, f"descriptors are not given back: {self.samples}")
            check(sample.threads <= first.threads, f"threads do not end: {self.samples}")
        check(self.is_sanitized or self.growth() <= 8192 + 0.05 * first.memory, f"the daemon's memory grows: {self.samples}")
        check_equal(self.arrived, self.out, "messages out of outboxes, each once")
        check_equal(self.left_in_peace, 0, "messages that door 1 left although the daemon ran")


def scene_for_campaigns(sink):
    """Whatever goes out ends in `sink`; connections that nobody uses are ended at once, or they would be counted as left open."""
    return Scene(mailboxes=BOXES, main_cf=MAIN_CF, sink=sink, designated_host="keep = 0", outbound="poll = 1")


class Campaign:
    def __init__(self, scene, messages, sessions, kills, seed, first=0, report=lambda text: None):
        """`first`: the number of the first message; no number is ever used twice in one postoffice. `report` hears how it goes on."""
        self.scene = scene
        self.numbers = range(first, first + messages)
        self.sessions = sessions
        self.kills = kills
        self.seed = seed
        self.report = report
        self.chance = random.Random(f"{seed}.{first}.campaign")
        self.lock = threading.Lock()
        self.sent = threading.Condition(self.lock)
        self.done = 0
        self.error = None
        self.expected = {}  # by number
        self.boxes = collections.defaultdict(set)  # numbers, by mailbox
        self.result = Result(messages=messages)

    def run(self):
        begun = time.monotonic()
        half = len(self.numbers) // 2 if self.kills else 0
        if half:
            self.under_kills(self.numbers[:half])
        self.in_peace(self.numbers[half:])
        self.result.seconds = time.monotonic() - begun
        self.count()
        return self.result

    # --- clients ---------------------------------------------------------------------------------

    def recipients_of(self, number):
        chance = random.Random(f"{self.seed}.{number}.recipients")
        if chance.random() < 0.05:
            return [GROUP[0]], GROUP[1]
        boxes = chance.sample(BOXES, 1 if chance.random() < 0.7 else chance.randint(2, 5))
        return boxes, boxes

    def send_all(self, numbers):
        """By all sessions; returns when each message has its 250."""
        waiting = collections.deque(numbers)
        threads = [threading.Thread(target=self.session, args=(waiting, place), daemon=True) for place in range(self.sessions)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.error:
            raise self.error

    def session(self, waiting, place):
        """Connections one after the other, until nothing waits."""
        chance = random.Random(f"{self.seed}.{place}.{len(waiting)}")
        client = None
        rest = 0
        try:
            while self.error is None:
                try:
                    number = waiting.popleft()
                except IndexError:
                    break
                message = Message(self.seed, number)
                names, boxes = self.recipients_of(number)
                with self.lock:
                    self.expected[number] = message.expectation()
                    for box in boxes:
                        self.boxes[box].add(number)
                    self.result.octets += len(message.octets)
                client, rest = self.send(client, rest, chance, message, names)
                if chance.random() < SENT_AGAIN:
                    client, rest = self.send(client, rest, chance, message, names)
                    with self.lock:
                        self.result.again += 1
                with self.sent:
                    self.done += 1
                    self.sent.notify_all()
        except BaseException as error:  # noqa: BLE001 (told by the main thread)
            self.error = error
            with self.sent:
                self.sent.notify_all()
        finally:
            if client is not None:
                client.close()

    def send(self, client, rest, chance, message, names):
        """Until a 250, as a client's own queue would; the connection, and how many messages it is still for."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if client is None or rest == 0:
                    if client is not None:
                        client.quit()
                    client = self.scene.postfix.client()
                    client.sock.settimeout(PATIENCE)
                    rest = chance.randint(1, LONGEST_SESSION)
                refused = client.sendmail(message.sender, [f"{name}@example.test" for name in names], message.octets)
                check_equal(refused, {}, "refused recipients")
                return client, rest - 1
            except (smtplib.SMTPException, OSError):
                if time.monotonic() > deadline:
                    raise
                with self.lock:
                    self.result.again += 1
                if client is not None:
                    client.close()
                client = None

    # --- the daemon ------------------------------------------------------------------------------

    def under_kills(self, numbers):
        moments = sorted(self.chance.sample(range(1, len(numbers)), self.kills))
        killer = threading.Thread(target=self.kill_at, args=(moments,), daemon=True)
        killer.start()
        self.send_all(numbers)
        killer.join()
        if self.error:
            raise self.error
        self.report(f"{self.done} messages, killed {self.result.kills} times")
        self.scene.postfix.wait_until_empty(PATIENCE)

    def kill_at(self, moments):
        """After so many messages, wherever the others then are."""
        try:
            for moment in moments:
                with self.sent:
                    self.sent.wait_for(lambda: self.done >= moment or self.error)
                if self.error:
                    return
                check(self.scene.daemon.poll() is None, "the daemon ended by itself")
                self.scene.kill_daemon()
                self.result.kills += 1
                # Not a pause that something must be ready after: how long nobody starts it again.
                time.sleep(self.chance.uniform(0, LONGEST_ABSENCE))
                self.scene.start_daemon()
        except BaseException as error:  # noqa: BLE001 (told by the main thread)
            self.error = error

    def in_peace(self, numbers):
        """In rounds, the configuration read again in the middle of each: no session may notice."""
        lmtp = self.door_2_deliveries()
        size = -(-len(numbers) // ROUNDS)
        for place in range(0, len(numbers), size):
            part = numbers[place:place + size]
            middle = self.done + len(part) // 2
            reloader = threading.Thread(target=self.reload_at, args=(middle,), daemon=True)
            reloader.start()
            for number in part[::OUT_SHARE]:
                self.drop(number)
            self.send_all(part)
            reloader.join()
            if self.error:
                raise self.error
            self.scene.wait_until_sent(PATIENCE)
            self.scene.postfix.wait_until_empty(PATIENCE)
            self.look()
            self.report(f"{self.done} messages, {self.result.samples[-1]}")
        self.result.left_in_peace = self.door_2_deliveries() - lmtp

    def drop(self, number):
        """The other way: a file in an outbox, to somebody elsewhere."""
        chance = random.Random(f"{self.seed}.{number}.out")
        box = chance.choice(BOXES)
        text = text_of(chance.randint(1, 100_000), chance).encode() + b"\n"
        head = f"VERSION:3.00\nTO:SMTP:bob@far.test\nFROM:CSI:ACME/MAIN/{box}\nSUBJECT:out {number}\nTEXT:{len(text)}\n"
        self.scene.drop(box, head.encode() + text, f"{number}.API")
        self.result.out += 1

    def reload_at(self, moment):
        try:
            with self.sent:
                self.sent.wait_for(lambda: self.done >= moment or self.error)
            if not self.error:
                self.scene.reload_daemon()
        except BaseException as error:  # noqa: BLE001 (told by the main thread)
            self.error = error

    def door_2_deliveries(self):
        return self.scene.postfix.log().count("postfix/lmtp[")

    def look(self):
        """When all sessions have ended for the daemon too: it is idle when it has no more open than after the first round. It looks
        into folders by itself now and then, and has one more open for that moment."""
        seen = []
        if self.result.samples:
            first = self.result.samples[0].descriptors
            wait_for("the daemon to close what it had open", lambda: seen.append(self.descriptors()) or seen[-1] <= first, 30)
        else:
            wait_for("the daemon to be idle", lambda: seen.append(self.descriptors()) or (len(seen) > 5 and len(set(seen[-5:])) == 1), 30)
        self.result.is_sanitized = bool(re.search("lib[at]san", (self.process() / "maps").read_text()))
        status = dict(line.split(":", 1) for line in (self.process() / "status").read_text().splitlines())
        self.result.samples.append(Sample(seen[-1], int(status["Threads"]), int(status["VmRSS"].split()[0])))

    def process(self):
        return Path(f"/proc/{self.scene.daemon.pid}")

    def descriptors(self):
        return len(list((self.process() / "fd").iterdir()))

    # --- counting --------------------------------------------------------------------------------

    def count(self):
        """Each message in each of its mailboxes, once, whole; then they are deleted, as readers do."""
        known = {}  # by inode: one file has many names
        for box in BOXES:
            found = collections.Counter()
            for path in self.scene.mailbag(box):
                inode = path.stat().st_ino
                if inode not in known:
                    known[inode] = self.judge(path)
                found[known[inode]] += 1
                path.unlink()
            wanted = self.boxes[box]
            self.result.damaged += found.pop(None, 0)
            self.result.lost += len(wanted - set(found))
            self.result.doubled += sum(found.values()) - len(set(found) & wanted)
            self.result.filed += sum(found.values())
        subjects = collections.Counter(re.search(rb"Subject: (.*?)\r\n", one.octets).group(1) for one in self.scene.sink.messages)
        wanted = {b"out %d" % number for number in self.numbers}
        self.result.arrived = sum(1 for subject, times in subjects.items() if subject in wanted and times == 1)
        self.scene.sink.messages.clear()
        self.result.distinct = len(set(known.values()) - {None})
        wait_for("work in P1 to be cleared", lambda: not self.work_left(), 30)

    def work_left(self):
        return [path for host in (self.scene.postoffice_directory / "P1").iterdir() for path in host.iterdir() if any(path.iterdir())]

    def judge(self, path):
        """The message's number; None if it is not what was sent."""
        try:
            filed = Filed(path.read_bytes())
        except ValueError as error:
            self.report(f"{path}: {error}")
            return None
        expected = self.expected.get(filed.number)
        if expected is None or not expected.is_met_by(filed):
            self.report(f"{path}: number {filed.number} is not what was sent")
            return None
        return filed.number
