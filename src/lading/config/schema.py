"""The schema: a tree of all keys that may be written, of settings and known ones beside them.

The tree answers what neither list can alone: whether a key is known, what could have been meant
instead, and whether the next part of a variable's name is a key or an index.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import get_args, get_origin

from pydantic import BaseModel

from lading.config.unsupported import UNSUPPORTED, UnsupportedKey


class Shape(Enum):
    """The shape of a value: what can be below a key."""

    SECTION = "keys that are known by name"
    MAPPING = "keys of the operator's choice"
    LIST = "indexes"
    VALUE = "nothing"
    UNSUPPORTED = "anything, for none of it is used"


@dataclass(frozen=True)
class Node:
    """A key, and what can be below it.

    Attributes:
        shape: how to go on below.
        supported: whether the settings have this key; otherwise it only leads to unsupported ones.
        children: the known keys of a section.
        item: what each entry of a mapping or a list is.
        rule: what becomes of an unsupported key.
    """

    shape: Shape
    supported: bool = True
    children: dict[str, "Node"] = field(default_factory=dict)
    item: "Node | None" = None
    rule: UnsupportedKey | None = None

    def find(self, dotted_key: str) -> "Node | None":
        """The key of that name below this one; below an unsupported key, everything is that key.

        In a list there are numbers, and nothing else.
        """
        node = self
        for name in dotted_key.split("."):
            if node.shape is Shape.UNSUPPORTED:
                break
            below = node.children.get(name, node.item)
            if below is None or (node.shape is Shape.LIST and not name.isdecimal()):
                return None
            node = below
        return node


def build_tree(model: type[BaseModel], rules: Iterable[UnsupportedKey] = UNSUPPORTED) -> Node:
    """Join the keys of the settings with the known keys that are not among them."""
    root = _of_annotation(model)
    for rule in rules:
        *sections, name = rule.key.split(".")
        node = root
        for section in sections:
            node = node.children.setdefault(section, Node(Shape.SECTION, supported=False))
        node.children[name] = Node(Shape.UNSUPPORTED, supported=False, rule=rule)
    return root


def model_in(annotation: object) -> type[BaseModel] | None:
    """Give the section that an annotation stands for, be it optional or not."""
    if get_origin(annotation) in {dict, tuple}:
        return None
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _of_annotation(annotation: object) -> Node:
    if (model := model_in(annotation)) is not None:
        return Node(Shape.SECTION, children=dict(_fields(model)))
    if get_origin(annotation) is dict:
        return Node(Shape.MAPPING, item=_of_annotation(get_args(annotation)[1]))
    if get_origin(annotation) is tuple:
        return Node(Shape.LIST, item=_of_annotation(get_args(annotation)[0]))
    return Node(Shape.VALUE)


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, Node]]:
    for name, info in model.model_fields.items():
        yield name, _of_annotation(info.annotation)
