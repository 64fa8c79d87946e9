"""Progress of long work, written down."""

from lading.core.typing import override
from lading.services.progress import StepProgress


class Watched(StepProgress):
    """Progress as it was told.

    Attributes:
        begun: steps, with the length of each.
        done: how much of each of them was done.
        waited_for: who did the same at the same time.
    """

    def __init__(self) -> None:
        self.begun: list[tuple[str, int]] = []
        self.done: list[int] = []
        self.waited_for: list[str] = []

    @override
    def wait(self, holder: str, seconds: float) -> None:
        self.waited_for.append(holder)

    @override
    def begin(self, step: str, length: int) -> None:
        self.begun.append((step, length))
        self.done.append(0)

    @override
    def advance(self, count: int, /) -> None:
        self.done[-1] += count

    def of(self, step: str) -> tuple[int, int]:
        """How much of a step was done, and its length; of one that was done twice the last."""
        return next(
            (done, length)
            for (name, length), done in reversed(list(zip(self.begun, self.done, strict=True)))
            if name == step
        )
