"""Budgets of memory: bytes that can be taken, and are given back."""


class Budget:
    """Bytes that can be taken, and are given back."""

    def __init__(self, size: int) -> None:
        self._left = size

    def has(self, size: int) -> bool:
        """Whether so many bytes are there."""
        return size <= self._left

    def take(self, size: int) -> bool:
        """Take so many bytes, if they are there."""
        if not self.has(size):
            return False
        self._left -= size
        return True

    def overdraw(self, size: int) -> None:
        """Take so many bytes in any case: others get nothing until they are given back."""
        self._left -= size

    def give_back(self, size: int) -> None:
        """Give so many bytes back, for others."""
        self._left += size
