"""Authentication, from the settings of `auth`: who knows logins and tokens, and what that needs."""

import hashlib
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cryptography.x509 import Certificate

from lading.api.token import TOKEN_PATH
from lading.auth.certificates import public_key_of, read_bundle
from lading.auth.external import ExternalTokens
from lading.auth.htpasswd import EditedUserFile
from lading.auth.kept_logins import KeptLogins
from lading.auth.keys import KeyRing
from lading.auth.keysets import FixedKeys, KeySet, RemoteKeys, fetch_of_issuer, read_keys
from lading.auth.login_record import KnownLogins
from lading.auth.logins import Logins
from lading.auth.plain_users import PlainUsers
from lading.auth.public_keys import TrustedKey, names_of
from lading.auth.robots import RobotLogins
from lading.auth.tokens import RegistryTokens, TokenService
from lading.auth.user_files import FileUsers, PasswordChecker, UserFile
from lading.auth.workloads import Issuer, WorkloadLogins
from lading.config.auth import AuthSection, TokenSection, TokensSection, WorkloadSection
from lading.config.settings import Settings
from lading.core.claims import ClaimRule
from lading.core.permissions import CurrentPermissions, Permissions
from lading.edge.authentication import Authentication
from lading.edge.callers import Callers
from lading.edge.challenge import Basic, Bearer
from lading.edge.public_address import PublicAddress, base_url
from lading.edge.request import Request
from lading.metadata.metadata import Metadata
from lading.ports.logins import Users
from lading.wiring.login_sharing import open_brake, token_keys
from lading.wiring.permissions import has_token_service
from lading.wiring.tasks import written_down

# Seconds between writing down which robots were used.
ROBOT_NOTES_INTERVAL = 60.0
# Seconds after which a robot that was revoked is out at all replicas.
ROBOT_STALENESS = 1.0


@dataclass(frozen=True, slots=True)
class AuthFiles:
    """Files that logins rest on, as they were read.

    Attributes:
        users: who may log in; `None` if others know.
        issuers: of workloads' tokens.
        roots: certificates whose owners' tokens are believed.
        keys: by which tokens of another server are believed.
    """

    users: UserFile | None = None
    issuers: Sequence[Issuer] = ()
    roots: Sequence[Certificate] = ()
    keys: Sequence[KeySet] = ()


@contextmanager
def opened_auth_files(auth: AuthSection) -> Iterator[AuthFiles]:
    """The files that the settings name, open for a block.

    Raises:
        AuthUnusable: one of them cannot be used.
    """
    if auth.htpasswd is not None:
        with closing(UserFile(auth.htpasswd.path)) as users:
            yield AuthFiles(users, [_issuer(of) for of in auth.workloads])
    elif auth.token is not None:
        yield _files_of_tokens(auth.token)
    else:
        yield AuthFiles()


async def make_secrets(settings: Settings, metadata: Metadata, clock: Callable[[], float]) -> None:
    """Make what all workers and replicas are to know, and nobody else, unless it is there.

    Raises:
        AuthUnusable: it is there and cannot be used.
    """
    if settings.auth.htpasswd is not None:
        await open_brake(settings, metadata, KnownLogins(), clock)
        if has_token_service(settings.auth):
            await _key_ring(settings, metadata, clock)


@asynccontextmanager
async def open_authentication(
    settings: Settings,
    files: AuthFiles,
    metadata: Metadata,
    permissions: CurrentPermissions,
    known: KnownLogins,
    clock: Callable[[], float],
) -> AsyncIterator[Authentication | None]:
    """Authentication as the settings describe it; `None` if everybody may do everything.

    Args:
        files: that the settings name.
        metadata: where robots and refresh tokens are, and what replicas share.
        known: logins that were right lately, which all workers share.
        clock: in seconds since the epoch, the same for all replicas.

    Raises:
        AuthUnusable: what `make_secrets` makes cannot be used any more.
    """
    auth = settings.auth
    if auth.htpasswd is None:
        yield None if auth.token is None else _by_tokens(settings, auth.token, files, clock)
        return
    assert files.users is not None
    with closing(PasswordChecker()) as checker:
        staleness = ROBOT_STALENESS if settings.may_have_replicas else 0.0
        robots = RobotLogins(metadata.robots, clock, staleness)
        workloads = WorkloadLogins(files.issuers, clock)
        brake = await open_brake(settings, metadata, known, clock)
        logins = Logins(FileUsers(files.users, checker), [robots, workloads], brake, clock)
        async with written_down("the last use of robots", robots.write_down, ROBOT_NOTES_INTERVAL):
            if has_token_service(auth):
                yield await _with_token_service(settings, metadata, logins, permissions, clock)
            else:
                challenge = Basic(auth.htpasswd.realm)
                yield Authentication(Callers(logins, None, clock), permissions, challenge)


def users_of(path: Path) -> Users:
    """The users of a file, for whoever changes them."""
    return EditedUserFile(path)


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
    tokens = _tokens(settings)
    own = RegistryTokens(
        await _key_ring(settings, metadata, clock),
        logins,
        service=tokens.service,
        lifetime=tokens.lifetime.total_seconds(),
        clock=clock,
        new_uuid=uuid.uuid4,
    )
    lifetime = tokens.refreshlifetime.total_seconds()
    refreshed = KeptLogins(metadata.refresh_tokens, logins, lifetime, clock)
    service = TokenService(permissions, own, refreshed)
    http = settings.http
    address = PublicAddress.of(http.host or "", http.prefix, http.trustedproxies)
    challenge = Bearer(partial(address.url_of, path=TOKEN_PATH), tokens.service)
    return Authentication(Callers(logins, own, clock), permissions, challenge, service)


async def _key_ring(settings: Settings, metadata: Metadata, clock: Callable[[], float]) -> KeyRing:
    lifetime = _tokens(settings).keylifetime.total_seconds()
    return await KeyRing.open(token_keys(settings, metadata), lifetime, clock)


def _tokens(settings: Settings) -> TokensSection:
    return settings.auth.tokens or TokensSection()


def _by_tokens(
    settings: Settings, token: TokenSection, files: AuthFiles, clock: Callable[[], float]
) -> Authentication:
    """Authentication by tokens of another server, which say themselves what they are good for."""

    def realm_of(request: Request) -> str:
        if not token.autoredirect:
            return token.realm
        return base_url(request, settings.http.trustedproxies) + token.autoredirectpath

    tokens = ExternalTokens(
        service=token.service,
        issuer=token.issuer,
        keys=files.keys,
        roots=files.roots,
        algorithms=token.signingalgorithms,
        clock=clock,
    )
    callers = Callers(Logins(PlainUsers({})), tokens, clock)
    challenge = Bearer(realm_of, token.service)
    return Authentication(callers, CurrentPermissions(Permissions(())), challenge)


def _files_of_tokens(token: TokenSection) -> AuthFiles:
    roots = [] if token.rootcertbundle is None else read_bundle(token.rootcertbundle)
    keys: list[KeySet] = []
    if token.jwks is not None:
        keys.append(_keys_at(token.jwks))
    certified = [key for root in roots if (key := public_key_of(root)) is not None]
    keys.append(FixedKeys({name: TrustedKey(key) for key in certified for name in names_of(key)}))
    return AuthFiles(roots=roots, keys=keys)
