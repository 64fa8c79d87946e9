"""Hostile clients, each with one idea, in a process of their own.

They come from addresses of their own, so that no limit of an address hits the guests, and go on
until their standard input is closed. Then they say as JSON what they were answered: by attack, how
often each status, or `cut` for a connection that ended without one.
"""

import argparse
import base64
import itertools
import json
import os
import random
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPException, HTTPResponse

from tests.siege.elsewhere import be_elsewhere
from tests.support.pushes import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, digest_of, encode, image

MIB = 1024 * 1024
# Less than the largest manifest that is accepted.
LARGE = 4 * MIB - 64 * 1024
# Seconds that what is held is held.
HOLD = 10.0
# The address that the registry takes for its proxy; and the one that the proxy passes on.
PROXY, FORGED = "127.0.0.3", "203.0.113.66"
MALLORY = {"Authorization": "Basic " + base64.b64encode(b"mallory:mallory-password").decode()}


class Attacker:
    """What all attacks are made with.

    Attributes:
        answers: how often each answer came.
    """

    def __init__(self, port: int, stop: threading.Event, address: str) -> None:
        self.answers: Counter[str] = Counter()
        self._port = port
        self._stop = stop
        self._address = address

    def go_on(self, pause: float) -> Iterator[None]:
        """At once, and again after each pause in seconds, until the end.

        Once in any case: they get what is left of the processors, which may be nothing before that.
        """
        yield
        while not self._stop.wait(pause):
            yield

    def hold(self) -> None:
        """Keep what is held for a while."""
        self._stop.wait(HOLD)

    @contextmanager
    def connection(self, address: str = "") -> Iterator[socket.socket]:
        """A connection for the length of the block; that it breaks is an answer, too."""
        try:
            with self._connect(address) as connection:
                yield connection
        except (OSError, HTTPException):
            self.answers["cut"] += 1

    def crowd(self, number: int, stack: ExitStack, sent: bytes = b"") -> None:
        """Many connections for as long as the stack, each of which sends what is taken of it."""
        for _ in range(number):
            if self._stop.is_set():
                return
            try:
                connection = stack.enter_context(self._connect())
                connection.settimeout(0.2)
                connection.sendall(sent)
            except OSError:
                self.answers["cut"] += 1
            else:
                self.answers["held"] += 1

    def _connect(self, address: str = "") -> socket.socket:
        return socket.create_connection(
            ("127.0.0.1", self._port), timeout=30, source_address=(address or self._address, 0)
        )

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> HTTPResponse | None:
        """Ask by a connection of its own; `None` if no answer comes."""
        with self.connection() as connection:
            send(connection, head(method, path, {"Content-Length": str(len(body)), **headers}))
            send(connection, body)
            return self.receive(connection)
        return None

    def receive(self, connection: socket.socket) -> HTTPResponse:
        """Read an answer to its end, and count it."""
        response = HTTPResponse(connection)
        response.begin()
        response.read()
        self.answers[str(response.status)] += 1
        return response


def head(method: str, path: str, headers: dict[str, str]) -> bytes:
    """The head of a request of Mallory's."""
    lines = {"Host": "registry", **MALLORY, **headers}
    text = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{text}\r\n".encode()


def send(connection: socket.socket, data: bytes) -> None:
    """Send all of it, though the answer may come, and the end, before all of it is taken."""
    try:
        connection.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        return


def endless_trailers(attacker: Attacker) -> None:
    """Trailers without end, many or a single one, after a request without a login."""
    anybody = b"GET /v2/ HTTP/1.1\r\nHost: registry\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    for number, _ in enumerate(attacker.go_on(0.5)):
        trailers = b"a: b\r\n" * 10_000 if number % 2 else b"a" * 60_000
        with attacker.connection() as connection:
            connection.sendall(anybody)
            for _ in range(20 * MIB // len(trailers)):
                connection.sendall(trailers)
            attacker.receive(connection)


def forged_trailers(attacker: Attacker) -> None:
    """A trailer that a trusted proxy passes on, and that claims to be the proxy's own header."""
    for _ in attacker.go_on(0.2):
        with attacker.connection(PROXY) as connection:
            connection.sendall(
                head(
                    "PUT",
                    "/v2/mallory/forged/manifests/latest",
                    {"Transfer-Encoding": "chunked", "Content-Type": OCI_MANIFEST},
                )
                + f"2\r\n{{}}\r\n0\r\nX-Forwarded-For: {FORGED}\r\n\r\n".encode()
            )
            attacker.receive(connection)


def held_manifests(attacker: Attacker) -> None:
    """Many large manifests at once, each but for its last bytes."""
    headers = {"Content-Length": str(LARGE), "Content-Type": OCI_MANIFEST}
    sent = head("PUT", "/v2/mallory/held/manifests/latest", headers) + b" " * (LARGE - 100)
    for _ in attacker.go_on(1):
        with ExitStack() as stack:
            attacker.crowd(100, stack, sent)
            attacker.hold()


def unread_manifests(attacker: Attacker) -> None:
    """Large manifests, asked for twice by each of many connections, and not read."""
    digest = _push_large(attacker, "unread")
    twice = 2 * head("GET", f"/v2/mallory/unread/manifests/{digest}", {})
    for _ in attacker.go_on(1):
        with ExitStack() as stack:
            attacker.crowd(100, stack, twice)
            attacker.hold()


def large_referrers(attacker: Attacker) -> None:
    """A list of referrers, each with annotations that fill its manifest."""
    subject = digest_of(b"nothing")
    for number in range(30):
        _push_large(attacker, "referrers", number, subject)
    for _ in attacker.go_on(2):
        attacker.ask("GET", f"/v2/mallory/referrers/referrers/{subject}")


def large_indexes(attacker: Attacker) -> None:
    """Indexes with as many children as fit, none of which is there."""
    for number, _ in enumerate(attacker.go_on(2)):
        children = [
            {"digest": digest_of(b"%d %d" % (number, child)), "size": 2} for child in range(44_000)
        ]
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}
        body = json.dumps(document, separators=(",", ":")).encode()[:LARGE]
        path = "/v2/mallory/index/manifests/latest"
        attacker.ask("PUT", path, body, Content_Type=OCI_INDEX)


def wrong_digests(attacker: Attacker) -> None:
    """A large upload that is finished with wrong digests, of both algorithms in turn."""
    for _ in attacker.go_on(5):
        started = attacker.ask("POST", "/v2/mallory/wrong/blobs/uploads/")
        if started is None or started.status != 202:
            continue
        location = started.getheader("Location", "").partition("?")[0]
        attacker.ask("PATCH", location, bytes(64 * MIB))
        for algorithm, _ in zip(itertools.cycle(("sha256", "sha512")), range(20), strict=False):
            digest = digest_of(os.urandom(8), algorithm)
            attacker.ask("PUT", f"{location}?digest={digest}")


def guesses(attacker: Attacker) -> None:
    """Guesses at the password of a guest, from several addresses."""
    for number, _ in enumerate(attacker.go_on(0.5)):
        guess = base64.b64encode(f"alice:{number}".encode()).decode()
        with attacker.connection(f"127.0.1.{number % 4 + 1}") as connection:
            send(connection, head("GET", "/v2/", {"Authorization": f"Basic {guess}"}))
            attacker.receive(connection)


def idle_connections(attacker: Attacker) -> None:
    """Connections that ask nothing."""
    with ExitStack() as stack:
        for _ in attacker.go_on(30):
            stack.close()
            attacker.crowd(700, stack)


def many_headers(attacker: Attacker) -> None:
    """Heads of very many empty lines, half-sent and held."""
    sent = b"GET /v2/ HTTP/1.1\r\nHost: registry\r\n" + b"a:\r\n" * 60_000
    for _ in attacker.go_on(1):
        with ExitStack() as stack:
            attacker.crowd(50, stack, sent)
            attacker.hold()


def unfinished_uploads(attacker: Attacker) -> None:
    """Uploads that are begun, and left."""
    for _ in attacker.go_on(0.02):
        attacker.ask("POST", "/v2/mallory/unfinished/blobs/uploads/")


ATTACKS: dict[str, Callable[[Attacker], None]] = {
    attack.__name__: attack
    for attack in (
        endless_trailers,
        forged_trailers,
        held_manifests,
        unread_manifests,
        large_referrers,
        large_indexes,
        wrong_digests,
        guesses,
        idle_connections,
        many_headers,
        unfinished_uploads,
    )
}


def _push_large(attacker: Attacker, name: str, number: int = 0, subject: str = "") -> str:
    """Push a manifest that is as large as may be; its digest."""
    repository = f"/v2/mallory/{name}"
    attacker.ask("POST", f"{repository}/blobs/uploads/?digest={digest_of(b'{}')}", b"{}")
    fields: dict[str, object] = {"annotations": {str(number): "x" * (LARGE - 2048)}}
    if subject:
        fields["subject"] = {"mediaType": OCI_MANIFEST, "digest": subject, "size": 7}
    body = encode({**image(), "artifactType": OCI_CONFIG, **fields})
    digest = digest_of(body)
    attacker.ask("PUT", f"{repository}/manifests/{digest}", body, Content_Type=OCI_MANIFEST)
    return digest


def main() -> None:
    """Attack until the standard input is closed."""
    parser = argparse.ArgumentParser(prog="attackers", description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("attacks", nargs="*", choices=[*ATTACKS, []], help="all, if none is named")
    arguments = parser.parse_args()
    be_elsewhere()
    stop = threading.Event()
    attackers = {
        name: Attacker(arguments.port, stop, f"127.0.2.{number}")
        for number, name in enumerate(arguments.attacks or ATTACKS, 1)
    }
    threads = [
        threading.Thread(target=ATTACKS[name], args=(attacker,))
        for name, attacker in attackers.items()
    ]
    random.shuffle(threads)
    for thread in threads:
        thread.start()
        time.sleep(0.1)
    sys.stdin.read()
    stop.set()
    for thread in threads:
        thread.join()
    json.dump({name: attacker.answers for name, attacker in attackers.items()}, sys.stdout)


if __name__ == "__main__":
    main()
