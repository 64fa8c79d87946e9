"""Logins of workloads: the tokens of build systems and clusters.

A build asks its own system for a token that says what it is (OpenID Connect), and logs in with that
instead of with a password that somebody would have to keep. The operator says which issuers are
believed, and which claims of theirs are worth what. The signature, the issuer, the audience and the
times must be right; then every rule whose claims all fit adds its rights.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt

from lading.auth.authenticator import Login, MachineAuthenticator
from lading.auth.claims import Claims, TokenInvalid, check_times, subject_of
from lading.auth.keysets import KeySet
from lading.core.access import Principal, Rights
from lading.core.claims import ClaimRule
from lading.core.typing import override

log = logging.getLogger(__name__)

_NOT_OURS = "its issuer is not one of `auth.workloads`"

# Tokens of build systems have one or two KiB.
MAX_SIZE = 16 * 1024


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer whose tokens are believed.

    Attributes:
        name: what its workloads are called here: `name:subject`.
        url: the issuer, as its tokens say it.
        audience: for whom its tokens must be.
        stamp: changes when anything that the operator says of it does.
    """

    name: str
    url: str
    audience: str
    stamp: str
    keys: KeySet
    rules: Sequence[ClaimRule]


class WorkloadLogins(MachineAuthenticator):
    """Workloads and their tokens, which come as passwords; the name may be any.

    Args:
        issuers: whose tokens are believed.
        clock: in seconds since the epoch.
    """

    def __init__(self, issuers: Sequence[Issuer], clock: Callable[[], float]) -> None:
        self._issuers = {issuer.url: issuer for issuer in issuers}
        self._stamps = {issuer.name: issuer.stamp for issuer in issuers}
        self._clock = clock

    @override
    async def authenticate(self, name: str, password: str) -> Login | None:
        if not _looks_like_token(password):
            return None
        try:
            return await self._verify(password)
        except TokenInvalid as error:
            log.info("a workload's token was refused: %s", error)
            return None

    @override
    def may_know(self, name: str) -> bool:
        return ":" in name  # which no user of a file can have

    @override
    def owns(self, name: str, password: str) -> bool:
        if not _looks_like_token(password):
            return False
        try:  # a token of one of the issuers, be it good or not
            is_ours = self._said_issuer(_read(password)) is not None
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            return False
        if not is_ours:  # whoever forgot to name an issuer looks for this
            log.info("a workload's token was refused: %s", _NOT_OURS)
        return is_ours

    @override
    async def recall(self, name: str) -> Login | None:
        # If its issuer is still believed as it was: another rule, and it has to show its token
        # again. What it may do, nobody knows without that.
        issuer, colon, _ = name.partition(":")
        stamp = self._stamps.get(issuer) if colon else None
        return None if stamp is None else Login(Principal(name, rights=()), stamp, borrowed=True)

    async def _verify(self, token: str) -> Login:
        issuer, claims = await self._decode(token)
        until = check_times(claims, self._clock())
        rights: Rights = tuple(right for rule in issuer.rules for right in rule.rights(claims))
        if not rights:
            raise TokenInvalid(f"it is one of {issuer.name}, and no rule is for its claims")
        subject = subject_of(claims)
        if not subject:
            raise TokenInvalid("it does not say whose it is")
        principal = Principal(f"{issuer.name}:{subject}", rights=rights)
        return Login(principal, issuer.stamp, until, borrowed=True)

    async def _decode(self, token: str) -> tuple[Issuer, Claims]:
        """The issuer and the claims of a token, which chooses among what is configured."""
        try:
            said = _read(token)
            issuer = self._said_issuer(said)
            if issuer is None:
                raise TokenInvalid(_NOT_OURS)
            key_id = said["header"].get("kid")
            key = await issuer.keys.find(key_id) if isinstance(key_id, str) else None
            if key is None or isinstance(key.key, bytes):
                raise TokenInvalid(f"it is signed with no key of {issuer.name}")
            return issuer, key.verify(token, audience=issuer.audience, issuer=issuer.url)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise TokenInvalid(f"it cannot be verified ({type(error).__name__})") from error

    def _said_issuer(self, said: Mapping[str, Any]) -> Issuer | None:
        return self._issuers.get(said["payload"].get("iss"))


def _looks_like_token(password: str) -> bool:
    return password.count(".") == 2 and len(password) <= MAX_SIZE


def _read(token: str) -> Mapping[str, Any]:
    """Read a token, be it true or not."""
    return jwt.decode_complete(token, options={"verify_signature": False})
