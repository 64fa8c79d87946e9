"""`lading serve` as a person starts it: what it says, and what it says when it cannot."""

import os
import re
import socket
import sqlite3
from pathlib import Path

import pytest

from lading.databases.schema import STEPS
from tests.support.client import Client
from tests.support.commands import run
from tests.support.lading import lading_serve, program
from tests.support.processes import background, wait_until


def refuses(config: Path) -> str:
    """Start a server that cannot run; return what it complained of: one line, no traceback."""
    done = run([program(), "serve", config], check=False, timeout=30)
    assert done.returncode == 1
    assert done.stdout == b""
    (line,) = done.stderr.decode().splitlines()
    return line


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The configuration of a server that could run, its data in `tmp_path`."""
    path = tmp_path / "config.yml"
    write(path)
    return path


def write(
    path: Path, addr: str = "127.0.0.1:0", *, root: Path | None = None, net: str = "tcp"
) -> None:
    """Write a configuration file."""
    root = root or path.parent / "data"
    path.write_text(
        "version: 0.1\n"
        f"storage: {{filesystem: {{rootdirectory: {root}}}}}\n"
        f"http: {{addr: '{addr}', net: {net}, workers: 2}}\n"
    )


def test_it_says_where_it_is_where_the_data_is_and_what_to_try(tmp_path: Path) -> None:
    """In a few lines; needs neither a configuration file nor root."""
    log = tmp_path / "log"
    command = ["sh", "-c", f"cd {tmp_path} && exec {program()} serve"]
    with background(command, log=log, env={"REGISTRY_HTTP_ADDR": "127.0.0.1:0"}):
        wait_until(lambda: log.read_text().count("\n") >= 5, "lading serve")
        lines = log.read_text().splitlines()
        address = re.fullmatch(r"Listening on  http://(127\.0\.0\.1:\d+)", lines[0])
        assert address is not None
        assert lines[1:] == [
            f"Data is in    {tmp_path / 'data'}",
            f"Open          http://{address[1]} in a browser, for its pages",
            f"Try           docker tag hello-world {address[1]}/hello-world",
            f"              docker push {address[1]}/hello-world",
        ]
        assert Client(address[1]).ask("GET", "/v2/").status == 200
    assert (tmp_path / "data").is_dir()


def test_it_says_where_its_pages_are_below_a_prefix(config: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    config.write_text(
        "version: 0.1\nhttp: {addr: '127.0.0.1:0', prefix: /reg/}\n"
        f"storage: {{filesystem: {{rootdirectory: {tmp_path / 'data'}}}}}\n"
    )
    with background([program(), "serve", str(config)], log=log):
        wait_until(lambda: "Open" in log.read_text(), "lading serve")
        opened = re.search("Open +http://([^/]+)(/.*) in a browser", log.read_text())
        assert opened is not None
        assert b"<html" in Client(opened[1]).ask("GET", opened[2], Accept="text/html").body


@pytest.mark.parametrize(
    ("addr", "host"),
    [("127.0.0.1:0", "127.0.0.1"), (":0", "localhost"), ("[::1]:0", "[::1]"), ("localhost:0", "")],
)
def test_it_listens_where_it_is_told(tmp_path: Path, addr: str, host: str) -> None:
    """On one address, on all of them, of either family."""
    settings = {"http": {"addr": addr, "workers": 1}}
    with lading_serve(tmp_path, settings=settings) as registry:
        assert registry.host.startswith(host)
        assert registry.client.ask("GET", "/v2/").status == 200


def test_data_in_memory_is_said_to_be(tmp_path: Path) -> None:
    """So that nobody trusts it with anything."""
    settings = {"storage": "inmemory", "http": {"addr": "127.0.0.1:0"}}
    with lading_serve(tmp_path, settings=settings) as registry:
        assert registry.client.ask("GET", "/v2/").status == 200
        assert registry.has_said("memory, and gone when this process ends")
    assert not registry.root.exists()


def test_a_socket_in_the_file_system(config: Path, tmp_path: Path) -> None:
    """One that a killed server left behind is taken over; any other file is not."""
    path, log = tmp_path / "http.sock", tmp_path / "log"
    write(config, str(path), net="unix")
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    with background([program(), "serve", str(config)], log=log):
        wait_until(lambda: log.read_text().count("\n") >= 3, "lading serve")
        assert f"Listening on  {path}\n" in log.read_text()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b"GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")
    path.unlink(missing_ok=True)
    path.write_text("somebody's")
    assert "cannot listen on" in refuses(config)
    assert path.read_text() == "somebody's"


def test_an_address_that_is_taken(config: Path) -> None:
    """Is named, with what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        addr = f"127.0.0.1:{taken.getsockname()[1]}"
        write(config, addr)

        assert refuses(config) == (
            f"Error: cannot listen on {addr}: Address already in use; stop what is using it,"
            " or set another address (http.addr, REGISTRY_HTTP_ADDR)"
        )


@pytest.mark.parametrize(
    "addr", ["192.0.2.1:5000", "no-such-host.invalid:5000", "a..b:5000", f"{'a' * 64}.x:5000"]
)
def test_an_address_that_is_not_of_this_machine(config: Path, addr: str) -> None:
    """Likewise."""
    write(config, addr)

    assert refuses(config).startswith(f"Error: cannot listen on {addr}: ")


def test_a_socket_whose_path_is_too_long(config: Path) -> None:
    """It says so; the system has no word for it."""
    write(config, f"/tmp/{'s' * 120}", net="unix")
    assert "path too long" in refuses(config)


def test_data_that_cannot_be_made(config: Path, tmp_path: Path) -> None:
    """The directory is named, with what is wrong and what to do."""
    (tmp_path / "file").write_text("")
    root = tmp_path / "file" / "data"
    write(config, root=root)

    said = refuses(config)

    assert said.startswith(f"Error: cannot use the data in {root}: ")
    assert "storage.filesystem.rootdirectory" in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_data_that_may_not_be_written(config: Path, tmp_path: Path) -> None:
    """Likewise."""
    root = tmp_path / "data"
    root.mkdir(mode=0o500)

    assert "Permission denied" in refuses(config)


def test_data_of_a_newer_version(config: Path, tmp_path: Path) -> None:
    """Is left alone."""
    with lading_serve(tmp_path):
        pass
    database = tmp_path / "data/lading/metadata.sqlite3"
    connection = sqlite3.connect(database)
    connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    connection.close()

    assert "newer version of lading" in refuses(config)


def test_data_that_is_damaged(config: Path, tmp_path: Path) -> None:
    """Is not written over."""
    database = tmp_path / "data/lading/metadata.sqlite3"
    database.parent.mkdir(parents=True)
    database.write_bytes(b"not a database" * 1000)

    assert "not a database" in refuses(config)
    assert database.read_bytes() == b"not a database" * 1000


def test_a_wrong_configuration(config: Path) -> None:
    """Every mistake is named, with its line; nothing is made."""
    config.write_text("version: 0.1\nhtpt: {}\nstorge: {}\n")
    done = run([program(), "serve", config], check=False, timeout=30)

    assert done.returncode == 1
    assert f"{config}:2: htpt" in done.stderr.decode()
    assert f"{config}:3: storge" in done.stderr.decode()
    assert list(config.parent.iterdir()) == [config]


@pytest.mark.parametrize("streams", ["<&- 2>&-", "<&- >&-", "<&- >&- 2>&-"])
def test_files_of_the_server_are_in_the_place_of_no_closed_stream(
    config: Path, tmp_path: Path, streams: str
) -> None:
    """Lines of logs would be written there, and children would be without what they are given."""
    command = ["sh", "-c", f"exec {program()} serve {config} {streams}"]
    with background(command, log=tmp_path / "log") as process:
        wait_until(lambda: len(_children(process.pid)) >= 2, "workers")
        for pid in [process.pid, *_children(process.pid)]:
            standard = [Path(f"/proc/{pid}/fd/{number}").readlink() for number in range(3)]
            assert set(standard) <= {Path(os.devnull), tmp_path / "log"}, standard


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]
