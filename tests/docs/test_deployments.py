"""deploy/README.md: what only goes wrong on the machines of those who follow it."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from lading.cli.commands import main
from tests.support.commands import REPOSITORY

LINES = re.findall(r"^\$ .*(cert make .*)$", (REPOSITORY / "deploy/README.md").read_text(), re.M)


@pytest.mark.parametrize("line", LINES)
def test_a_certificate_is_trusted_for_the_port_that_clients_use(line: str, tmp_path: Path) -> None:
    """Docker looks for it in a folder that has the port in its name, unless that is HTTPS's own."""
    words = shlex.split(line)
    words[words.index("--directory") + 1] = str(tmp_path / "certs")

    said = CliRunner().invoke(main, words).output

    assert "/etc/docker/certs.d/registry.lan/ca.crt" in said


def test_certificates_are_made_there() -> None:
    assert len(LINES) == 2
