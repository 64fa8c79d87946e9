"""YAML, read with the line of every key.

The YAML library would build plain values and forget where they stood, and would take the last of
two equal keys without a word. So its nodes are read instead. Tags that make objects are refused.
"""

import re
from pathlib import Path

import yaml

from lading.config.document import Document, Findings, KeyPath, Value, dotted

# Aliases let a few lines stand for billions of values; no honest configuration is this large.
_MOST_NODES = 20_000
# `[::]:5000`, which is no YAML, and which nobody puts into quotes in a variable.
_IPV6_PLACE = re.compile(r"\[[0-9A-Fa-f:.]*(?:%[A-Za-z0-9_.-]+)?\]:\d+", re.ASCII)
_YAML_TAG = "tag:yaml.org,2002:"
_PLAIN = frozenset(
    _YAML_TAG + kind
    for kind in ("bool", "float", "int", "map", "merge", "null", "seq", "str", "timestamp", "value")
)


def read_file(path: Path, findings: Findings) -> Document | None:
    """Read a configuration file; `None` if it is not one, and the findings say why."""
    name = str(path)
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        findings.error(name, "", f"cannot be read: {reason}")
        return None
    reader = _Reader(name, findings, with_lines=True)
    if not reader.read(content):
        return None
    if reader.value is None:
        findings.error(name, "", "is empty: write at least `version: 0.1`")
    elif not isinstance(reader.value, dict):
        findings.error(name, "", "is not a mapping: write `key: value` lines, as in `version: 0.1`")
    else:
        return Document(name, reader.value, reader.places)
    return None


def read_value(text: str, where: str, key: str, findings: Findings) -> Value:
    """Read the YAML value of an environment variable; `None` if it is not YAML."""
    if _IPV6_PLACE.fullmatch(text):
        return text
    reader = _Reader(where, findings, key=key)
    return reader.value if reader.read(text) else None


class _TooManyNodesError(ValueError):
    """YAML that would cost more to read than a configuration may."""


class _Reader:
    """A reader of one YAML text, which remembers where the keys are."""

    def __init__(
        self, name: str, findings: Findings, *, key: str = "", with_lines: bool = False
    ) -> None:
        self.value: Value = None
        self.places: dict[KeyPath, str] = {}
        self._name = name
        self._findings = findings
        self._key = key
        self._with_lines = with_lines
        self._nodes = 0

    def read(self, content: str | bytes) -> bool:
        """Read the whole text; false if it could not be read, which has been noted then."""
        try:
            node = yaml.compose(content, Loader=yaml.SafeLoader)
            self.value = None if node is None else self._value(node, ())
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self._note(mark, (), f"is not YAML: {error.problem or error.context}")
        except RecursionError:
            self._note(None, (), "is nested too deeply")
        except _TooManyNodesError:
            self._note(None, (), "holds too many values")
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            self._note(None, (), f"is not YAML: {' '.join(str(error).split())}")
        else:
            return True
        return False

    def _value(self, node: yaml.Node, path: KeyPath) -> Value:
        self._nodes += 1
        if self._nodes > _MOST_NODES:
            raise _TooManyNodesError
        if node.tag not in _PLAIN:
            self._note(node.start_mark, path, f"remove `{node.tag}`: tags are not supported")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*path, index)) for index, item in enumerate(node.value)]
        return None if node.tag == _YAML_TAG + "null" else str(node.value)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Value]:
        merged: dict[str, Value] = {}
        for key_node, value_node in node.value:
            if _is_merge(key_node):
                merged = self._merged(value_node, path) | merged
        written: dict[str, Value] = {}
        for key_node, value_node in node.value:
            if not _is_merge(key_node):
                self._pair(key_node, value_node, path, written)
        return merged | written

    def _pair(
        self, key_node: yaml.Node, value_node: yaml.Node, path: KeyPath, into: dict[str, Value]
    ) -> None:
        if not isinstance(key_node, yaml.ScalarNode):
            self._note(key_node.start_mark, path, "write a plain word as the key")
            return
        here = (*path, str(key_node.value))
        if key_node.value in into:
            first = self.places[here]
            self._note(key_node.start_mark, here, f"keep one: it is given in {first} already")
            return
        # The place of a section goes after those inside it: see `Document.latest`.
        into[str(key_node.value)] = self._value(value_node, here)
        self.places[here] = self._place(key_node.start_mark)

    def _merged(self, node: yaml.Node, path: KeyPath) -> dict[str, Value]:
        """Read what `<<` takes over from an anchor, or from a list of them (the first wins)."""
        result: dict[str, Value] = {}
        for part in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            value = self._value(part, path)
            if isinstance(value, dict):
                result = value | result
            else:
                self._note(part.start_mark, path, "`<<` takes over mappings only")
        return result

    def _place(self, mark: yaml.Mark | None) -> str:
        return f"{self._name}:{mark.line + 1}" if mark and self._with_lines else self._name

    def _note(self, mark: yaml.Mark | None, path: KeyPath, message: str) -> None:
        key = ".".join(part for part in (self._key, dotted(path)) if part)
        self._findings.error(self._place(mark), key, message)


def _is_merge(node: yaml.Node) -> bool:
    return bool(node.tag == _YAML_TAG + "merge")
