"""Reload of a changed configuration while the server runs: its permissions, and the log's level.

What else has changed counts from the next start, and the log says so. A configuration with a
mistake changes nothing, and the log says what is wrong with it.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

from lading.config.document import ConfigurationError
from lading.config.loading import load
from lading.config.settings import Settings
from lading.core.permissions import CurrentPermissions
from lading.services.registry import Note, forget
from lading.system.watching import WatchedFiles
from lading.wiring.permissions import has_token_service, permissions_of

log = logging.getLogger(__name__)


class Reloader:
    """A configuration file that is looked at now and then, and taken up.

    Args:
        permissions: to be replaced.
        note: takes down that they were.
    """

    def __init__(
        self,
        settings: Settings,
        path: Path,
        environ: Mapping[str, str],
        permissions: CurrentPermissions,
        note: Note = forget,
    ) -> None:
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
        if self._file.pipe():
            log.warning("%s is a pipe, and not read again: what is in force stays", self._path)
            return
        try:
            settings = load(self._path, self._environ).settings
        except ConfigurationError as error:
            log.error("%s: not taken up, what was in force stays:\n%s", self._path, error)  # noqa: TRY400
            return
        if settings == self._settings:
            return
        self._take_level(settings)
        self._take_permissions(settings)
        if settings != self._settings:
            log.warning(
                "%s: other changes than to permissions and the log's level count from a restart",
                self._path,
            )

    def _take_level(self, settings: Settings) -> None:
        level = settings.log.level
        if level != self._settings.log.level:
            root = logging.getLogger()
            root.setLevel(level.upper())
            # Said whatever the level is.
            log.log(root.level, "%s: the log's level is %s now", self._path, level)
            section = self._settings.log.model_copy(update={"level": level})
            self._settings = self._settings.model_copy(update={"log": section})

    def _take_permissions(self, settings: Settings) -> None:
        ours = self._settings.auth
        auth = ours.model_copy(update={"permissions": settings.auth.permissions})
        if settings.auth != auth:
            return
        if auth != ours:
            self._permissions.value = permissions_of(auth)
            log.info("%s: the new permissions are in force", self._path)
            self._note("permissions.reload", file=str(self._path))
            if has_token_service(auth) and not self._has_token_service:
                log.warning(
                    "%s: something is allowed without a login now; Docker makes use of it after a"
                    " restart, for it wants a token service (`auth.tokens`)",
                    self._path,
                )
        self._settings = self._settings.model_copy(update={"auth": auth})
