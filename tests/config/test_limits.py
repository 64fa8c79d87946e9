"""`limits`: sizes, for people."""

import pytest

from tests.config.conftest import Complain, Write


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("1048576", 1024**2), ("10 GiB", 10 * 1024**3), ("2TiB", 2 * 1024**4)],
)
def test_sizes(text: str, size: int, given: Write) -> None:
    """A number of bytes, or of a unit."""
    assert given(f"version: 0.1\nlimits: {{blobsize: {text}}}\n").settings.limits.blobsize == size


@pytest.mark.parametrize("text", ["10 GB", "-1", "1.5 GiB", "GiB", "ten"])
def test_what_is_no_size(text: str, complaints: Complain) -> None:
    """Units of 1000 are nobody's choice for memory and disks of this kind."""
    (complaint,) = complaints(f"version: 0.1\nlimits: {{blobsize: {text}}}\n")
    assert complaint.startswith("config.yml:2: limits.blobsize: write ")


def test_a_manifest_must_fit_into_memory(complaints: Complain) -> None:
    """It is the one thing that is read whole."""
    assert complaints("version: 0.1\nlimits: {manifestsize: 1 GiB}\n") == [
        "config.yml:2: limits.manifestsize: write a number of at most 67108864"
    ]


@pytest.mark.parametrize("size", ["0", "4 KiB", "2 MiB"])
def test_headers_have_a_limit_that_clients_can_live_with(size: str, complaints: Complain) -> None:
    """Less than a token takes would let nobody in; more would let one client take the memory."""
    (complaint,) = complaints(f"version: 0.1\nlimits: {{headers: {size}}}\n")
    assert complaint.startswith("config.yml:2: limits.headers: write a number of at ")
