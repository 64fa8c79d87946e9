"""Signals: those that mean nothing here, and SIGHUP.

That means to read the files again; or the end, if it is of a terminal that was closed.

Whoever tries the registry out in a terminal and closes it does not expect it to go on and hold its
port. A terminal that hangs up is gone when the signal arrives; one in which somebody asked for a
reload is still there.
"""

import os
import signal
from collections.abc import Callable


def ignore_others() -> None:
    """Ignore from now on what would be the end of a program that says nothing of it.

    Scripts send SIGUSR1 and SIGUSR2 to have logs opened again, which happens here by itself; Go's
    programs, and so Distribution, ignore both. While a server starts, its files are just being
    read, so that SIGHUP asks for nothing either; whoever runs it handles that later.
    """
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


class SighupHandler:
    """A handler of SIGHUP that tells a reload from a terminal that is gone.

    Attributes:
        reload: called when files are to be read again.
        stop: called when the terminal is gone from which the program was started.
    """

    def __init__(self, *, reload: Callable[[], None], stop: Callable[[], None]) -> None:
        self._reload = reload
        self._stop = stop
        self._had_terminal = _has_terminal()

    def __call__(self) -> None:
        """Act on the signal."""
        if self._had_terminal and not _has_terminal():
            self._stop()
        else:
            self._reload()


def _has_terminal() -> bool:
    """`/dev/tty` is the terminal of whoever opens it, "and ENXIO if there is none" (tty(4))."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
