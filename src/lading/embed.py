"""Registry inside another program: an ASGI application, in memory unless it has a configuration.

It takes no signals, sets up no logging, and shares nothing with another one of the same process.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from lading.edge.asgi import Application, Receive, Scope, Send
from lading.wiring.in_memory import MemoryOptions, open_in_memory, read_permissions

# Where the protocol begins: who mounts a registry there need not say so.
_BASE = "/v2"


def create_app(
    config: Path | str | None = None,
    *,
    users: Mapping[str, str] | None = None,
    permissions: str | Mapping[str, object] | None = None,
    tokens: bool = False,
    delete: bool = True,
    prefix: str = "",
) -> "EmbeddedRegistry":
    """A registry as an ASGI application (https://asgi.readthedocs.io, version 3).

    Without `config` it is empty, keeps everything in memory and loads nothing beside. Docker looks
    for `/v2/` at the root of a host: mount it at `/`, at `/v2`, or elsewhere for clients that know.

    Args:
        config: a configuration file, which then says everything; REGISTRY_* variables do not count.
        users: passwords by the names of those who may log in; `None` lets everybody in.
        permissions: `auth.permissions` of a configuration as a mapping, or the name of a preset.
        tokens: whether clients are sent for a token instead of asked for a password.
        delete: whether clients may delete.
        prefix: the path that is before `/v2/`, unless the server or the framework says so
            (`root_path`).

    Raises:
        ValueError: `config` is given and something beside it, or `permissions` is none.
        ConfigurationError: something is wrong with the file; the message names every such thing.
    """
    given = (users, permissions, prefix or None)
    if config is not None:
        if tokens or not delete or any(value is not None for value in given):
            raise ValueError("the configuration says everything: give nothing beside it")
        return EmbeddedRegistry(_of_configuration(Path(config)))
    rules = None if permissions is None else read_permissions(permissions)
    options = MemoryOptions(users, rules, tokens=tokens, delete=delete, prefix=prefix)
    return EmbeddedRegistry(partial(_in_memory, options))


class EmbeddedRegistry:
    """A registry as an ASGI application, for the event loop of whoever serves it.

    It is opened by ASGI's lifespan, by `opened`, or by the first request; frameworks that mount
    an application send it no lifespan, so their own has to enter `opened`, which closes it, too.
    What was opened in an event loop that has ended is closed with that: another one begins anew.
    """

    def __init__(self, opening: Callable[[], AbstractAsyncContextManager[Application]]) -> None:
        self._opening = opening
        self._begin_in(None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take part in a server's life, or answer one request."""
        match scope["type"]:
            case "lifespan":
                await self._live(receive, send)
            case "http":
                is_open = self._loop is asyncio.get_running_loop()
                application = (self._application if is_open else None) or await self._open()
                await application(_below_mount(scope), receive, send)
            case _:  # a WebSocket, which no registry knows
                await send({"type": "websocket.close"})

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["EmbeddedRegistry"]:
        """The registry open for the length of a block, and closed after it."""
        await self._open()
        try:
            yield self
        finally:
            await self._close()

    def _begin_in(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self._loop = loop
        self._stack = AsyncExitStack()
        self._application: Application | None = None
        self._changing = asyncio.Lock()

    async def _open(self) -> Application:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._application is not None and self._loop and not self._loop.is_closed():
                raise RuntimeError("this registry is open in another event loop")
            self._begin_in(loop)
        async with self._changing:
            if self._application is None:
                opening = self._opening()
                self._application = await self._stack.enter_async_context(opening)
            return self._application

    async def _close(self) -> None:
        async with self._changing:
            self._application = None
            await self._stack.aclose()

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._open()
        except Exception as error:  # noqa: BLE001 - the server is told of whatever it is
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._close()
        await send({"type": "lifespan.shutdown.complete"})


@asynccontextmanager
async def _in_memory(options: MemoryOptions) -> AsyncIterator[Application]:
    async with open_in_memory(options) as opened:
        yield opened.protocol


def _of_configuration(file: Path) -> Callable[[], AbstractAsyncContextManager[Application]]:
    from lading.config.loading import load  # noqa: PLC0415 - it loads pydantic
    from lading.wiring.application import open_hosted  # noqa: PLC0415

    return partial(open_hosted, load(file, {}).settings)


def _below_mount(scope: Scope) -> Scope:
    """A request as the registry sees it, wherever it is mounted.

    ASGI's `path` has the `root_path` in it; some frameworks and servers leave that off.
    """
    root = str(scope.get("root_path", "")).rstrip("/")
    if not root:
        return scope
    path = scope["path"]
    whole = path if path == root or path.startswith(f"{root}/") else root + path
    mount = root.removesuffix(_BASE)
    return {**scope, "root_path": mount, "path": whole.removeprefix(mount) or "/"}
