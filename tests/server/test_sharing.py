"""Clients of one address, shared among its workers."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lading.server.sharing import Shares
from tests.support.client import Connection
from tests.support.lading import Lading, lading_serve
from tests.support.processes import wait_until


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lading]:
    """A registry with two workers."""
    with lading_serve(tmp_path_factory.mktemp("shared")) as registry:
        yield registry


@pytest.mark.parametrize("clients", [8, 64])
def test_clients_that_come_together_are_shared(registry: Lading, clients: int) -> None:
    """About equally: a worker that is held up leaves some to the other."""
    wait_until(lambda: not sum(connections(registry).values()), "the last clients to go")
    with ExitStack() as stack:
        opened = [stack.enter_context(registry.client.connection()) for _ in range(clients)]
        for connection in opened:
            assert is_answered(connection)
        assert min(connections(registry).values()) >= clients // 4


def test_a_share_is_large_if_another_worker_has_fewer() -> None:
    shares = Shares(3)
    first, second, _ = (shares.of(worker) for worker in range(3))
    assert not first.is_large

    first.add(1)
    assert first.is_large
    assert not second.is_large

    second.add(2)
    assert shares.of(1).is_large is False


def is_answered(connection: Connection) -> bool:
    connection.request("GET", "/v2/")
    return connection.receive().status == 200


def connections(registry: Lading) -> Counter[str]:
    """How many clients each worker has."""
    _, _, port = registry.host.rpartition(":")
    established = {
        fields[9]
        for fields in map(str.split, Path("/proc/net/tcp").read_text().splitlines()[1:])
        if fields[1].endswith(f":{int(port):04X}") and fields[3] == "01"
    }
    workers = Path(f"/proc/{registry.pid}/task/{registry.pid}/children").read_text().split()
    return Counter(
        {
            worker: sum(
                str(link.readlink())[len("socket:[") : -1] in established
                for link in Path(f"/proc/{worker}/fd").iterdir()
                if str(link.readlink()).startswith("socket:")
            )
            for worker in workers
        }
    )
