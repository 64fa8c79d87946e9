"""Authentication, from the settings of `auth`: who knows logins and tokens, and what that needs."""

import asyncio
import hashlib
import logging
import math
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from lading.auth.authenticator import Nobody, TokenVerifier
from lading.auth.brake import Brake
from lading.auth.certificates import public_key_of, read_bundle
from lading.auth.editing import EditedUserFile
from lading.auth.external import ExternalTokens
from lading.auth.htpasswd import FileUsers, PasswordChecker, UserFile
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
from lading.auth.login_record import OwnRecord, rates_of
from lading.auth.logins import Logins
from lading.auth.robots import RobotLogins
from lading.auth.secret_file import SecretFile, SecretInMemory
from lading.auth.service import TokenService
from lading.auth.tokens import RegistryTokens
from lading.auth.workloads import Issuer, WorkloadLogins
from lading.config.auth import TokenSection, TokensSection, WorkloadSection
from lading.config.settings import Settings
from lading.core.claims import ClaimRule
from lading.core.errors import RegistryError
from lading.core.permissions import CurrentPermissions, Permissions
from lading.edge.authentication import Authentication
from lading.edge.callers import Callers
from lading.edge.challenge import Basic, Bearer, OwnBearer
from lading.edge.forwarded import PublicAddress
from lading.metadata.metadata import Metadata
from lading.metadata.refresh_tokens import RefreshTokens
from lading.ports.logins import Users
from lading.ports.secret import Secret
from lading.wiring.jobs import running
from lading.wiring.paths import keys_path
from lading.wiring.permissions import has_token_service

log = logging.getLogger(__name__)

# Seconds between writing down which robots were used.
WRITE_DOWN_INTERVAL = 60.0


@asynccontextmanager
async def open_authentication(
    settings: Settings, metadata: Metadata, permissions: CurrentPermissions, known: KnownLogins
) -> AsyncIterator[Authentication | None]:
    """Authentication as the settings describe it; `None` if everybody may do everything.

    Args:
        metadata: where robots and refresh tokens are.
        known: logins that were right lately, which all workers share.

    Raises:
        AuthUnusable: a file that it rests on cannot be used.
    """
    auth = settings.auth
    if auth.htpasswd is None:
        yield None if auth.token is None else _by_tokens(settings, auth.token)
        return
    with closing(UserFile(auth.htpasswd.path)) as file, closing(PasswordChecker()) as checker:
        robots = RobotLogins(metadata.robots, time.time)
        workloads = WorkloadLogins([_issuer(of) for of in auth.workloads], time.time)
        users, brake = FileUsers(file, checker), _brake(settings, known)
        logins = Logins(users, [robots, workloads], brake)
        async with _written_down(robots):
            if has_token_service(auth):
                tokens = auth.tokens or TokensSection()
                yield await _with_token_service(
                    settings, tokens, logins, permissions, metadata.refresh_tokens
                )
            else:
                challenge = Basic(auth.htpasswd.realm)
                yield Authentication(Callers(logins, None), permissions, challenge)


def users_of(path: Path) -> Users:
    """The users of a file, for whoever changes them."""
    return EditedUserFile(path)


@asynccontextmanager
async def _written_down(robots: RobotLogins) -> AsyncIterator[None]:
    """Which robots are used beside a block is written down now and then, and at its end."""
    try:
        async with running(_write_down_for_ever(robots)):
            yield
    finally:
        await _write_down(robots)


async def _write_down_for_ever(robots: RobotLogins) -> None:
    while True:
        await asyncio.sleep(WRITE_DOWN_INTERVAL)
        await _write_down(robots)


async def _write_down(robots: RobotLogins) -> None:
    try:
        await robots.write_down()
    except RegistryError as error:
        log.warning("the last use of robots cannot be written down: %s", error)


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
    rates = rates_of(per_minute)
    record = OwnRecord(time.monotonic, known, rates)
    return Brake(time.monotonic, record, rates if per_minute else None)


async def _with_token_service(
    settings: Settings,
    tokens: TokensSection,
    logins: Logins,
    permissions: CurrentPermissions,
    refresh_tokens: RefreshTokens,
) -> Authentication:
    lifetime = tokens.keylifetime.total_seconds()
    own = RegistryTokens(
        await KeyRing.open(_keys_of(settings), lifetime, time.time),
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


def _keys_of(settings: Settings) -> Secret:
    """Where the keys are that tokens are signed with."""
    if settings.storage.driver == "inmemory":
        return SecretInMemory()
    return SecretFile(keys_path(settings.storage.filesystem.rootdirectory))


def _by_tokens(settings: Settings, token: TokenSection) -> Authentication:
    """By tokens of another server alone, which say themselves what they are good for."""
    path = token.autoredirectpath if token.autoredirect else ""
    challenge = Bearer(token.realm, token.service, path, settings.http.trustedproxies)
    callers = Callers(Logins(Nobody()), _external_tokens(token))
    return Authentication(callers, CurrentPermissions(Permissions(())), challenge)


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
