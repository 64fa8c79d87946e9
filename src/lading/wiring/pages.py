"""Pages, from the settings of `ui`."""

from collections.abc import Callable, Sequence

from lading.config.settings import Settings
from lading.edge.application import Application
from lading.edge.authentication import Authentication
from lading.edge.observers import Observer, Recorder
from lading.edge.options import EdgeOptions
from lading.services.registry import Registry
from lading.ui.context import UiParts, Visit
from lading.ui.sessions import PageDoorkeeper
from lading.wiring.authentication import users_of


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

    if authentication is None:
        return pages(UiParts(registry, options), None, observers, require_health)
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
