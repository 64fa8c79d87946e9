"""Digests: the two registered algorithms, in their one spelling, and nothing else."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.core.digest import SHA256, SHA512, Digest, new_hasher
from lading.core.errors import DigestInvalid

HEX = hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize("algorithm", [SHA256, SHA512])
def test_the_digest_of_bytes(algorithm: str) -> None:
    """Is what sha256sum and sha512sum print, after the name of the algorithm."""
    digest = Digest.of(b"hello", algorithm)

    assert digest == f"{algorithm}:{hashlib.new(algorithm, b'hello').hexdigest()}"
    assert (digest.algorithm, digest.hex) == tuple(digest.split(":"))
    assert Digest(str(digest)) == digest


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256",
        "sha256:",
        HEX,
        f"sha256:{HEX[1:]}",
        f"sha256:{HEX}0",
        f"sha256:{HEX.upper()}",
        f"SHA256:{HEX}",
        f"sha512:{HEX}",
        f"md5:{HEX[:32]}",
        f"sha384:{HEX}{HEX[:32]}",
        f"sha256:{HEX}\n",
        f" sha256:{HEX}",
        f"sha256:{HEX[:-1]}٣",
        f"sha256:../{HEX[3:]}",
    ],
)
def test_what_is_no_digest(text: str) -> None:
    """ "`encoded` … MUST match `/[a-f0-9]{64}/`" (image-spec descriptor.md, SHA-256)."""
    with pytest.raises(DigestInvalid):
        Digest(text)


@given(st.text())
def test_any_text(text: str) -> None:
    """Is a digest that reads as it is written, or is refused; the answer never repeats much."""
    try:
        assert Digest(text) == text
    except DigestInvalid as refused:
        (detail,) = refused.details
        assert len(str(detail)) < 2000


@pytest.mark.parametrize("algorithm", ["", "md5", "sha1", "sha384", "SHA256", "sha256 "])
def test_other_algorithms_are_refused(algorithm: str) -> None:
    """Though Python has them; the answer lists the supported ones."""
    with pytest.raises(DigestInvalid, match="sha256, sha512"):
        new_hasher(algorithm)
