"""One set of methods for all syntax nodes: what `dataclass(frozen=True, kw_only=True, repr=False)` makes for each.

`deploy.slimming` copies this module into the artifact, beside graphql-core's nodes.
"""

import dataclasses
from dataclasses import MISSING, Field, FrozenInstanceError, field
from typing import Any


def with_node_methods[T: type](cls: T) -> T:
    """The class as a frozen dataclass, but for `__match_args__` and `__replace__`, which nothing uses."""
    made: Any = cls
    fields: dict[str, Field[Any]] = {}
    for base in reversed(cls.__mro__[1:]):
        fields |= getattr(base, "__dataclass_fields__", {})
    for name, annotation in cls.__dict__.get("__annotations__", {}).items():  # noqa: RUF063 - its own, and they are text
        if not annotation.startswith("ClassVar"):
            fields[name] = _field(name, annotation, cls.__dict__.get(name, MISSING))
    made.__dataclass_fields__ = fields
    made.given = {name: each.default for name, each in fields.items() if each.default is not MISSING}
    for method in ("__init__", "__eq__", "__hash__", "__setattr__", "__delattr__"):
        setattr(cls, method, NodeMethods.__dict__[method])
    return cls


def _field(name: str, annotation: str, default: object) -> "Field[Any]":
    made: Any = field(default=default, kw_only=True)
    made.name, made.type = name, annotation
    made._field_type = dataclasses._FIELD  # type: ignore[attr-defined]  # noqa: SLF001 - what `dataclasses.fields` asks for
    return made  # type: ignore[no-any-return]


class NodeMethods:
    """The methods; a node's attributes are its fields."""

    __dataclass_fields__: dict[str, Field[Any]]
    given: dict[str, object]
    """The defaults."""

    def __init__(self, **values: object) -> None:
        attributes = self.__dict__
        attributes.update(self.given)
        attributes.update(values)
        if attributes.keys() != self.__dataclass_fields__.keys():
            raise TypeError(f"{type(self).__name__} takes {', '.join(self.__dataclass_fields__)}, not {list(values)}")

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return self is other or all(getattr(self, name) == getattr(other, name) for name in self.__dataclass_fields__)

    def __hash__(self) -> int:
        return hash(tuple([getattr(self, name) for name in self.__dataclass_fields__]))

    def __setattr__(self, name: str, _value: object) -> None:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete field {name!r}")
