"""Turns results into tables, and puts them into `docs/performance.md`.

The page's words are written by hand; what stands between two marks is replaced.
"""

import re
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.disk import Disk
from bench.growth import Growth
from bench.nginx import Ceilings
from bench.registries import DISTRIBUTION
from bench.results import Results, WorkResults

PAGE = Path("docs/performance.md")


def write(results: Results) -> None:
    """Renew the tables of the page."""
    page = PAGE.read_text()
    begin, end = "<!-- begin tables -->", "<!-- end tables -->"
    pattern = re.compile(f"{begin}.*{end}", re.DOTALL)
    PAGE.write_text(pattern.sub(lambda _: f"{begin}\n\n{tables(results)}\n{end}", page))


def tables(results: Results) -> str:
    """All tables, as Markdown."""
    names = list(results.durability)
    return "\n".join(
        [
            f"Measured on {results.machine}.",
            "",
            "![Compared](performance/ratios.svg)",
            "",
            "**How much** (median of the rounds; in parentheses the ratio to Distribution)",
            "",
            _table(results.works, names, "rate", lambda work: work.unit),
            *_disk(results.disk),
            "**How long, at most, for 99 of 100** (milliseconds)",
            "",
            _table(results.works, names, "p99_ms", lambda _: "ms"),
            "**Processor time of the registry** (seconds)",
            "",
            _table(results.works, names, "processor", lambda work: f"s per {work.per}"),
            "**Processor time of the generator of load** (seconds)",
            "",
            _table(results.works, names, "generator", lambda work: f"s per {work.per}"),
            *_with_tokens(results),
            "**Memory and syncs**",
            "",
            _rows(
                ["", *names],
                [
                    ["largest process at the end, MiB"]
                    + [_known(results.memory.get(name), 2**20) for name in names],
                    ["syncs for the push of a small image"]
                    + [_known(results.syncs.get(name)) for name in names],
                    ["on disk when acknowledged", *results.durability.values()],
                ],
            ),
            *_endurance(results.endurance),
            *_growth(results.growth),
            *_ceilings(results.ceilings),
            *_refusals(results),
            *(f"Not measured: {name}: {why}.\n" for name, why in results.missing.items()),
        ]
    )


def _endurance(sizes: Sequence[int]) -> Sequence[str]:
    if not sizes:
        return ()
    before, *pushed, pulled = (f"{size / 2**20:.0f}" for size in sizes)
    told = (
        f"A blob of {len(pushed)} GiB: the largest process of lading has {before} MiB before,"
        f" {', '.join(pushed)} after each GiB that is pushed, and {pulled} after it is pulled."
    )
    return (told, "")


def _refusals(results: Results) -> Sequence[str]:
    return [
        f"{registry} failed at “{name}”, after {len(work.rounds.get(registry, []))} rounds:"
        f" {answer}.\n"
        for name, work in [*results.works.items(), *results.with_tokens.items()]
        for registry, answer in work.refused.items()
    ]


def _growth(growth: Sequence[Growth]) -> Sequence[str]:
    if not growth:
        return ()
    kinds = list(growth[0].p50_ms)
    rows = [
        [kind, *(_number(each.p50_ms[kind]) for each in growth), _ratio(growth, kind)]
        for kind in kinds
    ]
    collections = [f"{each.collection:.2f}" for each in growth]
    rows.append(["collection of the same garbage, s", *collections, ""])
    head = ["median, ms", *(f"{each.repositories:,}" for each in growth), "last to first"]
    return (
        "**Growth of lading**, by repositories (and tags in one of them, and a tenth of all blobs)",
        "",
        _rows(head, rows),
        "![Growth](performance/growth.svg)",
        "",
    )


def _ratio(growth: Sequence[Growth], kind: str) -> str:
    return f"{growth[-1].p50_ms[kind] / growth[0].p50_ms[kind]:.2f}×"


def _ceilings(ceilings: Ceilings) -> Sequence[str]:
    if not ceilings.file:
        return ()
    blob, file, small = (
        statistics.median(figures)
        for figures in (ceilings.blob, ceilings.file, ceilings.small_files)
    )
    return (
        "**nginx**",
        "",
        _rows(
            ["", "median"],
            [
                ["a file of 4 KiB that nginx serves, 16 connections, requests/s", _number(small)],
                ["a file of 256 MiB that nginx serves, 1 client, MB/s", _number(file)],
                [
                    "the same as a blob through deploy/compose's nginx, MB/s",
                    f"{_number(blob)} ({blob / file:.2f}×)",
                ],
            ],
        ),
    )


def _disk(disk: Disk) -> Sequence[str]:
    if not disk.ways:
        return ()
    return (
        "**The disk alone**, which limits every push that syncs: 256 MiB, to the end of its sync",
        "",
        _rows(
            ["", "MB/s"],
            [[way, _number(statistics.median(rates))] for way, rates in disk.ways.items()],
        ),
    )


def _with_tokens(results: Results) -> Sequence[str]:
    works = results.with_tokens
    if not works:
        return ()
    names = [name for name in results.durability if any(name in w.rounds for w in works.values())]
    return (
        "**With a bearer token in every request**",
        "",
        _table(works, names, "rate", lambda work: work.unit),
        _table(works, names, "p99_ms", lambda _: "p99, ms"),
        _table(works, names, "processor", lambda work: f"s per {work.per}"),
    )


def _table(
    works: Mapping[str, WorkResults], names: Sequence[str], figure: str, unit: object
) -> str:
    assert callable(unit)
    rows = [
        [f"{name}, {unit(work)}", *(_cell(work, registry, figure) for registry in names)]
        for name, work in works.items()
        if any(work.median(registry, figure) is not None for registry in names)
    ]
    return _rows(["", *names], rows)


def _cell(work: WorkResults, registry: str, figure: str) -> str:
    value, base = work.median(registry, figure), work.median(DISTRIBUTION, figure)
    if value is None:
        return "–"
    if base is None or registry == DISTRIBUTION:
        return _number(value)
    return f"{_number(value)} ({value / base:.2f}×)"


def _known(value: float | None, unit: int = 1) -> str:
    return "–" if value is None else f"{value / unit:.0f}"


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
