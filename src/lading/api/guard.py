"""Who may do what: turns a request into a `Grant`, before its body is read."""

from lading.api.routes import Endpoint
from lading.core.access import ALL_ACTIONS, Grant
from lading.core.errors import ReadOnly
from lading.core.names import RepositoryName

# The catalog and the base belong to no repository; their handlers do not look at it.
_NO_REPOSITORY = RepositoryName("registry")


class Guard:
    """Decides on requests. Without authentication everybody may do everything."""

    def __init__(self, *, read_only: bool) -> None:
        self._read_only = read_only

    def admit(self, endpoint: Endpoint, name: str | None) -> Grant:
        """What the caller may do in the repository.

        Raises:
            NameInvalid: it is no repository name.
            ReadOnly: the endpoint writes, and the registry is read-only.
        """
        repository = _NO_REPOSITORY if name is None else RepositoryName(name)
        if endpoint.writes and self._read_only:
            raise ReadOnly
        return Grant(repository, ALL_ACTIONS)
