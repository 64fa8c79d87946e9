"""Versions: the order in which people count them."""

import re

_NUMBER = re.compile(r"(\d+)", re.ASCII)


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A key by which `v1.9` comes before `v1.10`, and `v1.10-rc1` before `v1.10`."""
    parts = _NUMBER.split(text)
    key = [
        (1, int(part), part) if position % 2 else (2, 0, part.lower())
        for position, part in enumerate(parts)
        if part or position == 0
    ]
    # What is before a release (`-rc1`, `-beta`) sorts before its end.
    marked = [(0, 0, part[2]) if _is_before(part[2]) else part for part in key]
    return (*marked, (1, 0, ""))


def _is_before(text: str) -> bool:
    return re.match(r"[-.]?(?:alpha|beta|rc|pre|dev|snapshot)", text) is not None
