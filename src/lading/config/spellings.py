"""Spellings of keys and values that existing files use, and what each of them means."""

from lading.config.document import Document
from lading.config.problems import Findings

_CHOICES = {"storage": ("filesystem", "inmemory"), "auth": ("none", "htpasswd", "token", "tokens")}


def expand_choices(document: Document) -> None:
    """Read `storage: inmemory` as `storage: {inmemory: {}}`; likewise `auth: none`.

    A driver that is named without parameters is chosen all the same, so its value must not look
    like that of a key which was left empty.
    """
    for section, choices in _CHOICES.items():
        value = document.get((section,))
        if isinstance(value, str):
            document.value[section] = {value: {}}
        elif isinstance(value, dict):
            for choice in choices:
                if choice in value and value[choice] is None:
                    value[choice] = {}


def modernize(document: Document, findings: Findings) -> None:
    """Turn spellings that are deprecated, or foreign, into the present ones."""
    level = document.get(("loglevel",))
    if level is not None and document.get(("log", "level")) is None:
        document.assign(("log", "level"), level, document.where(("loglevel",)))
    formatter = document.get(("log", "formatter"))
    if isinstance(formatter, str) and formatter.lower() == "logstash":
        where = document.where(("log", "formatter"))
        findings.warn(where, "log.formatter", "`logstash` is not implemented: `json` is used")
        document.assign(("log", "formatter"), "json", where)
