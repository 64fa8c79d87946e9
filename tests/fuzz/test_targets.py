"""Each parser of a stranger's bytes, on its seeds, on what is near them, and on anything."""

import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.registry import HASH
from tests.fuzz.targets import TARGETS, Target

NAMES = sorted(TARGETS)


@st.composite
def changed(draw: st.DrawFn, target: Target) -> bytes:
    """A seed with pieces cut out, put in, or repeated."""
    data = draw(st.sampled_from(target.seeds))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        stop = draw(st.integers(start, len(data)))
        piece = draw(st.one_of(st.binary(max_size=8), st.just(data[start:stop] * 3)))
        data = data[:start] + piece + data[stop:]
    return data


def test_the_login_of_the_seeds_is_good() -> None:
    """Otherwise what is behind a login would never be reached."""
    assert bcrypt.checkpw(b"secret", HASH.encode())


@pytest.mark.parametrize("name", NAMES)
def test_seeds(name: str) -> None:
    for seed in TARGETS[name].seeds:
        TARGETS[name].run(seed)


@pytest.mark.parametrize("name", NAMES)
def test_anything(name: str) -> None:
    """What a stranger sends is understood or refused, and never fails."""
    target = TARGETS[name]

    @settings(max_examples=200, deadline=None)
    @given(st.one_of(changed(target), st.binary(max_size=200)))
    def run(data: bytes) -> None:
        target.run(data)

    run()
