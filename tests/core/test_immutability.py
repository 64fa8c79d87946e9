"""Which tags are immutable."""

import pytest

from lading.core.globs import Glob
from lading.core.immutability import ImmutableTags, is_immutable
from lading.core.names import RepositoryName, Tag

RELEASES = ImmutableTags([Glob("team/**")], [Glob("v*"), Glob("stable")], [Glob("*-rc*")])
EVERYTHING_OF_ONE = ImmutableTags([Glob("archive")], [Glob("*")])


@pytest.mark.parametrize(
    ("repository", "tag", "immutable"),
    [
        ("team/app", "v1", True),
        ("team/app", "stable", True),
        ("team/app", "v1-rc1", False),
        ("team/app", "latest", False),
        ("team", "v1", False),
        ("other/app", "v1", False),
        ("archive", "v1-rc1", True),
    ],
)
def test_rules(repository: str, tag: str, immutable: bool) -> None:
    """A tag is immutable if one rule covers it; an exclusion counts for its own rule only."""
    rules = [RELEASES, EVERYTHING_OF_ONE]
    assert is_immutable(rules, RepositoryName(repository), Tag(tag)) is immutable


def test_without_rules_nothing_is_immutable() -> None:
    """As in any registry."""
    assert not is_immutable([], RepositoryName("a"), Tag("v1"))
