"""Users in memory: names and passwords that a program has at hand, for a registry inside it."""

import hmac
import os
from collections.abc import Mapping

from lading.auth.authenticator import Authenticator, Login
from lading.core.access import Principal
from lading.core.typing import override


class PlainUsers(Authenticator):
    """Users whose passwords this process knows, by name: to check one takes microseconds."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self._key = os.urandom(32)
        self._stamps = {name: self._stamp(name, password) for name, password in passwords.items()}

    @override
    async def authenticate(self, name: str, password: str) -> Login | None:
        login = await self.recall(name)
        if login is None or not hmac.compare_digest(login.stamp, self._stamp(name, password)):
            return None
        return login

    @override
    async def recall(self, name: str) -> Login | None:
        stamp = self._stamps.get(name)
        # Nobody changes these users, so each login stays good.
        return None if stamp is None else Login(Principal(name), stamp, stands=lambda: True)

    def _stamp(self, name: str, password: str) -> str:
        text = f"{len(name)},{name}{password}"
        return hmac.digest(self._key, text.encode(errors="surrogatepass"), "sha256").hex()
