"""Tokens of another token server, verified as CNCF Distribution does.

The key of a token is found by its `x5c` (a chain of certificates), its `jwk` (a key, which must be
a trusted one) or its `kid` (the name of a trusted key), in this order. What the token then allows,
its issuer decided; the registry adds nothing and takes nothing away.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import jwt
from cryptography import x509

from lading.auth.authenticator import TokenVerifier, VerifiedToken
from lading.auth.certificates import verify_chain
from lading.auth.claims import Claims, TokenInvalid, check_times, scopes_of, subject_of
from lading.auth.keysets import KeySet
from lading.auth.public_keys import ALGORITHMS, TrustedKey, names_of, parse_key
from lading.core.access import ALL_RIGHTS, Principal
from lading.core.scopes import opens_catalog, rights_in
from lading.core.typing import override

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalTokens(TokenVerifier):
    """Tokens of another token server: verifies them."""

    service: str
    issuer: str
    keys: Sequence[KeySet]
    roots: Sequence[x509.Certificate]
    algorithms: Sequence[str]
    clock: Callable[[], float]

    @override
    async def verify(self, token: str) -> VerifiedToken | None:
        try:
            claims = await self._decode(token)
            until = check_times(claims, self.clock())
            scopes = scopes_of(claims)
            principal = Principal(subject_of(claims), rights=ALL_RIGHTS)
        except TokenInvalid as error:
            log.info("a token was refused: %s", error)
            return None
        return VerifiedToken(principal, rights_in(scopes), opens_catalog(scopes), until)

    async def _decode(self, token: str) -> Claims:
        allowed = self.algorithms or ALGORITHMS
        try:
            key = await self._find_key(jwt.get_unverified_header(token))
            return key.verify(token, audience=self.service, issuer=self.issuer, allowed=allowed)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise TokenInvalid(f"it cannot be verified ({type(error).__name__})") from error

    async def _find_key(self, header: Mapping[str, object]) -> TrustedKey:
        if "x5c" in header:
            return TrustedKey(verify_chain(header["x5c"], self.roots, self.clock()))
        if "jwk" in header:
            return await self._find_embedded(header["jwk"])
        key_id = header.get("kid")
        if isinstance(key_id, str) and (key := await self._find_named(key_id)) is not None:
            return key
        raise TokenInvalid("it is signed with a key that is not trusted")

    async def _find_embedded(self, entry: object) -> TrustedKey:
        """The key that a token brings; it must be known already, or come with certificates."""
        given = parse_key(entry)
        if given is None or isinstance(given.key, bytes):
            raise TokenInvalid("its `jwk` is not a public key")
        if isinstance(entry, dict) and "x5c" in entry:
            if verify_chain(entry["x5c"], self.roots, self.clock()) != given.key:
                raise TokenInvalid("its `jwk` is not the key of its certificate")
            return given
        for name in names_of(given.key):
            trusted = await self._find_named(name)
            if trusted is not None and trusted.key == given.key:
                return trusted
        raise TokenInvalid("its `jwk` is not trusted")

    async def _find_named(self, key_id: str) -> TrustedKey | None:
        for keys in self.keys:
            key = await keys.find(key_id)
            if key is not None:
                return key
        return None
