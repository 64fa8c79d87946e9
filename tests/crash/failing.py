"""Does a verb on a disk that fails at one of its effects, and sees what becomes of it."""

import asyncio
import errno
import functools
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lading.core.errors import RegistryError
from lading.databases.sqlite import connection
from tests.crash import dying, state
from tests.crash.effects import Effects
from tests.crash.verbs import Verb

# What is said of a verb that does not fail.
DONE = "done"


class FailingEffects(Effects):
    """Makes one effect fail in place of letting it happen.

    Args:
        fail_at: which one, counted from 1.
    """

    def __init__(self, root: Path, fail_at: int) -> None:
        self._fail_at = fail_at
        super().__init__(root, None)

    def _fails(self, what: str) -> bool:
        if len(self.seen) + 1 != self._fail_at:
            return False
        self.seen.append(f"{what} fails")
        return True

    def _reported(self, function: Any, describe: Callable[..., str]) -> Any:
        reported = super()._reported(function, describe)

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            what = describe(*args, **kwargs)
            if what and "<elsewhere>" not in what and self._fails(what):
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return reported(*args, **kwargs)

        return call

    def _watch_database(self) -> None:
        super()._watch_database()
        fails = self._fails

        class Failing(connection.SqliteConnection):
            def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
                if sql == "COMMIT" and fails("commit"):
                    error = sqlite3.OperationalError("disk I/O error")
                    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
                    raise error
                return super().execute(sql, *args)

        connection.SqliteConnection = Failing  # type: ignore[misc]


def outcomes(verb: Verb) -> dict[str, str]:
    """Let each effect of a verb fail, one after the other; what came of it, by effect.

    Raises:
        AssertionError: it was said to be done and is not, or something is never repaired.
    """
    with dying.scratch_directory() as scratch:
        now = dying.prepare(verb, scratch / "before")
        for copy in ("seen before", "seen after"):
            shutil.copytree(scratch / "before", scratch / copy)
        assert dying.fork(verb, scratch / "seen after", now, None, scratch / "log") == 0
        before, after = (
            dying.visit(scratch / f"seen {when}", now, state.view) for when in ("before", "after")
        )
        found = {}
        for number, effect in enumerate(dying.trace(verb).effects, start=1):
            where = f"{verb.name}, where this fails: {effect}"
            failed, retried = scratch / f"failed{number}", scratch / f"retried{number}"
            shutil.copytree(scratch / "before", failed)
            found[effect] = _try(verb, failed, now, number, scratch / "log")
            shutil.copytree(failed, retried)
            seen, _ = dying.visit(failed, now, lambda place: dying.look(place, verb))
            dying.assert_between(seen, before, after, where=where)
            assert found[effect] != DONE or seen == after, f"{where}: it is said to be done"
            dying.visit(retried, now, lambda place: dying.again(place, verb, after))
            for place in (failed, retried):
                never = dying.visit(place, now, dying.collect)
                assert never == [], f"{where}: {never} is never cleared away"
        return found


def _try(verb: Verb, root: Path, now: float, fail_at: int, log: Path) -> str:
    """Do a verb in a child of this process; `DONE`, or the name of what it raised."""

    async def act() -> None:
        place = dying.open_place(root, now)
        FailingEffects(root, fail_at).watch(place.metadata)
        try:
            await verb.act(place)
        except RegistryError as error:
            log.write_text(json.dumps(type(error).__name__))
        else:
            log.write_text(json.dumps(DONE))

    assert dying.in_child(lambda: asyncio.run(act())) == 0
    return str(json.loads(log.read_text()))
