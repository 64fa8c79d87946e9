"""The port of dialects: the parts of statements that not all databases say alike.

All other text of statements is the same for all of them.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """Parts of statements, as one database says them.

    Attributes:
        now: an expression: the database's own time, in seconds since the epoch.
        schema_version: a query: the number of steps that have built the tables.
        takes_changes: a query: 1, or 0 if it is a copy that is not in charge, or told not to.
        all_names: an aggregate: all that `name` is in the rows, with commas between, in any order.
        go_on_numbering: a statement, of a table that gives its rows numbers in a column `id`: have
            it go on after those that were written into it. Empty if it does by itself.
    """

    now: str
    schema_version: str
    takes_changes: str
    all_names: str
    go_on_numbering: str
