"""The note of an adoption, which is there as a whole or not at all."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lading.blobs.distribution import AdoptedNote, find_note, write_note
from lading.blobs.layout import Layout


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file become larger: a write beyond it writes a part, as on a disk that fills."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_note_that_does_not_fit_leaves_the_one_before(tmp_path: Path) -> None:
    """Half a note would be none: all that was adopted would be somebody else's again."""
    layout = Layout(tmp_path)
    (tmp_path / "lading").mkdir()
    before = AdoptedNote(("left",), keeps_links=True)
    write_note(layout, before)
    with room_for(4096), pytest.raises(OSError, match="File too large"):
        write_note(layout, AdoptedNote(tuple(f"team/application-{n}" for n in range(1000))))

    assert find_note(layout) == before
