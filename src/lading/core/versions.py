"""Versions: the order in which people count them."""

import re

_NUMBER = re.compile(r"(\d+)", re.ASCII)


# What is before a release (`-rc1`, `-beta`) sorts before its end.
_BEFORE = re.compile(r"[-.]?(?:alpha|beta|rc|pre|dev|snapshot)")


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A key by which `v1.9` comes before `v1.10`, and `v1.10-rc1` before `v1.10`."""
    key: list[tuple[int, int, str]] = []
    for position, part in enumerate(_NUMBER.split(text)):
        if position % 2:
            key.append((1, int(part), part))
        elif part or not position:
            word = part.lower()
            key.append((0, 0, word) if _BEFORE.match(word) else (2, 0, word))
    return (*key, (1, 0, ""))
