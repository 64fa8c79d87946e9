"""Authentication, from the settings of `auth`: who knows logins and tokens, and what that needs."""

import asyncio
import hashlib
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

from lading.auth.authenticator import Nobody, TokenVerifier
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
from lading.auth.logins import Logins
from lading.auth.robots import RobotLogins
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
from lading.ports.logins import Users
from lading.wiring.login_sharing import open_brake, token_keys
from lading.wiring.permissions import has_token_service
from lading.wiring.tasks import running

log = logging.getLogger(__name__)

# Seconds between writing down which robots were used.
WRITE_DOWN_INTERVAL = 60.0
# Seconds after which a robot that was revoked is out at all replicas.
ROBOT_STALENESS = 1.0


@asynccontextmanager
async def open_authentication(
    settings: Settings,
    metadata: Metadata,
    permissions: CurrentPermissions,
    known: KnownLogins,
    clock: Callable[[], float],
) -> AsyncIterator[Authentication | None]:
    """Authentication as the settings describe it; `None` if everybody may do everything.

    Args:
        metadata: where robots and refresh tokens are, and what replicas share.
        known: logins that were right lately, which all workers share.
        clock: in seconds since the epoch, the same for all replicas.

    Raises:
        AuthUnusable: a file that it rests on cannot be used.
    """
    auth = settings.auth
    if auth.htpasswd is None:
        yield None if auth.token is None else _by_tokens(settings, auth.token, clock)
        return
    with closing(UserFile(auth.htpasswd.path)) as file, closing(PasswordChecker()) as checker:
        staleness = ROBOT_STALENESS if settings.may_have_replicas else 0.0
        robots = RobotLogins(metadata.robots, clock, staleness)
        workloads = WorkloadLogins([_issuer(of) for of in auth.workloads], clock)
        brake = await open_brake(settings, metadata, known, clock)
        logins = Logins(FileUsers(file, checker), [robots, workloads], brake, clock)
        async with _written_down(robots):
            if has_token_service(auth):
                yield await _with_token_service(settings, metadata, logins, permissions, clock)
            else:
                challenge = Basic(auth.htpasswd.realm)
                yield Authentication(Callers(logins, None, clock), permissions, challenge)


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


async def _with_token_service(
    settings: Settings,
    metadata: Metadata,
    logins: Logins,
    permissions: CurrentPermissions,
    clock: Callable[[], float],
) -> Authentication:
    tokens = settings.auth.tokens or TokensSection()
    lifetime = tokens.keylifetime.total_seconds()
    own = RegistryTokens(
        await KeyRing.open(token_keys(settings, metadata), lifetime, clock),
        logins,
        service=tokens.service,
        lifetime=tokens.lifetime.total_seconds(),
        clock=clock,
        new_uuid=uuid.uuid4,
    )
    service = TokenService(
        logins,
        permissions,
        own,
        metadata.refresh_tokens,
        refresh_lifetime=tokens.refreshlifetime.total_seconds(),
        clock=clock,
    )
    http = settings.http
    address = PublicAddress.of(http.host or "", http.prefix, http.trustedproxies)
    challenge = OwnBearer(address, tokens.service)
    return Authentication(Callers(logins, own, clock), permissions, challenge, service)


def _by_tokens(
    settings: Settings, token: TokenSection, clock: Callable[[], float]
) -> Authentication:
    """By tokens of another server alone, which say themselves what they are good for."""
    path = token.autoredirectpath if token.autoredirect else ""
    challenge = Bearer(token.realm, token.service, path, settings.http.trustedproxies)
    callers = Callers(Logins(Nobody()), _external_tokens(token, clock), clock)
    return Authentication(callers, CurrentPermissions(Permissions(())), challenge)


def _external_tokens(token: TokenSection, clock: Callable[[], float]) -> TokenVerifier:
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
        clock=clock,
    )
