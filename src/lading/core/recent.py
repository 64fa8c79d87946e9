"""Things that were used lately, in bounded memory: the least recently used go first."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Things by their keys, of which the least recently used are dropped when there is no room.

    Args:
        room: how much there is of it. What was put in last stays, even if it takes more.
        size: how much a thing takes; each takes one if this is not given.
    """

    def __init__(self, room: int, size: Callable[[V], int] = lambda _: 1) -> None:
        self._room = room
        self._size = size
        self._taken = 0
        self._things: OrderedDict[K, V] = OrderedDict()

    def __len__(self) -> int:
        return len(self._things)

    def get(self, key: K) -> V | None:
        """The thing of a key, which is thereby used."""
        thing = self._things.get(key)
        if thing is not None:
            self._things.move_to_end(key)
        return thing

    def put(self, key: K, thing: V) -> None:
        """Keep a thing, in place of the one that the key had."""
        self.pop(key)
        self._things[key] = thing
        self._taken += self._size(thing)
        while self._taken > self._room and len(self._things) > 1:
            self._taken -= self._size(self._things.popitem(last=False)[1])

    def pop(self, key: K) -> V | None:
        """Take a thing out."""
        thing = self._things.pop(key, None)
        if thing is not None:
            self._taken -= self._size(thing)
        return thing
