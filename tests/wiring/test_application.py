"""The application's life: whatever fails on the way, all that was opened before is closed again."""

import asyncio
import re
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import pytest

from lading.api.context import Context
from lading.blobs.stores import Stores
from lading.config.loading import load
from lading.edge.application import Application
from lading.edge.asgi import Message
from lading.system.room import Budget
from lading.wiring.application import RegistryApplication, WorkerParts, open_application
from lading.wiring.paths import metadata_path
from lading.wiring.start import opened_files, prepared
from lading.wiring.stores import open_registry
from tests.edge.requests import request
from tests.support.open_things import descriptors, threads

CONFIG = """
version: 0.1
storage: {filesystem: {rootdirectory: ROOT/data}}
audit: {file: ROOT/audit/log}
auth: {htpasswd: {path: ROOT/users}}
"""


def opened(directory: Path) -> set[object]:
    """What is open in this process: files below a directory, threads, tasks."""
    return {*files(directory), *threads(), *(asyncio.all_tasks() - {asyncio.current_task()})}


def files(directory: Path) -> list[str]:
    """Files below a directory that are open in this process."""
    return sorted(name for _, name in descriptors() if name.startswith(str(directory)))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The configuration of a registry that can start, with users and an audit log."""
    path = tmp_path / "config.yml"
    path.write_text(CONFIG.replace("ROOT", str(tmp_path)))
    (tmp_path / "audit").mkdir()
    (tmp_path / "users").touch()
    return path


def damage_database(directory: Path) -> None:
    path = metadata_path(directory / "data")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database" * 1000)


def occupy_blobs(directory: Path) -> None:
    (directory / "data").mkdir()
    (directory / "data/docker").touch()


def remove_users(directory: Path) -> None:
    (directory / "users").unlink()
    (directory / "users").mkdir()


def remove_audit(directory: Path) -> None:
    (directory / "audit").rmdir()


@pytest.mark.parametrize(
    "spoil", [remove_audit, damage_database, occupy_blobs, remove_users], ids=lambda f: f.__name__
)
async def test_what_fails_at_the_start_leaves_nothing_open(
    config: Path, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    settings, before = load(config, {}).settings, opened(tmp_path)
    spoil(tmp_path)
    with pytest.raises(Exception):  # noqa: B017, PT011 - each has its own
        async with open_application(settings, config, WorkerParts()):
            pytest.fail("it started")
    assert opened(tmp_path) <= before


def test_data_that_is_prepared_is_open_nowhere(config: Path, tmp_path: Path) -> None:
    """Workers are forked then, and a connection to a database must not be in two processes."""
    settings, before = load(config, {}).settings, threads()
    with prepared(settings):
        assert files(tmp_path) == [str(tmp_path / name) for name in ("audit/log", "users")]
        assert threads() <= before
        assert metadata_path(tmp_path / "data").exists()
    assert not files(tmp_path)
    assert threads() <= before


async def test_files_that_the_server_has_opened_are_not_read_again(
    config: Path, tmp_path: Path
) -> None:
    """What was checked is what is used, whatever has become of the files meanwhile."""
    settings = load(config, {}).settings
    with opened_files(settings) as handed:
        (tmp_path / "users").rename(tmp_path / "aside")
        (tmp_path / "audit").rename(tmp_path / "audit-aside")
        async with open_application(settings, config, WorkerParts(files=handed)):
            assert str(tmp_path / "users") not in files(tmp_path)


async def test_what_fails_meanwhile_leaves_nothing_open(config: Path, tmp_path: Path) -> None:
    settings, before = load(config, {}).settings, opened(tmp_path)

    async def fail() -> None:
        async with open_application(settings, config, WorkerParts()) as running:
            assert running.reloader is not None
            assert opened(tmp_path) - before
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert opened(tmp_path) <= before


async def test_one_store_that_cannot_be_closed_does_not_keep_the_other_open(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, before = load(config, {}).settings, opened(tmp_path)

    def fail(_: Stores) -> None:
        raise OSError

    monkeypatch.setattr(Stores, "close", fail)
    with pytest.raises(OSError):  # noqa: PT011 - it is that one
        async with open_registry(settings):
            pass
    assert opened(tmp_path) <= before


async def test_an_application_says_that_it_could_not_start(config: Path, tmp_path: Path) -> None:
    """In the words of ASGI's lifespan, so that any server that speaks it ends."""
    damage_database(tmp_path)
    assert await live(config) == ["lifespan.startup.failed"]


async def test_an_application_opens_and_closes_with_its_server(
    config: Path, tmp_path: Path
) -> None:
    before = opened(tmp_path)
    assert await live(config) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert opened(tmp_path) <= before


async def test_the_threads_that_large_manifests_take_end_with_the_application(
    config: Path, tmp_path: Path
) -> None:
    config.write_text(re.sub("auth: .*", "", config.read_text()))
    settings, before = load(config, {}).settings, opened(tmp_path)
    async with open_application(settings, None, WorkerParts(memory=Budget(0))) as running:
        assert await push_nothing(running.api, 100_000) == HTTPStatus.BAD_REQUEST
        names = {thread.name for thread in threads() - before}
        assert {"bodies-0", "manifests-0"} <= names
    assert opened(tmp_path) <= before


async def push_nothing(api: Application[Context], size: int) -> int:
    """Push a manifest that is none; the status of the answer."""
    status, scope = 0, request("PUT", "/v2/app/manifests/latest").scope

    async def receive() -> Message:
        return {"type": "http.request", "body": bytes(size), "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)

    await api(scope, receive, send)
    return status


async def live(config: Path) -> list[str]:
    """The life of an application: what it says of it."""
    application = RegistryApplication(load(config, {}).settings, config)
    said = []

    async def receive() -> Message:
        return {"type": "lifespan"}

    async def send(message: Message) -> None:
        said.append(message["type"])

    await application({"type": "lifespan"}, receive, send)
    return said
