"""A registry inside another program: alone, mounted, with a configuration, for any ASGI server."""

import asyncio
import base64
import json
import logging
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from lading.config.document import ConfigurationError
from lading.embed import EmbeddedRegistry, create_app
from tests.support.pushes import digest_of


class Reply(NamedTuple):
    """What an application answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def ask(
    app: Callable[..., Any],
    method: str,
    path: str,
    body: bytes = b"",
    *,
    root: str = "",
    query: str = "",
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Ask an application as a server does."""
    sent: list[Any] = []
    given = {"host": "example.test", **(headers or {})}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "root_path": root,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "client": ("192.0.2.1", 1),
        "server": ("example.test", 80),
    }

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    names = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Reply(sent[0]["status"], names, b"".join(part["body"] for part in sent[1:]))


async def push(app: EmbeddedRegistry, data: bytes, **how: Any) -> Reply:
    """Push a blob in one request."""
    query = f"digest={digest_of(data)}"
    return await ask(
        app, "POST", f"{how.pop('below', '')}/v2/app/blobs/uploads/", data, query=query, **how
    )


async def test_an_application_in_memory_answers_at_once() -> None:
    """Frameworks send no lifespan to what is mounted in them."""
    app = create_app()
    async with app.opened():
        assert (await push(app, b"hello")).status == 201
        assert (await ask(app, "GET", f"/v2/app/blobs/{digest_of(b'hello')}")).body == b"hello"


async def test_what_was_closed_begins_anew() -> None:
    app = create_app()
    async with app.opened():
        await push(app, b"hello")
    async with app.opened():
        assert (await ask(app, "HEAD", f"/v2/app/blobs/{digest_of(b'hello')}")).status == 404


def test_what_an_event_loop_leaves_open_is_closed_with_it() -> None:
    """As each test has a loop of its own, and the application is the module's."""
    app = create_app()
    for _ in range(3):
        found = asyncio.run(ask(app, "HEAD", f"/v2/app/blobs/{digest_of(b'hello')}"))
        assert found.status == 404
        assert asyncio.run(push(app, b"hello")).status == 201


def test_a_registry_is_open_in_one_event_loop_at_a_time() -> None:
    app, here = create_app(), asyncio.new_event_loop()
    here.run_until_complete(push(app, b"hello"))

    with pytest.raises(RuntimeError, match="open in another event loop"):
        asyncio.run(push(app, b"hello"))

    here.run_until_complete(here.shutdown_asyncgens())
    here.close()
    assert asyncio.run(push(app, b"hello")).status == 201


async def test_two_applications_share_nothing() -> None:
    one, other = create_app(), create_app()
    async with one.opened(), other.opened():
        await push(one, b"hello")

        assert (await ask(other, "HEAD", f"/v2/app/blobs/{digest_of(b'hello')}")).status == 404


async def test_a_server_opens_and_closes_it() -> None:
    """ASGI's lifespan."""
    app, told = create_app(), asyncio.Queue[Any]()
    events = asyncio.Queue[Any]()
    life = asyncio.create_task(app({"type": "lifespan"}, events.get, told.put))
    events.put_nowait({"type": "lifespan.startup"})
    assert await told.get() == {"type": "lifespan.startup.complete"}
    assert (await ask(app, "GET", "/v2/")).status == 200
    events.put_nowait({"type": "lifespan.shutdown"})
    assert await told.get() == {"type": "lifespan.shutdown.complete"}
    await life


@pytest.mark.parametrize(
    ("root", "path", "place"),
    [
        ("", "/v2/app/blobs/uploads/", "/v2/app/blobs/"),
        ("/v2", "/v2/app/blobs/uploads/", "/v2/app/blobs/"),
        ("/v2", "/app/blobs/uploads/", "/v2/app/blobs/"),
        ("/registry", "/registry/v2/app/blobs/uploads/", "/registry/v2/app/blobs/"),
        ("/registry", "/v2/app/blobs/uploads/", "/registry/v2/app/blobs/"),
        ("/a/v2", "/a/v2/app/blobs/uploads/", "/a/v2/app/blobs/"),
    ],
)
async def test_it_is_mounted_anywhere(root: str, path: str, place: str) -> None:
    """Whether or not the framework leaves the mount in the path; locations lead back."""
    app, data = create_app(), b"hello"
    async with app.opened():
        query = f"digest={digest_of(data)}"
        pushed = await ask(app, "POST", path, data, root=root, query=query)

        assert pushed.status == 201
        assert pushed.headers["location"] == place + digest_of(data)


async def test_clients_of_a_mounted_one_find_its_tokens() -> None:
    app = create_app(users={"ci": "secret"}, tokens=True)
    async with app.opened():
        refused = await ask(app, "GET", "/registry/v2/", root="/registry")

        assert 'realm="http://example.test/registry/token"' in refused.headers["www-authenticate"]


async def test_users_and_permissions_count() -> None:
    app = create_app(users={"ci": "secret"}, permissions="users", delete=False)
    login = {"authorization": "Basic " + base64.b64encode(b"ci:secret").decode()}
    async with app.opened():
        assert (await ask(app, "GET", "/v2/")).status == 401
        assert (await ask(app, "GET", "/v2/", headers=login)).status == 200
        gone = f"/v2/app/blobs/{digest_of(b'x')}"
        assert (await ask(app, "DELETE", gone, headers=login)).status == 405


async def test_a_prefix_is_before_all_paths() -> None:
    app = create_app(prefix="/images")
    async with app.opened():
        assert (
            (await push(app, b"hello", below="/images"))
            .headers["location"]
            .startswith("/images/v2/app/blobs/")
        )


def configuration(tmp_path: Path, **more: object) -> Path:
    """A configuration with files."""
    path = tmp_path / "config.yml"
    storage = {"filesystem": {"rootdirectory": str(tmp_path / "data")}}
    path.write_text(yaml.safe_dump({"version": "0.1", "storage": storage, **more}))
    return path


async def test_a_configuration_says_everything(tmp_path: Path) -> None:
    """What is pushed is there the next time."""
    file = configuration(tmp_path)
    async with create_app(file).opened() as app:
        assert (await push(app, b"hello")).status == 201
    async with create_app(file).opened() as app:
        assert (await ask(app, "HEAD", f"/v2/app/blobs/{digest_of(b'hello')}")).status == 200


def test_a_configuration_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="stroage"):
        create_app(configuration(tmp_path, stroage={}))
    with pytest.raises(ValueError, match="nothing beside"):
        create_app(configuration(tmp_path), users={"ci": "secret"})


async def test_a_start_that_fails_is_told_to_the_server(tmp_path: Path) -> None:
    """Blobs of somebody else are not served."""
    blob = tmp_path / f"data/docker/registry/v2/blobs/sha256/ab/{'ab' * 32}/data"
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"x")
    told: list[Any] = []

    async def receive() -> dict[str, str]:
        return {"type": "lifespan.startup"}

    async def send(message: Any) -> None:
        told.append(message)

    await create_app(configuration(tmp_path))({"type": "lifespan"}, receive, send)

    assert told[0]["type"] == "lifespan.startup.failed"
    assert "there are blobs in" in told[0]["message"]


async def test_the_program_around_it_is_left_alone(tmp_path: Path) -> None:
    """Neither its signals nor its logging change."""
    signals = [
        signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    ]
    handlers, level = list(logging.getLogger().handlers), logging.getLogger().level
    for app in (create_app(), create_app(configuration(tmp_path))):
        async with app.opened():
            answer = await ask(app, "GET", "/v2/")
            assert json.loads(answer.body) == {}

    assert signals == [
        signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    ]
    assert (logging.getLogger().handlers, logging.getLogger().level) == (handlers, level)
    assert logging.getLogger("lading.access").handlers == []
