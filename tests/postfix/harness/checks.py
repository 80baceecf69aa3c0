"""What a test may demand, and how to wait for it. Nothing ever sleeps for a fixed time and hopes."""

import difflib
import sys
import time
import traceback


class Failure(Exception):
    """A demand that was not met: one sentence."""


def tell(kind, error, trace):
    """A failure is told by the test's own line and its sentence; anything else with its whole trace."""
    if not issubclass(kind, Failure):
        sys.__excepthook__(kind, error, trace)
        return
    for frame in traceback.extract_tb(trace):
        if frame.filename.endswith("/run"):
            print(f"line {frame.lineno}: {frame.line}", file=sys.stderr)
    print(f"FAILED: {error}", file=sys.stderr)


sys.excepthook = tell


def check(condition, sentence):
    if not condition:
        raise Failure(sentence)


def check_equal(got, wanted, what):
    if got != wanted:
        texts = [value.splitlines() for value in (wanted, got) if isinstance(value, str) and "\n" in value]
        if len(texts) == 2:
            difference = "\n".join(difflib.unified_diff(*texts, "wanted", "got", lineterm="", n=0))
            raise Failure(f"{what}:\n{difference}")
        raise Failure(f"{what}: wanted {wanted!r}, got {got!r}")


def corner(name, result="pass"):
    """A row of the table of Postfix's corners (docs/postfix-corners.md): said once it has been shown."""
    print(f"{name:<76} {result}", flush=True)


def wait_for(what, condition, limit=30.0, longest_pause=0.2):
    """Calls `condition` until its answer is true, and returns that; Failure after `limit` seconds."""
    deadline = time.monotonic() + limit
    pause = min(0.01, longest_pause)
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise Failure(f"waited {limit:g} s for {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, longest_pause)
