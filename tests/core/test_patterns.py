"""Patterns of repositories: what they match, what is refused, what they cost."""

import fnmatch
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.core.patterns import PatternInvalid, RepositoryPattern


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("team/app", ["team/app"], ["team/app2", "team", "team/app/x", "xteam/app"]),
        ("team/*", ["team/app", "team/a-b"], ["team", "team/app/x", "teams/app"]),
        ("team/**", ["team/app", "team/app/x"], ["team", "teams/app"]),
        ("**", ["a", "a/b/c"], []),
        ("*", ["a"], ["a/b"]),
        ("team-*/app", ["team-a/app", "team-a-b/app"], ["team-a/b/app", "team/app"]),
        ("*/app-*-x", ["t/app-1-x", "t/app-1-x-x"], ["t/app-1-y", "app-1-x", "t/app-x"]),
        ("a.b/**", ["a.b/c"], ["axb/c"]),
    ],
)
def test_what_a_pattern_matches(pattern: str, matching: list[str], others: list[str]) -> None:
    """A star stays within its part; two stars stand for whole parts."""
    parsed = RepositoryPattern.parse(pattern)
    assert [name for name in matching if not parsed.matches(name)] == []
    assert [name for name in others if parsed.matches(name)] == []
    assert all(name.startswith(parsed.prefix) for name in matching)


@pytest.mark.parametrize(
    "text",
    ["", "/", "team/", "/team", "Team", "**/a", "a**", "a/**/b", "a b", "a\n", "é", "a" * 256],
)
def test_what_is_no_pattern(text: str) -> None:
    """The message says what one looks like."""
    with pytest.raises(PatternInvalid, match="write a repository, or a pattern"):
        RepositoryPattern.parse(text)


parts = st.text("ab*", min_size=1, max_size=8).filter(lambda part: "**" not in part)
names = st.text("ab", min_size=1, max_size=12)


@given(parts, names)
def test_a_part_matches_as_the_shell_does(part: str, name: str) -> None:
    """Never giving back does not lose a match."""
    assert RepositoryPattern.parse(part).matches(name) == bool(
        re.fullmatch(fnmatch.translate(part), name)
    )


def test_many_stars_cost_little() -> None:
    """A name cannot make a pattern search."""
    pattern = RepositoryPattern.parse("*a" * 100 + "*b")
    started = time.perf_counter()
    assert not pattern.matches("a" * 255)
    assert time.perf_counter() - started < 0.05
