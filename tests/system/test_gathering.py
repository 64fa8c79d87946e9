"""Questions that are asked together."""

import asyncio
from collections.abc import Sequence

import pytest

from lading.core.errors import Unavailable
from lading.system.gathering import AT_ONCE, Gathering


class Answers:
    """What is asked is answered with its double, once it may be."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.may_answer = asyncio.Event()
        self.failure: Exception | None = None

    async def __call__(self, keys: Sequence[int]) -> Sequence[int]:
        self.asked.append(list(keys))
        await self.may_answer.wait()
        if self.failure is not None:
            raise self.failure
        return [2 * key for key in keys]


async def _ask(gathering: Gathering[int, int], key: int) -> int:
    return await gathering.ask(key)


async def _all_out(gathering: Gathering[int, int]) -> list[asyncio.Task[int]]:
    """As many questions as may be out at the same time."""
    tasks = []
    for key in range(AT_ONCE):
        tasks.append(asyncio.create_task(_ask(gathering, 100 + key)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    return tasks


async def test_those_that_come_meanwhile_go_as_one_and_each_gets_its_own_answer() -> None:
    answers = Answers()
    gathering = Gathering(answers, most=32)
    out = await _all_out(gathering)
    asking = [asyncio.create_task(_ask(gathering, key)) for key in range(5)]
    await asyncio.sleep(0)

    answers.may_answer.set()

    assert await asyncio.gather(*asking) == [0, 2, 4, 6, 8]
    assert await asyncio.gather(*out) == [200, 202]
    assert answers.asked == [[100], [101], [0, 1, 2, 3, 4]]


async def test_no_more_go_together_than_may() -> None:
    answers = Answers()
    gathering = Gathering(answers, most=3)
    await _all_out(gathering)
    asking = [asyncio.create_task(_ask(gathering, key)) for key in range(8)]
    await asyncio.sleep(0)

    answers.may_answer.set()

    assert await asyncio.gather(*asking) == [0, 2, 4, 6, 8, 10, 12, 14]
    assert max(map(len, answers.asked)) == 3


async def test_the_same_question_is_asked_once_for_all_who_wait_but_not_for_who_comes_later() -> (
    None
):
    """What has changed before somebody asks is in the answer that they get."""
    answers = Answers()
    gathering = Gathering(answers, most=32)
    await _all_out(gathering)  # the first of them asks for 100
    asking = [asyncio.create_task(_ask(gathering, key)) for key in (100, 1, 1, 1)]
    await asyncio.sleep(0)

    answers.may_answer.set()

    assert await asyncio.gather(*asking) == [200, 2, 2, 2]
    assert answers.asked == [[100], [101], [100, 1]]


async def test_one_who_gives_up_takes_nobody_along() -> None:
    answers = Answers()
    gathering = Gathering(answers, most=32)
    await _all_out(gathering)
    given_up, other = (asyncio.create_task(_ask(gathering, 1)) for _ in range(2))
    await asyncio.sleep(0)
    given_up.cancel()

    answers.may_answer.set()

    assert await other == 2
    with pytest.raises(asyncio.CancelledError):
        await given_up


async def test_a_failure_is_told_to_all_who_wait_and_the_next_are_asked_anew() -> None:
    """Nobody waits for the failures of those before them, one after the other."""
    answers = Answers()
    gathering = Gathering(answers, most=1)
    out = await _all_out(gathering)
    asking = [asyncio.create_task(_ask(gathering, key)) for key in range(5)]
    await asyncio.sleep(0)
    answers.failure = Unavailable("gone")

    answers.may_answer.set()

    for told in await asyncio.gather(*out, *asking, return_exceptions=True):
        assert isinstance(told, Unavailable)
    assert len(answers.asked) == AT_ONCE
    answers.failure = None
    assert await gathering.ask(7) == 14


async def test_whoever_asks_as_the_last_answer_comes_is_not_forgotten() -> None:
    """Many rounds of few who ask again as soon as they are answered."""

    async def answer(keys: Sequence[int]) -> Sequence[int]:
        await asyncio.sleep(0)
        return keys

    gathering = Gathering(answer, most=2)

    async def go_on(key: int) -> None:
        for _ in range(500):
            assert await gathering.ask(key) == key

    async with asyncio.timeout(30):
        await asyncio.gather(*(go_on(key) for key in range(8)))


@pytest.mark.parametrize("turns", [1, 2])
async def test_a_loop_that_ends_leaves_nobody_waiting(turns: int) -> None:
    """Be the question out already, or about to go."""
    answers = Answers()
    gathering = Gathering(answers, most=32)
    asking = asyncio.create_task(_ask(gathering, 1))
    for _ in range(turns):
        await asyncio.sleep(0)
    assert len(answers.asked) == turns - 1

    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()

    async with asyncio.timeout(60):
        with pytest.raises(asyncio.CancelledError):
            await asking
