"""Hashes that travel: what they compute is what `hashlib` does, wherever they go on."""

import hashlib
import itertools

import pytest

from lading.blobs.hashing import RunningHash, stateful_hasher
from lading.core.digest import SHA256, SHA512, Bytes, Digest

MIB = 1024 * 1024


def resumed(running: RunningHash) -> RunningHash:
    """Return the hash as another worker goes on with it."""
    again = RunningHash.resume(running.known())
    assert again is not None
    return again


@pytest.fixture(params=[SHA256, SHA512])
def algorithm(request: pytest.FixtureRequest) -> str:
    if stateful_hasher(request.param) is None:
        pytest.skip("this Python's libcrypto is not to be had")
    return str(request.param)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda data: memoryview(data)[:]])
def test_any_bytes_are_hashed(algorithm: str, kind: type[Bytes]) -> None:
    """Such as may be written to, and such as may not; also none at all."""
    hasher = stateful_hasher(algorithm)
    assert hasher is not None
    for part in (b"", b"hello ", b"", b"world" * 1000):
        hasher.update(kind(part))
        hasher.update(memoryview(bytearray(part)))

    whole = b"hello hello " + b"world" * 2000
    assert hasher.hexdigest() == hashlib.new(algorithm, whole).hexdigest()
    assert hasher.hexdigest() == hashlib.new(algorithm, whole).hexdigest()


def test_a_hash_goes_on_elsewhere_after_any_number_of_bytes(algorithm: str) -> None:
    """From the last whole block, if the rest after it is not known and has to be read."""
    data, block = bytes(range(256)) * 3, hashlib.new(algorithm).block_size
    for size in range(2 * block + 2):
        first = RunningHash.start(algorithm)
        first.update(data[:size])
        known = first.known()
        assert known.size + len(known.rest) == size
        for second in (resumed(first), RunningHash.resume(known._replace(rest=b""))):
            assert second is not None
            assert size - block < second.size <= size
            second.update(data[second.size :])
            assert second.digest() == Digest.of(data, algorithm)


def test_more_bytes_than_32_bits_can_count_bits_of(algorithm: str) -> None:
    """Half a GiB of SHA-256; each part of it elsewhere."""
    data, count = bytes(MIB), 520 if algorithm == SHA256 else 3
    whole, running = hashlib.new(algorithm), RunningHash.start(algorithm)
    for _ in itertools.repeat(None, count):
        whole.update(data)
        running.update(data)
        running = resumed(running)

    assert running.digest().hex == whole.hexdigest()
