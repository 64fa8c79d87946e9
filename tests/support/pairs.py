"""The pairs of metadata and bytes that clients are tested on: of one machine, and of many."""

import os
from pathlib import Path
from typing import Any, Protocol

from tests.support.network import MACHINE, Network
from tests.support.postgresql import PostgreSQL
from tests.support.s3 import S3

ONE_MACHINE, SCALED_OUT = PAIRS = ("SQLite and files", "PostgreSQL and S3")
# The pair of those tests that have one: `make e2e-clients` takes the other for all of them.
CHOSEN = os.environ.get("LADING_CLIENTS_ON", ONE_MACHINE)
# Under which programs in the tests' own network find this machine's loopback (slirp4netns(1)).
GATEWAY = "10.0.2.2"


class Pair(Protocol):
    """Where a registry keeps its metadata and its bytes."""

    def __call__(self, directory: Path, network: Network = MACHINE) -> dict[str, Any]:
        """The sections of its configuration that say so; empty on one machine.

        Args:
            directory: for what it keeps beside these.
            network: where it runs.
        """


def one_machine(directory: Path, network: Network = MACHINE) -> dict[str, Any]:
    """SQLite and files, as a configuration has them that says nothing of it."""
    del directory, network
    return {}


def scaled_out(postgresql: PostgreSQL, s3_server: S3) -> Pair:
    """PostgreSQL and S3: a new database and an empty folder for each registry.

    All bytes go through the registry: clients that are sent to the store are another test.
    """

    def sections(directory: Path, network: Network = MACHINE) -> dict[str, Any]:
        host = "127.0.0.1" if network == MACHINE else GATEWAY
        settings = s3_server.fresh().settings
        endpoint = str(settings["regionendpoint"]).replace("127.0.0.1", host)
        s3 = {**settings, "regionendpoint": endpoint, "localdirectory": str(directory / "data")}
        url = postgresql.new_url().replace("127.0.0.1", host)
        return {
            "database": {"postgresql": {"url": url}},
            "storage": {"s3": s3, "redirect": {"disable": True}, "delete": {"enabled": True}},
        }

    return sections
