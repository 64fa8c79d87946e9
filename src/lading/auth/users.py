"""Users of a file, as a way of logging in."""

import hashlib
from functools import partial

from lading.auth.authenticator import Login
from lading.auth.htpasswd import UserFile, usual_cost
from lading.auth.passwords import PasswordChecker, decoy
from lading.core.access import Principal


class FileUsers:
    """See `Authenticator`. An unknown name takes as long as a wrong password."""

    def __init__(self, file: UserFile, checker: PasswordChecker) -> None:
        self._file = file
        self._checker = checker

    async def authenticate(self, name: str, password: str) -> Login | None:
        """See `Authenticator.authenticate`."""
        users = await self._file.current()
        hashed = users.get(name)
        if hashed is None:
            await self._checker.check(password, decoy(usual_cost(users)))
            return None
        return self._login(name, hashed) if await self._checker.check(password, hashed) else None

    def may_know(self, name: str) -> bool:  # noqa: ARG002
        """See `Authenticator.may_know`."""
        return True

    def owns(self, name: str, password: str) -> bool:  # noqa: ARG002
        """See `Authenticator.owns`: people choose passwords that can be guessed."""
        return False

    async def recall(self, name: str) -> Login | None:
        """See `Authenticator.recall`."""
        hashed = (await self._file.current()).get(name)
        return None if hashed is None else self._login(name, hashed)

    def _login(self, name: str, hashed: bytes) -> Login:
        stamp = hashlib.sha256(hashed).hexdigest()
        return Login(Principal(name), stamp, stands=partial(self._file.still_has, name, hashed))
