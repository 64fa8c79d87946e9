"""Half a minute of siege; `make siege` goes on for longer."""

from pathlib import Path

import pytest

from tests.siege.attackers import ATTACKS
from tests.siege.run import Siege

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def test_guests_are_served_while_others_do_their_worst(tmp_path: Path) -> None:
    siege = Siege(tmp_path / "siege", seed=1)

    siege.run(alone=15, seconds=40)

    assert siege.figures.acknowledged > 500
    assert set(siege.figures.attacks) == set(ATTACKS)
    assert all(siege.figures.attacks.values())
