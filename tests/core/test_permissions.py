"""Permissions: who may do what where, and what a token leaves of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.core.access import (
    ALL_ACTIONS,
    ALL_RIGHTS,
    ANYBODY,
    EVERY_ACCESS,
    Access,
    Action,
    Principal,
    Right,
)
from lading.core.errors import Denied
from lading.core.globs import Glob
from lading.core.names import RepositoryName
from lading.core.permissions import (
    ALL_TO_USERS,
    EVERYDAY_ACTIONS,
    Permissions,
    Rule,
    with_implied,
)

PULL = frozenset({Action.PULL})
PUSH = frozenset({Action.PULL, Action.PUSH})


def rule(pattern: str, actions: frozenset[Action], **who: object) -> Rule:
    """A rule with one pattern."""
    anonymous = bool(who.get("anonymous", False))
    users, groups = who.get("users", ()), who.get("groups", ())
    assert isinstance(users, tuple)
    assert isinstance(groups, tuple)
    return Rule(
        (Glob(pattern),),
        actions,
        anonymous=anonymous,
        users=frozenset(users),
        groups=frozenset(groups),
    )


PERMISSIONS = Permissions(
    (
        rule("public/**", PULL, anonymous=True),
        rule("shared/**", PULL, users=("*",)),
        rule("apps/*", PUSH, users=("alice",)),
        rule("dev/**", PUSH, groups=("dev",)),
        rule("**", frozenset({Action.DELETE}), users=("janitor",)),
        rule("**", ALL_ACTIONS, groups=("owners",)),
    ),
    {"dev": frozenset({"alice", "bob"}), "owners": frozenset({"olga", ""})},
)


@pytest.mark.parametrize(
    ("principal", "repository", "expected"),
    [
        (ANYBODY, "public/a", PULL),
        (ANYBODY, "shared/a", frozenset()),
        (ANYBODY, "public", frozenset()),
        (Principal("alice"), "public/a", PULL),
        (Principal("alice"), "shared/a", PULL),
        (Principal("alice"), "apps/a", PUSH),
        (Principal("alice"), "apps/a/b", frozenset()),
        (Principal("bob"), "apps/a", frozenset()),
        (Principal("bob"), "dev/a/b", PUSH),
        (Principal("carol"), "dev/a", frozenset()),
        (Principal("janitor"), "public/a", frozenset({Action.PULL, Action.DELETE})),
        (Principal("olga"), "x", ALL_ACTIONS),
        (ANYBODY, "x", frozenset()),
        (Principal("*"), "apps/a", frozenset()),
    ],
)
def test_rules_add_up(principal: Principal, repository: str, expected: frozenset[Action]) -> None:
    """What no rule allows is denied."""
    assert PERMISSIONS.actions_for(principal, repository) == expected


def test_a_principal_with_rights_of_its_own_has_no_others() -> None:
    """A robot called like a user is not that user."""
    rights = (Right(Glob("ci/*"), PULL),)
    robot = Principal("olga", rights=rights)
    assert PERMISSIONS.rights_of(robot) == rights


@pytest.mark.parametrize(
    ("name", "repository", "allowed"),
    [
        ("alice", "alice/a", True),
        ("alice", "alice/a/b", True),
        ("alice", "alice", False),
        ("alice", "team/a", True),
        ("alice", "bob/a", False),
        ("bob", "team/a", False),
        ("", "a", False),
        ("**", "a", False),
        ("a/b", "a/b/c", False),
        ("Alice", "alice/a", False),
    ],
)
def test_what_is_ones_own(name: str, repository: str, allowed: bool) -> None:
    """Below one's own name, and below the names of one's groups; a strange name has nothing."""
    permissions = Permissions((), {"team": frozenset({"alice"})}, own=True)
    expected = EVERYDAY_ACTIONS if allowed else frozenset()
    assert permissions.actions_for(Principal(name), repository) == expected


def test_distribution_s_rule() -> None:
    """Whoever is logged in may do everything but run the registry; nobody else anything."""
    assert ALL_TO_USERS.actions_for(Principal("anyone"), "a/b") == EVERYDAY_ACTIONS
    assert ALL_TO_USERS.actions_for(ANYBODY, "a/b") == frozenset()
    assert not ALL_TO_USERS.something_for_anybody
    assert PERMISSIONS.something_for_anybody


def test_implied_actions() -> None:
    """A push needs pull; admin is everything; delete is itself."""
    assert with_implied([Action.PUSH]) == PUSH
    assert with_implied([Action.ADMIN]) == ALL_ACTIONS
    assert with_implied([Action.DELETE, Action.PULL]) == {Action.DELETE, Action.PULL}
    assert with_implied([]) == frozenset()


def test_scopes_narrow_and_never_widen() -> None:
    """A token is good for what it names, as far as its principal still may."""
    rights = (Right(Glob("a/*"), PUSH),)
    scopes = (
        Right(Glob("a/x"), PULL),
        Right(Glob("b/x"), ALL_ACTIONS),
    )
    access = Access(Principal("alice"), rights, scopes)
    assert access.actions("a/x") == PULL
    assert access.actions("a/y") == frozenset()
    assert access.actions("b/x") == frozenset()
    grant = access.grant(RepositoryName("a/x"))
    grant.require(Action.PULL)
    with pytest.raises(Denied):
        grant.require(Action.PUSH)


texts = st.sampled_from(["a", "a/b", "a/*", "a/**", "b-*", "b/c", "**", "*"])
some_names = st.sampled_from(["a", "a/b", "a/b/c", "a/c", "b-x", "b/c", "b", "c"])


@given(st.lists(texts), some_names)
def test_what_is_seen_lies_below_the_prefixes(patterns: list[str], name: str) -> None:
    """So lists need not look anywhere else; and nothing is looked at twice."""
    rights = tuple(Right(Glob(text), PULL) for text in patterns)
    access = Access(ANYBODY, rights)
    prefixes = access.visible_prefixes()
    if access.sees(name):
        assert sum(name.startswith(prefix) for prefix in prefixes) == 1
    assert list(prefixes) == sorted(prefixes)
    assert not any(
        one.startswith(other) for one in prefixes for other in prefixes if one is not other
    )


@given(st.lists(texts), some_names)
def test_where_all_is_seen_nothing_need_be_asked(patterns: list[str], name: str) -> None:
    """Everything with such a prefix is seen; that holds for everybody's prefix, and a team's."""
    access = Access(ANYBODY, tuple(Right(Glob(text), PULL) for text in patterns))
    for prefix in access.visible_prefixes():
        if access.sees_all(prefix) and name.startswith(prefix):
            assert access.sees(name)
    assert access.sees_all("") == ("**" in patterns)
    assert access.sees_all("a/") == bool({"a/**", "**"}.intersection(patterns))
    push_only = frozenset({Action.PUSH})
    assert not Access(ANYBODY, (Right(Glob("**"), push_only),)).sees_all("")


def test_without_authentication_everything_is_allowed() -> None:
    """The open registry is not a special case."""
    assert EVERY_ACCESS.actions("any/thing") == ALL_ACTIONS
    assert EVERY_ACCESS.rights == ALL_RIGHTS
    assert EVERY_ACCESS.visible_prefixes() == [""]
