"""A copy that ended anywhere is whole after another one: signatures are no less than layers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest

from lading.client import Client, ClientError, ImagePlace, LayoutFolder
from lading.client.copy_rules import CopyRules, CopySteps
from lading.client.copying import Copier
from lading.client.workers import Workers
from lading.testing import Registry

PlaceOf = Callable[[Path], object]


class _Ended(ClientError):
    """The end of a run."""


def ending_after(steps: int) -> Callable[[], None]:
    """Something that ends a copy after so many looks whether it is to go on."""
    left = count(steps, -1)

    def alive() -> None:
        if next(left) <= 0:
            raise _Ended("ended")

    return alive


def copy(source: ImagePlace, target: ImagePlace, wanted: str, alive: Callable[[], None]) -> None:
    workers = Workers(1)
    try:
        Copier(source, target, CopyRules(), CopySteps(), workers, alive).copy(wanted, wanted)
    finally:
        workers.end()
        for thread in workers._threads:
            thread.join()


@pytest.fixture(scope="module")
def here() -> Iterator[Registry]:
    """An index, and something about it, about one of its images, and about that, too."""
    with Registry() as registry:
        registry.push_image("app:1", platforms=["linux/amd64", "linux/arm64"])
        child = registry.manifest("app:1")["manifests"][0]["digest"]
        for subject in (registry.digest("app:1"), child):
            sbom = registry.push_artifact("app", b"s", artifact_type="a/sbom", subject=subject)
            registry.push_artifact("app", b"signed", artifact_type="a/sig", subject=sbom)
        subject = registry.digest("app:1").replace(":", "-")
        registry.push_image(f"app:{subject}.sig", files={"signature": "x"})
        yield registry


@contextmanager
def registry_place(_: Path) -> Iterator[ImagePlace]:
    with Registry() as there, Client(there.host) as client:
        yield client.repository("app")


@contextmanager
def layout_place(folder: Path) -> Iterator[ImagePlace]:
    yield LayoutFolder(folder)


def about(place: ImagePlace, digest: str) -> set[str]:
    """All that is about a manifest, about what it holds, and about that again."""
    found = {one["digest"] for one in place.referrers(digest)}
    below = [*found, *(child["digest"] for child in place.manifest(digest).children)]
    return found.union(*(about(place, one) for one in below))


@pytest.mark.parametrize("opened", [registry_place, layout_place])
def test_a_run_brings_what_the_one_before_it_did_not(
    opened: Callable[[Path], object], here: Registry, tmp_path: Path
) -> None:
    """Ended at each step; where a tag is there, all is that belongs to it."""
    index = here.digest("app:1")
    with Client(here.host) as client:
        source = client.repository("app")
        all_of_it = about(source, index)
        for steps in count(1):
            with opened(tmp_path / str(steps)) as target:  # type: ignore[attr-defined]
                with suppress(_Ended):
                    copy(source, target, "1", ending_after(steps))
                is_done = target.digest("1") == index
                if not is_done:
                    copy(source, target, "1", lambda: None)
                assert about(target, index) == all_of_it
                assert set(target.tags()) == set(source.tags())
            if is_done:
                break
    assert len(all_of_it) == 4
    assert steps > 10


def test_what_is_copied_by_its_digest_has_what_is_about_it_after_another_run(
    here: Registry, tmp_path: Path
) -> None:
    """No tag says of it that all was brought."""
    index = here.digest("app:1")
    with Client(here.host) as client, registry_place(tmp_path) as target:
        source = client.repository("app")
        for steps in (8, 10, 12, 14, 16):
            with suppress(_Ended):
                copy(source, target, index, ending_after(steps))
        copy(source, target, index, lambda: None)

        assert about(target, index) == about(source, index)
