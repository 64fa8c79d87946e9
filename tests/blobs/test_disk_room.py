"""A disk without room refuses pushes, and the log says so, though not of each."""

from pathlib import Path

import pytest

from lading.blobs.disk import WARN_EVERY, Disk
from lading.core.errors import StorageFull


def test_a_disk_without_room_is_told_of_from_time_to_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    disk = Disk(tmp_path, reserve=10**18)
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    for _ in range(3):
        with pytest.raises(StorageFull):
            disk.require_space(5)
    (line,) = caplog.messages
    assert str(tmp_path) in line
    assert "storage.filesystem.reserve" in line
    now += WARN_EVERY
    with pytest.raises(StorageFull):
        disk.require_space(5)
    assert len(caplog.messages) == 2
    disk.close()
