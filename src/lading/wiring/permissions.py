"""Permissions in force, from the settings of `auth.permissions`; and from a file that has changed.

What else has changed in it counts from the next start, and the log says so. A configuration with a
mistake changes nothing, and the log says what is wrong with it.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from lading.config.auth import AuthSection, PermissionsSection
from lading.config.loading import load
from lading.config.problems import ConfigurationError
from lading.config.settings import Settings
from lading.core.access import Action
from lading.core.globs import EVERYTHING
from lading.core.permissions import (
    ALL_TO_USERS,
    EVERYDAY_ACTIONS,
    CurrentPermissions,
    Permissions,
    Rule,
    with_implied,
)
from lading.services.registry import Note, forget
from lading.system.watching import WatchedFiles

PULL = frozenset({Action.PULL})


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


log = logging.getLogger(__name__)


class Reloader:
    """A configuration file that is looked at now and then, and taken up."""

    def __init__(
        self,
        settings: Settings,
        path: Path,
        environ: Mapping[str, str],
        permissions: CurrentPermissions,
        note: Note = forget,
    ) -> None:
        """Start from what is in force.

        Args:
            permissions: to be replaced.
            note: takes down that they were.
        """
        self._settings = settings
        self._path = path
        self._environ = environ
        self._permissions = permissions
        self._note = note
        self._has_token_service = has_token_service(settings.auth)
        # Not looked at now: it may have changed since the settings were read.
        self._file = WatchedFiles(path)

    def refresh(self) -> None:
        """Take the file up if it has changed."""
        if not self._file.have_changed():
            return
        try:
            settings = load(self._path, self._environ).settings
        except ConfigurationError as error:
            log.error("%s: not taken up, what was in force stays:\n%s", self._path, error)  # noqa: TRY400
            return
        if settings != self._settings:
            self._take(settings)

    def _take(self, settings: Settings) -> None:
        ours = self._settings
        auth = ours.auth.model_copy(update={"permissions": settings.auth.permissions})
        if settings.auth == auth:
            if auth != ours.auth:
                self._permissions.value = permissions_of(auth)
                log.info("%s: the new permissions are in force", self._path)
                self._note("permissions.reload", file=str(self._path))
                if has_token_service(auth) and not self._has_token_service:
                    log.warning(
                        "%s: something is allowed without a login now; Docker makes use of it after"
                        " a restart, for it wants a token service (`auth.tokens`)",
                        self._path,
                    )
            ours = ours.model_copy(update={"auth": auth})
            self._settings = ours
        if settings != ours:
            log.warning("%s: other changes than to permissions count from a restart", self._path)
