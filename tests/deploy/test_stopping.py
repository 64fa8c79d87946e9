"""The times for which what runs a server waits before it kills it, beside the server's own."""

import re

import pytest

from lading.config.http import HttpSection
from lading.server.process.workers import ENDING
from tests.support.commands import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
DRAIN = HttpSection().draintimeout.total_seconds()


def number(name: str, pattern: str) -> int:
    """The only number of a file that a pattern finds."""
    [found] = re.findall(pattern, (DEPLOY / name).read_text(), re.MULTILINE)
    return int(found)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("systemd/lading.service", r"^TimeoutStopSec=(\d+)$"),
        ("compose/docker-compose.yml", r"stop_grace_period: (\d+)s$"),
        ("compose-tls/docker-compose.yml", r"stop_grace_period: (\d+)s$"),
        ("scale-out/docker-compose.yml", r"^  stop_grace_period: (\d+)s$"),
    ],
)
def test_a_server_is_not_killed_before_it_has_ended(name: str, pattern: str) -> None:
    assert number(name, pattern) > DRAIN + ENDING


def test_a_replica_of_the_chart_is_not_killed_before_it_has_ended() -> None:
    """By its values, and by what is refused of others."""
    seconds = number("helm/lading/values.yaml", r"^terminationGracePeriodSeconds: (\d+)$")
    still_asked = number("helm/lading/values.yaml", r"^drainSeconds: (\d+)$")
    ending = number("helm/lading/templates/_checks.tpl", r'\(trimSuffix "s" \$drain\)\) (\d+) -')
    assert seconds > still_asked + DRAIN + ENDING
    assert ending + 1 > ENDING


def test_what_is_said_of_it_is_so() -> None:
    said = number("../docs/reliability.md", r"runs the server (\d+) seconds more than the drain")
    assert said - 1 < ENDING <= said
    still_asked = number("helm/lading/values.yaml", r"^drainSeconds: (\d+)$")
    shortest = number(
        "../docs/operations.md", r"by default (\d+) s or more, or the chart is refused"
    )
    assert shortest == still_asked + DRAIN + said
