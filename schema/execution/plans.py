"""Answers a known query from its plan, without graphql-core and without strawberry.

Importing those two is most of a cold start, and walking their general machinery most of a small query. A plan is plain
data (`schema.planning` makes it), so processes share plans through the ledger. What a plan does not know raises
`Unplanned` before anything is asked of anybody, and the query takes the stock path; a differential test holds both to
the same answers.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from inspect import isawaitable
from typing import Any, Self

import orjson

from schema import resolvers
from schema.errors import KNOWN
from schema.execution.arguments import Unplanned, coerced
from schema.limits.profile import Profile
from schema.resolvers.access import CREDITS_READ, REPORTS_READ
from schema.resolvers.context import Context
from schema.resolvers.log_rows import LogRows

Path = tuple[str | int, ...]
Place = list[int]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an object: its response key, the attribute behind it, and how that is written.

    `kind` is `const`, `object` or a leaf's name in `LEAVES`. `signature` names its arguments in `ARGUMENTS`, if it has
    any. `at` are the lines and columns that ask for it.
    """

    key: str
    attribute: str
    kind: str
    const: str | None = None
    nullable: bool = False
    of_list: bool = False
    fields: "tuple[Field, ...]" = ()
    signature: str = ""
    arguments: dict[str, list[Any]] = field(default_factory=dict)
    at: tuple[Place, ...] = ()

    @classmethod
    def of(cls, value: dict[str, Any]) -> Self:
        """A field from JSON.

        Raises:
            ValueError: its attribute is no name; a writer is made of it, and a kept plan is only a file.
        """
        if value["kind"] != "const" and not value["attribute"].isidentifier():
            raise ValueError("an attribute is no name")
        return cls(**{**value, "fields": tuple(map(cls.of, value["fields"]))})

    @property
    def plain(self) -> bool:
        """Whether its value is an attribute that is written as it is."""
        return self.kind != "object" and not self.of_list and not self.signature


class Plan:
    """An operation: its variables with their defaults (`None`, or a list of one), its root fields and its profile.

    `never_null` are the variables that are declared so: without a value the request is refused, not the variable left
    out.
    """

    def __init__(
        self,
        variables: dict[str, list[Any] | None],
        never_null: Sequence[str],
        fields: Sequence[Field],
        profile: Profile,
    ) -> None:
        self.variables = variables
        self.never_null = tuple(never_null)
        self.fields = tuple(fields)
        self.profile = profile
        self._writers: dict[int, Callable[[Any], Any]] = {}

    def to_bytes(self) -> bytes:
        """The plan as JSON."""
        fields = [asdict(item) for item in self.fields]
        return orjson.dumps(
            {"variables": self.variables, "neverNull": self.never_null, "fields": fields, "profile": self.profile}
        )

    @classmethod
    def from_bytes(cls, body: bytes) -> Self:
        """A plan from JSON."""
        value = orjson.loads(body)
        fields = [Field.of(item) for item in value["fields"]]
        return cls(value["variables"], value["neverNull"], fields, Profile.of(value["profile"]))

    def given(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The declared variables that have a value.

        Raises:
            Unplanned: one that may not be null has none.
        """
        defaults = {name: default[0] for name, default in self.variables.items() if default is not None}
        values = defaults | {name: variables[name] for name in self.variables if name in variables}
        if any(values.get(name) is None for name in self.never_null):
            raise Unplanned("a variable that may not be null")
        return values

    def writer(self, item: Field) -> Callable[[Any], Any] | None:
        """A function that writes a list of this field's objects at once, if all their fields are plain."""
        if id(item) not in self._writers:
            if not all(inner.plain for inner in item.fields):
                return None
            self._writers[id(item)] = _writer(item.fields)
        return self._writers[id(item)]


@dataclass(frozen=True, slots=True)
class Failure:
    """A field that could not be answered: why, where in the answer, and where in the document."""

    cause: Exception
    path: Path
    at: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """What a planned query came to; `data` is for orjson with `OPT_UTC_Z`."""

    data: dict[str, Any]
    failures: list[Failure]


class _FieldFailed(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__()
        self.failure = failure


async def run(plan: Plan, variables: Mapping[str, Any], context: Context) -> Answered:
    """Answer a planned query; its root fields run at the same time.

    Raises:
        Unplanned: a value is not of the plain form that plans know.
    """
    execution = _Execution(plan, context)
    execution.prepare(plan.fields, plan.given(variables))
    values = await _together([execution.root(item) for item in plan.fields])
    return Answered(dict(zip([item.key for item in plan.fields], values, strict=True)), execution.failures)


async def _together(work: Sequence[Awaitable[Any]]) -> list[Any]:
    """The results of things that are worked out at the same time; when one fails the others are given up."""
    if len(work) < 2:  # noqa: PLR2004 - alone, it needs no task of its own
        return [await each for each in work]
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


class _Execution:
    """One run of a plan; every argument is coerced before the first resolver is called."""

    def __init__(self, plan: Plan, context: Context) -> None:
        self._plan = plan
        self._context = context
        self._arguments: dict[int, dict[str, Any]] = {}
        self.failures: list[Failure] = []

    def prepare(self, fields: Sequence[Field], variables: Mapping[str, Any]) -> None:
        for item in fields:
            if item.signature:
                self._arguments[id(item)] = coerced(item.signature, item.arguments, variables)
            self.prepare(item.fields, variables)

    async def root(self, item: Field) -> Any:
        if item.kind == "const":
            return item.const
        scope, resolve = RESOLVERS[item.signature]
        try:
            self._context.identity.demand(scope)
            source = await resolve(self._context, self._arguments[id(item)])
            return await self._complete(item, source, (item.key,))
        except KNOWN as error:
            self.failures.append(Failure(error, (item.key,), item.at))
        except _FieldFailed as failed:
            self.failures.append(failed.failure)
        return None

    async def _object(self, fields: Sequence[Field], source: Any, path: Path) -> dict[str, Any]:
        """An object's fields; those that have to be worked out are worked out at the same time."""
        written: dict[str, Any] = {}
        later: list[tuple[Field, Awaitable[Any]]] = []
        for item in fields:
            if item.kind == "const":
                written[item.key] = item.const
                continue
            value = getattr(source, item.attribute)
            if callable(value):
                value = value(**self._arguments.get(id(item), {}))
            if item.plain and not isawaitable(value):
                written[item.key] = _leaf(item, value)
            else:
                written[item.key] = None
                later.append((item, self._field(item, value, (*path, item.key))))
        values = await _together([value for _, value in later])
        written.update(zip([item.key for item, _ in later], values, strict=True))
        return written

    async def _field(self, item: Field, value: Any, path: Path) -> Any:
        try:
            return await self._complete(item, await value if isawaitable(value) else value, path)
        except KNOWN as error:
            failure = Failure(error, path, item.at)
        except _FieldFailed as failed:
            failure = failed.failure
        if not item.nullable:
            raise _FieldFailed(failure)
        self.failures.append(failure)
        return None

    async def _complete(self, item: Field, value: Any, path: Path) -> Any:
        if item.kind != "object" and not item.of_list:
            return _leaf(item, value)
        if _is_null(item, value):
            return None
        if not item.of_list:
            return await self._object(item.fields, value, path)
        if item.kind != "object":
            return [LEAVES[item.kind](one) for one in value]
        if (write := self._plan.writer(item)) is not None:
            return write(value)
        return [await self._object(item.fields, one, (*path, index)) for index, one in enumerate(value)]


def _is_null(item: Field, value: Any) -> bool:
    if value is None and not item.nullable:
        raise Unplanned(f"{item.attribute} is null")
    return value is None


def _leaf(item: Field, value: Any) -> Any:
    return None if _is_null(item, value) else LEAVES[item.kind](value)


def _as_it_is(value: Any) -> Any:
    return value


def _decimal(value: Any) -> str:
    return value if isinstance(value, str) else format(value, "f")


LEAVES: dict[str, Callable[[Any], Any]] = {
    "String": _as_it_is,
    "Int": _as_it_is,
    "Boolean": _as_it_is,
    "Enum": lambda value: value.name,
    "ID": str,
    "Date": _as_it_is,
    "DateTime": _as_it_is,
    "Decimal": _decimal,
}
"""How a leaf is written; days and instants are orjson's to write."""

_WRITTEN = {"Enum": "{0}.name", "ID": "text({0})", "Decimal": "decimal({0})"}


def _writer(fields: Sequence[Field]) -> Callable[[Any], Any]:
    """A function made for one selection: objects in, dictionaries out, no loop over fields."""
    parts = [f"{item.key!r}: {_expression(item)}" for item in fields]
    names = {"text": str, "decimal": _decimal}
    write = eval(f"lambda objects: [{{{', '.join(parts)}}} for o in objects]", names)  # noqa: S307 - of names, which `Field.of` has checked
    columns = [(item.key, item.attribute if item.kind != "const" else None) for item in fields]
    return lambda value: value.json(columns) if isinstance(value, LogRows) else write(value)


def _expression(item: Field) -> str:
    if item.kind == "const":
        return repr(item.const)
    value = f"o.{item.attribute}"
    written = _WRITTEN.get(item.kind, "{0}").format(value)
    return f"None if {value} is None else {written}" if item.nullable and item.kind in _WRITTEN else written


def _reports(context: Context, given: Mapping[str, Any]) -> Awaitable[Any]:
    page = given.get("first"), given.get("after")
    return resolvers.reports(context, given["from"], given["to"], given.get("format"), page)


def _credit_log(context: Context, given: Mapping[str, Any]) -> Awaitable[Any]:
    page = given.get("first", 100), given.get("after")
    return resolvers.credit_log(context, given["from"], given["to"], given.get("brand"), given.get("where"), page)


def _credit_outcome(context: Context, given: Mapping[str, Any]) -> Awaitable[Any]:
    return resolvers.credit_outcome(context, given["from"], given["to"], given.get("brand"))


RESOLVERS: dict[str, tuple[str, Callable[[Context, Mapping[str, Any]], Awaitable[Any]]]] = {
    "reports": (REPORTS_READ, _reports),
    "creditLog": (CREDITS_READ, _credit_log),
    "creditOutcome": (CREDITS_READ, _credit_outcome),
}
