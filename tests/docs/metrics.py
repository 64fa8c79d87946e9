"""Writes the table of metrics in docs/monitoring.md, from the one list of them."""

import re
from typing import Any

from lading.monitoring import families
from lading.monitoring.families import AGES, FACTS, SURVEYS, Family
from tests.support.commands import REPOSITORY

DOCUMENT = REPOSITORY / "docs" / "monitoring.md"
START, END = "<!-- metrics: made by tests/docs/metrics.py -->", "<!-- end of metrics -->"


EVERY: tuple[Family[Any], ...] = (
    families.BUILD,
    families.REQUESTS,
    families.DURATIONS,
    families.RECEIVED,
    families.SENT,
    families.IN_FLIGHT,
    *families.timings("filesystem"),
    *families.COUNTS,
    *families.LEVELS,
    *FACTS,
    *AGES,
    *SURVEYS,
)
"""All families of a registry in files, in the order in which they are told."""


def render() -> str:
    """The table, between its two marks."""
    whole = {family.name for family in (*FACTS, *AGES, *SURVEYS)}
    rows = [_row(family, family.name in whole) for family in EVERY]
    head = ["| metric | kind | labels | meaning |", "|---|---|---|---|"]
    return "\n".join(["", *head, *rows, ""])


def _row(family: Family[object], is_whole: bool) -> str:
    labels = ", ".join(_label(family, place) for place in range(len(family.labels))) or "-"
    meaning = f"{family.meaning}; *of the registry*" if is_whole else family.meaning
    return f"| `{family.name}` | {family.kind} | {labels} | {meaning} |"


def _label(family: Family[object], place: int) -> str:
    name = family.labels[place]
    values = dict.fromkeys(labels[place] for labels in family.series)
    if not values or name == "driver":
        return f"`{name}`"
    return f"`{name}`: {', '.join(values)}"


def main() -> None:
    text = DOCUMENT.read_text()
    pattern = f"{re.escape(START)}.*?{re.escape(END)}"
    DOCUMENT.write_text(re.sub(pattern, lambda _: f"{START}\n{render()}\n{END}", text, flags=re.S))


if __name__ == "__main__":
    main()
