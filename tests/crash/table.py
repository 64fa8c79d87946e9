"""The table of all crashes, as `docs/crashes.md` has it; run it to renew the document."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.crash.dying import NOTHING, Outcome, outcomes
from tests.crash.verbs import VERBS

DOCUMENT = Path(__file__).parents[2] / "docs" / "crashes.md"
START, END = "<!-- crash table: made by tests/crash/table.py -->\n", "<!-- end of crash table -->\n"


def render() -> str:
    """The table, with its marks."""
    return "".join([START, *_lines(), "\n", END])


def rows(name: str, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """The part of a table that is about a verb."""
    yield f"\n{name}:\n\n"
    yield "| effect | clients see it | left over | cleared away by |\n|---|---|---|---|\n"
    yield from map(_row, outcomes)


def _lines() -> Iterator[str]:
    yield "\nVerbs that are one transaction:\n\n"
    yield "| verb | effect | clients see it | left over | cleared away by |\n"
    yield "|---|---|---|---|---|\n"
    for verb in VERBS:
        if len(outcomes(verb)) == 1:
            yield f"| {verb.name} {_row(outcomes(verb)[0])}"
    for verb in VERBS:
        if len(outcomes(verb)) > 1:
            yield from rows(verb.name, outcomes(verb))


def _row(outcome: Outcome) -> str:
    left = ", ".join(outcome.left) or NOTHING
    return f"| `{outcome.effect}` | {outcome.seen} | {left} | {outcome.cleared_by} |\n"


def write(table: str) -> None:
    """Put a table, with its marks, in the place of the one in the document."""
    start, *_, end = table.splitlines(keepends=True)
    text = DOCUMENT.read_text()
    DOCUMENT.write_text(text.partition(start)[0] + table + text.partition(end)[2])


if __name__ == "__main__":
    write(render())
