"""Rules about the claims of a token."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.core.access import Action, Right
from lading.core.claims import ClaimPattern, ClaimRule, RepositoryTemplate
from lading.core.globs import Glob
from lading.core.names import RepositoryName

PUSH = frozenset({Action.PUSH})
BOTH = frozenset({Action.PULL, Action.PUSH})


def rule(repositories: str = "team/**", **claims: str | list[str]) -> ClaimRule:
    """Lets tokens with these claims push."""
    patterns = {
        name: [ClaimPattern(text) for text in ([given] if isinstance(given, str) else given)]
        for name, given in claims.items()
    }
    return ClaimRule(patterns, [RepositoryTemplate(repositories)], PUSH)


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        ("org/app", "org/app", True),
        ("org/app", "org/app2", False),
        ("org/*", "org/app", True),
        ("org/*", "org/app/sub", False),
        ("org/**", "org/app/sub", True),
        ("org/*", "evil/org/app", False),
        ("repo:org/app:ref:refs/heads/*", "repo:org/app:ref:refs/heads/main", True),
        ("repo:org/app:ref:refs/heads/*", "repo:org/app:ref:refs/tags/v1", False),
        ("system:serviceaccount:prod:*", "system:serviceaccount:prod:builder", True),
        ("system:serviceaccount:prod:*", "system:serviceaccount:prod2:builder", False),
        ("https://host/a b", "https://host/a b", True),
        ("true", True, True),
        ("true", 1, False),
        ("1", 1, True),
        ("1", True, False),
        ("*", None, False),
        ("*", {"a": 1}, False),
        ("*", 1.5, False),
        ("admins", ["users", "admins"], True),
        ("admins", ["users"], False),
        ("admins", [["admins"]], False),
        ("*", [], False),
    ],
)
def test_which_claims_fit(pattern: str, value: object, fits: bool) -> None:
    """The whole claim must be what the pattern says, capitals and all."""
    given = list(rule(claim=pattern).rights({"claim": value}))
    assert given == ([Right(Glob("team/**"), BOTH)] if fits else [])


def test_every_claim_must_fit_and_one_of_its_patterns() -> None:
    both = rule(project="org/*", ref=["refs/heads/main", "refs/tags/*"])
    assert list(both.rights({"project": "org/a", "ref": "refs/tags/v1"}))
    assert not list(both.rights({"project": "org/a", "ref": "refs/heads/dev"}))
    assert not list(both.rights({"project": "org/a"}))
    assert not list(both.rights({}))


@pytest.mark.parametrize(
    ("template", "value", "pattern"),
    [
        ("{project}/**", "org/app", "org/app/**"),
        ("builds/{project}", "Org/App", "builds/org/app"),
        ("{project}", "org/*", None),
        ("{project}/**", "**", None),
        ("{project}/**", "org/../admin", None),
        ("{project}/**", "", None),
        ("{project}/**", None, None),
        ("{project}/**", ["org"], None),
        ("x{project}", "/etc", None),
        ("{other}/**", "org/app", None),
    ],
)
def test_a_claim_in_a_pattern(template: str, value: object, pattern: str | None) -> None:
    """A repository's name, or the rule gives nothing."""
    given = list(rule(template, project=["*", "**"]).rights({"project": value}))
    assert [right.pattern for right in given] == ([] if pattern is None else [Glob(pattern)])


@given(st.text())
def test_no_claim_widens_a_pattern(value: str) -> None:
    """Whatever it holds, what it opens is below the one name that it is."""
    for right in rule("{project}/**", project=["*", "**"]).rights({"project": value}):
        name = RepositoryName(value.lower())
        assert right.pattern.matches(f"{name}/x")
        assert not right.pattern.matches("somebody/else") or name == "somebody"


@pytest.mark.parametrize("text", ["", "{a b}", "team**", "Team/{a}", "{a", "a//{b}"])
def test_what_is_no_template(text: str) -> None:
    with pytest.raises(ValueError, match="write"):
        RepositoryTemplate(text)


@pytest.mark.parametrize(
    "claim", ["te\u212am", "\u212a8s", "\u0130x", "\uff21pp", "e\u0301", "\u212b"]
)
def test_a_letter_that_is_none_of_ascii_is_not_made_one(claim: str) -> None:
    """The small letter of the sign for kelvin is a plain k: that is another repository's name."""
    assert not list(rule("{project}/**").rights({"project": claim}))
    assert RepositoryTemplate("{project}/**").fill({"project": "K8s"}) == Glob("k8s/**")
