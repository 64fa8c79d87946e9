"""`lading cert`: certificates for a network of one's own, and where each file goes."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import click

from lading.cli.examples import Example, with_examples
from lading.cli.late import late
from lading.cli.output import JSON, say, to_json

with late():
    from lading.server.process import authority as authorities
    from lading.server.process.authority import Authority, Issued

# RFC 1123, section 2.1; the first label may be a wildcard (RFC 9525, section 6.3).
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*", re.ASCII | re.IGNORECASE)
_CLIENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_TAKEN = frozenset({"ca", "server"})

_FOR_SERVER = """\
{authority}
Certificate  {certificate}, valid until {until}
Key          {key}; give it to the user that the registry runs as

In the registry's configuration:

    http:
      tls:
        certificate: {certificate}
        key: {key}

On every machine that pushes or pulls, put a copy of {ca} where its clients look:

    Docker           /etc/docker/certs.d/{registry}/ca.crt
    Podman, Skopeo   /etc/containers/certs.d/{registry}/ca.crt
    containerd       /etc/containerd/certs.d/{registry}/ca.crt
                     and beside it hosts.toml:
                         server = "https://{registry}"
                         [host."https://{registry}"]
                           ca = "/etc/containerd/certs.d/{registry}/ca.crt"
                     (config_path in /etc/containerd/config.toml is "/etc/containerd/certs.d")
    everything else  /usr/local/share/ca-certificates/lading.crt, then `update-ca-certificates`
                     (Fedora: /etc/pki/ca-trust/source/anchors, then `update-ca-trust`)

None of them has to be restarted. To renew the certificate, run this again: the registry takes it up
by itself, and no client needs anything.

Keep {ca_key} safe: whoever has it can pose as any server to these machines.
"""
_FOR_CLIENT = """\
{authority}
Certificate  {certificate}, valid until {until}
Key          {key}

In the registry's configuration, let in only those who have such a certificate:

    http:
      tls:
        clientcas: [{ca}]

On the client's machine, beside the ca.crt that is there, put copies of both:

    Docker           /etc/docker/certs.d/{registry}/client.cert and client.key
    Podman, Skopeo   /etc/containers/certs.d/{registry}/client.cert and client.key
    containerd       /etc/containerd/certs.d/{registry}/client.cert and client.key
                     and in hosts.toml, below ca:
                         client = [["/etc/containerd/certs.d/{registry}/client.cert",
                                    "/etc/containerd/certs.d/{registry}/client.key"]]
"""


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that all commands have."""
    for option in (
        JSON,
        click.option(
            "--port",
            type=click.IntRange(1, 65535),
            default=5000,
            show_default=True,
            help="The port that clients use, for the explanation.",
        ),
        click.option(
            "--days",
            type=click.IntRange(1, 3650),
            default=825,
            show_default=True,
            help="How long the certificate is valid.",
        ),
        click.option(
            "--directory",
            type=click.Path(path_type=Path, file_okay=False),
            default=Path("certs"),
            show_default=True,
            help="Where the authority is, or is made, and where its certificates go.",
        ),
    ):
        command = option(command)
    return command


@click.group()
def cert() -> None:
    """Make certificates for a network of your own."""


@with_examples(
    Example(
        "lading cert make registry.lan 192.168.1.10 --directory /etc/lading/certs",
        "By which clients reach it: a name, and an address.",
    ),
)
@cert.command()
@click.argument("hosts", metavar="HOST...", nargs=-1, required=True)
@_options
def make(hosts: tuple[str, ...], directory: Path, days: int, port: int, *, as_json: bool) -> None:
    """Make a certificate for the registry.

    It also says where each file goes. HOSTs are the names and addresses by which clients reach it.
    The certificate is issued by an authority of your own, which is made the first time, and which
    clients have to trust.
    """
    for host in hosts:
        _check_host(host)
    authority = _open(directory)
    issued = authority.issue_to_server(hosts, now=datetime.now(UTC), validity=timedelta(days=days))
    _report(_FOR_SERVER, authority, issued, _registry(hosts[0], port), as_json=as_json)


@with_examples(
    Example(
        "lading cert client alice --host registry.lan:5000 --directory /etc/lading/certs",
        "Issued by the same authority.",
    ),
)
@cert.command()
@click.argument("name")
@click.option("--host", default="HOST", help="The registry's, for the explanation.")
@_options
def client(name: str, host: str, directory: Path, days: int, port: int, *, as_json: bool) -> None:
    """Make a certificate for a client.

    The client NAME is let in by it (mutual TLS).
    """
    if _CLIENT.fullmatch(name) is None or name in _TAKEN:
        raise click.BadParameter("write up to 64 letters, digits, `.`, `_` and `-`: alice")
    authority = _open(directory)
    issued = authority.issue_to_client(name, now=datetime.now(UTC), validity=timedelta(days=days))
    _report(_FOR_CLIENT, authority, issued, _registry(host, port), as_json=as_json)


def _open(directory: Path) -> "Authority":
    try:
        return authorities.Authority.open(directory.absolute(), datetime.now(UTC))
    except (authorities.UnusableAuthority, OSError) as error:
        raise click.ClickException(str(error)) from error


def _report(
    text: str, authority: "Authority", issued: "Issued", registry: str, *, as_json: bool
) -> None:
    files = {
        "ca": str(authority.files.certificate),
        "ca_key": str(authority.files.key),
        "certificate": str(issued.files.certificate),
        "key": str(issued.files.key),
        "until": f"{issued.until:%Y-%m-%d}",
    }
    if as_json:
        say(to_json(files | {"until": issued.until.timestamp()}))
    else:
        made = "made now" if authority.is_new else "as before"
        line = f"Authority    {files['ca']}, {made}, valid until {authority.until:%Y-%m-%d}"
        say(text.format(**files, authority=line, registry=registry), nl=False)


def _check_host(host: str) -> None:
    if not (_is_address(host) or (len(host) < 254 and _HOST.fullmatch(host))):
        raise click.BadParameter(
            f"{host!r} is neither a name nor an address; write registry.lan or 192.168.1.10"
        )


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _registry(host: str, port: int) -> str:
    """The registry as it stands in the name of an image; a host may have been said with a port."""
    if ":" in host and not _is_address(host):
        return host
    host = f"[{host}]" if ":" in host else host
    return host if port == 443 else f"{host}:{port}"
