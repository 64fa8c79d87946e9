"""The OCI's own conformance suite, for the specification in force and for the one to come."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.commands import require, run
from tests.support.lading import lading_serve
from tests.support.nginx import BEHIND_NGINX, nginx_before
from tests.support.postgresql import PostgreSQL
from tests.support.replicas import replicas_on_s3
from tests.support.s3 import S3

pytestmark = pytest.mark.e2e

# sha512 is on in both; `dev` adds what only the next version has.
VERSIONS = ("1.1", "dev")


@pytest.mark.parametrize("version", VERSIONS)
def test_every_test_of_the_suite_passes_and_none_is_skipped(version: str, tmp_path: Path) -> None:
    with lading_serve(tmp_path) as registry:
        _assert_conforms(registry.host, version, tmp_path)


@pytest.mark.parametrize("version", VERSIONS)
def test_so_it_is_behind_nginx(version: str, tmp_path: Path) -> None:
    with (
        lading_serve(tmp_path, env=BEHIND_NGINX) as registry,
        nginx_before(registry, tmp_path) as host,
    ):
        _assert_conforms(host, version, tmp_path)


def test_so_it_is_on_replicas(tmp_path: Path, postgresql: PostgreSQL, s3_server: S3) -> None:
    """That share PostgreSQL and an object store, and take turns request by request."""
    with replicas_on_s3(tmp_path, postgresql, s3_server) as running:
        _assert_conforms(running.host, VERSIONS[-1], tmp_path)


def _assert_conforms(host: str, version: str, directory: Path) -> None:
    require("conformance")
    variables = {
        "OCI_REGISTRY": host,
        "OCI_TLS": "disabled",
        "OCI_VERSION": version,
        # "MAY reject": a manifest of which a blob or a child is missing is refused here.
        "OCI_DATA_SPARSE": "false",
        "OCI_RESULTS_DIR": str(directory / "results"),
    }
    done = run(["conformance"], env=variables, cwd=directory, check=False)

    summary = done.stdout.decode()
    results = ElementTree.parse(directory / "results" / "junit.xml").getroot().attrib
    assert not {"failures", "errors", "skipped"} & results.keys(), summary
    assert int(results["tests"]) > 800, summary
    assert done.returncode == 0, summary
