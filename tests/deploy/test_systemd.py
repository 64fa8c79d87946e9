"""deploy/systemd: what runs a registry on a machine without containers."""

import re
import shutil
from pathlib import Path

import pytest

from lading.config.loading import load
from tests.docs.test_examples import require_command
from tests.support.commands import REPOSITORY, require, run
from tests.support.lading import lading, lading_serve, program
from tests.support.pushes import Repository

FOLDER = REPOSITORY / "deploy/systemd"
UNIT = (FOLDER / "lading.service").read_text()
SCRIPT = (FOLDER / "backup-registry").read_text()
LAYER = b"a layer"


def test_the_service_runs_a_command_that_there_is() -> None:
    [words] = re.findall(r"^ExecStart=/opt/lading/bin/lading (.*)$", UNIT, re.MULTILINE)

    require_command(words.split())


def test_its_configuration_is_taken_without_a_warning() -> None:
    assert not load(FOLDER / "config.yml", {}).warnings


def test_the_script_is_the_one_that_is_explained() -> None:
    assert SCRIPT in (REPOSITORY / "docs/reliability.md").read_text()


@pytest.mark.e2e
def test_systemd_has_nothing_to_say(tmp_path: Path) -> None:
    """Of units whose programs are where they say; here they are elsewhere."""
    require("systemd-analyze")
    for unit in [*FOLDER.glob("*.service"), *FOLDER.glob("*.timer")]:
        text = unit.read_text().replace("/opt/lading/bin/lading", str(program()))
        text = text.replace("/usr/local/bin/backup-registry", str(FOLDER / "backup-registry"))
        (tmp_path / unit.name).write_text(text)

    done = run(["systemd-analyze", "verify", *sorted(tmp_path.iterdir())], check=False)

    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


@pytest.mark.e2e
def test_a_backup_of_the_script_brings_everything_back(tmp_path: Path) -> None:
    require("rsync")
    backup = tmp_path / "backup"
    backup.mkdir()
    with lading_serve(tmp_path) as registry:
        Repository(registry.client, "team/app").push_image("1.0", LAYER)
        data, config = tmp_path / "data", registry.config
        script = (
            SCRIPT.replace("/opt/lading/bin", str(Path(program()).parent))
            .replace("/etc/distribution/config.yml", str(config))
            .replace("/var/lib/registry", str(data))
            .replace("/backup", str(backup))
        )
        run(["sh", "-c", script])
    [copy] = backup.glob("2*")

    shutil.move(data, tmp_path / "lost")
    data.mkdir()
    run(["rsync", "-a", f"--files-from={copy / 'blobs.txt'}", f"{backup}/blobs/", f"{data}/"])
    lading("restore-backup", copy, config)

    assert "all is well" in lading("verify", "--checksums", config)
