"""Errors of disks, in words for an operator."""

import errno
import os
from pathlib import Path

import pytest

from lading.system.disk_errors import advised, find_failure, is_full


def error(number: int, name: str | int | None = None) -> OSError:
    return OSError(number, os.strerror(number), name)


def test_an_error_names_the_file_and_what_to_do() -> None:
    said = advised(error(errno.EROFS, "/data/x"))
    assert "Read-only file system: '/data/x'; mount it" in said
    assert advised(error(errno.ENOTEMPTY, "/data/x")) == str(error(errno.ENOTEMPTY, "/data/x"))


def test_the_number_of_an_open_file_is_not_told() -> None:
    assert "28" not in advised(error(errno.EDQUOT, 28))
    assert advised(error(errno.EDQUOT, 28)).startswith("Disk quota exceeded; raise the quota")


def test_a_quota_is_a_full_disk() -> None:
    assert [is_full(error(each)) for each in (errno.EDQUOT, errno.ENOSPC, errno.EIO)] == [
        True,
        True,
        False,
    ]


def test_a_try_to_write_finds_out_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_failure(tmp_path) is None
    missing = find_failure(tmp_path / "missing")
    assert missing is not None
    assert missing.errno == errno.ENOENT

    def fail(*_: int) -> None:
        raise error(errno.EDQUOT)

    monkeypatch.setattr(os, "posix_fallocate", fail)
    found = find_failure(tmp_path)
    assert found is not None
    assert is_full(found)
    assert list(tmp_path.iterdir()) == []
