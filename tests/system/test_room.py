"""Turns of clients: each waits behind itself, and for one thing of each other."""

import asyncio

from lading.system.room import ClientTurns


async def test_one_client_gets_what_it_asks_for_in_its_order_as_far_as_there_is_room() -> None:
    """What is larger than the room is alone there."""
    turns, seen = ClientTurns(10), []

    async def work(name: str, size: int) -> None:
        async with turns.take("client", size):
            seen.append(name)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            seen.append(name)

    await asyncio.gather(work("a", 4), work("b", 6), work("c", 99), work("d", 1))

    assert seen == ["a", "b", "a", "b", "c", "c", "d", "d"]


async def test_nobody_waits_for_all_that_another_client_has_asked_for() -> None:
    turns, seen = ClientTurns(2), []

    async def work(client: str) -> None:
        async with turns.take(client):
            seen.append(client)
            await asyncio.sleep(0)

    many = [asyncio.create_task(work("many")) for _ in range(100)]
    await asyncio.sleep(0)
    before = len(seen)
    await asyncio.gather(work("few"), work("other"), *many)

    # What has begun goes on, and one thing more of the other client may come first.
    assert max(seen.index("few"), seen.index("other")) <= before + 4
    assert len(seen) == 102


async def test_one_client_has_no_more_than_its_share() -> None:
    """However long it keeps that, the rest is there for others."""
    turns, entered = ClientTurns(2, each=1), asyncio.Event()

    async def take() -> None:
        async with turns.take("client"):
            entered.set()

    async with turns.take("client"):
        second = asyncio.create_task(take())
        async with turns.take("other"):
            await asyncio.sleep(0)
        assert not entered.is_set()
    await asyncio.wait_for(second, 60)
    assert turns.is_idle


async def test_who_wants_much_is_not_passed_over() -> None:
    turns, seen = ClientTurns(10), []

    async def take(client: str, size: int) -> None:
        async with turns.take(client, size):
            seen.append(client)

    async with turns.take("first", 1):
        large = asyncio.create_task(take("large", 10))
        await asyncio.sleep(0)
        small = asyncio.create_task(take("small", 1))
        await asyncio.sleep(0)
        assert seen == []
    await asyncio.gather(large, small)
    assert seen == ["large", "small"]


async def test_who_gives_up_waiting_lets_the_next_one_in() -> None:
    turns = ClientTurns(10)
    entered = asyncio.Event()

    async def enter(client: str) -> None:
        async with turns.take(client, 10):
            entered.set()

    async with turns.take("first", 10):
        waiting, gone = asyncio.create_task(enter("second")), asyncio.create_task(enter("third"))
        next_one = asyncio.create_task(enter("second"))
        await asyncio.sleep(0)
        waiting.cancel()
        gone.cancel()
        await asyncio.sleep(0)
    await asyncio.wait_for(next_one, 60)
    assert entered.is_set()
    assert turns.is_idle


async def test_who_gives_up_just_when_it_is_let_in_keeps_nothing() -> None:
    turns = ClientTurns(1)

    async def enter() -> None:
        async with turns.take("second"):
            await asyncio.sleep(60)

    async with turns.take("first"):
        waiting = asyncio.create_task(enter())
        await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert turns.is_idle
