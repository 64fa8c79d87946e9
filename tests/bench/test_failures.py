"""What goes wrong while measuring is told, and what was measured before is kept."""

import errno
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from bench import generator
from bench.failures import expect_room, keeping, noting
from bench.generator import Client, Pause
from bench.http import Connection, UnexpectedAnswer
from bench.tally import Tally

LARGE = bytes(64 * 1024 * 1024)


class Registry:
    """A registry that failed."""

    name = "lading"

    def ended(self) -> str:
        return "it was killed by signal 9, and its log ends: out of memory"


@contextmanager
def _server(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port where the first connection is served so, and then closed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            connection, _ = listener.accept()
            with connection:
                serve(connection)

        thread = threading.Thread(target=run)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def _is_full(connection: socket.socket) -> None:
    connection.recv(1024)
    connection.sendall(b"HTTP/1.1 507 Full\r\nContent-Length: 12\r\n\r\nstorage full")


def _hangs_up(connection: socket.socket) -> None:
    connection.recv(1024)


def test_a_registry_that_hangs_up_on_a_body_is_quoted_with_what_it_said_before() -> None:
    with _server(_is_full) as port, Connection(port) as connection:
        answer = connection.request("PATCH", "/v2/a/blobs/uploads/1", body=LARGE)
    with pytest.raises(UnexpectedAnswer, match=r"507 instead of .*storage full"):
        answer.expect(202)


def test_a_registry_that_hangs_up_without_a_word_is_an_unexpected_answer() -> None:
    with (
        _server(_hangs_up) as port,
        Connection(port) as connection,
        pytest.raises(UnexpectedAnswer, match="hung up"),
    ):
        connection.request("PATCH", "/v2/a/blobs/uploads/1", body=LARGE)


@pytest.mark.parametrize(
    "error", [UnexpectedAnswer("507: full"), BrokenPipeError(errno.EPIPE, "507: full")]
)
def test_a_failure_is_told_at_once_with_work_and_registry_and_the_others_go_on(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    refused: dict[str, str] = {}
    with noting(refused, "push of 256 MiB", Registry()):
        raise error
    told = capsys.readouterr().err
    for part in ("lading", "push of 256 MiB", "507: full", "signal 9", "out of memory"):
        assert part in told
    assert "507: full" in refused["lading"]


def _run_until(error: Exception, kept: list[str]) -> Result:
    @click.command()
    def command() -> None:
        with keeping(lambda: kept.append("results"), Path("results.json")):
            raise error

    return CliRunner().invoke(command)


@pytest.mark.parametrize(
    "error",
    [
        BrokenPipeError(errno.EPIPE, "a broken pipe"),
        EOFError("a broken pipe"),
        ValueError("a broken pipe"),
        OSError(errno.ENOSPC, "a broken pipe"),
    ],
)
def test_whatever_ends_the_measuring_is_told_and_the_results_are_kept(error: Exception) -> None:
    kept: list[str] = []
    ended = _run_until(error, kept)
    assert ended.exit_code == 1
    assert "a broken pipe" in ended.output
    assert "results.json" in ended.output
    assert kept == ["results"]


def test_results_are_kept_when_somebody_interrupts() -> None:
    kept: list[str] = []
    assert _run_until(KeyboardInterrupt(), kept).exit_code == 1  # type: ignore[arg-type]
    assert kept == ["results"]


def test_a_disk_without_room_is_told_before_it_is_measured(tmp_path: Path) -> None:
    expect_room(tmp_path, 0.0)
    with pytest.raises(OSError, match="TMPDIR"):
        expect_room(tmp_path, 1e9)


def _ends_its_process(_number: int, _tally: Tally) -> Client:
    yield Pause(0)
    raise SystemExit(3)


def _fails(_number: int, _tally: Tally) -> Client:
    yield Pause(0)
    raise ValueError("a bug of the client")


@pytest.mark.parametrize(
    ("client", "told"), [(_fails, "a bug of the client"), (_ends_its_process, "was killed")]
)
def test_a_process_of_the_generator_that_fails_is_an_unexpected_answer(
    client: Callable[[int, Tally], Client], told: str
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(UnexpectedAnswer, match=told),
    ):
        generator.run(listener.getsockname()[1], 1, client)


def test_bytes_that_nobody_asks_for_any_more_are_removed_and_no_others(tmp_path: Path) -> None:
    pytest.importorskip("psutil")
    from bench.running import remove_blobs  # noqa: PLC0415 - only `make bench` installs psutil

    pushed, other = "ab" * 32, "cd" * 32
    files = [f"v2/blobs/sha256/ab/{pushed}/data", f"olareg/blobs/sha256/{pushed}"]
    stays = f"v2/blobs/sha256/cd/{other}/data"
    for file in [*files, stays]:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(b"bytes")
    remove_blobs(tmp_path, [f"sha256:{pushed}"])
    assert [file for file in [*files, stays] if (tmp_path / file).exists()] == [stays]
