"""Checks of health, as Distribution's configuration describes them."""

import asyncio
import http.server
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from lading.core.errors import Unavailable
from lading.monitoring.health import (
    Health,
    HealthCheck,
    Unwell,
    look_at_http,
    look_at_tcp,
    look_for_file,
)
from lading.monitoring.readiness import Readiness
from tests.support.raw_server import raw_server
from tests.support.small_servers import QuietHandler, served


class Watched(QuietHandler):
    """Answers HEAD as it is asked to, and to who says so only.

    A path `/redirects/3` leads to `/redirects/2`, the last of them to `/status/200`, and `/to/…`
    wherever its rest says.
    """

    def do_HEAD(self) -> None:
        if self.path.startswith(("/redirects/", "/to/")):
            self._redirect()
            return
        status = int(self.path.rpartition("/")[2]) if self.headers["X-Key"] == "k" else 401
        self.send_response(status)
        self.end_headers()

    def _redirect(self) -> None:
        _, kind, rest = self.path.split("/", 2)
        if kind == "redirects":
            rest = f"/redirects/{int(rest) - 1}" if rest != "1" else "/status/200"
        self.send_response(307)
        if rest:
            self.send_header("Location", rest)
        self.end_headers()


@contextmanager
def answering() -> Iterator[int]:
    """A server of HTTP; its port."""
    with served(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Watched)) as server:
        yield server.server_port


async def rest(_: float) -> None:
    """Wait no longer than others need."""
    await asyncio.sleep(0.001)


class Ill:
    """Something that fails as often as it is told to."""

    def __init__(self, *failures: bool) -> None:
        self.failures = list(failures)
        self.looks = 0

    async def look(self) -> None:
        self.looks += 1
        if self.failures and self.failures.pop(0):
            raise Unwell("ill")


@pytest.mark.parametrize(
    ("threshold", "failures", "failing"),
    [
        (1, [True], True),
        (3, [True, True], False),
        (3, [True, True, True], True),
        (2, [True, False, True], False),
        (1, [True, False], False),
    ],
)
async def test_a_check_counts_after_so_many_failures_in_a_row(
    threshold: int, failures: list[bool], failing: bool
) -> None:
    ill = Ill(*failures)
    health = Health([HealthCheck("it", 10.0, threshold, ill.look)])
    seen: list[bool] = []

    async def sleep(_: float) -> None:
        if len(seen) == len(failures):
            await asyncio.Event().wait()
        seen.append(True)

    keeping = asyncio.create_task(health.keep(sleep))
    while ill.looks < len(failures):
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.01)
    keeping.cancel()
    assert health.failing == ({"it": "ill"} if failing else {})
    if failing:
        with pytest.raises(Unavailable):
            health.require()
    else:
        health.require()


async def test_a_file_that_is_there(tmp_path: Path) -> None:
    await look_for_file(tmp_path / "stop")
    (tmp_path / "stop").touch()
    with pytest.raises(Unwell, match=r"^file exists$"):
        await look_for_file(tmp_path / "stop")


async def test_a_server_that_accepts_connections() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        address = ("127.0.0.1", listener.getsockname()[1])
        await look_at_tcp(address, 5.0)
    with pytest.raises(Unwell, match="connection failed"):
        await look_at_tcp(address, 5.0)


async def test_a_server_that_answers_by_http() -> None:
    with answering() as port:
        uri = f"http://127.0.0.1:{port}/status"
        await look_at_http(f"{uri}/200", headers={"X-Key": ["k"]})
        await look_at_http(f"{uri}/418", status=418, headers={"X-Key": ["k"]})
        with pytest.raises(Unwell, match="unexpected status: 503"):
            await look_at_http(f"{uri}/503", headers={"X-Key": ["k"]})
        with pytest.raises(Unwell, match="unexpected status: 401"):
            await look_at_http(f"{uri}/200")
    with pytest.raises(Unwell, match="error while checking"):
        await look_at_http(f"{uri}/200")


async def test_a_script_may_end_its_lines_as_scripts_do() -> None:
    """`echo -e "HTTP/1.1 200 OK\\n" | nc -l 8080` is well for Distribution, and for curl."""
    with raw_server(lambda _: [b"HTTP/1.1 200 OK\nX: y\n\n"]) as host:
        await look_at_http(f"http://{host}/")
        with pytest.raises(Unwell, match="unexpected status: 200"):
            await look_at_http(f"http://{host}/", status=204)


async def test_redirects_are_followed_as_by_distribution() -> None:
    """Ten of them; and where one leads nowhere, it is the answer."""
    keys = {"X-Key": ["k"]}
    with answering() as port:
        server = f"http://127.0.0.1:{port}"
        await look_at_http(f"{server}/redirects/10", headers=keys)
        with pytest.raises(Unwell, match="stopped after 10 redirects"):
            await look_at_http(f"{server}/redirects/11", headers=keys)
        await look_at_http(f"{server}/to/", status=307, headers=keys)
        with pytest.raises(Unwell, match="unsupported protocol scheme 'file'"):
            await look_at_http(f"{server}/to/file:///etc/passwd", headers=keys)
        uri = f"{server}/to/{server}/status/503"
        with pytest.raises(Unwell, match="unexpected status: 503"):
            await look_at_http(uri, headers=keys)


async def test_another_host_is_not_told_what_the_first_one_is() -> None:
    """A header may be a key."""
    with answering() as port:
        uri = f"http://127.0.0.1:{port}/to/http://localhost:{port}/status/200"
        with pytest.raises(Unwell, match="unexpected status: 401"):
            await look_at_http(uri, headers={"X-Key": ["k"]})


async def test_all_redirects_have_one_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that leads in circles slowly does not hold a check up for ten times as long."""
    respond = Watched._redirect

    def slowly(handler: Watched) -> None:
        time.sleep(0.1)
        respond(handler)

    monkeypatch.setattr(Watched, "_redirect", slowly)
    with answering() as port, pytest.raises(Unwell, match="timed out"):
        await look_at_http(f"http://127.0.0.1:{port}/redirects/10", patience=0.35)


async def test_what_hangs_is_not_ready_and_is_not_asked_again_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A disk that stands still gets one question, however often a probe comes."""
    monkeypatch.setattr("lading.monitoring.readiness.PATIENCE", 0.02)
    asked, free = [], asyncio.Event()

    async def hang() -> None:
        asked.append(1)
        await free.wait()

    async def work() -> None:
        pass

    async def fail() -> None:
        raise Unavailable("it is away")

    readiness = Readiness({"disk": hang, "database": work, "store": fail})
    for _ in range(3):
        found = await readiness.look()
        assert found["disk"].startswith("no answer")
        assert found["database"] == ""
        assert found["store"] == "it is away"
    assert len(asked) == 1
    assert "disk" not in await readiness.look(without=["disk"])
    free.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (await readiness.look())["disk"] == ""
