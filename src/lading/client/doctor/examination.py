"""Examination of a deployment: all checks in their order, each within its time."""

import http.client
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lading.client.certificates import tls_context
from lading.client.connections import proxy_for
from lading.client.credentials import find_login
from lading.client.doctor.address import DeploymentAddress, check_connection, check_name
from lading.client.doctor.answers import (
    CERTIFICATE_WANTED,
    check_answer,
    check_clock,
    check_headers,
    check_readiness,
)
from lading.client.doctor.blobs import check_compression, check_ranges
from lading.client.doctor.caller import DeploymentCaller, RequestsBounded
from lading.client.doctor.encryption import check_encryption, settle_scheme
from lading.client.doctor.findings import (
    DeploymentFinding,
    FindingState,
    no_answer,
    skipped,
    warn,
    wrong,
)
from lading.client.doctor.logins import check_login, check_realm
from lading.client.doctor.pushing import check_upload
from lading.client.doctor.reading import (
    check_errors,
    check_heads,
    check_lists,
    check_manifest,
    check_paths,
    find_image,
    find_manifest,
)
from lading.client.errors import ClientError
from lading.client.options import SessionOptions

SECONDS = 5.0
"""How long each check may wait for an answer."""

_PROBE = "lading-doctor"


class _Enough(Exception):
    """Nothing more can be looked at before what was found is mended."""


@dataclass(frozen=True, slots=True)
class DoctorOptions:
    """The options of an examination: what to look at.

    Attributes:
        repository: that is read and pushed to; empty for the first one, and for one of its own.
        push: whether an upload is tried, and given up.
        debug: the address of `http.debug.addr`; empty if it is not asked.
        insecure: whether any certificate is taken.
        authorities: a file with further authorities, in PEM.
    """

    repository: str = ""
    push: bool = False
    debug: str = ""
    insecure: bool = False
    authorities: Path | None = None
    seconds: float = SECONDS


def examine(text: str, options: DoctorOptions | None = None) -> Iterator[DeploymentFinding]:
    """Look at a deployment, at `host` or `http://host:5000`; each finding as soon as it is known.

    Raises:
        ReferenceInvalid: the address is none.
        ClientError: a certificate of this person's cannot be read.
    """
    options = options or DoctorOptions()
    address = DeploymentAddress.parse(text)
    return _examine(address, options)


def _examine(address: DeploymentAddress, options: DoctorOptions) -> Iterator[DeploymentFinding]:
    try:
        yield from _connect(address, options)
    except _Enough:
        yield skipped("nothing more can be looked at before this is mended").named("rest")


def _connect(address: DeploymentAddress, options: DoctorOptions) -> Iterator[DeploymentFinding]:
    seconds = options.seconds
    yield from _each("proxy", partial(_proxy_of_the_environment, address))
    for name, check in (("name", check_name), ("connection", check_connection)):
        yield from _needed(_bounded(name, partial(check, address, seconds)))
    address = settle_scheme(address, seconds)
    session = SessionOptions(
        insecure=options.insecure,
        authorities=options.authorities,
        connect_seconds=seconds,
        read_seconds=seconds,
    )
    context = tls_context(
        address.netloc, insecure=options.insecure, authorities=options.authorities
    )
    yield from _needed(_bounded("tls", partial(check_encryption, address, context, seconds)))
    # Whoever shows any certificate gets no password.
    find = (lambda _: None) if options.insecure else partial(find_login, address.netloc)
    caller = DeploymentCaller(address, find, context, session)
    try:
        yield from _speak(caller, options)
    finally:
        caller.close()


def _speak(caller: DeploymentCaller, options: DoctorOptions) -> Iterator[DeploymentFinding]:
    """What is found out by requests."""
    if options.debug:
        yield _bounded("room", partial(check_readiness, caller, options.debug))
    try:
        first = caller.bare("GET", "/v2/")
    except (OSError, ValueError) as error:
        is_refused = caller.wants_certificate()
        yield (CERTIFICATE_WANTED if is_refused else no_answer(error)).named("answer")
        raise _Enough from error
    yield from _needed(check_answer(first).named("answer"))
    yield check_clock(first).named("clock")
    yield check_headers(caller, first).named("headers")
    yield from _needed(_bounded("realm", partial(check_realm, caller, first)))
    if first.status == http.client.UNAUTHORIZED:
        yield from _needed(_bounded("login", partial(check_login, caller)))
    yield from _each("manifest", partial(_read, caller, options.repository))
    if options.push:
        yield from _each("body", partial(check_upload, caller, options.repository or _PROBE))


def _read(caller: DeploymentCaller, repository: str) -> Iterator[DeploymentFinding]:
    found = find_manifest(caller, repository)
    if found is None:
        where = repository or "the registry"
        yield skipped(
            f"{where} shows no tag that could be read",
            "name a repository with one by `--repository`",
        )
        return
    manifest = check_manifest(found).named("manifest")
    yield manifest
    if manifest.state is FindingState.OK:
        yield _bounded("heads", partial(check_heads, caller, found))
    yield _bounded("paths", partial(check_paths, caller, found))
    yield _bounded("errors", partial(check_errors, caller, found))
    yield _bounded("lists", partial(check_lists, caller, found))
    image = find_image(caller, found)
    if image is not None:
        yield _bounded("compression", partial(check_compression, caller, image))
        yield _bounded("ranges", partial(check_ranges, caller, image))


def _bounded(name: str, check: Callable[[], DeploymentFinding]) -> DeploymentFinding:
    """The finding of a check; that there was no answer is one, too."""
    return next(_each(name, lambda: iter([check()])))


def _each(
    name: str, check: Callable[[], Iterator[DeploymentFinding]]
) -> Iterator[DeploymentFinding]:
    """The findings of a check that has several; that there was no answer is one, too."""
    try:
        for finding in check():
            yield finding.named(name)
    except RequestsBounded as error:
        yield warn(error.message, error.advice).named(name)
    except ClientError as error:
        yield wrong(error.message, error.advice).named(name)
    except (OSError, ValueError) as error:
        yield no_answer(error).named(name)


def _needed(finding: DeploymentFinding) -> Iterator[DeploymentFinding]:
    """The finding of what all checks after it rest on."""
    yield finding
    if finding.state is FindingState.WRONG:
        raise _Enough


def _proxy_of_the_environment(address: DeploymentAddress) -> Iterator[DeploymentFinding]:
    """Clients of this environment may go another way than these checks do."""
    try:
        proxy = proxy_for(address.scheme or "https", address.netloc)
    except ClientError as error:
        yield wrong(f"clients here cannot ask: {error.message}", error.advice)
        return
    if proxy:
        yield warn(
            "clients here go through the proxy of HTTPS_PROXY or HTTP_PROXY; this is looked at"
            " without it",
            f"if it is not meant for this registry: NO_PROXY={address.host}",
        )
