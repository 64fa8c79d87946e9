"""The table of all crashes, as `docs/reliability.md` has it; run it to renew the document."""

from collections.abc import Iterator
from pathlib import Path

from tests.crash.dying import NOTHING, Outcome, outcomes
from tests.crash.verbs import VERBS

DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"
START, END = "<!-- crash table: made by tests/crash/table.py -->\n", "<!-- end of crash table -->\n"


def render() -> str:
    """The table, with its marks."""
    return "".join([START, *_lines(), "\n", END])


def _lines() -> Iterator[str]:
    yield "\nVerbs that are one transaction:\n\n"
    yield "| verb | effect | clients see it | left over | cleared away by |\n"
    yield "|---|---|---|---|---|\n"
    for verb in VERBS:
        if len(outcomes(verb)) == 1:
            yield f"| {verb.name} {row(outcomes(verb)[0])}"
    for verb in VERBS:
        if len(outcomes(verb)) > 1:
            yield f"\n{verb.name}:\n\n"
            yield "| effect | clients see it | left over | cleared away by |\n|---|---|---|---|\n"
            yield from map(row, outcomes(verb))


def row(outcome: Outcome) -> str:
    """A row of the table."""
    left = ", ".join(outcome.left) or NOTHING
    return f"| `{outcome.effect}` | {outcome.seen} | {left} | {outcome.cleared_by} |\n"


if __name__ == "__main__":
    text = DOCUMENT.read_text()
    before, after = text.partition(START)[0], text.partition(END)[2]
    DOCUMENT.write_text(before + render() + after)
