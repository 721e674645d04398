"""A schema and the contract of its package in, the schema as the contract wants it out; what people wrote stays.

Fields and their order, defaults, enforced keys, nullability, and a type that does not fit any more come from the
package. Descriptions, bounds, `x-from`, `x-inject`, `x-short`, the order of printing and everything else are somebody's
work: they move with a field that has another name now, and go only with a field that is gone. Where nothing differs,
the text that comes out is the text that went in, byte for byte.
"""

from __future__ import annotations

import copy
import json
import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crucible_gen.conformance.contracts import typespec
from crucible_gen.conformance.contracts.check import Check, Files, described_by, differ, says
from crucible_gen.conformance.contracts.contract import Contract, Raw, fields
from crucible_gen.conformance.contracts.typespec import Atom, Struct, Union
from crucible_gen.schema import Schemas, shipped

_TYPES = ("type", "$ref", "anyOf", "oneOf", "enum", "const", "examples", "items", "x-elixir-type", "format", "pattern")
_BOUNDS = (
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems",
    "uniqueItems", "properties", "required", "additionalProperties",
)  # fmt: skip


def update(schemas: Schemas, contracts: Mapping[str, Contract]) -> dict[Path, tuple[bytes, bytes]]:
    """The files that would change, each with its bytes before and after. Nothing is raised, and nothing written."""
    found: dict[Path, tuple[bytes, bytes]] = {}
    for key, document in sorted(schemas.documents.items()):
        package = described_by(document)
        contract = contracts.get(package or "")
        if contract is None or contract.language != "elixir":
            continue
        changed = updated(key, document, schemas, contract)
        if changed != document:
            path = path_of(key, schemas)
            old = path.read_bytes()
            found[path] = (old, dumps(changed).encode())
    return found


def path_of(key: str, schemas: Schemas) -> Path:
    """The file of a schema: a third party's by its path, ours below the shipped schemas."""
    return Path(schemas.places[key].place.file) if key in schemas.places else shipped("schemas") / key


def dumps(document: Raw) -> str:
    """The text of a schema file."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def updated(key: str, document: Raw, schemas: Schemas, contract: Contract) -> dict[str, Any]:
    """The schema document as the contract wants it; an equal one where nothing differs or the package lost it."""
    new = copy.deepcopy(dict(document))
    check = Check(schemas, Files(schemas), contract, None)
    if module := document.get("x-elixir-struct"):
        owner = contract.part("structs").get(module)
        if owner is None:
            return new
        _struct(key, new, check, owner, module)
    elif "x-stage" in document:
        stage = contract.part("stages").get(document["x-stage"]["module"])
        if stage is None:
            return new
        _stage(key, new, check, stage)
    new["x-contract"] = contract.name
    return new


def _struct(key: str, document: dict[str, Any], check: Check, owner: Raw, module: str) -> None:
    ours, theirs = document["properties"], fields(owner)
    renamed = check.renamed(key, ours, theirs, owner, module)
    back = {new: name for name, new in renamed.items()}
    properties = {}
    for name, field in theirs.items():
        raw = ours.get(back.get(name, name))
        properties[name] = _field(key, raw, field, check, owner, module, is_stage=False)
    document["properties"] = properties
    was, now = document["x-enforce"], list(owner.get("enforce_keys", []))
    document["x-enforce"] = now
    required = [renamed.get(name, name) for name in document.get("required", ()) if renamed.get(name, name) in theirs]
    required = now if document.get("required", []) == was else required
    if required:
        _set_after(document, "required", required, "additionalProperties")
    else:
        document.pop("required", None)
    if first := document.get("x-print-first"):
        document["x-print-first"] = [renamed.get(name, name) for name in first if renamed.get(name, name) in theirs]
    if (short := document.get("x-short")) is not None:
        document["x-short"] = renamed.get(short, short)


def _stage(key: str, document: dict[str, Any], check: Check, stage: Raw) -> None:
    ours, struct = document["properties"], stage.get("options_struct") or {}
    theirs, reads = fields(struct), stage.get("options_read", {})
    module = struct.get("module", document["x-stage"]["module"])
    renamed = check.renamed(key, {name: raw for name, raw in ours.items() if name not in reads}, theirs, struct, module)
    properties = {}
    for name, raw in ours.items():
        field = theirs.get(renamed.get(name, name))
        if field is not None:
            properties[renamed.get(name, name)] = _field(key, raw, field, check, struct, module, is_stage=True)
        elif name in reads:
            properties[name] = _read(raw, reads[name], check)
        elif stage.get("unknown_keys") != "raise":
            properties[name] = raw
    for name, field in theirs.items():
        if name not in properties:
            properties[name] = _field(key, None, field, check, struct, module, is_stage=True)
    document["properties"] = properties
    needed = [name for name in struct.get("enforce_keys", ()) if not {"x-from", "x-inject"} & set(properties[name])]
    required = [renamed.get(name, name) for name in document.get("required", ())]
    required = [name for name in [*required, *(n for n in needed if n not in required)] if name in properties]
    if required:
        _set_after(document, "required", required, "additionalProperties")
    else:
        document.pop("required", None)
    if stage.get("takes") is not None:
        document["x-stage"]["options"] = stage["takes"]


def _read(raw: Raw, read: Raw, check: Check) -> dict[str, Any]:
    changed = dict(raw)
    if read["default"] is not None and "default" in raw:
        value = typespec.value(read["default"])
        if not check.same_default(raw, value, True):
            changed.pop("default")
            if typespec.has_json(value):
                changed["default"] = typespec.as_json(value)
    return changed


def _field(
    key: str, raw: Raw | None, field: Raw, check: Check, owner: Raw, module: str, *, is_stage: bool
) -> dict[str, Any]:
    """A property as the contract wants it; a new one where the schema has none yet."""
    wanted = typespec.union(field.get("type", "term()"), owner.get("types", {}), module)
    read = typespec.value(field["default"])
    if raw is None:
        wanted = _of_default(read) if wanted.kinds == {"any"} else wanted
        changed: dict[str, Any] = {"description": f"New in {check.release}."}
        printed = wanted.kinds & _PRINTED and typespec.has_json(read)
        if is_stage and (not printed or field["name"] in ("ports", "logger", "log_path")):
            return changed | {"x-inject": {"elixir": "term()", "python": "Any", "needed": False}}
        changed |= derived(wanted, key, check.schemas, field.get("type", ""))
    else:
        changed = dict(raw)
        if "x-inject" not in raw and "x-contract-type" not in raw:
            changed = _retyped(changed, wanted, key, check, field)
    if "x-inject" not in changed and not check.same_default(changed, read, is_stage):
        value = {} if isinstance(read, Struct) and check.same_default({"default": {}}, read, False) else read
        if value is None or not typespec.has_json(value):
            changed.pop("default", None)
        else:
            changed["default"] = typespec.as_json(value)
    return changed


def _of_default(read: Any) -> Union:
    """The type of a field that has none, from its default."""
    kinds = {bool: "boolean", int: "integer", float: "float", str: "text", Atom: "atom", list: "list", dict: "map"}
    return Union(frozenset({kinds.get(type(read), "any")}))


_PRINTED = frozenset({"text", "atom", "module", "integer", "float", "boolean", "list", "map", "keywords", "timestamp"})


def _retyped(raw: dict[str, Any], wanted: Union, key: str, check: Check, field: Raw) -> dict[str, Any]:
    """The property with null allowed or not as the type says, and with another type where its own does not fit."""
    ours = says(raw, key, check.schemas)
    if "any" in ours.kinds or "any" in wanted.kinds:
        return raw
    told = differ(_without_null(ours), _without_null(wanted), nil=True)
    if any(level == "error" for level, _ in told):
        kept = {name: value for name, value in raw.items() if name not in (*_TYPES, *_BOUNDS)}
        head = {"description": kept.pop("description")} if "description" in kept else {}
        return head | derived(wanted, key, check.schemas, field.get("type", "")) | kept
    if ("null" in ours.kinds) != ("null" in wanted.kinds):
        return _with_null(raw) if "null" in wanted.kinds else _no_null(raw)
    return raw


def _without_null(union: Union) -> Union:
    return Union(union.kinds - {"null"}, union.atoms, union.structs, union.items, union.minimum)


def _with_null(raw: dict[str, Any]) -> dict[str, Any]:
    changed = dict(raw)
    if "$ref" in raw:
        return _replaced(changed, "$ref", "anyOf", [{"$ref": raw["$ref"]}, {"type": "null"}])
    if "anyOf" in raw:
        changed["anyOf"] = [*raw["anyOf"], {"type": "null"}]
        return changed
    types = raw["type"] if isinstance(raw["type"], list) else [raw["type"]]
    changed["type"] = [*types, "null"]
    if "enum" in raw:
        changed["enum"] = [*raw["enum"], None]
    return changed


def _no_null(raw: dict[str, Any]) -> dict[str, Any]:
    changed = dict(raw)
    if "anyOf" in raw:
        rest = [choice for choice in raw["anyOf"] if choice != {"type": "null"}]
        if len(rest) == 1 and set(rest[0]) == {"$ref"}:
            return _replaced(changed, "anyOf", "$ref", rest[0]["$ref"])
        changed["anyOf"] = rest
        return changed
    rest_types = [type_ for type_ in raw["type"] if type_ != "null"]
    changed["type"] = rest_types[0] if len(rest_types) == 1 else rest_types
    if "enum" in raw:
        changed["enum"] = [value for value in raw["enum"] if value is not None]
    return changed


def _replaced(raw: Raw, old: str, new: str, value: Any) -> dict[str, Any]:
    return {(new if name == old else name): (value if name == old else item) for name, item in raw.items()}


def _set_after(document: dict[str, Any], name: str, value: Any, before: str) -> None:
    """Sets a keyword; a new one stands behind `before`, where people look for it."""
    if name in document:
        document[name] = value
        return
    items = list(document.items())
    document.clear()
    for key, item in items:
        document[key] = item
        if key == before:
            document[name] = value
    document.setdefault(name, value)


def derived(wanted: Union, key: str, schemas: Schemas, text: str) -> dict[str, Any]:
    """A schema for the values of a type; one that allows anything where JSON Schema cannot say it."""
    kinds = wanted.kinds - {"null"}
    raw = _simple(wanted, kinds, key, schemas)
    if raw is None:
        return {"$comment": f"Elixir type: {text}"} if text else {}
    return _with_null(raw) if "null" in wanted.kinds else raw


def _simple(wanted: Union, kinds: frozenset[str], key: str, schemas: Schemas) -> dict[str, Any] | None:
    if kinds >= {"atom"} and kinds <= {"atom", "module"}:
        choices = {"enum": sorted(wanted.atoms)} if wanted.atoms else {}
        return {"type": "string", **choices, "x-elixir-type": "atom"}
    if kinds == {"struct"} and len(wanted.structs) == 1:
        module = next(iter(wanted.structs))
        file = next((name for name, raw in schemas.documents.items() if raw.get("x-elixir-struct") == module), None)
        if file is None:
            return None
        return {"$ref": posixpath.relpath(file, posixpath.dirname(key) or ".") if key not in schemas.places else file}
    if kinds == {"list"}:
        items = derived(wanted.items, key, schemas, "") if wanted.items is not None else {}
        return {"type": "array", **({"items": items} if items else {})}
    if "text" in kinds and kinds <= {"text", "atom", "module"}:
        return {"type": "string"}
    if kinds <= {"list", "keywords"} and kinds:
        return {"type": "object", "x-elixir-type": "keyword"}
    if kinds <= {"map", "struct"} and "map" in kinds:
        return {"type": "object", "x-elixir-type": "map"}
    simple: dict[frozenset[str], dict[str, Any]] = {
        frozenset({"module"}): {"type": "string", "x-elixir-type": "module"},
        frozenset({"timestamp"}): {"type": "string", "x-elixir-type": "timestamp", "format": "date-time"},
        frozenset({"boolean"}): {"type": "boolean"},
        frozenset({"integer"}): {"type": "integer"},
        frozenset({"float"}): {"type": "number", "x-elixir-type": "float"},
        frozenset({"integer", "float"}): {"type": "number"},
    }
    raw = simple.get(kinds)
    if raw is not None and kinds == {"integer"} and wanted.minimum is not None:
        return raw | {"minimum": wanted.minimum}
    return raw
