"""Files of a registry for tests: its own, which are gone with it, and those that clients read.

Few registries have any.
"""

import base64
import json
import os
import shutil
import ssl
import tempfile
import weakref
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote


class OwnDirectory:
    """A directory for files of a registry, made when the first is needed.

    It is removed by the process that made it, at its end at the latest: one that was forked ends
    earlier, and would take the files away from its parent.
    """

    def __init__(self) -> None:
        self._remove: weakref.finalize[[str, int], OwnDirectory] | None = None
        self._path = Path()

    def folder(self, name: str) -> Path:
        """A folder of a name, which may be any."""
        if self._remove is None:
            self._path = Path(tempfile.mkdtemp(prefix="lading-testing-"))
            self._remove = weakref.finalize(self, _remove, str(self._path), os.getpid())
        folder = self._path / quote(name, safe="")
        folder.mkdir(exist_ok=True)
        return folder

    def remove(self) -> None:
        """Remove it with all that is in it, if it was made here."""
        if self._remove is not None:
            self._remove()
            self._remove = None


def _remove(path: str, process: int) -> None:
    if os.getpid() == process:
        shutil.rmtree(path, ignore_errors=True)


def secured(directory: Path, host: str) -> tuple[ssl.SSLContext, Path]:
    """What a server at an address secures connections with, and the authority's certificate."""
    from lading.server.process.authority import Authority  # noqa: PLC0415 - cryptography

    now = datetime.now(UTC)
    authority = Authority.open(directory, now)
    pair = authority.issue_to_server([host, "localhost"], now=now, validity=timedelta(days=1)).files
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(pair.certificate, pair.key)
    return context, authority.files.certificate


def write_environment(
    directory: Path, host: str, login: tuple[str, str] | None, ca: Path | None
) -> dict[str, str]:
    """Write the files that clients read, and name them as they want them named.

    Args:
        directory: for the files; they are written anew.
        login: a name and a password; `None` to log in nowhere.
        ca: the certificate of the authority that the registry's is from; `None` for plain HTTP.
    """
    logins = directory / "config.json"
    logins.write_text(json.dumps({"auths": {} if login is None else {host: _auth(*login)}}))
    logins.chmod(0o600)
    registries = directory / "registries.conf"
    insecure = "true" if ca is None else "false"
    registries.write_text(f'[[registry]]\nlocation = "{host}"\ninsecure = {insecure}\n')
    return {
        # Docker's programs, crane, oras, regctl; Podman, Skopeo, Buildah.
        "DOCKER_CONFIG": str(directory),
        "REGISTRY_AUTH_FILE": str(logins),
        "CONTAINERS_REGISTRIES_CONF": str(registries),
        **_trusting(directory, ca),
    }


def _auth(name: str, password: str) -> Mapping[str, str]:
    return {"auth": base64.b64encode(f"{name}:{password}".encode()).decode()}


def _trusting(directory: Path, ca: Path | None) -> Mapping[str, str]:
    """What has programs trust the registry, and all that they trust already."""
    if ca is None:
        return {}
    usual = ssl.get_default_verify_paths().cafile
    bundle = directory / "bundle.crt"
    known = Path(usual).read_bytes() if usual else b""
    bundle.write_bytes(known + b"\n" + ca.read_bytes())
    names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    return dict.fromkeys(names, str(bundle))
