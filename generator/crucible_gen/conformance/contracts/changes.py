"""Compare two contracts of one package: what changed between the releases, and whether it can break what runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, TypeVar

from crucible_gen.conformance.contracts.contract import Contract
from crucible_gen.conformance.contracts.elixir_types import TypeScope
from crucible_gen.conformance.contracts.elixir_values import parse_value
from crucible_gen.conformance.contracts.facts import (
    Field,
    Interface,
    OptionRead,
    PythonObject,
    Stage,
    Struct,
    one_line,
    pairs,
)
from crucible_gen.conformance.contracts.similarity import most_similar

Kind: TypeAlias = Literal["structs", "stages", "ports", "behaviours", "classes", "entry_points"]
Impact: TypeAlias = Literal["written", "left out", "all", "none"]
_Statement: TypeAlias = str | tuple[str, ...] | Mapping[str, str] | None
_Fact = TypeVar("_Fact")
_Compare: TypeAlias = Callable[["_Owner", _Fact, _Fact], Iterator["Change"]]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: what it is about, whose it is, which field (or none), and the difference in words.

    `breaks` says that it can break what runs; `touches` which recipes it concerns: those that write the field, that
    leave it out, all that use the owner, or none.
    """

    kind: Kind
    owner: str
    field: str
    text: str
    breaks: bool = False
    touches: Impact = "none"


@dataclass(frozen=True, slots=True)
class _Owner:
    """What the changes are about: a struct, stage, port, behaviour, class or entry point."""

    kind: Kind
    name: str

    def change(self, field: str, text: str, *, breaks: bool = False, touches: Impact = "none") -> Change:
        """A change of a field, or of the whole."""
        return Change(self.kind, self.name, field, text, breaks, touches)


def changes(old: Contract, new: Contract) -> list[Change]:
    """Every difference, in order: structs, stages, ports, behaviours, classes, entry points; each by name."""
    return [
        *_compared("structs", old.structs, new.structs, _struct),
        *_compared("stages", old.stages, new.stages, _stage),
        *_compared("ports", old.ports, new.ports, _interface),
        *_compared("behaviours", old.behaviours, new.behaviours, _interface),
        *_compared("classes", old.classes, new.classes, _python_object),
        *_compared("entry_points", old.entry_points, new.entry_points, _python_object),
    ]


def _compared(
    kind: Kind, old: Mapping[str, _Fact], new: Mapping[str, _Fact], compare: _Compare[_Fact]
) -> Iterator[Change]:
    """The changes of all of one kind."""
    for name, before, after in pairs(old, new):
        owner = _Owner(kind, name)
        if before is None:
            yield owner.change("", "is new")
        elif after is None:
            yield owner.change("", "is gone", breaks=True, touches="all")
        elif before != after:
            yield from compare(owner, before, after)


# Structs and fields ---------------------------------------------------------------------------------------------------


def _struct(owner: _Owner, old: Struct, new: Struct) -> Iterator[Change]:
    yield from _fields(owner, old.by_name, new.by_name)
    for name in new.enforce_keys:
        if name not in old.enforce_keys:
            yield owner.change(name, "is enforced now", breaks=True, touches="left out")
    for name in old.enforce_keys:
        if name not in new.enforce_keys and name in new.by_name:
            yield owner.change(name, "is not enforced any more")
    if [name for name in old.by_name if name in new.by_name] != [name for name in new.by_name if name in old.by_name]:
        yield owner.change("", f"has its fields in another order: {', '.join(new.by_name)}")
    for name, before, after in pairs(old.types, new.types):
        if one_line(before) != one_line(after):
            text = f"is {one_line(after)}, and was {one_line(before)}" if before and after else _presence(before)
            yield owner.change("", f"type {name} {text}")


def _fields(owner: _Owner, old: Mapping[str, Field], new: Mapping[str, Field]) -> Iterator[Change]:
    renamed = _renamed(old, new)
    previous = {name: was for was, name in renamed.items()}
    for name, after in new.items():
        before = old.get(previous.get(name, name))
        if name in previous:
            yield owner.change(previous[name], f"is {name} now", breaks=True, touches="written")
        if before is None:
            type_ = f" and the type {one_line(after.type)}" if after.type is not None else ""
            yield owner.change(name, f"is new, with {_default(after)}{type_}", breaks=after.required)
        else:
            yield from _field(owner, before, after)
    for name in old:
        if name not in new and name not in renamed:
            yield owner.change(name, "is gone", breaks=True, touches="written")


def _field(owner: _Owner, old: Field, new: Field) -> Iterator[Change]:
    """How a field that both releases have differs."""
    if not _same_default(old, new):
        yield owner.change(new.name, f"has {_default(new)}, and had {_default(old)}", touches="left out")
    if one_line(old.type) != one_line(new.type):
        text = f"is {one_line(new.type)}, and was {one_line(old.type)}"
        yield owner.change(new.name, text, breaks=_narrows(old, new), touches="written")


def _renamed(old: Mapping[str, Field], new: Mapping[str, Field]) -> dict[str, str]:
    """Fields that are gone, with those that replace them: the same type and default, alike in name or position."""
    renamed: dict[str, str] = {}
    added = [name for name in new if name not in old]
    for name in (name for name in old if name not in new):
        same = [other for other in added if replace(new[other], name=name) == old[name]]
        best = most_similar(name, same, list(old), list(new))
        if best is not None:
            renamed[name] = best
            added.remove(best)
    return renamed


def _narrows(old: Field, new: Field) -> bool:
    """Whether a value of the old type may not fit the new one."""
    scope = TypeScope({}, "")
    before, after = scope.allowed(old.type or "term()"), scope.allowed(new.type or "term()")
    return "any" not in after.kinds and not before.kinds <= after.kinds


def _same_default(old: Field, new: Field) -> bool:
    if old.default is None or new.default is None:
        return _default(old) == _default(new)
    return parse_value(old.default) == parse_value(new.default)


def _default(field: Field) -> str:
    if field.default is not None:
        return f"the default {field.default}"
    return f"the default {field.default_factory}()" if field.default_factory is not None else "no default"


def _presence(before: object) -> str:
    return "is new" if before is None else "is gone"


# Stages ---------------------------------------------------------------------------------------------------------------


def _stage(owner: _Owner, old: Stage, new: Stage) -> Iterator[Change]:
    before, after = old.options_struct, new.options_struct
    was, now = before.module or None if before else None, after.module or None if after else None
    if was != now:
        yield owner.change("", f"puts its options into {now}, and put them into {was}")
    yield from _struct(owner, old.struct, new.struct)
    for name, read_before, read_now in pairs(old.options_read, new.options_read):
        yield from _option_read(owner, name, (read_before, read_now), raises=new.unknown_keys == "raise")
    for words, was_stated, is_stated, breaking in (
        *((words, was_stated, is_stated, False) for words, was_stated, is_stated in _descriptions(old, new)),
        ("takes its options as", old.takes, new.takes, new.takes in ("map", "keyword")),
        ("does with other keys", old.unknown_keys, new.unknown_keys, new.unknown_keys == "raise"),
    ):
        if was_stated != is_stated:
            text = f"{words}: {_shown(is_stated)}, and was {_shown(was_stated)}"
            yield owner.change("", text, breaks=breaking, touches="all" if breaking else "none")


def _option_read(
    owner: _Owner, name: str, reads: tuple[OptionRead | None, OptionRead | None], *, raises: bool
) -> Iterator[Change]:
    """How the reading of a key differs; `raises` says that the stage now raises for keys that it does not know."""
    match reads:
        case None, OptionRead(_, required):
            yield owner.change(name, "is read now", breaks=required, touches="left out" if required else "none")
        case _, None:
            yield owner.change(name, "is not read any more", breaks=raises, touches="written")
        case OptionRead(was), OptionRead(now) if was != now:
            yield owner.change(name, f"has the default {now}, and had {was}", touches="left out")
        case OptionRead(required=False), OptionRead(required=True):
            yield owner.change(name, "is needed now", breaks=True, touches="left out")


def _descriptions(old: Stage, new: Stage) -> Iterator[tuple[str, _Statement, _Statement]]:
    """What each release says of the stage in `describe/1`, with the words that introduce it."""
    yield "calls itself", old.name, new.name
    yield "describe/1", old.describe, new.describe
    yield "describes as required", old.required, new.required
    yield "describes as optional", old.optional, new.optional
    yield "describes the types", old.types, new.types
    yield "describes the defaults", old.defaults, new.defaults
    yield "describes, and raises KeyError for", old.raises, new.raises


def _shown(stated: _Statement) -> str:
    match stated:
        case tuple():
            return ", ".join(stated) or "nothing"
        case str() | None:
            return stated or "either"
    return ", ".join(f"{key} {text}" for key, text in sorted(stated.items())) or "nothing"


# Ports, behaviours and Python's objects -------------------------------------------------------------------------------


def _interface(owner: _Owner, old: Interface, new: Interface) -> Iterator[Change]:
    for function, callback in new.by_function.items():
        before = old.by_function.get(function)
        if before is None:
            text = "is new, and optional" if callback.optional else "is new"
            yield owner.change(callback.label, text, breaks=not callback.optional)
        elif one_line(before.spec) != one_line(callback.spec):
            yield owner.change(callback.label, f"is {one_line(callback.spec)}")
    for function, callback in old.by_function.items():
        if function not in new.by_function:
            yield owner.change(callback.label, "is gone", breaks=True)
    for words, was, now in (
        ("behaviour", old.behaviour, new.behaviour),
        ("default adapter", old.default_adapter, new.default_adapter),
    ):
        if was != now:
            yield owner.change("", f"has the {words} {now}, and had {was}")


def _python_object(owner: _Owner, old: PythonObject, new: PythonObject) -> Iterator[Change]:
    yield from _fields(owner, old.by_name, new.by_name)
    if old.kind != new.kind:
        yield owner.change("", f"is {new.kind}, and was {old.kind}", breaks=True)
    if old.value != new.value:
        yield owner.change("", f"is {new.value}, and was {old.value}")
