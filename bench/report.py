"""Turns results into tables, and puts them into `docs/performance.md`.

The page's words are written by hand; what stands between two marks is replaced.
"""

import re
from collections.abc import Sequence
from pathlib import Path

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
            "**How much** (median of the rounds; in parentheses the ratio to Distribution)",
            "",
            _table(results, names, "rate", lambda work: work.unit),
            "**How long, at most, for 99 of 100** (milliseconds)",
            "",
            _table(results, names, "p99_ms", lambda _: "ms"),
            "**Processor time of the registry** (seconds)",
            "",
            _table(results, names, "processor", lambda work: f"s per {work.per}"),
            "**Memory and syncs**",
            "",
            _rows(
                ["", *names],
                [
                    ["largest process at the end, MiB"]
                    + [f"{results.memory[name] / 2**20:.0f}" for name in names],
                    ["syncs for the push of a small image"]
                    + [f"{results.syncs[name]:.0f}" for name in names],
                    ["on disk when acknowledged", *results.durability.values()],
                ],
            ),
            *(f"Not measured: {name}: {why}.\n" for name, why in results.missing.items()),
        ]
    )


def _table(results: Results, names: Sequence[str], figure: str, unit: object) -> str:
    assert callable(unit)
    rows = [
        [f"{name}, {unit(work)}", *(_cell(work, registry, figure) for registry in names)]
        for name, work in results.works.items()
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


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
