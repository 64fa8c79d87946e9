"""Running of what commands do, up to its end or until this process is told to end."""

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable

import click

from lading.core.typing import T

TERMINATED = 143
"""What a shell says of a program that was ended by SIGTERM: 128 and the number of the signal."""


def run_to_end(work: Callable[[], Awaitable[T]]) -> T:
    """Run something; its outcome.

    A process that is told to end, as by whoever stops a container, gives up its leases and removes
    what it has made for a while, as one that is interrupted does: the next one waits for nothing.

    Raises:
        Exit: this process was told to end.
    """
    ended = threading.Event()

    async def run() -> T:
        task = asyncio.current_task()
        assert task is not None

        def end() -> None:
            ended.set()
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
