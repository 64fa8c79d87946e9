"""A minute of torture; `make torture` goes on for longer."""

from pathlib import Path

import pytest

from tests.torture.run import Torture
from tests.torture.server import Server

SECONDS = 60

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def test_nothing_acknowledged_is_lost_and_nothing_deleted_comes_back(tmp_path: Path) -> None:
    """Pushes, deletes, collections and kills at once, from a seed that is the same every time."""

    torture = Torture(Server(tmp_path / "torture"), seed=1)

    torture.run(lambda figures: figures.seconds >= SECONDS)

    figures = torture.figures
    assert figures.kills > 10
    assert figures.collections > 5
    assert figures.acknowledged.total() > 500
