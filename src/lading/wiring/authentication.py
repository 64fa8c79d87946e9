"""Builds, from the settings of `auth`, what tells callers apart: the gate that the guard asks."""

import asyncio
import hashlib
import logging
import math
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lading.auth.authenticator import TokenVerifier
from lading.auth.brake import Brake
from lading.auth.certificates import public_key_of, read_bundle
from lading.auth.external import ExternalTokens
from lading.auth.htpasswd import UserFile
from lading.auth.keys import KeyRing
from lading.auth.keysets import (
    FixedKeys,
    KeySet,
    RemoteKeys,
    TrustedKey,
    fetch_of_issuer,
    names_of,
    read_keys,
)
from lading.auth.known import KnownLogins
from lading.auth.logins import Logins
from lading.auth.passwords import PasswordChecker
from lading.auth.robots import RobotLogins
from lading.auth.service import TokenService
from lading.auth.tokens import RegistryTokens
from lading.auth.users import FileUsers
from lading.auth.workloads import Issuer, WorkloadLogins
from lading.config.auth import (
    AuthSection,
    HtpasswdSection,
    PermissionsSection,
    TokenSection,
    TokensSection,
    WorkloadSection,
)
from lading.config.settings import Settings
from lading.core.access import Action
from lading.core.claims import ClaimRule
from lading.core.errors import RegistryError
from lading.core.globs import EVERYTHING
from lading.core.permissions import (
    ALL_TO_USERS,
    EVERYDAY_ACTIONS,
    Permissions,
    Rule,
    with_implied,
)
from lading.edge.authentication import Authentication
from lading.edge.callers import Callers
from lading.edge.challenge import Basic, Bearer, Challenge, OwnBearer
from lading.edge.forwarded import PublicAddress
from lading.ports.metadata import Metadata
from lading.ports.refresh_tokens import RefreshTokens
from lading.wiring.paths import keys_path

log = logging.getLogger(__name__)

# Seconds between writing down which robots were used.
WRITE_DOWN_INTERVAL = 60.0

PULL = frozenset({Action.PULL})


@dataclass
class CurrentPermissions:
    """The permissions in force, which a reload replaces."""

    value: Permissions

    def __call__(self) -> Permissions:
        """Those of now."""
        return self.value


@dataclass(frozen=True, slots=True)
class OpenGate:
    """A gate in use.

    Attributes:
        gate: for the guard.
        permissions: that the gate asks.
        checker: its threads; `None` if it has none.
        robots: whose use is to be written down; `None` if there can be none.
        file: of users, kept open; `None` if there is none.
    """

    gate: Authentication
    permissions: CurrentPermissions
    checker: PasswordChecker | None = None
    robots: RobotLogins | None = None
    file: UserFile | None = None

    async def keep(self) -> None:
        """Write down now and then what was used."""
        while True:
            await asyncio.sleep(WRITE_DOWN_INTERVAL)
            await self._write_down()

    async def close(self) -> None:
        """Write down what was used, and let go of threads and files."""
        await self._write_down()
        if self.checker is not None:
            self.checker.close()
        if self.file is not None:
            self.file.close()

    async def _write_down(self) -> None:
        if self.robots is None:
            return
        try:
            await self.robots.write_down()
        except RegistryError as error:
            log.warning("the last use of robots cannot be written down: %s", error)


def open_gate(
    settings: Settings, metadata: Metadata, known: KnownLogins | None = None
) -> OpenGate | None:
    """The gate that the settings describe; `None` if everybody may do everything.

    Args:
        settings: in force.
        metadata: where robots and refresh tokens are.
        known: logins that were right lately, which all workers share.

    Raises:
        AuthUnusable: a file that it rests on cannot be used.
    """
    auth = settings.auth
    if auth.htpasswd is not None:
        return _gate_of_users(settings, auth.htpasswd, metadata, known or KnownLogins())
    if auth.token is not None:
        return _gate_of_tokens(settings, auth.token)
    return None


def permissions_of(auth: AuthSection) -> Permissions:
    """The rules that the settings describe."""
    settings = auth.permissions
    if settings is None:
        return ALL_TO_USERS
    return Permissions(
        [*_preset_rules(settings), *_written_rules(settings)],
        {group: frozenset(members) for group, members in settings.groups.items()},
        own=settings.preset == "teams",
    )


def has_token_service(auth: AuthSection) -> bool:
    """Whether users are sent for a token: if that is wanted, or where Docker would need a password.

    It pulls without a login only if it can get a token without one.
    """
    wanted = auth.tokens is not None or bool(auth.workloads)
    return wanted or permissions_of(auth).something_for_anybody


def _preset_rules(settings: PermissionsSection) -> Sequence[Rule]:
    match settings.preset:
        case "users":
            return ALL_TO_USERS.rules
        case "public":
            return [*ALL_TO_USERS.rules, Rule((EVERYTHING,), PULL, anonymous=True)]
        case "open":
            return [Rule((EVERYTHING,), EVERYDAY_ACTIONS, anonymous=True)]
        case _:
            return []


def _written_rules(settings: PermissionsSection) -> Sequence[Rule]:
    return [
        Rule(
            rule.repositories,
            with_implied(rule.actions),
            anonymous=rule.anonymous,
            users=frozenset(rule.users),
            groups=frozenset(rule.groups),
        )
        for rule in settings.rules
    ]


def _gate_of_users(
    settings: Settings, htpasswd: HtpasswdSection, metadata: Metadata, known: KnownLogins
) -> OpenGate:
    checker = PasswordChecker()
    robots = RobotLogins(metadata, time.time)
    issuers = [_issuer(of) for of in settings.auth.workloads]
    workloads = WorkloadLogins(issuers, time.time)
    file = UserFile(htpasswd.path)
    logins = Logins([robots, workloads, FileUsers(file, checker)], _brake(settings, known))
    permissions = CurrentPermissions(permissions_of(settings.auth))
    if has_token_service(settings.auth):
        tokens = settings.auth.tokens or TokensSection()
        gate = _with_token_service(settings, tokens, logins, permissions, metadata)
    else:
        gate = Authentication(Callers(logins, None), permissions, Basic(htpasswd.realm))
    return OpenGate(gate, permissions, checker, robots, file)


def _issuer(settings: WorkloadSection) -> Issuer:
    return Issuer(
        name=settings.name,
        url=settings.issuer,
        audience=settings.audience,
        stamp=hashlib.sha256(settings.model_dump_json().encode()).hexdigest(),
        keys=(
            RemoteKeys(settings.issuer, time.monotonic, fetch_of_issuer)
            if settings.jwks is None
            else _keys_at(settings.jwks)
        ),
        rules=[
            ClaimRule(rule.claims, rule.repositories, frozenset(rule.actions))
            for rule in settings.rules
        ],
    )


def _keys_at(source: str) -> KeySet:
    """Keys of a URL or of a file."""
    if source.startswith("https://"):
        return RemoteKeys(source, time.monotonic)
    return FixedKeys(read_keys(Path(source)))


def _brake(settings: Settings, known: KnownLogins) -> Brake:
    """Every worker counts for itself, so each has its share."""
    per_minute = math.ceil(settings.limits.failedlogins / settings.workers)
    return Brake(time.monotonic, known, per_minute=per_minute)


def _with_token_service(
    settings: Settings,
    tokens: TokensSection,
    logins: Logins,
    permissions: CurrentPermissions,
    refresh_tokens: RefreshTokens,
) -> Authentication:
    in_memory = settings.storage.driver == "inmemory"
    path = None if in_memory else keys_path(settings.storage.filesystem.rootdirectory)
    own = RegistryTokens(
        KeyRing(path, tokens.keylifetime.total_seconds(), time.time),
        logins,
        service=tokens.service,
        lifetime=tokens.lifetime.total_seconds(),
        clock=time.time,
        new_uuid=uuid.uuid4,
    )
    service = TokenService(
        logins,
        permissions,
        own,
        refresh_tokens,
        refresh_lifetime=tokens.refreshlifetime.total_seconds(),
        clock=time.time,
    )
    http = settings.http
    address = PublicAddress.of(http.host or "", http.prefix, http.trustedproxies)
    challenge = OwnBearer(address, tokens.service)
    return Authentication(Callers(logins, own), permissions, challenge, service)


def _gate_of_tokens(settings: Settings, token: TokenSection) -> OpenGate:
    path = token.autoredirectpath if token.autoredirect else ""
    challenge: Challenge = Bearer(token.realm, token.service, path, settings.http.trustedproxies)
    permissions = CurrentPermissions(Permissions(()))
    callers = Callers(Logins([]), _external_tokens(token))
    return OpenGate(Authentication(callers, permissions, challenge), permissions)


def _external_tokens(token: TokenSection) -> TokenVerifier:
    roots = [] if token.rootcertbundle is None else read_bundle(token.rootcertbundle)
    keys: list[KeySet] = []
    if token.jwks is not None:
        keys.append(_keys_at(token.jwks))
    certified = [key for root in roots if (key := public_key_of(root)) is not None]
    keys.append(FixedKeys({name: TrustedKey(key) for key in certified for name in names_of(key)}))
    return ExternalTokens(
        service=token.service,
        issuer=token.issuer,
        keys=keys,
        roots=roots,
        algorithms=token.signingalgorithms,
        clock=time.time,
    )
