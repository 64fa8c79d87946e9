"""Scopes: their grammar, and what they allow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.core.access import ALL_ACTIONS, Action, actions_in
from lading.core.names import RepositoryName
from lading.core.scopes import CATALOG, Scope, opens_catalog, rights_in


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("repository:a/b:pull,push", Scope("repository", "a/b", ("pull", "push"))),
        ("repository:host:5000/a:pull", Scope("repository", "host:5000/a", ("pull",))),
        ("repository:a:", Scope("repository", "a", ())),
        ("registry:catalog:*", CATALOG),
        ("repository(plugin):a:pull", Scope("repository(plugin)", "a", ("pull",))),
    ],
)
def test_reading(text: str, expected: Scope) -> None:
    """The type ends at the first colon, the actions start after the last."""
    assert Scope.parse(text) == expected


@pytest.mark.parametrize("text", ["", ":", "::", "repository", "repository:a", ":a:pull"])
def test_what_is_no_scope(text: str) -> None:
    """Nothing is made of it."""
    assert Scope.parse(text) is None


@given(st.text(max_size=40))
def test_any_text(text: str) -> None:
    """Whatever is sent: a scope of a real repository, or nothing."""
    scope = Scope.parse(text)
    if scope is not None and scope.repository is not None:
        assert scope.repository == RepositoryName(scope.name)
        assert scope.known_actions <= ALL_ACTIONS


def test_writing() -> None:
    """In the order that clients write, whatever a set's."""
    scope = Scope.of(RepositoryName("a/b"), frozenset({Action.PUSH, Action.PULL}))
    assert str(scope) == "repository:a/b:pull,push"
    assert str(CATALOG) == "registry:catalog:*"


def test_rights() -> None:
    """Only repositories, only names that can exist, only actions that are known."""
    texts = [
        "repository:a:pull,frobnicate",
        "repository:a:push",
        "repository:b:*",
        "repository:a/*:pull",
        "repository:A:pull",
        "registry:catalog:*",
        "repository(plugin):c:pull",
    ]
    scopes = [scope for text in texts if (scope := Scope.parse(text))]
    rights = rights_in(scopes)
    assert actions_in(rights, "a") == {Action.PULL, Action.PUSH}
    assert actions_in(rights, "b") == {Action.PULL, Action.PUSH, Action.DELETE}
    assert actions_in(rights, "a/x") == frozenset()
    assert actions_in(rights, "c") == frozenset()
    assert opens_catalog(scopes)
    assert not opens_catalog(scopes[:5])
