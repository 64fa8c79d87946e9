"""The part of `Metadata` that knows logins which may be renewed."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A login that a client may renew without its password.

    Attributes:
        hash: of the secret that the client has; the secret itself is kept nowhere.
        stamp: of the login; if it has another one now, the token is worth nothing.
    """

    hash: str
    name: str
    stamp: str
    expires_at: float


class RefreshTokens(Protocol):
    """Logins that clients may renew."""

    async def add_refresh_token(self, token: RefreshToken, *, now: float) -> None:
        """Keep a token, or give it another end; some that are old may go.

        A power cut may forget it.

        Raises:
            StorageFull, Unavailable: it cannot be kept in a moment.
        """

    async def find_refresh_token(self, hash_: str, *, now: float) -> RefreshToken | None:
        """A token that has not ended."""
