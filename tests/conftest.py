"""Names the fixtures that all tests share; they cost nothing where they are not asked for."""

import signal

import pytest
from hypothesis import settings

pytest_plugins = [
    "tests.support.fixtures",
    "tests.support.scheduling",
    "tests.support.temporary",
]

# A busy machine is no failure; what hangs ends by pytest's own timeout.
settings.register_profile("lading", deadline=None)
settings.load_profile("lading")

# Whoever runs tests beside other work, with `make test &`, has a shell that ignores interrupts for
# them; so would the programs that they start, and some tests interrupt those.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Have Python itself load the program, which pytest would rewrite as it has a plugin.

    What is loaded late is loaded by any thread, and Python 3.11 fails if two of them parse at once.
    """
    vars(config.pluginmanager.rewrite_hook)["_must_rewrite"].discard("lading")
