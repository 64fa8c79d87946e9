"""A watch over the database and the stores: what it measures, and what it counts as failed.

That it changes nothing else, the contracts of the stores show (`files, watched`).
"""

import pytest

from lading.blobs.stores import Stores
from lading.core.digest import Digest
from lading.core.errors import ManifestUnknown, Unavailable
from lading.databases.sqlite.memory import MemoryDatabase
from lading.monitoring.memory import Figures
from lading.monitoring.watch import OF_DATABASE, Watch
from lading.ports.database import Database, SqlConnection
from tests.monitoring.test_memory import told

DATABASE = 'lading_database_seconds_count{operation="%s"}'


def fail(_: SqlConnection) -> None:
    raise Unavailable("busy")


def refuse(_: SqlConnection) -> None:
    raise ManifestUnknown


async def test_calls_of_the_database_are_measured_and_failures_counted() -> None:
    """What a client asked for and is not there is no failure of the database."""
    figures = Figures(1)
    database = Watch(figures.of(0)).database(MemoryDatabase())
    for work, error in ((fail, Unavailable), (refuse, ManifestUnknown)):
        with pytest.raises(error):
            await database.read(work)
        with pytest.raises(error):
            await database.write(work)
    await database.scan(lambda connection: connection.execute("SELECT 1").fetchone())
    database.close()
    found = told(figures)
    assert [found[DATABASE % what] for what in ("read", "write", "scan")] == [2, 2, 1]
    assert found["lading_database_errors_total"] == 2


def test_no_way_of_asking_a_database_is_forgotten() -> None:
    ways = {name for name, way in vars(Database).items() if callable(way) and name[0] != "_"}
    assert ways - {"check", "copy_to", "close"} == OF_DATABASE.keys()


async def test_where_nobody_watches_nothing_stands_in_between() -> None:
    database, stores = MemoryDatabase(), Stores.in_memory()
    assert Watch().database(database) is database
    assert Watch().blobs(stores.blobs, measured=False) is stores.blobs
    assert Watch().uploads(stores.uploads, measured=False) is stores.uploads
    database.close()


async def test_a_store_that_measures_itself_is_not_measured_twice() -> None:
    figures = Figures(1)
    stores = Stores.in_memory()
    watch = Watch(figures.of(0))
    assert watch.blobs(stores.blobs, measured=True) is stores.blobs
    await watch.blobs(stores.blobs, measured=False).stat(Digest.of(b""))
    found = told(figures)
    assert found['registry_storage_action_seconds_count{action="Stat",driver="filesystem"}'] == 1
