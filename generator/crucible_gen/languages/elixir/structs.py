"""The structs of the IR as Elixir modules with the same fields and defaults as the package `crucible_ir`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crucible_gen.languages import structs
from crucible_gen.languages.elixir import printer
from crucible_gen.languages.structs import Raw


def text(schemas: Path) -> str:
    """The directory of the schemas to Elixir modules with the same structs as the package `crucible_ir`."""
    known = structs.structs(schemas / "ir")
    return "\n".join(_defmodule(raw, known) for raw in known.values())


def _defmodule(raw: Raw, known: Mapping[str, Raw]) -> str:
    properties = raw["properties"]
    fields = "\n".join(f"- `:{name}` - {value.get('description', '')}" for name, value in properties.items())
    defaults = [f"{name}: {_elixir_default(value, known)}" for name, value in properties.items()]
    types = [f"{name}: {_elixir_type_of(name, value, raw, known)}" for name, value in properties.items()]
    enforced = "".join(
        f"  @enforce_keys [{', '.join(f':{key}' for key in raw['x-enforce'])}]\n" if raw["x-enforce"] else ""
    )
    return (
        f"defmodule {raw['x-elixir-struct']} do\n"
        f'  @moduledoc """\n  {printer.doc(raw["description"] + chr(10) * 2 + fields, 2)}\n  """\n\n'
        f"{enforced}"
        f"  defstruct {(',' + chr(10) + ' ' * 12).join(defaults)}\n\n"
        f"  @type t :: %__MODULE__{{\n{(',' + chr(10)).join(' ' * 10 + type_ for type_ in types)}\n        }}\n"
        "end\n"
    )


def _elixir_default(value: Raw, known: Mapping[str, Raw]) -> str:
    default = value.get("default")
    struct = known.get(value.get("$ref", "").rpartition("/")[2])
    if struct is not None and default == {}:
        return f"%{struct['x-elixir-struct']}{{}}"
    items = value.get("items")
    return _elixir_literal(default, structs.native_type(value), items if isinstance(items, dict) else {})


def _elixir_literal(default: Any, type_: str | None, items: Raw) -> str:
    match default:
        case None:
            return "nil"
        case bool():
            return str(default).lower()
        case int() | float():
            return repr(float(default)) if type_ == "float" else repr(default)
        case str():
            return printer.atom(default) if type_ == "atom" else printer.string(default)
        case list():
            return f"[{', '.join(_elixir_literal(item, structs.native_type(items), {}) for item in default)}]"
        case _:
            return "%{}"


def _elixir_type_of(name: str, value: Raw, raw: Raw, known: Mapping[str, Raw]) -> str:
    found: list[str] = []
    for choice in structs.choices(value):
        found += [part for part in _elixir_choice(choice, known) if part not in found]
    if "term()" in found:
        return "term()"
    return " | ".join([*found, "nil"] if structs.nullable(name, value, raw) else found)


def _elixir_choice(choice: Raw, known: Mapping[str, Raw]) -> list[str]:
    if "$ref" in choice:
        struct = known.get(choice["$ref"].rpartition("/")[2])
        return [f"{struct['x-elixir-struct']}.t()" if struct else "map()"]
    texts = {"atom": "atom()", "module": "module()", "timestamp": "DateTime.t()"}
    items = choice.get("items")
    item = " | ".join(_elixir_choice(items, known)) if isinstance(items, dict) else "term()"
    names = {
        "string": texts.get(choice.get("x-elixir-type", ""), "String.t()"),
        "integer": "integer()",
        "number": "float()" if choice.get("x-elixir-type") == "float" else "number()",
        "boolean": "boolean()",
        "array": f"[{item}]",
        "object": "keyword()" if choice.get("x-elixir-type") == "keyword" else "map()",
    }
    return [names[type_] for type_ in structs.types(choice) if type_ != "null"] or ["term()"]
