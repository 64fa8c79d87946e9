"""The memory of small blobs has an end."""

from lading.blobs.small import SmallBlobs
from lading.core.digest import Digest

BLOBS = {Digest.of(data): data for data in (b"aaaa", b"bbbb", b"cccc")}


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    small = SmallBlobs(capacity=8)
    first, second, third = BLOBS
    for digest in (first, second):
        assert small.put(digest, BLOBS[digest])
    assert small.get(first) == BLOBS[first]

    small.put(third, BLOBS[third])

    assert [small.get(digest) for digest in BLOBS] == [BLOBS[first], None, BLOBS[third]]


def test_what_is_put_twice_or_dropped_counts_once() -> None:
    small = SmallBlobs(capacity=8)
    first, second, _ = BLOBS
    for digest in (first, first, second):
        small.put(digest, BLOBS[digest])
    small.drop(first)
    small.drop(first)
    small.put(first, BLOBS[first])

    assert [small.get(digest) for digest in (first, second)] == [BLOBS[first], BLOBS[second]]


def test_other_bytes_are_not_kept() -> None:
    small = SmallBlobs()
    digest = Digest.of(b"aaaa")
    assert not small.put(digest, b"aaab")
    assert small.get(digest) is None
