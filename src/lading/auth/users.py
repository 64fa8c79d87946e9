"""Logins of people: the users of a file."""

import hashlib
from functools import partial

from lading.auth.authenticator import Authenticator, Login
from lading.auth.htpasswd import UserFile, usual_cost
from lading.auth.passwords import PasswordChecker, decoy
from lading.core.access import Principal
from lading.core.typing import override


class FileUsers(Authenticator):
    """Users of a file and their passwords; an unknown name takes as long as a wrong password."""

    def __init__(self, file: UserFile, checker: PasswordChecker) -> None:
        self._file = file
        self._checker = checker

    @override
    async def authenticate(self, name: str, password: str) -> Login | None:
        users = await self._file.current()
        hashed = users.get(name)
        if hashed is None:
            await self._checker.check(password, decoy(usual_cost(users)))
            return None
        return self._login(name, hashed) if await self._checker.check(password, hashed) else None

    @override
    async def recall(self, name: str) -> Login | None:
        hashed = (await self._file.current()).get(name)
        return None if hashed is None else self._login(name, hashed)

    def _login(self, name: str, hashed: bytes) -> Login:
        stamp = hashlib.sha256(hashed).hexdigest()
        return Login(Principal(name), stamp, stands=partial(self._file.still_has, name, hashed))
