"""zot's storage, as skopeo writes it, imported; and pulled again by skopeo."""

from pathlib import Path

import pytest

from tests.support.commands import require, run
from tests.support.lading import lading_serve, program
from tests.support.layouts import write_layout

pytestmark = pytest.mark.e2e


def test_what_skopeo_copied_into_folders_is_imported(tmp_path: Path) -> None:
    """Several tags in a folder, of all architectures and of one."""
    require("skopeo")
    layout, zot = write_layout(tmp_path / "layout", more=200_000), tmp_path / "zot"
    for name, tag, *options in (("team/app", "v1", "--all"), ("team/app", "one"), ("alone", "v1")):
        (zot / name).mkdir(parents=True, exist_ok=True)
        target = f"oci:{zot / name}:{tag}"
        run(["skopeo", "copy", "--quiet", *options, f"oci:{layout.path}:latest", target])
    with lading_serve(tmp_path) as registry:
        run([program(), "import", "--config", registry.config, zot])
        assert registry.digest("team/app", "v1") == layout.digest
        image, back = f"docker://{registry.host}/team/app:v1", tmp_path / "back"
        plain = "--src-tls-verify=false"
        run(["skopeo", "copy", "--quiet", "--all", plain, image, f"oci:{back}:v1"])
        assert layout.is_in(back)
        assert registry.digest("alone", "v1") == registry.digest("team/app", "one")
