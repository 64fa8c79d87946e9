"""The health check of the image, beside registries as a container has them."""

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.commands import REPOSITORY
from tests.support.lading import lading_serve
from tests.support.metrics import WATCHED, watcher
from tests.support.processes import free_port

SCRIPT = REPOSITORY / "deploy" / "healthcheck.py"


def is_healthy(*, watched: str, address: str) -> bool:
    """What the check says, were these the addresses of the container."""
    found = runpy.run_path(str(SCRIPT))
    main: Callable[[], bool] = found["main"]
    main.__globals__.update(WATCHED=watched, ADDRESS=address)
    return main()


def test_it_asks_whether_the_registry_is_ready(tmp_path: Path) -> None:
    """A store that is gone makes the container ill, although it answers."""
    http = {"addr": "127.0.0.1:0", "workers": 1, "debug": WATCHED}
    with lading_serve(tmp_path, settings={"http": http}) as registry:
        asked = {"watched": watcher(registry).host, "address": registry.host}
        assert is_healthy(**asked)
        registry.root.rename(tmp_path / "hidden")
        assert not is_healthy(**asked)
        (tmp_path / "hidden").rename(registry.root)
        assert is_healthy(**asked)


@pytest.mark.parametrize("running", [True, False])
def test_without_that_address_it_asks_whether_anybody_answers(
    tmp_path: Path, running: bool
) -> None:
    """As with a configuration that was written for Distribution."""
    nobody = f"127.0.0.1:{free_port()}"
    with lading_serve(tmp_path) as registry:
        address = registry.host if running else nobody
        assert is_healthy(watched=nobody, address=address) == running
        # Something else of the container's that listens there does not matter.
        assert is_healthy(watched=registry.host, address=address) == running
