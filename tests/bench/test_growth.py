"""Registries that the benchmark fills without pushes: they start, and answer."""

import pytest

pytest.importorskip("psutil", reason="`make bench` installs psutil")

from bench import growth


def test_a_registry_that_was_filled_answers_and_collects(monkeypatch: pytest.MonkeyPatch) -> None:
    """It starts, though most of its blobs are not on the disk, and each request succeeds."""
    monkeypatch.setattr(growth, "REQUESTS", 2)
    monkeypatch.setattr(growth, "GARBAGE", 1)

    (grown,) = growth.grow((20,))

    assert grown.repositories == 20
    assert set(grown.p50_ms) == {
        "catalog page",
        "tags page",
        "manifest by tag",
        "small blob",
        "push of a tag",
    }
    assert min(*grown.p50_ms.values(), grown.collection) > 0
