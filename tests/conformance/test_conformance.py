"""The OCI's own conformance suite, for the specification in force and for the one to come."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.commands import require, run
from tests.support.lading import lading_serve

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("version", ["1.1", "dev"])
def test_every_test_of_the_suite_passes_and_none_is_skipped(version: str, tmp_path: Path) -> None:
    """sha512 is on in both; what only the next version has is on in `dev`."""
    require("conformance")
    with lading_serve(tmp_path) as registry:
        variables = {
            "OCI_REGISTRY": registry.host,
            "OCI_TLS": "disabled",
            "OCI_VERSION": version,
            # "MAY reject": a manifest of which a blob or a child is missing is refused here.
            "OCI_DATA_SPARSE": "false",
            "OCI_RESULTS_DIR": str(tmp_path / "results"),
        }
        done = run(["conformance"], env=variables, cwd=tmp_path, check=False)

    summary = done.stdout.decode()
    print(summary)
    results = ElementTree.parse(tmp_path / "results" / "junit.xml").getroot().attrib
    assert int(results["tests"]) > 800, summary
    assert not {"failures", "errors", "skipped"} & results.keys(), summary
    assert done.returncode == 0
