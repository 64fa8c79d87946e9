"""The keys that tokens are signed with: kept, shared, replaced, and read by nobody else."""

import asyncio
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lading.auth.keys import LONGEST_TOKEN, KeyRing
from lading.auth.secrets import SecretFile, SecretInMemory
from lading.core.errors import Unavailable
from lading.databases.sqlite.memory import MemoryDatabase
from lading.metadata.logins.secrets import SecretRow
from lading.metadata.metadata import Metadata
from lading.ports.logins import AuthUnusable

DAY = 24 * 3600.0


class Clock:
    """A time that tests set."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


async def ring_at(path: Path, lifetime: float, clock: Callable[[], float]) -> KeyRing:
    """Open the keys of a file, as one more worker."""
    return await KeyRing.open(SecretFile(path), lifetime, clock)


async def test_made_once_and_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A restart changes nothing: tokens of before still verify. Nothing of it is worth a line."""
    path = tmp_path / "deep" / "keys.json"
    first = await (await ring_at(path, DAY, Clock())).current()
    again = await (await ring_at(path, DAY, Clock())).current()
    assert first.id == again.id
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {file.name for file in path.parent.iterdir()} == {"keys.json"}
    assert caplog.text == ""


async def test_a_key_of_the_future_is_replaced(tmp_path: Path) -> None:
    """Once: a clock that was ahead has made it. What it signed is checked as ever."""
    clock = Clock()
    clock.now += 3650 * DAY
    path = tmp_path / "keys.json"
    old = await (await ring_at(path, 30 * DAY, clock)).current()
    clock.now -= 3650 * DAY
    ring = await ring_at(path, 30 * DAY, clock)
    new = await ring.current()
    assert new.id != old.id
    assert await ring.find(old.id) is not None
    clock.now += 30 * DAY - 1
    assert (await (await ring_at(path, 30 * DAY, clock)).current()).id == new.id
    clock.now += 1
    assert (await ring.current()).id not in {old.id, new.id}


@pytest.mark.parametrize("state", ["gone", "damaged", "directory gone"])
async def test_what_becomes_of_the_file_meanwhile(
    tmp_path: Path, state: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The keys that are known stay, and that is said once; the next one is kept again."""
    clock = Clock()
    path = tmp_path / "below" / "keys.json"
    ring = await ring_at(path, DAY, clock)
    first = await ring.current()
    if state == "damaged":
        path.write_text("nonsense")
    else:
        path.unlink()
    if state == "directory gone":
        path.parent.rmdir()
    for _ in range(3):
        assert await ring.find("of nobody") is None
        assert await ring.find(first.id) is not None
        assert (await ring.current()).id == first.id
    assert caplog.text.count("the keys of before stay") == 1
    if state != "damaged":
        clock.now += DAY
        second = await ring.current()
        other = await ring_at(path, DAY, clock)
        assert {first.id, second.id} == {key.id for key in other._keys}


async def test_without_a_file() -> None:
    """For data in memory."""
    clock = Clock()
    ring = await KeyRing.open(SecretInMemory(), DAY, clock)
    first = await ring.current()
    clock.now += DAY
    assert (await ring.current()).id != first.id
    assert await ring.find(first.id) is not None


async def test_a_new_key_takes_over(tmp_path: Path) -> None:
    """The old one verifies until every token that it signed has ended; then it is forgotten."""
    clock = Clock()
    ring = await ring_at(tmp_path / "keys.json", 30 * DAY, clock)
    first = await ring.current()
    clock.now += 30 * DAY - 1
    assert (await ring.current()).id == first.id
    clock.now += 1
    second = await ring.current()
    assert second.id != first.id
    assert await ring.find(first.id) is not None

    clock.now += 30 * DAY
    third = await ring.current()
    assert third.id not in {first.id, second.id}
    assert await ring.find(second.id) is not None
    assert await ring.find(first.id) is None
    assert LONGEST_TOKEN <= DAY


async def test_workers_share_the_keys(tmp_path: Path) -> None:
    """One that meets a key of another's reads the file again."""
    clock = Clock()
    path = tmp_path / "keys.json"
    one, two = await ring_at(path, DAY, clock), await ring_at(path, DAY, clock)
    clock.now += DAY
    new = await one.current()
    found = await two.find(new.id)
    assert found is not None
    assert found.id == new.id
    assert (await two.current()).id == new.id
    assert await two.find("unknown") is None


def test_first_start_of_many(tmp_path: Path) -> None:
    """Workers that start at once agree on one key."""
    program = (
        "import asyncio, sys, time; from pathlib import Path; from lading.auth.keys import KeyRing;"
        " from lading.auth.secrets import SecretFile;"
        " ring = asyncio.run(KeyRing.open(SecretFile(Path(sys.argv[1])), 1e9, time.time));"
        " print(asyncio.run(ring.current()).id)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "keys.json")]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert len({process.communicate()[0] for process in started}) == 1


@pytest.mark.parametrize(
    "content", ["", "{}", "[]x", '[{"pem": "x", "made_at": 1}]', '[{"pem": 5}]', "[5]"]
)
async def test_what_is_no_file_of_keys(tmp_path: Path, content: str) -> None:
    """The message says what to do, and what it costs."""
    path = tmp_path / "keys.json"
    path.write_text(content)
    with pytest.raises(AuthUnusable, match="remove it, and everybody logs in once more"):
        await ring_at(path, DAY, Clock())


async def test_a_full_disk_does_not_end_logins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A key that cannot be kept is not used: others could not verify what it signed."""
    clock = Clock()
    ring = await ring_at(tmp_path / "keys.json", DAY, clock)
    first = await ring.current()
    clock.now += DAY

    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lading.system.durable.replace", full)
    assert (await ring.current()).id == first.id
    assert "No space left on device; the key of before signs on" in caplog.text
    monkeypatch.undo()
    assert (await ring.current()).id != first.id


class Replicas:
    """Keys as a row that replicas share, each with a look at it once a second."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.metadata = Metadata(MemoryDatabase())

    async def replica(self) -> KeyRing:
        """One more replica."""
        row = SecretRow(self.metadata.secrets, "token-keys", self.clock)
        return await KeyRing.open(row, DAY, self.clock)


async def test_replicas_share_the_keys() -> None:
    """Whatever unknown keys they are asked for: a new one signs when all of them would look."""
    replicas = Replicas()
    one, two = await replicas.replica(), await replicas.replica()
    first = await one.current()
    assert (await two.current()).id == first.id
    replicas.clock.now += DAY
    assert await two.find("of a stranger") is None
    assert (await one.current()).id == first.id
    replicas.clock.now += 1.9
    assert await two.find("of a stranger") is None
    replicas.clock.now += 0.1
    second = await one.current()
    assert second.id != first.id
    replicas.clock.now += 0.9
    assert await two.find(second.id) is not None
    assert (await two.current()).id == second.id


async def test_unknown_keys_are_looked_for_once_a_second() -> None:
    """However many tokens of nobody's come; and whoever asks meanwhile waits for the answer."""
    replicas = Replicas()
    one, two = await replicas.replica(), await replicas.replica()
    replicas.clock.now += DAY
    await one.current()
    replicas.clock.now += 2
    new = await one.current()
    find, reads = replicas.metadata.secrets.find, []

    async def slow(name: str) -> bytes | None:
        reads.append(name)
        await asyncio.sleep(0)
        return await find(name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replicas.metadata.secrets, "find", slow)
        found = await asyncio.gather(*(two.find(new.id) for _ in range(20)))
        for _ in range(20):
            assert await two.find("of nobody") is None
    assert all(key is not None for key in found)
    assert len(reads) == 1


async def test_while_the_database_is_away_the_keys_of_before_stay(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A new one is made when it is back."""
    replicas = Replicas()
    ring = await replicas.replica()
    first = await ring.current()
    replicas.clock.now += DAY

    async def away(name: str) -> bytes | None:
        raise Unavailable("the database is away")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replicas.metadata.secrets, "find", away)
        assert (await ring.current()).id == first.id
        assert await ring.find("of nobody") is None
        assert await ring.find(first.id) is not None
    assert "the database is away; the key of before signs on" in caplog.text
    await ring.current()
    replicas.clock.now += 2
    assert (await ring.current()).id != first.id
