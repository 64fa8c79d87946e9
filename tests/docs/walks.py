"""Walks through the code: the files that requests enter; run it to renew ARCHITECTURE.md."""

import asyncio
import base64
import gc
import json
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

import lading
from lading.config.settings import Settings
from lading.core.digest import Digest
from lading.core.garbage import Criteria
from lading.services import collect
from lading.services.registry import Registry
from lading.wiring.application import RegistryApplication
from lading.wiring.stores import open_registry
from tests.fuzz.registry import HASH
from tests.support.commands import REPOSITORY
from tests.support.contents import image

DOCUMENT = REPOSITORY / "ARCHITECTURE.md"
START, END = "<!-- walks: made by tests/docs/walks.py -->\n", "<!-- end of walks -->\n"
SOURCE = str(Path(lading.__file__).parent) + "/"

App = Callable[[dict[str, Any], Any, Any], Coroutine[Any, Any, None]]

ALICE = "Basic " + base64.b64encode(b"alice:secret").decode()
LAYER = b"layer" * 100_000
CONFIG = b"{}"
IMAGE = image(CONFIG, LAYER)
DIGESTS = {data: Digest.of(data) for data in (LAYER, CONFIG)}


@dataclass
class Steps:
    """The files of lading whose functions are called."""

    files: set[str] | None = None

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        """Note a call, as `sys.setprofile` wants it."""
        path = frame.f_code.co_filename
        if self.files is not None and event == "call" and path.startswith(SOURCE):
            self.files.add(path.removeprefix(SOURCE).removesuffix(".py"))

    async def of(self, work: Awaitable[object]) -> Set[str]:
        """Do something, and return the files that it entered."""
        files: set[str] = set()
        self.files = files
        await work
        self.files = None
        return files


class Client:
    """A client of an application, without a server between them."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def ask(
        self, method: str, target: str, body: bytes = b"", **headers: str
    ) -> tuple[Mapping[str, str], bytes]:
        """Send a request; return the headers and the body of the answer, which must be good."""
        url = urlsplit(target)
        scope = {
            "type": "http",
            "method": method,
            "path": url.path,
            "raw_path": url.path.encode(),
            "query_string": url.query.encode(),
            "scheme": "http",
            "http_version": "1.1",
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 5000),
            "headers": [
                (b"host", b"localhost:5000"),
                (b"content-length", b"%d" % len(body)),
                *((name.replace("_", "-").encode(), headers[name].encode()) for name in headers),
            ],
        }
        sent: list[Any] = []

        async def receive() -> Mapping[str, object]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Mapping[str, Any]) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        assert sent[0]["status"] < 400 or sent[0]["status"] == 401, (method, target, sent)
        found = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
        return found, b"".join(message.get("body", b"") for message in sent[1:])

    async def login(self) -> None:
        """Log in as `docker login` does."""
        await self.ask("GET", "/v2/")
        _, body = await self.ask("GET", "/token?service=lading&account=alice", authorization=ALICE)
        await self.ask("GET", "/v2/", authorization=f"Bearer {json.loads(body)['token']}")

    async def push(self, repository: str) -> None:
        """Push an image."""
        await self.push_blob(repository, CONFIG)
        await self.push_blob(repository, LAYER)
        await self.push_manifest(repository)

    async def push_blob(self, repository: str, data: bytes) -> None:
        """Push a blob in one chunk."""
        path = f"/v2/{repository}/blobs/uploads/"
        begun, _ = await self.ask("POST", path, authorization=ALICE)
        going, _ = await self.ask("PATCH", begun["location"], data, authorization=ALICE)
        target = f"{going['location']}?digest={DIGESTS[data]}"
        await self.ask("PUT", target, authorization=ALICE)

    async def push_manifest(self, repository: str) -> None:
        """Push the manifest under a tag."""
        await self.ask(
            "PUT",
            f"/v2/{repository}/manifests/latest",
            IMAGE.body,
            authorization=ALICE,
            content_type=IMAGE.media_type,
        )

    async def pull(self, repository: str) -> None:
        """Pull the manifest and its layer."""
        await self.ask("GET", f"/v2/{repository}/manifests/latest", authorization=ALICE)
        path = f"/v2/{repository}/blobs/{DIGESTS[LAYER]}"
        _, body = await self.ask("GET", path, authorization=ALICE)
        assert body == LAYER

    async def delete_and_collect(self, repository: str, registry: Registry) -> None:
        """Delete the image, and collect what is garbage then."""
        path = f"/v2/{repository}/manifests/{IMAGE.digest}"
        await self.ask("DELETE", path, authorization=ALICE)
        now = registry.clock() + 1
        criteria = Criteria(now=now, grace=0, trash_before=now, untagged=False)
        plan = await collect.plan(registry, criteria)
        assert [item async for item in collect.run(registry, plan)]


@asynccontextmanager
async def lived(app: App) -> AsyncIterator[None]:
    """Let an application live, as its server does."""
    begun, over = asyncio.Event(), asyncio.Event()
    told: list[str] = []

    async def receive() -> Mapping[str, object]:
        if told:
            await over.wait()
        return {"type": "lifespan.shutdown" if told else "lifespan.startup"}

    async def send(message: Mapping[str, Any]) -> None:
        told.append(message["type"])
        begun.set()

    task = asyncio.create_task(app({"type": "lifespan", "state": {}}, receive, send))
    await begun.wait()
    try:
        yield
    finally:
        over.set()
        await task


async def _walks(root: Path, steps: Steps) -> Mapping[str, Set[str]]:
    # Who is known is looked at again now and then: where anybody may do everything, the clock has
    # no part in a walk.
    settings = settings_in(root / "open", {})
    app = RegistryApplication(settings, None)
    async with lived(app):
        client = Client(app)
        await client.push("first")  # what is made or found out once
        await client.push_blob("app", LAYER)
        blob = await steps.of(client.push_blob("app", CONFIG))
        manifest = await steps.of(client.push_manifest("app"))
        await client.pull("app")
        await asyncio.sleep(1)  # what it promised is written down afterwards
        pull = await steps.of(client.pull("app"))
        async with open_registry(settings) as registry:
            registry.metadata.load()  # as a server does once
            collecting = await steps.of(client.delete_and_collect("app", registry))
    users = root / "users"
    users.write_text(f"alice:{HASH}\n")
    auth = {"htpasswd": {"path": str(users)}, "tokens": {}}
    app = RegistryApplication(settings_in(root / "closed", auth), None)
    async with lived(app):
        login = await steps.of(Client(app).login())
    return {
        "pull an image": pull,
        "push a blob": blob,
        "push a manifest": manifest,
        "delete and collect": collecting,
        "log in": login,
    }


def settings_in(root: Path, auth: Mapping[str, object]) -> Settings:
    """Return settings of a registry that does nothing by itself."""
    return Settings.model_validate(
        {
            "storage": {
                "filesystem": {"rootdirectory": str(root)},
                "garbagecollect": {"enabled": False, "grace": "0s", "trash": "0s"},
                "maintenance": {"uploadpurging": {"enabled": False}},
            },
            "ui": {"enabled": False},
            "auth": auth,
        }
    )


def walks() -> Mapping[str, Set[str]]:
    """Return the files that each path enters."""
    steps = Steps()
    gc.disable()  # what it would clear away is of others
    threading.setprofile(steps)
    sys.setprofile(steps)
    try:
        with tempfile.TemporaryDirectory() as directory:
            return asyncio.run(_walks(Path(directory), steps))
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        gc.enable()


def render() -> str:
    """Return the walks as ARCHITECTURE.md has them, with their marks."""
    rows = (_row(name, files) for name, files in walks().items())
    return "".join([START, "\n| to … | files | which |\n|---|---|---|\n", *rows, "\n", END])


def _row(name: str, files: Set[str]) -> str:
    rooms: dict[str, list[str]] = {}
    for file in sorted(files):
        room, _, rest = file.rpartition("/")
        rooms.setdefault(room or file, []).append(rest)
    lines = (f"**{room}** {', '.join(rooms[room])}" for room in sorted(rooms))
    return f"| {name} | {len(files)} | {'<br>'.join(lines)} |\n"


if __name__ == "__main__":
    text = DOCUMENT.read_text()
    before, after = text.partition(START)[0], text.partition(END)[2]
    DOCUMENT.write_text(before + render() + after)
