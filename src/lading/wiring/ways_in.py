"""Ways in over HTTP, from the settings: headers, addresses, limits, memory, and pages."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lading.api.application import ALWAYS
from lading.api.context import Options
from lading.config.settings import Settings
from lading.edge.application import Application
from lading.edge.authentication import Authentication
from lading.edge.budget import BodyBudgets
from lading.edge.limits import ClientLimits
from lading.edge.observers import Observer, Recorder
from lading.edge.options import EdgeOptions
from lading.edge.public_address import PublicAddress
from lading.services.registry import Registry
from lading.system.room import Budget
from lading.ui.context import UiParts, Visit
from lading.ui.sessions import PageDoorkeeper
from lading.wiring.authentication import users_of
from lading.wiring.object_stores import redirect_rule_of
from lading.wiring.paths import own_directory
from lading.wiring.stores import is_read_only


def headers_of_all(settings: Settings) -> Mapping[str, str]:
    """Headers of every response that has no other ones of these names."""
    configured = {name: ", ".join(values) for name, values in settings.http.headers.items()}
    # Behind a proxy it is the proxy that knows whether clients come by HTTPS.
    secure = {"Strict-Transport-Security": "max-age=31536000"} if settings.http.tls.enabled else {}
    return {**ALWAYS, **secure, **configured}


def options_of(settings: Settings, memory: Budget) -> Options:
    """The options of the protocol, and of what any way in needs.

    Args:
        memory: for bodies of requests and answers.
    """
    return Options(
        edge=_edge_options(settings, memory),
        relative=not settings.http.locationbase,
        max_tags=settings.tags.maxtags,
        max_repositories=settings.catalog.maxentries,
        max_manifest=settings.limits.manifestsize,
    )


def _edge_options(settings: Settings, memory: Budget) -> EdgeOptions:
    http = settings.http
    return EdgeOptions(
        prefix=http.prefix,
        address=PublicAddress.of(http.host or "", http.prefix, http.trustedproxies),
        headers=headers_of_all(settings),
        trusted_proxies=settings.http.trustedproxies,
        accelerate=settings.http.accelredirect or "",
        redirects=redirect_rule_of(settings),
        limits=ClientLimits(
            rate=settings.limits.requestrate / settings.workers,
            burst=math.ceil(settings.limits.requestburst / settings.workers),
            uploads=math.ceil(settings.limits.uploads / settings.workers),
        ),
        read_only=is_read_only(settings),
        bodies=BodyBudgets(memory, directory=_spool(settings)),
    )


def _spool(settings: Settings) -> Path | None:
    """Where what does not fit into memory waits: on the disk of the data, if there is one."""
    if settings.storage.driver == "inmemory":
        return None
    return own_directory(settings.storage.directory)


def pages_of(
    settings: Settings,
    registry: Registry,
    options: EdgeOptions,
    authentication: Authentication | None,
    observers: Sequence[Observer | Recorder],
    require_health: Callable[[], None] | None,
) -> Application[Visit] | None:
    """The application that shows pages; `None` if there are to be none.

    Nothing of it is loaded then.
    """
    if not settings.ui.enabled:
        return None
    from lading.ui.application import pages  # noqa: PLC0415 - with Jinja2

    parts, doorkeeper = UiParts(registry, options), None
    if authentication is not None:
        htpasswd = settings.auth.htpasswd
        parts = UiParts(
            registry,
            options,
            None if htpasswd is None else authentication.callers.logins,
            is_open=False,
            users=None if htpasswd is None else users_of(htpasswd.path),
            permissions=authentication.permissions,
        )
        doorkeeper = PageDoorkeeper(parts, authentication.permissions)
    return pages(parts, doorkeeper, observers, require_health)
