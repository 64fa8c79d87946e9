"""A noun of the metadata: a class that asks and changes one kind of rows."""

from lading.ports.database import Database


class Noun:
    """A noun of the metadata, in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
