"""Loading: from a file and the environment to settings, or to all that is wrong with them."""

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from lading.config.document import (
    ConfigurationError,
    Document,
    Findings,
    KeyPath,
    Problem,
    dotted,
    expand_choices,
    modernize,
)
from lading.config.environment import FILE_VARIABLE, overlay
from lading.config.schema import Node, Shape, build_tree
from lading.config.section import MisplacedError
from lading.config.settings import Settings
from lading.config.unsupported import Refused, UnsupportedKey
from lading.config.yaml_source import read_file

# Where the images of Distribution have it, version 3's and version 2's.
USUAL_PATHS = (Path("/etc/distribution/config.yml"), Path("/etc/docker/registry/config.yml"))

# What to write, for each way in which a value can be of the wrong kind.
_ADVICE = {
    "bool_parsing": "write `true` or `false`",
    "bool_type": "write `true` or `false`",
    "dict_type": "write a mapping of names to values",
    "greater_than_equal": "write a number of at least {ge}",
    "int_parsing": "write a whole number",
    "int_parsing_size": "write a smaller number",
    "int_type": "write a whole number",
    "less_than_equal": "write a number of at most {le}",
    "list_type": "write a list, as in `[a, b]`",
    "enum": "write {expected}",
    "literal_error": "write {expected}",
    "missing": "missing: write it",
    "model_type": "write keys below it: a mapping",
    "path_type": "write a path",
    "string_type": "write one value, as text",
    "too_short": "write at least one",
    "tuple_type": "write a list, as in `[a, b]`",
}


@dataclass(frozen=True)
class Loaded:
    """Settings that can be used, and what their operator should hear about them."""

    settings: Settings
    warnings: tuple[Problem, ...]


def load(path: Path | None, environ: Mapping[str, str]) -> Loaded:
    """Read the configuration.

    Args:
        path: the file; if `None`, see `find_file`.
        environ: the environment; its `REGISTRY_*` variables go over what the file says.

    Raises:
        ConfigurationError: with every problem that was found.
    """
    findings = Findings()
    path = find_file(path, environ)
    tree = build_tree(Settings)
    document = _read(path, findings)
    overlay(document, tree, environ, findings)
    modernize(document, findings)
    check_keys(document, tree, findings)
    settings = _validate(document, findings)
    if settings is None or findings.errors:
        raise ConfigurationError(dict.fromkeys(findings.errors))
    return Loaded(settings, tuple(findings.warnings))


def find_file(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The configuration file to read: one rule for all commands, so that all mean one registry.

    Args:
        path: the one that was named on the command line, which comes first.
        environ: in which REGISTRY_CONFIGURATION_PATH may name another one.

    Returns:
        One of those, or else of the usual ones; `None` if there is none, and defaults count.
    """
    if path is not None:
        return path
    if named := environ.get(FILE_VARIABLE):
        return Path(named)
    # Who may not look into a directory finds none there: Docker keeps /etc/docker to itself.
    return next((usual for usual in USUAL_PATHS if os.path.exists(usual)), None)  # noqa: PTH110


def _read(path: Path | None, findings: Findings) -> Document:
    """Read the file, if there is one; without a readable file there is nothing more to say."""
    if path is None:
        return Document("configuration", {}, {})
    document = read_file(path, findings)
    if document is None:
        raise ConfigurationError(findings.errors)
    if document.get(("version",)) is None:
        findings.error(document.where(("version",)), "version", "missing: write `version: 0.1`")
    expand_choices(document)
    return document


def _validate(document: Document, findings: Findings) -> Settings | None:
    try:
        return Settings.model_validate(document.value)
    except ValidationError as invalid:
        for error in invalid.errors(include_url=False, include_input=False):
            path = _path(error)
            findings.error(document.where(path), dotted(path), _advice(error))
    return None


def _path(error: ErrorDetails) -> KeyPath:
    """Give the key an error is about; a name that is itself wrong is marked `[key]` by pydantic."""
    path: KeyPath = tuple(part for part in error["loc"] if part != "[key]")
    cause = error.get("ctx", {}).get("error")
    return (*path, *cause.key.split(".")) if isinstance(cause, MisplacedError) else path


def _advice(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    if "error" in context:
        return str(context["error"])
    template = _ADVICE.get(error["type"])
    return template.format(**context) if template else error["msg"]


_DRIVERS = ("filesystem", "inmemory", "s3", "azure", "gcs", "swift", "oss")


def check_keys(document: Document, tree: Node, findings: Findings) -> None:
    """Note what is to be said of the keys, and leave in the document only those of the settings."""
    _set_extensions_aside(document)
    _check_drivers(document, findings)
    _check_section(document, tree, (), findings)


def _set_extensions_aside(document: Document) -> None:
    """Leave out what begins with `x-`: nobody's settings, as in Compose's files, for anchors."""
    for key in [key for key in document.value if key.startswith("x-")]:
        document.remove((key,))


def _check_drivers(document: Document, findings: Findings) -> None:
    storage = document.get(("storage",))
    drivers = [key for key in storage if key in _DRIVERS] if isinstance(storage, dict) else []
    for other in drivers[1:]:
        path = ("storage", other)
        first = document.where(("storage", drivers[0]))
        message = f"keep one storage driver: `{drivers[0]}` is chosen in {first}"
        findings.error(document.where(path), dotted(path), message)


def _check_section(document: Document, section: Node, path: KeyPath, findings: Findings) -> None:
    value = document.get(path)
    if not isinstance(value, dict):
        if value is not None:
            findings.error(document.where(path), dotted(path), "write keys below it: a mapping")
        document.remove(path)
        return
    for key in list(value):
        here = (*path, key)
        child = section.children.get(key)
        if child is None:
            _report_unknown(document, section, here, findings)
        elif child.rule is not None:
            _report_unsupported(document, child.rule, here, findings)
        else:
            _check_value(document, child, here, findings)
        if child is None or not child.supported:
            document.remove(here)


def _check_value(document: Document, node: Node, path: KeyPath, findings: Findings) -> None:
    """Go on below a section, or below each section of a list of them."""
    value = document.get(path)
    if node.shape is Shape.SECTION:
        _check_section(document, node, path, findings)
    elif node.shape is Shape.LIST and node.item is not None and isinstance(value, list):
        for index in range(len(value)):
            _check_value(document, node.item, (*path, index), findings)


def _report_unknown(document: Document, section: Node, path: KeyPath, findings: Findings) -> None:
    close = difflib.get_close_matches(str(path[-1]), section.children, n=1)
    known = ", ".join(f"`{name}`" for name in sorted(section.children))
    if close:
        message = f"unknown key: did you mean `{close[0]}`?"
    elif known:
        message = f"unknown key: write one of {known}, or remove it"
    else:
        message = "unknown key: remove it"
    findings.error(document.where(path), dotted(path), message)


def _report_unsupported(
    document: Document, rule: UnsupportedKey, path: KeyPath, findings: Findings
) -> None:
    if rule.refuses(document.get(path)):
        findings.error(document.latest(path), rule.key, rule.advice)
    elif rule.refused is Refused.NEVER:
        findings.warn(document.latest(path), rule.key, rule.advice)
    else:
        message = "ignored: it is empty or switched off, and not implemented"
        findings.warn(document.latest(path), rule.key, message)
