"""The id of a request: sent back, and in both logs."""

import json
import re
from pathlib import Path

import pytest

from tests.support.lading import lading_serve
from tests.support.processes import wait_until

MADE = re.compile("[0-9a-f]{32}")


@pytest.mark.parametrize("trusted", ["[127.0.0.1]", "[]"], ids=["trusted", "not trusted"])
def test_the_id_is_the_trusted_proxys_or_a_new_one(tmp_path: Path, trusted: str) -> None:
    """Each in the answer, in the line of the access log, and in the audit log."""
    path = tmp_path / "audit.jsonl"
    settings = {"audit": {"file": str(path)}}
    environment = {"REGISTRY_HTTP_TRUSTEDPROXIES": trusted}
    with lading_serve(tmp_path, settings=settings, env=environment) as registry:
        answer = registry.client.ask("GET", "/v2/_catalog", x_request_id="from-a-proxy.1")
        id_ = answer.headers["X-Request-ID"]
        wait_until(lambda: f'" {id_} ' in registry.log.read_text(), "the line")
    (entry,) = [json.loads(line) for line in path.read_text().splitlines()]
    assert entry["request"] == id_
    if trusted == "[]":
        assert MADE.fullmatch(id_)
    else:
        assert id_ == "from-a-proxy.1"


def test_each_request_has_its_own_id(tmp_path: Path) -> None:
    """Refused ones and those of nobody's paths, too."""
    with lading_serve(tmp_path) as registry:
        paths = ["/v2/", "/v2/", "/v2/NO/tags/list", "/nowhere", "/v2//_catalog"]
        ids = [registry.client.ask("GET", path).headers["X-Request-ID"] for path in paths]
    assert all(MADE.fullmatch(id_) for id_ in ids)
    assert len(set(ids)) == len(paths)
