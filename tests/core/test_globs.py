"""Patterns for names."""

import pickle
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.core.globs import Glob


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("**", ["a", "a/b/c"], []),
        ("*", ["a", "hello-world"], ["a/b"]),
        ("team/*", ["team/a"], ["team", "team/a/b", "other/a", "xteam/a"]),
        ("team/**", ["team/a", "team/a/b"], ["team", "teams/a", "my/team/a"]),
        ("team/**/**", ["team/a", "team/a/b"], ["team"]),
        ("**/cache", ["cache", "a/cache", "a/b/cache"], ["a/cache/b", "my-cache"]),
        ("a/**/z", ["a/z", "a/b/z", "a/z/z"], ["a", "a/b", "z"]),
        ("a/**/m/**/z", ["a/m/z", "a/m/m/x/z"], ["a/z", "a/b/z"]),
        ("library/hello-world", ["library/hello-world"], ["library/hello", "hello-world"]),
        ("v*", ["v", "v1", "v1.2.3-rc1"], ["1", "xv1"]),
        ("v[0-9]*", ["v1", "v10"], ["v", "va"]),
        ("v[!0-9]", ["va"], ["v1"]),
        ("v?", ["v1"], ["v", "v10"]),
        ("*.*.*", ["1.2.3", "1..2"], ["1.2"]),
        ("a.b", ["a.b"], ["axb"]),
    ],
)
def test_what_a_pattern_matches(pattern: str, matching: list[str], others: list[str]) -> None:
    """`*` stays within a part, `**` crosses parts, and the whole name must fit."""
    glob = Glob(pattern)
    assert [name for name in matching + others if glob.matches(name)] == matching
    assert all(name.startswith(glob.prefix) for name in matching)


@pytest.mark.parametrize(
    "text", ["", "/", "a//b", "/a", "a/", "a b", "a\n", "ä", "te**", "**am/x", "a/***", "{a,b}"]
)
def test_what_is_no_pattern(text: str) -> None:
    """What could never match, or not as it looks, is refused with advice."""
    with pytest.raises(ValueError, match="write"):
        Glob(text)


def test_patterns_cross_processes() -> None:
    """Workers get them with the settings."""
    assert pickle.loads(pickle.dumps(Glob("a/**"))).matches("a/b")


@given(st.lists(st.sampled_from("ab"), min_size=1).map("/".join))
def test_every_name_matches_itself(name: str) -> None:
    """A pattern without signs is the name."""
    assert Glob(name).matches(name)


def test_prefixes() -> None:
    """As much as is known of all names, so that lists need not look elsewhere."""
    patterns = ["**", "team/**", "team/a*b", "v[0-9]", "v?", "team/app"]
    assert [Glob(text).prefix for text in patterns] == ["", "team/", "team/a", "v", "v", "team/app"]


def test_no_pattern_takes_long() -> None:
    """A name that almost fits a pattern of many stars is refused at once."""
    started = time.process_time()
    assert not Glob("*a" * 60 + "b").matches("a" * 128)
    assert not Glob("/".join(["**", "a"] * 60) + "/b").matches("/".join("a" * 127))
    assert time.process_time() - started < 1
