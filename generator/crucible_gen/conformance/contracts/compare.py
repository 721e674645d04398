"""Two contracts of one package in, what changed between them out, and the recipes whose output that touches.

A change says whether it can break what runs. Which recipes it touches is read from the experiments themselves: a field
that is gone touches those that write it, a default those that leave it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from crucible_gen.conformance.contracts import typespec
from crucible_gen.conformance.contracts.check import ALIKE, likeness
from crucible_gen.conformance.contracts.contract import Contract, Raw, fields, one_line, pairs
from crucible_gen.lower import Experiment
from crucible_gen.schema import Schemas
from crucible_gen.terms import Keywords, Record, Term
from crucible_gen.terms import Mapping as MappingTerm
from crucible_gen.terms import Sequence as SequenceTerm

Effect = Literal["written", "left out", "all", "none"]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: what it is about (`structs`, `stages` ...), whose, which field, and in words.

    `touches` says which recipes feel it: those that write the field, that leave it out, all that use it, or none.
    """

    kind: str
    owner: str
    field: str
    text: str
    breaks: bool = False
    touches: Effect = "none"


def changes(old: Contract, new: Contract) -> list[Change]:
    """Everything in which two contracts differ, in order: structs, stages, ports, behaviours, classes, entry points."""
    found: list[Change] = []
    for kind in ("structs", "stages", "ports", "behaviours", "classes", "entry_points"):
        for owner, before, after in pairs(old.part(kind), new.part(kind)):
            if before is None:
                found.append(Change(kind, owner, "", "is new"))
            elif after is None:
                found.append(Change(kind, owner, "", "is gone", True, "all"))
            elif before != after:
                found += _CHANGES[kind](kind, owner, before, after)
    return found


def _struct(kind: str, owner: str, old: Raw, new: Raw) -> Iterator[Change]:
    yield from _fields(kind, owner, fields(old), fields(new))
    was, now = old.get("enforce_keys", []), new.get("enforce_keys", [])
    for name in now:
        if name not in was:
            yield Change(kind, owner, name, "is enforced now", True, "left out")
    for name in was:
        if name not in now and name in fields(new):
            yield Change(kind, owner, name, "is not enforced any more")
    common = [name for name in fields(old) if name in fields(new)]
    if common != [name for name in fields(new) if name in fields(old)]:
        yield Change(kind, owner, "", f"has its fields in another order: {', '.join(fields(new))}")
    for name, before, after in pairs(old.get("types", {}), new.get("types", {})):
        if one_line(before) != one_line(after):
            text = f"is {one_line(after)}, and was {one_line(before)}" if before and after else _came_or_went(before)
            yield Change(kind, owner, "", f"type {name} {text}")


def _fields(kind: str, owner: str, old: Mapping[str, Raw], new: Mapping[str, Raw]) -> Iterator[Change]:
    renamed = _renamed(old, new)
    back = {name: was for was, name in renamed.items()}
    for name in [*new, *(name for name in old if name not in new and name not in renamed)]:
        before, after = old.get(back.get(name, name)), new.get(name)
        if name in back:
            yield Change(kind, owner, back[name], f"is {name} now", True, "written")
        if after is None:
            yield Change(kind, owner, name, "is gone", True, "written")
        elif before is None:
            text = f"is new, with {_default(after)}" + _typed(after)
            yield Change(kind, owner, name, text, bool(after.get("required")))
        else:
            if not _equal(before, after):
                yield Change(kind, owner, name, f"has {_default(after)}, and had {_default(before)}", False, "left out")
            if one_line(before.get("type")) != one_line(after.get("type")):
                text = f"is {one_line(after.get('type'))}, and was {one_line(before.get('type'))}"
                yield Change(kind, owner, name, text, _breaks(before, after), "written")


def _renamed(old: Mapping[str, Raw], new: Mapping[str, Raw]) -> dict[str, str]:
    """Fields that are gone, with those that took their place: the same type and default, alike in name or position."""
    found: dict[str, str] = {}
    came = [name for name in new if name not in old]
    for name in (name for name in old if name not in new):
        same = [other for other in came if {**new[other], "name": name} == dict(old[name])]
        best = max(same, key=lambda other: likeness(name, other, list(old), list(new)), default=None)
        if best is not None and likeness(name, best, list(old), list(new)) >= ALIKE:
            found[name] = best
            came.remove(best)
    return found


def _breaks(old: Raw, new: Raw) -> bool:
    """Whether a value of the old type may not fit the new one."""
    was, now = typespec.union(old.get("type", "term()"), {}, ""), typespec.union(new.get("type", "term()"), {}, "")
    return "any" not in now.kinds and not was.kinds <= now.kinds


def _equal(old: Raw, new: Raw) -> bool:
    if old.get("default") is None or new.get("default") is None:
        return _default(old) == _default(new)
    return bool(typespec.value(old["default"]) == typespec.value(new["default"]))


def _default(field: Raw | None) -> str:
    if field is None or "default" not in field:
        return f"the default {field['default_factory']}()" if field and "default_factory" in field else "no default"
    return f"the default {field['default']}"


def _typed(field: Raw | None) -> str:
    return f" and the type {one_line(field['type'])}" if field and "type" in field else ""


def _came_or_went(before: object) -> str:
    return "is new" if before is None else "is gone"


def _stage(kind: str, owner: str, old: Raw, new: Raw) -> Iterator[Change]:
    was, now = old.get("options_struct") or {}, new.get("options_struct") or {}
    if was.get("module") != now.get("module"):
        yield Change(
            kind, owner, "", f"puts its options into {now.get('module')}, and put them into {was.get('module')}"
        )
    yield from _struct(kind, owner, was, now)
    for name, before, after in pairs(old.get("options_read", {}), new.get("options_read", {})):
        if before is None:
            yield Change(
                kind, owner, name, "is read now", bool(after["required"]), "left out" if after["required"] else "none"
            )
        elif after is None:
            yield Change(kind, owner, name, "is not read any more", new.get("unknown_keys") == "raise", "written")
        elif before["default"] != after["default"]:
            yield Change(
                kind, owner, name, f"has the default {after['default']}, and had {before['default']}", False, "left out"
            )
        elif after["required"] and not before["required"]:
            yield Change(kind, owner, name, "is needed now", True, "left out")
    for key, words in _WORDS.items():
        if old.get(key) != new.get(key):
            breaking = new.get(key) in (("map", "keyword") if key == "takes" else ("raise",))
            text = f"{words}: {_list(new.get(key))}, and was {_list(old.get(key))}"
            yield Change(kind, owner, "", text, breaking, "all" if breaking else "none")


_WORDS = {
    "name": "calls itself",
    "describe": "describe/1",
    "required": "describes as required",
    "optional": "describes as optional",
    "types": "describes the types",
    "defaults": "describes the defaults",
    "raises": "describes, and raises KeyError for",
    "takes": "takes its options as",
    "unknown_keys": "does with other keys",
}


def _list(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in sorted(value.items())) or "nothing"
    return (", ".join(value) or "nothing") if isinstance(value, list) else str(value or "either")


def _adapter(kind: str, owner: str, old: Raw, new: Raw) -> Iterator[Change]:
    was = {(item["name"], item["arity"]): item for item in old["callbacks"]}
    now = {(item["name"], item["arity"]): item for item in new["callbacks"]}
    for (name, arity), item in now.items():
        before = was.get((name, arity))
        if before is None:
            optional = bool(item.get("optional"))
            yield Change(
                kind, owner, f"{name}/{arity}", "is new" + (", and optional" if optional else ""), not optional
            )
        elif one_line(before.get("spec")) != one_line(item.get("spec")):
            yield Change(kind, owner, f"{name}/{arity}", f"is {one_line(item.get('spec'))}")
    for name, arity in was:
        if (name, arity) not in now:
            yield Change(kind, owner, f"{name}/{arity}", "is gone", True)
    for key in ("behaviour", "default_adapter"):
        if old.get(key) != new.get(key):
            yield Change(kind, owner, "", f"has the {key.replace('_', ' ')} {new.get(key)}, and had {old.get(key)}")


def _class(kind: str, owner: str, old: Raw, new: Raw) -> Iterator[Change]:
    inside = "fields" if kind == "classes" else "parameters"
    was = {item["name"]: item for item in old.get(inside, ())}
    now = {item["name"]: item for item in new.get(inside, ())}
    yield from _fields(kind, owner, was, now)
    for key in ("kind", "value"):
        if old.get(key) != new.get(key):
            yield Change(kind, owner, "", f"is {new.get(key)}, and was {old.get(key)}", key == "kind")


_CHANGES = {
    "structs": _struct,
    "stages": _stage,
    "ports": _adapter,
    "behaviours": _adapter,
    "classes": _class,
    "entry_points": _class,
}


# What it touches ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Use:
    """Where an experiment uses a struct or a stage, with the fields or options that it writes there."""

    kind: str
    owner: str
    fields: frozenset[str]


def uses(experiment: Experiment, schemas: Schemas) -> list[Use]:
    """Every struct and stage of an experiment, its training configuration included."""
    found: list[Use] = []
    _walk(experiment.training_config, schemas, found)
    _walk(experiment.body, schemas, found)
    return found


def _walk(term: Term, schemas: Schemas, found: list[Use]) -> None:
    match term:
        case Record(type_, entries):
            struct = schemas.record(type_).struct
            found.append(Use("structs", struct or type_, frozenset(name for name, _ in entries)))
            said = dict(entries)
            module = getattr(said.get("module"), "name", None)
            if type_ == "stage_def" and module is not None:
                options = said.get("options")
                given = options.entries if isinstance(options, (MappingTerm, Keywords)) else ()
                found.append(Use("stages", module, frozenset(name for name, _ in given)))
            for _, value in entries:
                _walk(value, schemas, found)
        case MappingTerm(entries, _) | Keywords(entries):
            for _, value in entries:
                _walk(value, schemas, found)
        case SequenceTerm(items):
            for value in items:
                _walk(value, schemas, found)


def touched(change: Change, experiments: Mapping[str, Sequence[Use]]) -> list[str]:
    """The ids of the recipes that feel a change, sorted."""
    return sorted(recipe for recipe, used in experiments.items() if _feels(change, used))


def _feels(change: Change, used: Iterable[Use]) -> bool:
    for use in used:
        if (use.kind, use.owner) != (change.kind, change.owner) or change.touches == "none":
            continue
        if change.touches == "all" or (change.field in use.fields) == (change.touches == "written"):
            return True
    return False
