"""What clients did, and how long it took."""

import statistics
from collections.abc import Sequence


class Tally:
    """Things that were done, each with its time; clients note them, from threads as well."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.sizes: list[int] = []

    def note(self, seconds: float, size: int = 0) -> None:
        """One more was done, of so many bytes."""
        self.seconds.append(seconds)
        self.sizes.append(size)

    def add(self, other: "Tally") -> None:
        """What others did, too."""
        self.seconds += other.seconds
        self.sizes += other.sizes


def quantile(values: Sequence[float], share: float) -> float:
    """What that share of the values does not exceed."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=1000, method="inclusive")[round(share * 1000) - 1]
