"""Headers of an answer."""


class Headers:
    """Headers of an answer, in their order; names in any case."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs

    def __contains__(self, name: str) -> bool:
        return bool(self.getlist(name))

    def get(self, name: str, default: str = "", /) -> str:
        """The value of a name, all of them with commas between if there are several."""
        return ", ".join(found) if (found := self.getlist(name)) else default

    def getlist(self, name: str, /) -> list[str]:
        """The values of a name, one for each line."""
        wanted = name.lower()
        return [value for own, value in self._pairs if own.lower() == wanted]

    def items(self) -> list[tuple[str, str]]:
        """The names and their values, line by line."""
        return self._pairs
