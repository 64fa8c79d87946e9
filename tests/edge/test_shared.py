"""Large answers that many are sent at the same time."""

import asyncio
import errno
from pathlib import Path
from unittest.mock import Mock

import pytest

from lading.core.errors import StorageFull, Unavailable
from lading.edge import spool as spool_module
from lading.edge.budget import BodyBudgets
from lading.edge.response import Response
from lading.edge.spool import SharedSpools, Spool
from lading.system.room import Budget

BODY = b"a manifest"


def answer(digest: str = "sha256:1") -> Response:
    return Response(200, {}, BODY, digest)


@pytest.mark.parametrize("memory", [0, 2 * len(BODY)], ids=["disk", "memory"])
async def test_the_same_body_is_kept_once_as_long_as_somebody_is_sent_it(
    tmp_path: Path, memory: int
) -> None:
    budget = Budget(memory)
    spools = SharedSpools(BodyBudgets(budget, directory=tmp_path))
    async with spools.share(answer()) as first:
        async with spools.share(answer()) as second:
            assert second is first
        async with spools.share(answer("sha256:2")) as other:
            assert other is not first
            assert await other.read() == BODY
        assert await first.read() == BODY
        async with spools.share(answer()) as third:
            assert third is first
    assert budget.has(memory)
    async with spools.share(answer()) as later:
        assert later is not first
        assert await later.read() == BODY


async def test_what_has_no_digest_is_not_shared(tmp_path: Path) -> None:
    spools = SharedSpools(BodyBudgets(directory=tmp_path))
    async with spools.share(answer("")) as first, spools.share(answer("")) as second:
        assert second is not first


async def test_a_body_for_which_there_is_no_room_is_in_nobodys_way(tmp_path: Path) -> None:
    disk = Budget(0)
    spools = SharedSpools(BodyBudgets(Budget(0), disk, directory=tmp_path))
    with pytest.raises(Unavailable):
        async with spools.share(answer()):
            pass
    disk.give_back(len(BODY))
    async with spools.share(answer()) as spool:
        assert await spool.read() == BODY


async def test_who_comes_while_a_body_is_being_put_down_waits_for_it(tmp_path: Path) -> None:
    spools = SharedSpools(BodyBudgets(Budget(0), directory=tmp_path))
    seen: list[Spool] = []

    async def send() -> None:
        response = answer()
        async with spools.share(response) as spool:
            seen.append(spool)
            assert await spool.read() == BODY

    await asyncio.gather(*(send() for _ in range(20)))
    assert len(set(seen)) == 1


async def test_a_body_that_was_put_down_in_part_is_sent_to_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes while somebody still waits for the one that failed has to come again."""
    spools = SharedSpools(BodyBudgets(Budget(0), directory=tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(spool_module, "write_at", Mock(side_effect=OSError(errno.ENOSPC, "full")))
        first = asyncio.create_task(_read(spools))
        await asyncio.sleep(0)
        (waiting,) = spools._shared.values()
        waiting.users += 1
        with pytest.raises(StorageFull):
            await first

    with pytest.raises(Unavailable):
        await _read(spools)
    waiting.spool.close()
    spools._shared.clear()
    assert await _read(spools) == BODY


async def _read(spools: SharedSpools) -> bytes:
    async with spools.share(answer()) as spool:
        return await spool.read()
