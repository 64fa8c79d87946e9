"""Half a minute of siege; `make siege` goes on for longer."""

from pathlib import Path

import pytest

from tests.siege.attackers import ATTACKS
from tests.siege.run import Siege

# MiB of a worker; a single endless trailer used to take more.
MOST_MEMORY = 400

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def test_guests_are_served_while_others_do_their_worst(tmp_path: Path) -> None:
    siege = Siege(tmp_path / "siege", seed=1)

    siege.run(alone=5, seconds=30)

    # Times are for `make siege`: here other tests run on the same processors.
    assert siege.figures.besieged.memory < MOST_MEMORY
    assert siege.figures.acknowledged > 200
    for attacked in (siege.figures.beside, siege.figures.besieged):
        assert set(attacked.attacks) == set(ATTACKS)
        assert all(attacked.attacks.values())
