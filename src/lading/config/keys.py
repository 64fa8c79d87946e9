"""The keys of a document: which of them are unknown, refused, or worth a warning."""

import difflib

from lading.config.document import Document, KeyPath, dotted
from lading.config.problems import Findings
from lading.config.schema import Node, Shape
from lading.config.unsupported import Refused, UnsupportedKey

_DRIVERS = ("filesystem", "inmemory", "s3", "azure", "gcs", "swift", "oss")


def check_keys(document: Document, tree: Node, findings: Findings) -> None:
    """Note what is to be said of the keys, and leave in the document only those of the settings."""
    _check_drivers(document, findings)
    _check_section(document, tree, (), findings)


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
