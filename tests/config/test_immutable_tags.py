"""`tags.immutable`: a list of sections."""

from pathlib import Path

import pytest

from lading.cli.config import settings_as_yaml
from lading.config.loading import load
from tests.config.conftest import Complain, Write

RULES = """\
version: 0.1
tags:
  immutable:
    - tags: [v*]
      exclude: ['*-rc*']
    - repositories: [archive/**]
"""


def test_rules_are_read(given: Write) -> None:
    """What a rule leaves out is everything."""
    first, second = given(RULES).settings.tags.immutable
    assert (first.repositories, first.tags, first.exclude) == (("**",), ("v*",), ("*-rc*",))
    assert (second.repositories, second.tags, second.exclude) == (("archive/**",), ("*",), ())


def test_what_is_shown_means_the_same(given: Write) -> None:
    """`lading config show` writes them as they can be read."""
    settings = given(RULES).settings
    assert given(settings_as_yaml(settings)).settings.tags == settings.tags


def test_variables_reach_into_a_rule(tmp_path: Path) -> None:
    """Or append one."""
    path = tmp_path / "config.yml"
    path.write_text(RULES)
    environ = {
        "REGISTRY_TAGS_IMMUTABLE_1_TAGS_0": "final",
        "REGISTRY_TAGS_IMMUTABLE_2": "{repositories: [x]}",
    }
    rules = load(path, environ).settings.tags.immutable
    assert [rule.repositories for rule in rules] == [("**",), ("archive/**",), ("x",)]
    assert rules[1].tags == ("final",)


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ("{tag: [v*]}", "tags.immutable.0.tag: unknown key: did you mean `tags`?"),
        ("v*", "tags.immutable.0: write keys below it: a mapping"),
        ("{tags: v*}", "tags.immutable.0.tags: write a list, as in `[a, b]`"),
        (
            "{repositories: [Team/**]}",
            "tags.immutable.0.repositories.0: write it in lower case, as repository names are",
        ),
        (
            "{repositories: [team**]}",
            (
                "tags.immutable.0.repositories.0: write `**` between slashes, as in `team/**`,"
                " or `*` within a part"
            ),
        ),
        (
            "{tags: [[v]]}",
            "tags.immutable.0.tags.0: write a pattern for names, as in `team/**` or `v*`",
        ),
    ],
)
def test_what_is_wrong_is_named(rule: str, complaint: str, complaints: Complain) -> None:
    """A rule that protects less than it seems to is worse than none."""
    assert complaints(f"version: 0.1\ntags:\n  immutable: [{rule}]\n") == [
        f"config.yml:3: {complaint}"
    ]
