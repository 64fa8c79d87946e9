"""What deploy/monitoring holds, as a real Prometheus takes it, beside a real registry."""

from collections.abc import Iterator

import pytest

from tests.monitoring.test_dashboard import QUERIES, RULES
from tests.support.lading import Lading, lading_serve
from tests.support.metrics import WATCHED, watcher
from tests.support.processes import wait_until
from tests.support.prometheus import Prometheus, check, prometheus_of
from tests.support.pushes import Repository

pytestmark = pytest.mark.e2e

HTTP = {"addr": "127.0.0.1:0", "workers": 2, "debug": WATCHED}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lading]:
    directory = tmp_path_factory.mktemp("registry")
    with lading_serve(directory, settings={"http": HTTP}) as registry:
        Repository(registry.client, "team/app").push_image("v1", b"x" * 5000)
        yield registry


@pytest.fixture(scope="module")
def prometheus(registry: Lading, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    directory = tmp_path_factory.mktemp("prometheus")
    with prometheus_of(directory, watcher(registry).host) as server:
        yield server


@pytest.mark.parametrize("words", [("rules", "rules.yml"), ("config", "prometheus.yml")])
def test_promtool_has_nothing_to_say(words: tuple[str, str]) -> None:
    done = check(*words)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "SUCCESS" in done.stdout
    assert "FAILED" not in done.stdout


def test_promtool_has_nothing_to_say_of_what_is_told(registry: Lading) -> None:
    """`promtool check metrics` reads them, and holds names to Prometheus' own way."""
    text = watcher(registry).ask("GET", "/metrics").body.decode()
    done = check("metrics", text=text)
    assert done.returncode == 0, done.stderr


def test_what_is_pushed_is_seen(registry: Lading, prometheus: Prometheus) -> None:
    """A scrape a second, whichever worker it meets."""
    pushes = 'sum(registry_http_requests_total{handler="manifest",method="put",code="201"})'
    before = prometheus.value(pushes)
    assert before >= 1
    Repository(registry.client, "team/app").push_image("v2", b"y" * 5000)
    wait_until(lambda: prometheus.value(pushes) == before + 1, "the push")
    wait_until(lambda: prometheus.value("max(lading_repositories)") == 1, "the survey")


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_of_the_dashboard_is_understood(prometheus: Prometheus, query: str) -> None:
    """As Grafana would ask it."""
    asked = query.replace("$job", "lading").replace("$__rate_interval", "1m")
    assert prometheus.ask("query", query=asked)["resultType"] == "vector"


def test_rules_are_evaluated_and_nothing_is_wrong(prometheus: Prometheus) -> None:
    """No alert of a registry that is well."""

    def rules() -> list[dict[str, object]]:
        groups = prometheus.ask("rules")["groups"]
        return [rule for group in groups for rule in group["rules"]]

    wait_until(lambda: {rule["health"] for rule in rules()} == {"ok"}, "the rules")
    found = rules()
    assert len(found) == len(RULES)
    firing = [rule["name"] for rule in found if rule.get("state") == "firing"]
    assert firing == []
