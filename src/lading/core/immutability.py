"""Immutable tags: names that, once given to a manifest, stay with it."""

from collections.abc import Sequence
from dataclasses import dataclass

from lading.core.globs import Glob
from lading.core.names import RepositoryName, Tag


@dataclass(frozen=True, slots=True)
class ImmutableTags:
    """A rule of immutability: some tags of some repositories.

    Attributes:
        repositories: patterns of the repositories it is about.
        tags: patterns of the tags that are immutable there.
        exclude: patterns of tags that are not, though `tags` has them.
    """

    repositories: Sequence[Glob]
    tags: Sequence[Glob]
    exclude: Sequence[Glob] = ()

    def covers(self, repository: RepositoryName, tag: Tag) -> bool:
        """Whether the tag cannot be moved or deleted once it is set."""
        return (
            _any(self.repositories, repository)
            and _any(self.tags, tag)
            and not _any(self.exclude, tag)
        )


def is_immutable(rules: Sequence[ImmutableTags], repository: RepositoryName, tag: Tag) -> bool:
    """Whether any of the rules covers the tag."""
    return any(rule.covers(repository, tag) for rule in rules)


def _any(patterns: Sequence[Glob], name: str) -> bool:
    return any(pattern.matches(name) for pattern in patterns)
