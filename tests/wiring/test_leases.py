"""Leases that a server ends when it starts: its own of before, and no other replica's."""

import os
import socket
import subprocess

from lading.config.settings import Settings
from lading.databases.sqlite.memory import MemoryDatabase
from lading.metadata.metadata import Metadata
from lading.wiring.process_names import COLLECTION, is_over, process_name, server_name

HERE = socket.gethostname()


def settings_at(address: str) -> Settings:
    """Settings of a replica that listens there."""
    return Settings.model_validate(
        {
            "http": {"addr": address},
            "database": {"postgresql": {"url": "postgresql://db/registry"}},
        }
    )


async def test_a_replica_ends_the_leases_of_its_own_address_alone() -> None:
    """And of commands on its machine that run no more."""
    ours, theirs = settings_at(":5000"), settings_at(":50001")
    gone = subprocess.Popen(["true"])
    gone.wait()
    command = process_name(COLLECTION)
    own = {server_name(ours), command.replace(f" {os.getpid()}", f" {gone.pid}")}
    others = {
        command,
        server_name(theirs),
        server_name(ours).replace(HERE, "another"),
        process_name(COLLECTION).replace(HERE, f"{HERE}2"),
    }
    metadata = Metadata(MemoryDatabase())
    for holder in own | others:
        assert await metadata.jobs.claim(
            holder, holder, now=0.0, expires_at=9.0, finished_before=None
        )
    for holder in await metadata.jobs.holders():
        if is_over(holder, ours):
            await metadata.jobs.end_leases(holder)
    held = [await metadata.jobs.find(holder) for holder in own | others]
    assert {job.holder for job in held if job is not None} - {None} == others
