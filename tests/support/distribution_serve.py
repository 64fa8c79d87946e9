"""Registries of CNCF Distribution that run, of either version."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.registries import CACHE
from tests.support.client import Client
from tests.support.commands import SEARCH_PATH, require
from tests.support.processes import background, free_port, wait_until

VERSION_2, VERSION_3 = "docker-registry", "distribution-v3.1.1"


def program_of(version: str) -> str:
    """The program of a version; the test is skipped where it is not at hand."""
    if version == VERSION_2:
        require(VERSION_2)
        found = shutil.which(VERSION_2, path=SEARCH_PATH)
        assert found is not None
        return found
    built = CACHE / version
    if not built.exists():
        pytest.skip("needs Distribution 3, which `make bench` builds")
    return str(built)


@contextmanager
def distribution_serve(version: str, root: Path) -> Iterator[Client]:
    """Serve a volume for the length of the block."""
    host = f"127.0.0.1:{free_port()}"
    config = root.with_suffix(".distribution.yml")
    config.write_text(
        f"version: 0.1\nlog: {{level: error}}\nhttp: {{addr: '{host}'}}\n"
        f"storage: {{delete: {{enabled: true}}, filesystem: {{rootdirectory: {root}}}}}\n"
    )
    log, env = root.with_suffix(".distribution.log"), {"OTEL_TRACES_EXPORTER": "none"}
    with background([program_of(version), "serve", str(config)], log=log, env=env):
        client = Client(host)
        wait_until(client.is_answered, version, log=log.read_text)
        yield client
