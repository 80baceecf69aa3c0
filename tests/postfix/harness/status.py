"""A small HTTP client for the status listener, by Unix socket or port: what it sends is exactly what the test says."""

import socket
from dataclasses import dataclass

from .checks import wait_for


def wait_until_listening(place):
    """A socket is there before it listens."""
    def answers():
        try:
            return bool(exchange(place, b"GET /live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
        except OSError:
            return False
    wait_for(f"{place} to answer", answers)


@dataclass
class Answer:
    status: int
    headers: dict
    body: str


def exchange(place, octets, limit=10):
    """Sends `octets` to a path (Unix socket) or a port (127.0.0.1) and returns all that comes back."""
    if isinstance(place, int):
        connection = socket.create_connection(("127.0.0.1", place), timeout=limit)
    else:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(limit)
        connection.connect(str(place))
    with connection:
        answer = b""
        try:
            connection.sendall(octets)
            while block := connection.recv(65536):
                answer += block
        except (BrokenPipeError, ConnectionResetError):
            pass  # that is its answer to too much
    return answer


def fetch(place, path, *, method="GET", headers=()):
    """One request; its Answer."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
    raw = exchange(place, "\r\n".join([*lines, "", ""]).encode())
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    found = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in rest)}
    return Answer(int(first.split()[1]), found, body.decode("utf-8"))
