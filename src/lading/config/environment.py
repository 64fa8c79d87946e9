"""`REGISTRY_*` variables, laid over the file by Distribution's rule.

What follows the prefix is split at underscores, and each part is a key or the index of a list:
`REGISTRY_HTTP_ADDR` is `http.addr`. The value is YAML. Variables apply in the order of their
names, so that `REGISTRY_STORAGE` comes before what is below it.
"""

import re
from collections.abc import Mapping

from lading.config.document import (
    CHOICES,
    Document,
    Findings,
    KeyPath,
    Value,
    dotted,
    expand_choices,
)
from lading.config.schema import Node, Shape
from lading.config.yaml_source import read_value

FILE_VARIABLE = "REGISTRY_CONFIGURATION_PATH"
_PREFIX = "REGISTRY_"


class _UnknownKeyError(LookupError):
    """A variable whose name leads nowhere."""


class _BadIndexError(LookupError):
    """A variable whose name leads into a list, but to no place in it."""


def overlay(document: Document, tree: Node, environ: Mapping[str, str], findings: Findings) -> None:
    """Lay the variables over a document."""
    for name in sorted(environ):
        if not name.startswith(_PREFIX) or name == FILE_VARIABLE:
            continue
        origin = None if _is_setting(tree, name) else origin_of(name, environ)
        if origin is not None:
            findings.warn(f"environment {name}", "", f"ignored: {origin}")
        else:
            _apply(document, tree, name, environ[name], findings)


def _is_setting(tree: Node, name: str) -> bool:
    """Tell whether a variable names a setting of one value; whoever set it meant that."""
    node = tree.find(name.removeprefix(_PREFIX).lower().replace("_", "."))
    return node is not None and node.supported and node.shape is Shape.VALUE


def _apply(document: Document, tree: Node, name: str, text: str, findings: Findings) -> None:
    where = f"environment {name}"
    parts = name.removeprefix(_PREFIX).lower().split("_")
    if parts == ["version"]:
        findings.warn(where, "version", "ignored: the version can be given in a file only")
        return
    try:
        path = _resolve(document, tree, parts)
    except _UnknownKeyError:
        if not _is_choice(tree, parts):
            findings.warn(where, "", "ignored: there is no such setting")
            return
        path = (parts[0], parts[1])  # an unknown key, which will be an error as it is in a file
    except _BadIndexError as error:
        findings.error(where, ".".join(parts), str(error))
        return
    value = read_value(text, where, dotted(path), findings)
    if value is None and (advice := _loss(document, path)):
        findings.warn(where, dotted(path), advice)
        return
    document.assign(path, value, where)
    expand_choices(document)
    node = tree.find(dotted(path))
    # One that names a driver has chosen it; that of a key without effect is said anyway.
    if node is not None and node.supported and document.get(path) is None:
        findings.warn(where, dotted(path), "sets nothing: it is empty, and the default counts")


def _loss(document: Document, path: KeyPath) -> str:
    """What to do about an empty variable over what the file says; empty if that says nothing.

    Distribution goes on without that. But nobody who has a variable that was not filled means to
    switch off logins or HTTPS, to take pushes again, or to have another storage. A template that
    was not filled leaves `null`, and behind `=` in a file of variables there may be a comment.
    """
    value = document.get(path)
    if not value:
        return ""
    ignored = f"ignored: it is empty, and {document.where(path)} has"
    if isinstance(value, str):
        return f"{ignored} a value; write the one that is meant"
    return (
        f"{ignored} more; write `{'[]' if isinstance(value, list) else '{}'}` to have none of that"
    )


def _resolve(document: Document, tree: Node, parts: list[str]) -> KeyPath:
    """Follow the parts of a name down the tree, and the document as far as it goes."""
    node = tree
    path: KeyPath = ()
    for part in parts:
        value = document.get(path)
        below = node.children.get(part) if node.shape is Shape.SECTION else node.item
        if node.shape is Shape.UNSUPPORTED:
            below = node
        if below is None:
            raise _UnknownKeyError
        is_list = node.shape is Shape.LIST or isinstance(value, list)
        path = (*path, _index(part, value) if is_list else _written_key(part, value))
        node = below
    return path


def _is_choice(tree: Node, parts: list[str]) -> bool:
    """Tell whether an unknown name stands where a driver, or a kind of authentication, would.

    Distribution takes it for one more of them and does not start. To go on with another storage, or
    without the authentication somebody asked for, would be worse.
    """
    section, choice = parts[0], parts[1] if len(parts) > 1 else ""
    return section in CHOICES and bool(choice) and choice not in tree.children[section].children


def _index(part: str, value: Value) -> int:
    length = len(value) if isinstance(value, list) else 0
    if not (part.isascii() and part.isdigit() and len(part) < 10):
        raise _BadIndexError(f"write a number for `{part}`: this setting is a list")
    if int(part) > length:
        raise _BadIndexError(f"undefined index {part}: the next free one is {length}")
    return int(part)


def _written_key(part: str, value: Value) -> str:
    """The key as the document has it already, say `X-Frame-Options`, else in lower case."""
    if isinstance(value, dict):
        for key in value:
            if key.lower() == part:
                return key
    return part


_KUBERNETES = (
    "it looks like one that Kubernetes sets for a Service called {service};"
    " `enableServiceLinks: false` in the Pod keeps it away"
)
_DOCKER = "it looks like one that Docker sets for a link to a container called {service}"
_PODMAN = "podman, buildah and skopeo find their logins by it"

# "{SVCNAME}_SERVICE_HOST and {SVCNAME}_SERVICE_PORT", and those of "Docker's legacy container
# links" (Kubernetes, Concepts: Service, "Environment variables"). A port's name may follow.
_SERVICE = re.compile(r"(?P<service>.+?)_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)", re.ASCII)
_PORT = re.compile(
    r"(?P<service>.+?)_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR|START|END))*)?", re.ASCII
)
_NAME = re.compile(r"(?P<service>.+)_NAME", re.ASCII)
_ENV = re.compile(r"(?P<service>.+?)_ENV_.+", re.ASCII)

_URL = re.compile(r"(tcp|udp|sctp)://\S+", re.ASCII)
_PART = re.compile(r"(tcp|udp|sctp)(://\S+)?|\d{1,5}|[0-9a-fA-F.:]+", re.ASCII)
_HOST = re.compile(r"[0-9a-zA-Z.:-]+", re.ASCII)
_LINK = re.compile(r"/[^/]+/[^/]+", re.ASCII)


def origin_of(name: str, environ: Mapping[str, str]) -> str | None:
    """The likely origin of a variable that is named as ours are, in words, if it is none of ours.

    Kubernetes and Docker tell each container of the services beside it, by variables that begin
    with the service's name: of one that is called `registry-auth` as a setting below `auth` would.
    Nobody who gets them asked for them, so they are no reason not to start.

    Both its name and its value have to be of the kind, as a misspelt setting may be named like one.

    Args:
        name: of the variable, in full.
        environ: that it is one of.
    """
    if name == "REGISTRY_AUTH_FILE":
        return _PODMAN
    value = environ[name]
    # Whoever wants to be rid of one in a Pod gives it another value: none.
    if (match := _SERVICE.fullmatch(name)) and (not value or _HOST.fullmatch(value)):
        return _KUBERNETES.format(service=_service(match))
    of_port = _PART if (match := _PORT.fullmatch(name)) and match[4] else _URL
    if match and (not value or of_port.fullmatch(value)):
        return _KUBERNETES.format(service=_service(match))
    if (match := _NAME.fullmatch(name)) and _LINK.fullmatch(value):
        return _DOCKER.format(service=_service(match))
    if (match := _ENV.fullmatch(name)) and _is_linked(match["service"], environ):
        return _DOCKER.format(service=_service(match))
    return None


def _is_linked(prefix: str, environ: Mapping[str, str]) -> bool:
    """Whether there is a link of that name: it has a name or a port, too."""
    name, port = environ.get(f"{prefix}_NAME", ""), environ.get(f"{prefix}_PORT", "")
    return bool(_LINK.fullmatch(name) or _URL.fullmatch(port))


def _service(match: re.Match[str]) -> str:
    return "`" + match["service"].lower().replace("_", "-") + "`"
