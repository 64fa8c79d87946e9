"""The dashboard and the rules of deploy/monitoring: whole, and about figures that there are."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest
import yaml

from tests.docs.metrics import EVERY
from tests.support.commands import REPOSITORY

FOLDER = REPOSITORY / "deploy" / "monitoring"
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text())
GROUPS: list[dict[str, Any]] = yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]

# What Prometheus and a query itself call something.
NOT_OURS = {"up", *(rule["record"] for rule in RULES if "record" in rule)}


def names(query: str) -> Iterator[str]:
    """The metrics that a query names."""
    bare = re.sub(r'"[^"]*"', '""', query)
    yield from re.findall(r"\b((?:registry|lading)[a-z0-9_:]+)", bare)


def told() -> set[str]:
    """All names that are told, histograms with their parts."""
    found = set()
    for family in EVERY:
        parts = ("_bucket", "_sum", "_count") if family.kind == "histogram" else ("",)
        found |= {family.name + part for part in parts}
    return found


@pytest.mark.parametrize("query", [*QUERIES, *(rule["expr"] for rule in RULES)])
def test_a_query_names_what_is_told(query: str) -> None:
    """A name with a slip would draw nothing, and wake nobody."""
    assert set(names(query)) <= told() | NOT_OURS
    assert list(names(query)) or "up{" in query


def test_every_alert_says_what_to_do() -> None:
    """And how bad it is."""
    alerts = [rule for rule in RULES if "alert" in rule]
    assert len({rule["alert"] for rule in alerts}) == len(alerts) > 8
    for rule in alerts:
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert len(rule["annotations"]["action"]) > 40
        assert rule["annotations"]["summary"]


def test_the_dashboard_is_one_that_grafana_can_draw() -> None:
    """The parts that its panels need (Grafana, JSON model), and no panel upon another."""
    assert DASHBOARD["title"]
    assert DASHBOARD["schemaVersion"] >= 36
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    variables = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    assert variables == {"datasource", "job"}
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) > 0
        assert all(target["legendFormat"] for target in panel["targets"])
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert not any(_overlap(*pair) for pair in combinations(places, 2))


def test_queries_use_no_variable_that_is_not_there() -> None:
    used = {name for query in QUERIES for name in re.findall(r"\$(\w+)", query)}
    assert used == {"job", "__rate_interval"}


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return all(
        one[at] < other[at] + other[size] and other[at] < one[at] + one[size]
        for at, size in (("x", "w"), ("y", "h"))
    )
