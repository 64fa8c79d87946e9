"""The port of dialects: the parts of statements that not all databases say alike.

All other text of statements is the same for all of them.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """Parts of statements, as one database says them.

    Attributes:
        all_names: an aggregate: all that `name` is in the rows, with commas between, in any order.
    """

    all_names: str
