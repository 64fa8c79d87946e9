"""`auth.workloads`: what would let the wrong ones in is refused."""

import pytest

from lading.cli.config import settings_as_yaml
from tests.config.conftest import Complain, Write

TEXT = """\
version: 0.1
auth:
  htpasswd: {path: /users}
  workloads:
    - name: builds
      issuer: https://gitlab.example.com
      audience: registry.example.com
      rules:
        - claims: {project_path: org/*, ref: [main, 'v*']}
          repositories: ['{project_path}/**']
          actions: [push]
"""


def test_what_is_read_is_written(given: Write) -> None:
    settings = given(TEXT).settings
    (workload,) = settings.auth.workloads
    (rule,) = workload.rules
    assert rule.claims == {"project_path": ("org/*",), "ref": ("main", "v*")}
    assert given(settings_as_yaml(settings)).settings.auth.workloads == (workload,)


@pytest.mark.parametrize(
    ("good", "bad", "complaint"),
    [
        (
            "https://gitlab.example.com",
            "http://gitlab.example.com",
            "issuer: write the issuer's URL, as in `https://gitlab.example.com`",
        ),
        (
            "{project_path: org/*, ref: [main, 'v*']}",
            "{}",
            "rules.0.claims: write at least one",
        ),
        (
            "{project_path: org/*, ref: [main, 'v*']}",
            "{project_path: [[a]]}",
            "rules.0.claims.project_path: write a text with `*` for any characters",
        ),
        (
            "['{project_path}/**']",
            "['{project path}/**']",
            "rules.0.repositories.0: write a pattern for names, as in `team/**` or `v*`",
        ),
        ("actions: [push]", "actions: [write]", "rules.0.actions.0: write "),
        ("audience: registry.example.com", "audience: ''", "audience: write a name"),
        ("name: builds", "name: 'builds:a'", "name: write a name without `:`"),
    ],
)
def test_what_is_wrong_is_named(good: str, bad: str, complaint: str, complaints: Complain) -> None:
    assert good in TEXT
    (said,) = complaints(TEXT.replace(good, bad))
    assert said.partition(": auth.workloads.0.")[2].startswith(complaint)


@pytest.mark.parametrize(
    ("key", "other"),
    [("name", ("gitlab.example.com", "other.example.com")), ("issuer", (": builds", ": other"))],
)
def test_two_cannot_be_confused(key: str, other: tuple[str, str], complaints: Complain) -> None:
    """Whose token it is decides what it may do."""
    second = TEXT[TEXT.index("    - name") :].replace(*other)
    (said,) = complaints(TEXT + second)
    assert f"auth.workloads.1.{key}: write another one" in said


def test_a_loopback_issuer_needs_no_https(given: Write) -> None:
    """Nobody is in between."""
    text = TEXT.replace("https://gitlab.example.com", "http://127.0.0.1:8080")
    assert given(text).settings.auth.workloads[0].issuer == "http://127.0.0.1:8080"


def test_workloads_need_users(complaints: Complain) -> None:
    """They log in where users do."""
    (said,) = complaints(TEXT.replace("  htpasswd: {path: /users}\n", ""))
    assert "auth.workloads: remove it, or write `auth.htpasswd`" in said
