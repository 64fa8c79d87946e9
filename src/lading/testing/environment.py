"""Environment of a program that is to use a registry for tests: logins, and whom it trusts."""

import base64
import json
import ssl
from collections.abc import Mapping
from pathlib import Path


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
