"""Programs that stand for other machines: of this one they get what nobody else wants."""

import os
from contextlib import suppress
from pathlib import Path

# As nice(1) has it.
_LAST = "19"


def be_elsewhere() -> None:
    """Leave the processors to the registry and its guests, from now on.

    The kernel shares them among sessions first, then within each (sched(7), "The autogroup
    feature"): in the session of the guests even an idle program gets half of a processor that the
    registry wants, which has another one. So this one is to have a session of its own.
    """
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    if os.getsid(0) == os.getpid():
        with suppress(OSError):  # a kernel that does not do so
            Path("/proc/self/autogroup").write_text(_LAST)
