"""ARCHITECTURE.md: what it draws and lists is how the code is."""

import re
import tomllib
from collections.abc import Sequence

from tests.support.commands import REPOSITORY

ARCHITECTURE = (REPOSITORY / "ARCHITECTURE.md").read_text()


def drawn() -> Sequence[set[str]]:
    """Read the rooms of the picture, line by line, from the top."""
    [picture] = re.findall(r"^```\n(.*?)^```", ARCHITECTURE, re.MULTILINE | re.DOTALL)
    lines = [re.split(r"\s{2,}", line.strip())[0] for line in picture.splitlines()]
    return [set(line.split(" · ")) for line in lines if line != "│"]


def held() -> Sequence[set[str]]:
    """Read the rooms of the import contracts, line by line, from the top."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    [layers] = [
        contract["layers"]
        for contract in project["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    ]
    return [{room.removeprefix("lading.") for room in layer.split(" | ")} for layer in layers]


def test_the_picture_is_what_the_import_contracts_hold() -> None:
    """Each line of the picture is a layer, and no room is in one of them only."""
    assert drawn() == held()


def test_every_room_is_drawn() -> None:
    """Nothing in the source stands beside the picture."""
    source = {
        path.stem
        for path in (REPOSITORY / "src" / "lading").iterdir()
        if path.name not in {"__init__.py", "py.typed", "__pycache__"}
    }

    assert set().union(*drawn()) == source
