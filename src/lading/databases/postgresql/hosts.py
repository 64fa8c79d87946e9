"""Hosts of a server: the one that answered last is asked first.

A URL names several for a failover. One that has failed may swallow all that it is sent, so that
each connection would wait for it before the next one is asked.
"""

from collections.abc import Mapping
from typing import Any

# What a URL says of each host, in lists of the same order; of ports, one may count for all.
_LISTS = ("host", "hostaddr", "port")


class Hosts:
    """The hosts that a URL names, and which of them has answered last."""

    def __init__(self) -> None:
        self._answered: tuple[str, str] | None = None

    def answered(self, host: str, port: int) -> None:
        """Note which of them a connection was made to."""
        self._answered = (host, str(port))

    def ordered(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters of a connection, with the hosts in the order in which they are to be asked."""
        lists = {name: str(given[name]).split(",") for name in _LISTS if given.get(name)}
        number = count(given)
        first = next((each for each in range(number) if self._is_it(lists, each)), 0)
        order = [first, *(each for each in range(number) if each != first)]
        return {**given} | {
            name: ",".join(values[each] for each in order)
            for name, values in lists.items()
            if len(values) == number
        }

    def _is_it(self, lists: Mapping[str, list[str]], number: int) -> bool:
        host = _nth(lists.get("host", [""]), number) or _nth(lists.get("hostaddr", [""]), number)
        return self._answered == (host, _nth(lists.get("port", [""]), number) or "5432")


def count(given: Mapping[str, Any]) -> int:
    """How many hosts parameters name."""
    return 1 + max(str(given.get(name, "")).count(",") for name in ("host", "hostaddr"))


def _nth(values: list[str], number: int) -> str:
    return values[number] if number < len(values) else values[-1]
