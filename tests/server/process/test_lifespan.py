"""The life of an application, which may fail at its beginning and at its end."""

import asyncio
import logging

import pytest

from lading.edge.asgi import Receive, Scope, Send
from lading.server.process.lifespan import Lifespan, StartFailed


async def test_the_application_lives_from_its_start_to_its_end() -> None:
    seen = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "lifespan"
        for part in ("startup", "shutdown"):
            seen.append((await receive())["type"])
            await send({"type": f"lifespan.{part}.complete"})

    lifespan = Lifespan(application)
    await lifespan.start()
    assert seen == ["lifespan.startup"]
    await lifespan.end()
    assert seen == ["lifespan.startup", "lifespan.shutdown"]


async def test_what_the_application_says_of_its_failure_is_passed_on() -> None:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    with pytest.raises(StartFailed, match="no database"):
        await Lifespan(application).start()


@pytest.mark.parametrize("error", [ValueError("a mistake"), None])
async def test_an_application_that_is_gone_has_not_started(error: Exception | None) -> None:
    """It raised, or it returned, and nobody waits for what it would have said."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if error is not None:
            raise error

    with pytest.raises(StartFailed, match=str(error or "ended already")):
        await Lifespan(application).start()


async def test_an_end_that_fails_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        raise ValueError("a file that cannot be closed")

    lifespan = Lifespan(application)
    await lifespan.start()
    with caplog.at_level(logging.ERROR):
        await asyncio.wait_for(lifespan.end(), 60)
    assert "a file that cannot be closed" in caplog.text
