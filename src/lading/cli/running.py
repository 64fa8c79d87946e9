"""Running of what commands do, up to its end or until this process is told to end."""

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable
from typing import NoReturn

import click

from lading.cli.exits import TERMINATED, end_at_once
from lading.cli.output import say
from lading.core.typing import T

# From being told to end: less than the ten of Docker, after which it kills.
MOST_SECONDS = 8.0


def run_to_end(work: Callable[[], Awaitable[T]]) -> T:
    """Run something; its outcome.

    A process that is told to end, as by whoever stops a container, gives up its leases and removes
    what it has made for a while, as one that is interrupted does: the next one waits for nothing.
    A thread of it may hang in a disk or a network that is gone: that is waited for a few seconds.
    What is left then is as a crash leaves it, and that is said.

    Raises:
        Exit: this process was told to end.
    """
    ended = threading.Event()
    last = threading.Timer(MOST_SECONDS, _end_in_the_middle)
    last.daemon = True

    async def run() -> T:
        task = asyncio.current_task()
        assert task is not None

        def end() -> None:
            if not ended.is_set():
                ended.set()
                last.start()
            task.cancel()

        if threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
        return await work()

    try:
        return asyncio.run(run())
    except asyncio.CancelledError:
        if not ended.is_set():
            raise
        raise click.exceptions.Exit(TERMINATED) from None
    finally:
        last.cancel()


def _end_in_the_middle() -> NoReturn:
    """End though something hangs, which may have been about to make a registry writable again."""
    say(
        f"Ended though something did not answer for {MOST_SECONDS:.0f} s, as a disk or a database:"
        " what is left is as a crash leaves it, and `lading read-only status` says whether the"
        " registry is read-only",
        err=True,
    )
    end_at_once(TERMINATED)
