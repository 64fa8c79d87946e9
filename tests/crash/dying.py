"""Runs a verb in a process that dies after one of its effects, and sees who clears up."""

import asyncio
import json
import os
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

from lading.blobs.stores import Stores
from lading.services import figures, jobs
from lading.wiring.paths import metadata_path
from tests.crash import state
from tests.crash.effects import DEAD, Effects
from tests.crash.state import Place
from tests.crash.verbs import Verb, do_job
from tests.support.people import DAY
from tests.support.rows import open_metadata

T = TypeVar("T")

NOTHING = "-"


@dataclass(frozen=True)
class Trace:
    """What a verb does when nothing goes wrong.

    Attributes:
        methods: of ports that are called, as `Metadata.find_blob`.
        services: that are called, as `push_blob.start`.
    """

    effects: Sequence[str]
    methods: frozenset[str]
    services: frozenset[str]


@dataclass(frozen=True)
class Outcome:
    """What follows if the process dies right after an effect.

    Attributes:
        seen: what clients see of the verb.
        left: what is left over then.
        cleared_by: who clears that away; the collector always does.
    """

    effect: str
    seen: str
    left: Sequence[str]
    cleared_by: str


@cache
def trace(verb: Verb) -> Trace:
    """Do a verb to its end, and watch."""
    with scratch_directory() as scratch:
        now = prepare(verb, scratch / "data")
        log = scratch / "log"
        assert fork(verb, scratch / "data", now, None, log) == 0, f"{verb.name} fails"
        seen = json.loads(log.read_text())
        return Trace(seen["effects"], frozenset(seen["methods"]), frozenset(seen["services"]))


@cache
def outcomes(verb: Verb) -> Sequence[Outcome]:
    """Die after each effect of a verb, one after the other.

    Raises:
        AssertionError: a promise is broken, or something is never repaired.
    """
    with scratch_directory() as scratch:
        now = prepare(verb, scratch / "before")
        for copy in ("seen before", "seen after"):
            shutil.copytree(scratch / "before", scratch / copy)
        assert fork(verb, scratch / "seen after", now, None, scratch / "log") == 0
        bounds = tuple(
            visit(scratch / f"seen {when}", now, state.view) for when in ("before", "after")
        )
        return [
            _outcome(verb, effect, number, scratch, now, bounds)
            for number, effect in enumerate(trace(verb).effects, start=1)
        ]


def _outcome(
    verb: Verb,
    effect: str,
    number: int,
    scratch: Path,
    now: float,
    bounds: Sequence[state.View],
) -> Outcome:
    crashed, retried = scratch / f"crashed{number}", scratch / f"retried{number}"
    shutil.copytree(scratch / "before", crashed)
    status = fork(verb, crashed, now, number, scratch / "log")
    assert status == DEAD, f"{verb.name} does not die after {effect}"
    shutil.copytree(crashed, retried)

    seen, left = visit(crashed, now, lambda place: look(place, verb))
    assert_between(seen, *bounds, where=f"{verb.name}, after {effect}")
    # The next attempt: what it leaves of the crash is the collector's.
    left_by_retry = visit(retried, now, lambda place: again(place, verb, bounds[1]))
    for place in (retried,) if verb.mends else (retried, crashed):
        never = visit(place, now, collect)
        assert never == [], f"{verb.name}, after {effect}: {never} is never cleared away"
        shutil.rmtree(place)
    return outcome_of(effect, (seen, *bounds), left, left_by_retry)


async def look(place: Place, verb: Verb) -> tuple[state.View, list[str]]:
    """What clients see after a failure, and what is left over."""
    if not verb.mends:
        state.assert_consistent(place)
    return await state.view(place), state.left_over(place)


async def again(place: Place, verb: Verb, after: state.View) -> list[str]:
    """Do a verb once more; what is left over then."""
    await verb.act(place)
    state.assert_consistent(place)
    assert await state.view(place) == after, f"{verb.name} done again ends differently"
    return state.left_over(place)


async def collect(place: Place) -> list[str]:
    """What is left after the collector came, much later: also no lease is held any more."""
    before = await state.view(place)
    place.now += 10 * DAY
    await place.metadata.read_only.set(None)  # while it is read-only, nothing is to be collected
    await do_job(place, jobs.EXPIRE, jobs.expire_uploads)
    await do_job(place, jobs.COLLECT, jobs.collect_garbage)
    for name, work in ((figures.COUNT, figures.count), (jobs.FORGET, jobs.forget_moves)):
        if await place.metadata.jobs.find(name) is not None:
            await do_job(place, name, work)
    state.assert_consistent(place)
    seen = await state.view(place)
    for tag in (name for name in before if not {"@", " "} & set(name)):
        assert seen[tag] == before[tag], f"{tag} was collected"
    return state.left_over(place)


def assert_between(seen: state.View, before: state.View, after: state.View, *, where: str) -> None:
    """Each thing is as it was, or as it was to become."""
    for name in {*seen, *before, *after}:
        assert seen.get(name) in {before.get(name), after.get(name)}, f"{where}: {name}"


def outcome_of(
    effect: str, views: Sequence[state.View], left: Sequence[str], left_by_retry: Sequence[str]
) -> Outcome:
    """The outcome of an effect.

    Args:
        views: of what is seen, of what was seen before, and of what is to be seen after it.
    """
    seen, before, after = views
    done = "as before" if seen == before else "done" if seen == after else "done in part"
    cleared_by = "the collector" if left_by_retry else "the next attempt"
    return Outcome(
        effect, done if before != after else NOTHING, left, cleared_by if left else NOTHING
    )


def prepare(verb: Verb, root: Path) -> float:
    """Bring about the state in which a verb is done; returns the time."""

    async def prepare(place: Place) -> float:
        await verb.prepare(place)
        return place.now

    root.mkdir()
    # What a crash leaves of an upload is as old as the kernel says.
    now = time.time()
    return now if verb.is_start else visit(root, now, prepare)


def fork(verb: Verb, root: Path, now: float, die_after: int | None, log: Path) -> int:
    """Do a verb in a child of this process; returns its exit status."""
    return in_child(lambda: asyncio.run(_live_and_die(verb, root, now, die_after, log)))


def in_child(work: Callable[[], None]) -> int:
    """Do something in a child of this process; returns its exit status."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        finally:  # whatever was raised: this process is a copy of the one that runs the tests
            traceback.print_exc()
            os._exit(1)
    try:
        _, status = os.waitpid(child, 0)
    except BaseException:  # out of time, say: what the child uses is deleted then
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    return os.waitstatus_to_exitcode(status)


async def _live_and_die(
    verb: Verb, root: Path, now: float, die_after: int | None, log: Path
) -> None:
    if verb.is_start:
        effects = Effects(root, die_after)
        place = open_place(root, now)
    else:
        place = open_place(root, now)
        effects = Effects(root, die_after)
        effects.watch(place.metadata)
    await verb.act(place)
    log.write_text(
        json.dumps(
            {
                "effects": effects.seen,
                "methods": sorted(effects.methods),
                "services": sorted(effects.services),
            }
        )
    )


def open_place(root: Path, now: float) -> Place:
    """Open what is below a directory."""
    metadata = open_metadata(metadata_path(root))
    return Place(metadata, Stores.in_files(root), now, root=root)


def visit(root: Path, now: float, work: Callable[[Place], Awaitable[T]]) -> T:
    """Do something at a place in this process, and put everything away again."""
    return state.visit(lambda: open_place(root, now), work)


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """In memory, where there is such a file system: nothing here is about power cuts."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as directory:
        yield Path(directory)
