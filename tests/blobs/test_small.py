"""The memory of small blobs has an end."""

from lading.blobs.small import BESIDE, SmallBlobs
from lading.core.digest import Digest

BLOBS = {Digest.of(data): data for data in (b"aaaa", b"bbbb", b"cccc")}


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    small = SmallBlobs(capacity=2 * (4 + BESIDE))
    first, second, third = BLOBS
    for digest in (first, second):
        assert small.put(digest, BLOBS[digest])
    assert small.get(first) == BLOBS[first]

    small.put(third, BLOBS[third])

    assert [small.get(digest) for digest in BLOBS] == [BLOBS[first], None, BLOBS[third]]


def test_what_is_put_twice_or_dropped_counts_once() -> None:
    small = SmallBlobs(capacity=2 * (4 + BESIDE))
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


def test_there_is_an_end_to_how_many_there_are_as_well() -> None:
    """What Python takes for each is more than the smallest ones have."""
    small = SmallBlobs(capacity=10 * (1 + BESIDE))
    digests = [Digest.of(bytes([number])) for number in range(100)]
    for number, digest in enumerate(digests):
        assert small.put(digest, bytes([number]))

    assert sum(small.get(digest) is not None for digest in digests) == 10
