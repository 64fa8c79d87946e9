"""Threads that do what blocks, and those who wait for them."""

import asyncio
import gc
import threading
import time
import weakref
from contextlib import suppress

import pytest

from lading.system.threads import Lane, Threads


async def test_what_a_function_returns_or_raises_comes_back() -> None:
    """To whoever began it, though it ran elsewhere."""
    threads = Threads(2, "test")

    def fail(why: str, *, kind: type[Exception]) -> None:
        raise kind(why)

    assert await threads.start(threading.current_thread) is not threading.current_thread()
    assert await threads.start(divmod, 7, 2) == (3, 1)
    with pytest.raises(LookupError, match="of the work"):
        await threads.start(fail, "of the work", kind=LookupError)
    threads.close()


async def test_what_a_function_had_at_hand_is_gone_with_what_came_of_it() -> None:
    """At once, be it returned or raised: it may be large, and the next of it comes soon."""
    threads = Threads(1, "test")
    kept: list[weakref.ref[Large]] = []

    def work(given: Large, *, fail: bool) -> None:
        made = Large()
        kept.extend([weakref.ref(given), weakref.ref(made)])
        if fail:
            raise LookupError

    gc.disable()
    try:
        await threads.start(work, Large(), fail=False)
        with suppress(LookupError):
            await threads.start(work, Large(), fail=True)
        await threads.start(threading.current_thread)  # the one before is over for sure
        assert [each() for each in kept] == [None] * 4
    finally:
        gc.enable()
        threads.close()


class Large:
    """Something that takes memory."""


async def test_there_are_no_more_threads_than_said() -> None:
    """What comes meanwhile waits."""
    threads = Threads(2, "test")
    free, begun = threading.Event(), []

    def work(number: int) -> None:
        begun.append(number)
        free.wait(10)

    pending = [threads.start(work, number) for number in range(3)]
    while len(begun) < 2:
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.05)  # in which a third one would begin
    assert sorted(begun) == [0, 1]
    free.set()
    await asyncio.gather(*pending)

    assert sorted(begun) == [0, 1, 2]
    threads.close()


@pytest.mark.parametrize("width", [1, 2])
async def test_a_lane_takes_no_more_threads_than_it_is_wide(width: int) -> None:
    """Others have the rest of them."""
    threads = Threads(3, "test")
    lane = Lane(threads, width)
    free, begun = threading.Event(), []

    def work(number: int) -> None:
        begun.append(number)
        free.wait(10)

    pending = [lane.start(work, number) for number in range(5)]
    assert await threads.start(divmod, 7, 2) == (3, 1)
    while len(begun) < width:
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.05)  # in which one more would begin
    assert sorted(begun) == list(range(width))
    free.set()
    await asyncio.gather(*pending)
    assert sorted(begun) == list(range(5))
    assert await lane.start(divmod, 7, 2) == (3, 1)
    threads.close()


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("times", [1, 2])
async def test_a_task_is_cancelled_when_its_work_is_over(times: int, fails: bool) -> None:
    """However often it is asked to; not before, and however the work ends."""
    threads = Threads(1, "test")
    free, over = threading.Event(), []

    def work() -> None:
        free.wait(10)
        over.append(True)
        if fails:
            raise LookupError

    async def wait() -> None:
        await threads.start(work)

    task = asyncio.create_task(wait())
    for _ in range(times):
        await asyncio.sleep(0.01)
        task.cancel()
    await asyncio.sleep(0.02)
    assert not task.done()
    free.set()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert over
    threads.close()


async def test_closing_waits_for_what_was_begun() -> None:
    """So that files can be closed after it."""
    threads, over = Threads(1, "test"), []

    def work() -> None:
        time.sleep(0.05)
        over.append(True)

    pending = threads.start(work)
    threads.close()

    assert over
    await pending


@pytest.fixture
def no_more_threads(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The system gives no more threads, until this is undone."""

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    return monkeypatch


@pytest.mark.parametrize("is_lane", [False, True])
async def test_where_no_thread_can_be_started_nobody_waits_for_one(
    no_more_threads: pytest.MonkeyPatch, *, is_lane: bool
) -> None:
    threads = Threads(2, "test")
    start = Lane(threads).start if is_lane else threads.start
    with pytest.raises(MemoryError, match="can't start new thread"):
        start(divmod, 7, 2)
    no_more_threads.undo()
    done, _ = await asyncio.wait([start(divmod, 7, 2)], timeout=10)
    assert [each.result() for each in done] == [(3, 1)]
    threads.close()


async def test_where_no_other_thread_can_be_started_those_that_are_there_do_the_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads = Threads(2, "test")
    assert await threads.start(divmod, 7, 2) == (3, 1)

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    done, _ = await asyncio.wait([threads.start(divmod, 9, 2)], timeout=10)
    assert [each.result() for each in done] == [(4, 1)]
    threads.close()
