"""The IR's schemas in, its structs in a language out: `crucible_runtime.ir` and stand-ins for `crucible_ir`.

A struct is one schema file with `x-elixir-struct`; its properties are the fields, in order, and `x-enforce` lists those
without a default. Both texts are final: formatters find nothing to change. This module reads plain JSON and nothing of
what `schema` makes of it, so that the tests which rest on its output do not rest on the code under test.

    gen structs python > runtime/python/crucible_runtime/ir.py
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from crucible_gen.printers import elixir as elixir_text
from crucible_gen.printers import python as python_text

Raw: TypeAlias = Mapping[str, Any]

# Black breaks at 88 and ruff, as this repository sets it, at 120; what is broken with a trailing comma suits both.
_WIDTH = 88
_DOC_WIDTH = 84

# An empty keyword list is `[]` in Elixir and in JSON, so in Python too: a stage's options are not always a mapping.
_WIDER = {("StageDef", "options"): "Mapping[str, Any] | Sequence[Any] | None"}

_PYTHON_HEAD = '''"""The structs of CrucibleIR as frozen dataclasses: the same fields, order and defaults.

Generated from schemas/ir by crucible_gen.emit.structs: change the schemas, not this file. Names that are atoms in
Elixir are text here, and so are modules and timestamps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


class Module(str):
    """The name of an Elixir module, in a place where it could be any text: `Module("Acme.Checker")`."""

    __slots__ = ()
'''


def python(schemas: Path) -> str:
    """The directory of the schemas to the text of `crucible_runtime/ir.py`."""
    structs = _structs(schemas / "ir")
    parts = [_PYTHON_HEAD, *(_dataclass(raw, structs) for raw in structs.values())]
    classes = {raw["x-python-class"]: raw["properties"] for raw in structs.values()}
    modules = {
        name: [field for field, value in properties.items() if _elixir_type(value) == "module"]
        for name, properties in classes.items()
    }
    parts.append(
        _table("STRUCTS", "type[Any]", {name: name for name in classes}, "Every struct by name.")
        + "\n"
        + _table(
            "MODULE_FIELDS",
            "frozenset[str]",
            {
                name: f"frozenset({{{', '.join(map(python_text.string, found))}}})"
                for name, found in modules.items()
                if found
            },
            "The fields that hold the name of an Elixir module, by struct.",
        )
    )
    return "\n\n".join(parts)


def _table(name: str, type_: str, entries: Mapping[str, str], doc: str) -> str:
    lines = "".join(f"\n    {python_text.string(key)}: {value}," for key, value in sorted(entries.items()))
    return f'{name}: Mapping[str, {type_}] = {{{lines}{chr(10) if lines else ""}}}\n"""{doc}"""\n'


def elixir(schemas: Path) -> str:
    """The directory of the schemas to Elixir modules with the same structs as the package `crucible_ir`."""
    structs = _structs(schemas / "ir")
    return "\n".join(_defmodule(raw, structs) for raw in structs.values())


def _structs(folder: Path) -> dict[str, Raw]:
    """Every struct by file name, each after those that its defaults and types need."""
    files = {path.name: _read(path) for path in sorted(folder.glob("*.schema.json"))}
    files = {key: raw for key, raw in files.items() if "x-elixir-struct" in raw}
    ordered: dict[str, Raw] = {}

    def place(key: str, above: tuple[str, ...]) -> None:
        if key in ordered or key in above or key not in files:
            return
        for value in files[key]["properties"].values():
            for ref in _refs(value):
                place(ref, (*above, key))
        ordered[key] = files[key]

    for key in files:
        place(key, ())
    return ordered


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return document


def _refs(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].rpartition("/")[2]
        for part in value.values():
            yield from _refs(part)
    elif isinstance(value, list):
        for part in value:
            yield from _refs(part)


def _choices(value: Raw) -> list[Raw]:
    """The alternatives of a property, null left out."""
    return [choice for choice in value.get("anyOf", [value]) if choice.get("type") != "null"]


def _types(value: Raw) -> list[str]:
    declared = value.get("type", [])
    return [declared] if isinstance(declared, str) else list(declared)


def _elixir_type(value: Raw) -> str | None:
    return next((choice["x-elixir-type"] for choice in _choices(value) if "x-elixir-type" in choice), None)


def _nullable(name: str, value: Raw, raw: Raw) -> bool:
    optional = name not in raw["x-enforce"] and value.get("default") is None
    return optional or any("null" in _types(choice) for choice in value.get("anyOf", [value]))


# Python


def _dataclass(raw: Raw, structs: Mapping[str, Raw]) -> str:
    lines = [
        "@dataclass(frozen=True, slots=True, kw_only=True)",
        f"class {raw['x-python-class']}:",
        _python_doc(f"{raw['description']}\n\n`%{raw['x-elixir-struct']}{{}}` in Elixir."),
        "",
    ]
    for name, value in raw["properties"].items():
        type_ = _WIDER.get((raw["x-python-class"], name)) or _python_type(name, value, raw, structs)
        default = "" if name in raw["x-enforce"] else _python_default(value, structs)
        line = f"    {name}: {type_}"
        if default.startswith("field("):
            whole = f"{line} = {default}"
            inner = default.removeprefix("field(").removesuffix(")")
            lines.append(whole if len(whole) <= _WIDTH else f"{line} = field(\n        {inner},\n    )")
        else:
            lines.append(f"{line} = {default}" if default else line)
        lines.append(_python_doc(value.get("description", "")))
    return "\n".join(lines) + "\n"


def _python_doc(text: str) -> str:
    paragraphs = text.split("\n\n")
    wrapped = [
        textwrap.fill(part, _DOC_WIDTH - 4, break_long_words=False, break_on_hyphens=False) for part in paragraphs
    ]
    return "    " + python_text.docstring("\n\n".join(wrapped), 4)


def _python_type(name: str, value: Raw, raw: Raw, structs: Mapping[str, Raw]) -> str:
    found: list[str] = []
    for choice in _choices(value):
        type_ = _python_choice(choice, structs)
        found += [part for part in type_ if part not in found]
    if "Any" in found:
        return "Any"
    return " | ".join([*found, "None"] if _nullable(name, value, raw) else found)


def _python_choice(choice: Raw, structs: Mapping[str, Raw]) -> list[str]:
    if "$ref" in choice:
        struct = structs.get(choice["$ref"].rpartition("/")[2])
        return [struct["x-python-class"] if struct else "Mapping[str, Any]"]
    types = [type_ for type_ in _types(choice) if type_ != "null"]
    items = choice.get("items")
    item = " | ".join(_python_choice(items, structs)) if isinstance(items, dict) else "Any"
    names = {
        "string": "str",
        "integer": "int",
        "number": "float",
        "boolean": "bool",
        "array": f"Sequence[{item}]",
        "object": "Mapping[str, Any]",
    }
    return [names[type_] for type_ in types] or ["Any"]


def _python_default(value: Raw, structs: Mapping[str, Raw]) -> str:
    default = value.get("default")
    struct = structs.get(value.get("$ref", "").rpartition("/")[2])
    if struct is not None and default == {}:
        return f"field(default_factory={struct['x-python-class']})"
    if default in ([], {}) and default is not None:
        return f"field(default_factory={type(default).__name__})"
    if isinstance(default, list):
        return f"field(default_factory=lambda: [{', '.join(map(_python_scalar, default))}])"
    if _elixir_type(value) == "float" and isinstance(default, int):
        default = float(default)
    return _python_scalar(default)


def _python_scalar(value: bool | int | float | str | None) -> str:
    return python_text.string(value) if isinstance(value, str) else repr(value)


# Elixir


def _defmodule(raw: Raw, structs: Mapping[str, Raw]) -> str:
    properties = raw["properties"]
    fields = "\n".join(f"- `:{name}` - {value.get('description', '')}" for name, value in properties.items())
    defaults = [f"{name}: {_elixir_default(value, structs)}" for name, value in properties.items()]
    types = [f"{name}: {_elixir_type_of(name, value, raw, structs)}" for name, value in properties.items()]
    enforced = "".join(
        f"  @enforce_keys [{', '.join(f':{key}' for key in raw['x-enforce'])}]\n" if raw["x-enforce"] else ""
    )
    return (
        f"defmodule {raw['x-elixir-struct']} do\n"
        f'  @moduledoc """\n  {elixir_text.doc(raw["description"] + chr(10) * 2 + fields, 2)}\n  """\n\n'
        f"{enforced}"
        f"  defstruct {(',' + chr(10) + ' ' * 12).join(defaults)}\n\n"
        f"  @type t :: %__MODULE__{{\n{(',' + chr(10)).join(' ' * 10 + type_ for type_ in types)}\n        }}\n"
        "end\n"
    )


def _elixir_default(value: Raw, structs: Mapping[str, Raw]) -> str:
    default = value.get("default")
    struct = structs.get(value.get("$ref", "").rpartition("/")[2])
    if struct is not None and default == {}:
        return f"%{struct['x-elixir-struct']}{{}}"
    items = value.get("items")
    return _elixir_literal(default, _elixir_type(value), items if isinstance(items, dict) else {})


def _elixir_literal(default: Any, type_: str | None, items: Raw) -> str:
    match default:
        case None:
            return "nil"
        case bool():
            return str(default).lower()
        case int() | float():
            return repr(float(default)) if type_ == "float" else repr(default)
        case str():
            return elixir_text.atom(default) if type_ == "atom" else elixir_text.string(default)
        case list():
            return f"[{', '.join(_elixir_literal(item, _elixir_type(items), {}) for item in default)}]"
        case _:
            return "%{}"


def _elixir_type_of(name: str, value: Raw, raw: Raw, structs: Mapping[str, Raw]) -> str:
    found: list[str] = []
    for choice in _choices(value):
        found += [part for part in _elixir_choice(choice, structs) if part not in found]
    if "term()" in found:
        return "term()"
    return " | ".join([*found, "nil"] if _nullable(name, value, raw) else found)


def _elixir_choice(choice: Raw, structs: Mapping[str, Raw]) -> list[str]:
    if "$ref" in choice:
        struct = structs.get(choice["$ref"].rpartition("/")[2])
        return [f"{struct['x-elixir-struct']}.t()" if struct else "map()"]
    texts = {"atom": "atom()", "module": "module()", "timestamp": "DateTime.t()"}
    items = choice.get("items")
    item = " | ".join(_elixir_choice(items, structs)) if isinstance(items, dict) else "term()"
    names = {
        "string": texts.get(choice.get("x-elixir-type", ""), "String.t()"),
        "integer": "integer()",
        "number": "float()" if choice.get("x-elixir-type") == "float" else "number()",
        "boolean": "boolean()",
        "array": f"[{item}]",
        "object": "keyword()" if choice.get("x-elixir-type") == "keyword" else "map()",
    }
    return [names[type_] for type_ in _types(choice) if type_ != "null"] or ["term()"]
