"""Runs the works against the registries, in turn, for several rounds.

All registries run the whole time; one that is not asked costs next to nothing. Each round goes
through all works, and in each work through all registries, every time in another order, so that
what else the machine does meets all alike.
"""

import random
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from bench.content import image, push_image
from bench.failures import expect_room, noting
from bench.progress import Progress
from bench.registries import Missing, Registry, find, with_tokens
from bench.results import Results, WorkResults
from bench.running import Running, running
from bench.tokens import Issuer
from bench.works import WITH_TOKENS, Work
from bench.works.layers import LayerPush

# Images pushed while syncs are counted.
COUNTED = 20


def measure(
    results: Results, names: Sequence[str], works: Sequence[Work], *, rounds: int, seconds: float
) -> None:
    """Measure the works in the registries, `seconds` for each in each round; add to the results."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lading-bench-")))
        started = [
            stack.enter_context(running(registry, directory))
            for registry in _available(names, results)
        ]
        results.works = {work.name: WorkResults(work.unit, work.per) for work in works}
        _prepare(started, works, results.works)
        _measure(
            started, works, results.works, rounds, seconds, lambda: results.disk.measure(directory)
        )
        for registry in started:
            with noting({}, "memory and syncs", registry):
                results.memory[registry.name] = registry.largest_process_bytes()
                results.syncs[registry.name] = _syncs(registry)


def measure_with_tokens(results: Results, *, rounds: int, seconds: float) -> None:
    """Measure the works with a bearer token in every request; add it to the results."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lading-bench-")))
        issuer = Issuer(directory)
        started = []
        for name in ("lading", "distribution"):
            with suppress(Missing):
                registry = with_tokens(name, issuer)
                started.append(stack.enter_context(running(registry, directory, issuer=issuer)))
        results.with_tokens = {work.name: WorkResults(work.unit, work.per) for work in WITH_TOKENS}
        _prepare(started, WITH_TOKENS, results.with_tokens)
        _measure(started, WITH_TOKENS, results.with_tokens, rounds, seconds, lambda: None)


def _available(names: Sequence[str], results: Results) -> Iterator[Registry]:
    for name in Progress("find", names):
        try:
            registry = find(name)
        except Missing as missing:
            results.missing[name] = str(missing)
        else:
            results.durability[registry.name] = registry.durability
            yield registry


def _prepare(
    started: Sequence[Running], works: Sequence[Work], results: Mapping[str, WorkResults]
) -> None:
    for work in Progress("prepare", works, lambda work: work.name):
        for registry in started:
            with noting(results[work.name].refused, work.name, registry):
                work.prepare(registry)


def _measure(
    started: Sequence[Running],
    works: Sequence[Work],
    results: Mapping[str, WorkResults],
    rounds: int,
    seconds: float,
    measure_disk: Callable[[], None],
) -> None:
    rng = random.Random(rounds)
    turns = [
        (work, registry)
        for _ in range(rounds)
        for work in works
        for registry in rng.sample(started, len(started))
    ]
    for number, (work, registry) in enumerate(Progress("measure", turns, _name_of)):
        if number % (len(turns) // rounds) == 0 and any(isinstance(w, LayerPush) for w in works):
            measure_disk()
        found = results[work.name]
        if registry.name in found.refused:
            continue
        expect_room(registry.data, seconds)
        with noting(found.refused, work.name, registry):
            found.rounds.setdefault(registry.name, []).append(work.measure(registry, seconds))


def _name_of(turn: tuple[Work, Running]) -> str:
    return turn[0].name


def _syncs(registry: Running) -> float:
    images = [image(random.Random(1000 + number), [20_000]) for number in range(COUNTED)]
    with registry.counting_syncs() as syncs, registry.connect() as connection:
        for number, pushed in enumerate(images):
            push_image(connection, f"syncs/image-{number}", "latest", pushed)
    return syncs.count / COUNTED
