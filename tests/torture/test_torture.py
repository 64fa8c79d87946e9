"""A minute of torture; `make torture` goes on for longer."""

from pathlib import Path

import pytest

from tests.torture.replicas import replicas_on_s3
from tests.torture.run import Figures, Torture
from tests.torture.server import Server

SECONDS = 60

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def test_nothing_acknowledged_is_lost_and_nothing_deleted_comes_back(tmp_path: Path) -> None:
    """Pushes, deletes, collections and kills at once, from a seed that is the same every time."""

    torture = Torture(Server(tmp_path / "torture"), seed=1)

    torture.run(lambda figures: figures.seconds >= SECONDS and has_suffered(figures))

    assert has_suffered(torture.figures)


def test_so_it_is_with_replicas_whose_database_and_store_fail_as_well(tmp_path: Path) -> None:
    """PostgreSQL is restarted; an object store throttles, errs, hangs and cuts."""
    with replicas_on_s3(tmp_path / "torture") as server:
        torture = Torture(server, seed=2)

        torture.run(lambda figures: figures.seconds >= SECONDS and have_suffered(figures))

        assert have_suffered(torture.figures)


def has_suffered(figures: Figures) -> bool:
    """Whether enough came to pass, for which a machine that has more to do needs more time."""
    enough = figures.kills > 10 and figures.collections > 5
    return enough and figures.acknowledged.total() > 500


def have_suffered(figures: Figures) -> bool:
    """Whether enough came to pass with replicas."""
    enough = figures.kills > 5 and figures.other_harm.total() > 2
    return enough and figures.acknowledged.total() > 300
