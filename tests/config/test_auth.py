"""The settings of `auth`: what belongs together, and what contradicts itself."""

from datetime import timedelta

import pytest

from lading.core.access import ANYBODY, Action, Principal
from lading.core.permissions import EVERYDAY_ACTIONS
from lading.wiring.permissions import permissions_of
from tests.config.conftest import Complain, Write

TOKEN = "realm: https://a/token, service: s, issuer: i"
PULL = frozenset({Action.PULL})
NOTHING: frozenset[Action] = frozenset()


def auth(text: str) -> str:
    """A configuration with these keys below `auth`."""
    return f"version: 0.1\nauth: {{{text}}}\n"


def test_distribution_s_own(given: Write) -> None:
    """Its example files work as they are."""
    settings = given(auth("htpasswd: {realm: basic-realm, path: /path/to/htpasswd}")).settings
    assert settings.auth.htpasswd is not None
    assert settings.auth.permissions is None
    text = auth(f"token: {{{TOKEN}, autoredirect: true, rootcertbundle: /root/certs/bundle}}")
    token = given(text).settings.auth.token
    assert token is not None
    assert (token.autoredirect, token.autoredirectpath) == (True, "/auth/token")


@pytest.mark.parametrize("text", ["tokens: {}", "tokens: "])
def test_the_token_service_by_its_name_alone(given: Write, text: str) -> None:
    """A section without keys is one."""
    settings = given(auth(f"htpasswd: {{path: /x}}, {text}")).settings
    assert settings.auth.tokens is not None
    assert settings.auth.tokens.lifetime == timedelta(minutes=30)


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ("htpasswd: ", "htpasswd.path", "missing"),
        ("htpasswd: {}", "htpasswd.path", "missing"),
        ("htpasswd: {path: ''}", "htpasswd.path", "write a path"),
        ("token: ", "token.realm", "missing"),
        (f"token: {{{TOKEN}}}", "token.rootcertbundle", "without keys"),
        (f"token: {{{TOKEN}, rootcertbundle: ''}}", "token.rootcertbundle", "without keys"),
        (f"token: {{{TOKEN}, jwks: 'http://a/keys'}}", "token.jwks", "`https://`"),
        (f"token: {{{TOKEN}, jwks: /k, signingalgorithms: [none]}}",
         "token.signingalgorithms.0", "'EdDSA'"),
        ("token: {realm: 'https://u:p@a', service: s, issuer: i, jwks: /k}", "token.realm", "URL"),
        ("token: {realm: 'https://a/\"b', service: s, issuer: i, jwks: /k}", "token.realm", "URL"),
        (f"htpasswd: {{path: /x}}, token: {{{TOKEN}, jwks: /k}}", "token", "only one"),
        ("none: , htpasswd: {path: /x}", "htpasswd", "only one"),
        ("permissions: {preset: public}", "permissions", "`auth.htpasswd`"),
        (f"token: {{{TOKEN}, jwks: /k}}, permissions: {{}}", "permissions", "`auth.htpasswd`"),
        ("tokens: {}", "tokens", "`auth.htpasswd`"),
        ("htpasswd: {path: /x}, tokens: {lifetime: 25h}", "tokens.lifetime", "`24h`"),
        ("htpasswd: {path: /x}, tokens: {lifetime: 1s}", "tokens.lifetime", "`1m`"),
        ("htpasswd: {path: /x}, tokens: {service: ''}", "tokens.service", "write a name"),
        ("htpasswd: {path: /x}, permissions: {preset: private}", "permissions.preset", "'users'"),
        ("htpasswd: {path: /x}, permissions: {rules: [{}]}",
         "permissions.rules.0.repositories", "missing"),
    ],
)  # fmt: skip
def test_mistakes(complaints: Complain, text: str, key: str, words: str) -> None:
    """Nobody runs with less protection than was asked for; each is said with its line."""
    first = complaints(auth(text))[0]
    assert first.startswith(f"config.yml:2: auth.{key}: "), first
    assert words in first


@pytest.mark.parametrize(
    ("rule", "key", "words"),
    [
        ("repositories: [a], actions: [pull]", "users", "whom"),
        ("users: [a], repositories: [a], actions: [all]", "actions.0", "'admin'"),
        ("users: [a], repositories: ['a**'], actions: [pull]", "repositories.0", "write `**`"),
        ("users: [a], repositories: [A], actions: [pull]", "repositories.0", "lower case"),
        ("groups: [b], repositories: [a], actions: [pull]", "groups", "a group that"),
        ("user: [a], repositories: [a], actions: [pull]", "user", "`users`"),
    ],
)
def test_mistakes_in_rules(complaints: Complain, rule: str, key: str, words: str) -> None:
    """A rule that would not do what it looks like."""
    text = auth(f"htpasswd: {{path: /x}}, permissions: {{groups: {{g: [a]}}, rules: [{{{rule}}}]}}")
    lines = [line for line in complaints(text) if f"rules.0.{key}: " in line]
    assert lines
    assert words in lines[0]


@pytest.mark.parametrize(
    ("preset", "anybody", "alice", "own", "team"),
    [
        ("none", NOTHING, NOTHING, NOTHING, NOTHING),
        ("users", NOTHING, EVERYDAY_ACTIONS, EVERYDAY_ACTIONS, EVERYDAY_ACTIONS),
        ("public", PULL, EVERYDAY_ACTIONS, EVERYDAY_ACTIONS, EVERYDAY_ACTIONS),
        ("teams", NOTHING, NOTHING, EVERYDAY_ACTIONS, EVERYDAY_ACTIONS),
        ("open", EVERYDAY_ACTIONS, EVERYDAY_ACTIONS, EVERYDAY_ACTIONS, EVERYDAY_ACTIONS),
    ],
)
def test_presets(
    given: Write,
    preset: str,
    anybody: frozenset[Action],
    alice: frozenset[Action],
    own: frozenset[Action],
    team: frozenset[Action],
) -> None:
    """What each allows: to anybody, to a user, below the user's name, below her group's."""
    text = f"htpasswd: {{path: /x}}, permissions: {{preset: {preset}, groups: {{web: [alice]}}}}"
    permissions = permissions_of(given(auth(text)).settings.auth)
    user = Principal("alice")
    assert permissions.actions_for(ANYBODY, "a/b") == anybody
    assert permissions.actions_for(user, "a/b") == alice
    assert permissions.actions_for(user, "alice/b") == own
    assert permissions.actions_for(user, "web/b") == team
    assert Action.ADMIN not in permissions.actions_for(user, "web/b")


def test_without_permissions(given: Write) -> None:
    """As in Distribution."""
    permissions = permissions_of(given(auth("htpasswd: {path: /x}")).settings.auth)
    assert permissions.actions_for(Principal("alice"), "a") == EVERYDAY_ACTIONS
    assert permissions.actions_for(ANYBODY, "a") == NOTHING


def test_rules(given: Write) -> None:
    """A rule beside a preset; a push needs a pull."""
    rule = "users: [bob], repositories: ['x/*', y], actions: [PUSH]"
    text = auth(f"htpasswd: {{path: /x}}, permissions: {{preset: teams, rules: [{{{rule}}}]}}")
    permissions = permissions_of(given(text).settings.auth)
    for name in ("x/a", "y"):
        assert permissions.actions_for(Principal("bob"), name) == {Action.PULL, Action.PUSH}
    assert permissions.actions_for(Principal("bob"), "x/a/b") == NOTHING
    assert permissions.actions_for(Principal("bob"), "bob/b") == EVERYDAY_ACTIONS
