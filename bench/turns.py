"""`python -m bench.turns`: for how long each page holds the loop that it shares with pulls.

The application runs here, without a server, beside a task that takes every turn it gets: what of
the processor's time passes between two of its turns, nobody else had. So the load of the machine
does not count. `bench.pages` measures from outside, on a machine that does nothing else.
"""

import asyncio
import gc
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click
import yaml

from bench.adoption import adopt, fill
from bench.machine import describe
from lading.config.loading import load
from lading.edge.asgi import Application, Message
from lading.system import interpreter
from lading.wiring.application import RegistryApplication

# How often each page is asked for; the least of what was measured counts.
TIMES = 4
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@click.command()
@click.option("--repositories", default=300, help="How many there are.")
@click.option("--tags", default=1500, help="How many one of them has.")
def main(*, repositories: int, tags: int) -> None:
    """Measure the longest turn of each page."""
    click.echo(describe())
    with tempfile.TemporaryDirectory(prefix="lading-bench-") as directory:
        root = Path(directory, "data")
        root.mkdir()
        fill(root, repositories, 2)
        fill(root, 1, tags)  # the first one has more
        click.echo(f"adopted: {adopt(root)[2]}")
        config = Path(directory, "config.yml")
        storage = {"filesystem": {"rootdirectory": str(root)}}
        config.write_text(yaml.safe_dump({"version": 0.1, "storage": storage}))
        asyncio.run(_measure(config))


async def _measure(config: Path) -> None:
    application = RegistryApplication(load(config, {}).settings, config)
    interpreter.tune()
    async with _alive(application):
        gc.collect()
        gc.freeze()  # as a worker does, or each full collection is somebody's turn
        click.echo("| page | bytes | longest turn |\n|---|---|---|")
        for what, path in (await _paths(application)).items():
            found = [await _longest_turn(application, path) for _ in range(TIMES)]
            size, _ = found[0]
            click.echo(f"| {what} | {size:,} | {min(turn for _, turn in found) * 1e3:.1f} ms |")


async def _paths(application: Application) -> Mapping[str, str]:
    """The pages, by what they show."""
    many, one = "/r/team0/app0", "/r/team1/app1"
    manifest = await _ask(application, "/v2/team1/app1/manifests/v0", MANIFEST)
    headers = {name.decode(): value.decode() for name, value in manifest[0]["headers"]}
    image = f"{one}/-/images/{headers['docker-content-digest']}"
    return {
        "home": "/",
        "home by size": "/?sort=size",
        "a search": "/?q=app1",
        "a search as typed": "/-/search?q=app1",
        "a repository": one,
        "one of many tags": many,
        "many tags by name": f"{many}?sort=name",
        "an image": image,
        "a manifest": f"{image}/raw",
        "two images compared": f"{one}/-/compare?from=v0&to=v1",
        "files": f"{image}/files",
        "space": "/-/space",
        "events": "/-/events",
        "trash": "/-/trash",
    }


async def _longest_turn(application: Application, path: str) -> tuple[int, float]:
    """Bytes of a page, and the longest turn while it is made, in seconds."""
    longest, is_over = 0.0, False

    async def take_turns() -> None:
        nonlocal longest
        last = time.thread_time()
        while not is_over:
            await asyncio.sleep(0)
            now = time.thread_time()
            longest, last = max(longest, now - last), now

    turns = asyncio.create_task(take_turns())
    await asyncio.sleep(0)
    answer = await _ask(application, path, "text/html")
    is_over = True
    await turns
    assert answer[0]["status"] == 200, path
    return sum(len(message.get("body", b"")) for message in answer[1:]), longest


async def _ask(application: Application, path: str, kind: str) -> list[Message]:
    """Ask for a path; what is sent."""
    url = urlsplit(path)
    sent: list[Message] = []
    scope = {
        "type": "http",
        "method": "GET",
        "path": unquote(url.path),
        "query_string": url.query.encode(),
        "scheme": "http",
        "http_version": "1.1",
        "client": ("127.0.0.1", 1),
        "headers": [(b"host", b"localhost"), (b"accept", kind.encode())],
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await application(scope, receive, send)
    return sent


@asynccontextmanager
async def _alive(application: Application) -> AsyncIterator[None]:
    """The application, started and stopped as a server does."""
    told: asyncio.Queue[Message] = asyncio.Queue()
    said: asyncio.Queue[Message] = asyncio.Queue()
    running = asyncio.ensure_future(application({"type": "lifespan"}, told.get, said.put))
    await told.put({"type": "lifespan.startup"})
    assert (await said.get())["type"] == "lifespan.startup.complete"
    try:
        yield
    finally:
        await told.put({"type": "lifespan.shutdown"})
        await running


if __name__ == "__main__":
    main()
