"""Reads figures as Prometheus does, from a registry's other address."""

import re
from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from tests.support.client import Client
from tests.support.lading import Lading

# Where a registry tells how it is, at any free port of this machine.
WATCHED: Mapping[str, object] = {"addr": "127.0.0.1:0", "prometheus": {"enabled": True}}


def watcher(registry: Lading) -> Client:
    """Ask a registry how it is, at the address that it says it is watched at."""
    said = re.search(r"^Watched at +http://(\S+) ", registry.log.read_text(), re.MULTILINE)
    assert said is not None, registry.log.read_text()
    return Client(said[1])


def figures(text: str) -> Mapping[str, float]:
    """All figures of a text, as `name{label="value",…}`, labels in the order of their names."""
    return {
        _series(sample.name, sample.labels): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _series(name: str, labels: Mapping[str, str]) -> str:
    inner = ",".join(f'{label}="{labels[label]}"' for label in sorted(labels))
    return f"{name}{{{inner}}}" if inner else name
