"""Options of ways in over HTTP, from the settings: headers, addresses, limits, memory."""

import math
from collections.abc import Mapping
from pathlib import Path

from lading.api.application import ALWAYS
from lading.api.context import Options
from lading.config.settings import Settings
from lading.edge.budget import BodyBudgets
from lading.edge.forwarded import PublicAddress
from lading.edge.limits import ClientLimits
from lading.edge.options import EdgeOptions
from lading.system.budget import Budget
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
