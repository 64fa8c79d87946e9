"""Debian's Prometheus, which scrapes a registry with the configuration of deploy/monitoring."""

import json
import shutil
import subprocess
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.client import Client
from tests.support.commands import REPOSITORY
from tests.support.processes import background, free_port, wait_until

FOLDER = REPOSITORY / "deploy" / "monitoring"


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    host: str

    def ask(self, path: str, **parameters: str) -> Any:
        """What its API answers, which must be a success."""
        query = urllib.parse.urlencode(parameters)
        answer = Client(self.host).ask("GET", f"/api/v1/{path}?{query}")
        assert answer.status == 200, answer.body
        return json.loads(answer.body)["data"]

    def value(self, query: str) -> float:
        """The one value of a query; NaN if it has none."""
        found = self.ask("query", query=query)["result"]
        return float(found[0]["value"][1]) if found else float("nan")


def check(*words: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """Have promtool check something of deploy/monitoring, or a text."""
    command = [_program("promtool"), "check", *words]
    return subprocess.run(
        command, cwd=FOLDER, capture_output=True, check=False, text=True, input=text
    )


@contextmanager
def prometheus_of(directory: Path, target: str) -> Iterator[Prometheus]:
    """A Prometheus that scrapes one address every second, for the length of the block."""
    settings = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    settings["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (job,) = settings["scrape_configs"]
    job["static_configs"] = [{"targets": [target]}]
    (directory / "prometheus.yml").write_text(yaml.safe_dump(settings))
    shutil.copy(FOLDER / "rules.yml", directory)
    host, log = f"127.0.0.1:{free_port()}", directory / "prometheus.log"
    command = [
        _program("prometheus"),
        f"--config.file={directory}/prometheus.yml",
        f"--storage.tsdb.path={directory}/tsdb",
        f"--web.listen-address={host}",
    ]
    with background(command, log=log):
        server = Prometheus(host)
        wait_until(lambda: _is_ready(server), "prometheus", log=log.read_text)
        yield server


def _is_ready(server: Prometheus) -> bool:
    try:
        return server.value('up{job="lading"}') == 1
    except (OSError, AssertionError):
        return False


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is not installed: apt-get install prometheus")
    return found
