"""helm keeps charts in the registry."""

from pathlib import Path

import pytest

from tests.support.commands import require, run
from tests.support.lading import Lading

pytestmark = pytest.mark.e2e


def helm(*words: str | Path) -> str:
    """Run helm; return what it printed."""
    require("helm")
    done = run(["helm", *words])
    return (done.stdout + done.stderr).decode().strip()


def test_a_chart_is_pushed_and_pulled(registry: Lading, tmp_path: Path) -> None:
    charts = f"oci://{registry.host}/charts"
    helm("create", tmp_path / "hello")
    helm("package", tmp_path / "hello", "--version=1.2.3", f"--destination={tmp_path}")

    pushed = helm("push", "--plain-http", tmp_path / "hello-1.2.3.tgz", charts)
    helm(
        *("pull", "--plain-http", f"{charts}/hello", "--version=~1.2"),
        *("--destination", tmp_path / "home"),
    )

    back = tmp_path / "home" / "hello-1.2.3.tgz"
    assert back.read_bytes() == (tmp_path / "hello-1.2.3.tgz").read_bytes()
    assert registry.digest("charts/hello", "1.2.3") in pushed
    assert "version: 1.2.3" in helm("show", "chart", "--plain-http", f"{charts}/hello")
