"""Key sets: how they are read, and how those at a URL are asked for."""

import asyncio
import http.server
import json
import socketserver
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading import __version__
from lading.auth import keysets
from lading.auth.keysets import RemoteKeys, fetch, parse_keys, read_keys
from lading.core.errors import Unavailable
from lading.ports.logins import AuthUnusable
from tests.auth.forge import Clock, new_key, public_jwk
from tests.support.lading import program
from tests.support.open_things import threads
from tests.support.raw_server import raw_server
from tests.support.small_servers import QuietHandler, served


def key_set(*names: str) -> bytes:
    """A set with a new key of each name."""
    return json.dumps({"keys": [public_jwk(new_key(), kid=name) for name in names]}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": []}',
        b'{"keys": [{"kty": "EC"}, 5, null, {"kty": "RSA", "n": "AA", "e": 5}]}',
        json.dumps({"keys": [public_jwk(new_key(), use="enc")]}).encode(),
        b"[" * 100_000,
        b" " * (keysets.MAX_SIZE + 1),
    ],
)
def test_what_is_no_key_set(content: bytes) -> None:
    """Nothing, another thing, or nothing that could verify."""
    with pytest.raises(AuthUnusable):
        parse_keys(content)


members = st.sampled_from(["keys", "kty", "crv", "x", "y", "n", "e", "k", "alg", "use", "kid"])
words = st.sampled_from(["EC", "RSA", "OKP", "oct", "P-256", "Ed25519"])
documents = st.recursive(
    st.none() | st.text() | st.floats() | words,
    lambda inner: st.lists(inner) | st.dictionaries(members, inner),
)


@given(st.binary(max_size=100) | documents.map(lambda value: json.dumps(value).encode()))
def test_any_content(content: bytes) -> None:
    """Keys, or one clear error."""
    try:
        parse_keys(content)
    except AuthUnusable:
        return


def test_files(tmp_path: Path) -> None:
    """What is wrong names the file."""
    path = tmp_path / "keys.json"
    with pytest.raises(AuthUnusable, match=f"{path}: cannot be read: No such file"):
        read_keys(path)
    path.write_bytes(b"{}")
    with pytest.raises(AuthUnusable, match=f"{path}: not a JSON Web Key Set"):
        read_keys(path)
    path.write_bytes(key_set("a"))
    assert "a" in read_keys(path)


class KeyServer:
    """A server of keys that does as a test says."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.asked = 0
        self.status = 200
        self.body = key_set("a")
        self.headers = Message()
        outer = self

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                outer.headers = self.headers
                self.send_response(outer.status)
                if outer.status == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(outer.body)

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://localhost:{self.server.server_port}/keys"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KeyServer]:
    """It has a certificate that this process trusts."""
    command = [program(), "cert", "make", "--json", "localhost"]
    made = json.loads(subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout)
    monkeypatch.setenv("SSL_CERT_FILE", made["ca"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made["certificate"], made["key"])
    server = KeyServer(context)
    with served(server.server):
        yield server


async def test_asked_once_and_kept(server: KeyServer) -> None:
    """Many requests at once wait for one answer; and for minutes nobody asks again."""
    clock = Clock()
    keys = RemoteKeys(server.url, clock)
    found = await asyncio.gather(*(keys.find("a") for _ in range(10)))
    assert all(found)
    assert server.asked == 1
    clock.now += keysets.MAX_AGE - 1
    assert await keys.find("a")
    assert server.asked == 1


async def test_an_unknown_key_asks_again_but_not_often(server: KeyServer) -> None:
    """Servers change keys without telling; and anybody can make a name up."""
    clock = Clock()
    keys = RemoteKeys(server.url, clock)
    assert await keys.find("b") is None
    for _ in range(100):
        assert await keys.find("made up") is None
    assert server.asked == 1
    server.body = key_set("b")
    clock.now += keysets.MIN_AGE
    assert await keys.find("b") is not None
    assert await keys.find("a") is None
    assert server.asked == 2


async def test_old_keys_stay_while_new_ones_cannot_be_had(
    server: KeyServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody waits for that, either."""
    clock = Clock()
    keys = RemoteKeys(server.url, clock)
    assert await keys.find("a")
    for server.status, server.body in ((500, b""), (302, key_set("evil")), (200, b"{}")):
        clock.now += keysets.MAX_AGE
        assert await keys.find("a")
        assert await keys.find("evil") is None
        assert server.url in caplog.text
        caplog.clear()
    assert await keys.find("a")


async def test_no_keys_at_all(server: KeyServer) -> None:
    """Then nobody can say whether a token is good: the client should come again."""
    server.status = 404
    keys = RemoteKeys(server.url, Clock())
    for _ in range(2):
        with pytest.raises(Unavailable):
            await keys.find("a")
    assert server.asked == 1


def test_an_answer_that_is_too_long(server: KeyServer) -> None:
    """It is not read to its end."""
    server.body = b" " * (2 * keysets.MAX_SIZE)
    with pytest.raises(AuthUnusable, match="larger"):
        parse_keys(fetch(server.url))


def test_a_server_that_is_not_trusted(server: KeyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of whoever answers would be worth nothing."""
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(AuthUnusable, match="certificate verify failed"):
        fetch(server.url)


def test_a_server_is_told_who_asks_and_not_to_compress(server: KeyServer) -> None:
    """Some that stand before issuers refuse whoever does not say what program it is."""
    fetch(server.url)
    assert server.headers["User-Agent"] == f"lading/{__version__}"
    assert server.headers["Accept-Encoding"] == "identity"


def test_the_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is for all other servers, unless a server is an exception."""
    asked: list[str] = []

    def answer(place: str) -> list[bytes]:
        asked.append(place)
        return [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"]

    monkeypatch.delenv("NO_PROXY", raising=False)
    with raw_server(answer) as host:
        monkeypatch.setenv("HTTP_PROXY", f"http://{host}")
        assert fetch("http://keys.test/all?of=them") == b"{}"
        assert asked == ["http://keys.test/all?of=them"]
        monkeypatch.setenv("NO_PROXY", "keys.test")
        with pytest.raises(AuthUnusable, match="cannot be had"):
            fetch("http://keys.test/")


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@contextmanager
def dripping(beginning: bytes, drop: bytes) -> Iterator[str]:
    """A server that answers with a beginning, and then with drops, for as long as it is let."""
    ended = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            try:
                self.request.recv(4096)
                self.request.sendall(beginning)
                while not ended.wait(0.02):
                    self.request.sendall(drop)
            except OSError:
                return

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/keys"
        ended.set()
        server.shutdown()


@pytest.mark.parametrize(
    ("beginning", "drop"),
    [
        (b"HTTP/1.1 200 ", b"x"),
        (HEAD, b"X"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (HEAD + b"\r\n", b" "),
        (HEAD + b"Content-Length: 1000000\r\n\r\n", b" "),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X"),
    ],
)
def test_an_answer_without_end_is_left(
    beginning: bytes, drop: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever part of it drips."""
    monkeypatch.setattr(keysets, "TOTAL", 0.3)
    began = time.monotonic()
    with dripping(beginning, drop) as url, pytest.raises(AuthUnusable, match="cannot be had"):
        fetch(url)
    assert time.monotonic() - began < 10


async def test_nobody_waits_for_what_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a name that is looked up for ever; who is known by the keys of before does not wait."""
    clock, go_on = Clock(), threading.Event()
    before = threads()
    answers = [key_set("a")]

    def read(_: str) -> bytes:
        if not answers:
            go_on.wait(30)
            raise AuthUnusable("at last")
        return answers.pop()

    keys = RemoteKeys("https://issuer.test", clock, read)
    assert await keys.find("a")
    monkeypatch.setattr(keysets, "PATIENCE", 0.1)
    for _ in range(3):
        clock.now += keysets.MAX_AGE
        async with asyncio.timeout(20):
            assert await keys.find("b") is None
            assert await keys.find("a")
    assert len(threads() - before) == 1
    go_on.set()
