"""`lading`, as it starts and ends: quiet when interrupted early, and soon over when it is done.

Nothing is loaded before somebody listens for Ctrl-C.
"""

import sys

_INTERRUPTED = 130  # see `lading.cli.exits`


def main() -> None:
    """Load the program, run it, and end."""
    try:
        from lading.cli.commands import main as run  # noqa: PLC0415 - see above

        run()
    except KeyboardInterrupt:  # before a command was begun, which says more
        sys.exit(_INTERRUPTED)
    except SystemExit as ended:
        _end_soon(ended.code)
        raise
    sys.exit()


def _end_soon(code: object) -> None:
    """End without taking apart all that was loaded, which is a tenth of a short command.

    Not where something is left that Python waits for, or says.
    """
    import atexit  # noqa: PLC0415 - see above
    import os  # noqa: PLC0415
    import threading  # noqa: PLC0415

    others = (one for one in threading.enumerate() if one is not threading.main_thread())
    if not isinstance(code, int | None) or not all(one.daemon for one in others):
        return
    atexit._run_exitfuncs()  # noqa: SLF001 - it has no other name
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except OSError:
        return
    os._exit(code or 0)
