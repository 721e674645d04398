"""The structs of the IR as Python dataclasses: the text of `crucible_runtime/ir.py`, final as printed.

gen structs python > runtime/python/crucible_runtime/ir.py
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

from crucible_gen.languages import structs
from crucible_gen.languages.python import printer
from crucible_gen.languages.structs import Raw

# Black breaks at 88 and ruff, as this repository sets it, at 120; what is broken with a trailing comma suits both.
_WIDTH = 88
_DOC_WIDTH = 84

# An empty keyword list is `[]` in Elixir and in JSON, so in Python too: a stage's options are not always a mapping.
_WIDER = {("StageDef", "options"): "Mapping[str, Any] | Sequence[Any] | None"}

_HEAD = '''"""The structs of CrucibleIR as frozen dataclasses: the same fields, order and defaults.

Generated from schemas/ir by `gen structs python`: change the schemas, not this file. Names that are atoms in Elixir are
text here, and so are modules and timestamps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


class Module(str):
    """The name of an Elixir module, in a place where it could be any text: `Module("Acme.Checker")`."""

    __slots__ = ()
'''


def text(schemas: Path) -> str:
    """The directory of the schemas to the text of `crucible_runtime/ir.py`."""
    known = structs.structs(schemas / "ir")
    parts = [_HEAD, *(_dataclass(raw, known) for raw in known.values())]
    classes = {raw["x-python-class"]: raw["properties"] for raw in known.values()}
    modules = {
        name: [field for field, value in properties.items() if structs.native_type(value) == "module"]
        for name, properties in classes.items()
    }
    parts.append(
        _table("STRUCTS", "type[Any]", {name: name for name in classes}, "Every struct by name.")
        + "\n"
        + _table(
            "MODULE_FIELDS",
            "frozenset[str]",
            {
                name: f"frozenset({{{', '.join(map(printer.string, found))}}})"
                for name, found in modules.items()
                if found
            },
            "The fields that hold the name of an Elixir module, by struct.",
        )
    )
    return "\n\n".join(parts)


def _table(name: str, type_: str, entries: Mapping[str, str], doc: str) -> str:
    lines = "".join(f"\n    {printer.string(key)}: {value}," for key, value in sorted(entries.items()))
    return f'{name}: Mapping[str, {type_}] = {{{lines}{chr(10) if lines else ""}}}\n"""{doc}"""\n'


def _dataclass(raw: Raw, known: Mapping[str, Raw]) -> str:
    lines = [
        "@dataclass(frozen=True, slots=True, kw_only=True)",
        f"class {raw['x-python-class']}:",
        _python_doc(f"{raw['description']}\n\n`%{raw['x-elixir-struct']}{{}}` in Elixir."),
        "",
    ]
    for name, value in raw["properties"].items():
        type_ = _WIDER.get((raw["x-python-class"], name)) or _python_type(name, value, raw, known)
        default = "" if name in raw["x-enforce"] else _python_default(value, known)
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
    return "    " + printer.docstring("\n\n".join(wrapped), 4)


def _python_type(name: str, value: Raw, raw: Raw, known: Mapping[str, Raw]) -> str:
    found: list[str] = []
    for choice in structs.choices(value):
        type_ = _python_choice(choice, known)
        found += [part for part in type_ if part not in found]
    if "Any" in found:
        return "Any"
    return " | ".join([*found, "None"] if structs.nullable(name, value, raw) else found)


def _python_choice(choice: Raw, known: Mapping[str, Raw]) -> list[str]:
    if "$ref" in choice:
        struct = known.get(choice["$ref"].rpartition("/")[2])
        return [struct["x-python-class"] if struct else "Mapping[str, Any]"]
    types = [type_ for type_ in structs.types(choice) if type_ != "null"]
    items = choice.get("items")
    item = " | ".join(_python_choice(items, known)) if isinstance(items, dict) else "Any"
    names = {
        "string": "str",
        "integer": "int",
        "number": "float",
        "boolean": "bool",
        "array": f"Sequence[{item}]",
        "object": "Mapping[str, Any]",
    }
    return [names[type_] for type_ in types] or ["Any"]


def _python_default(value: Raw, known: Mapping[str, Raw]) -> str:
    default = value.get("default")
    struct = known.get(value.get("$ref", "").rpartition("/")[2])
    if struct is not None and default == {}:
        return f"field(default_factory={struct['x-python-class']})"
    if default in ([], {}) and default is not None:
        return f"field(default_factory={type(default).__name__})"
    if isinstance(default, list):
        return f"field(default_factory=lambda: [{', '.join(map(_python_scalar, default))}])"
    if structs.native_type(value) == "float" and isinstance(default, int):
        default = float(default)
    return _python_scalar(default)


def _python_scalar(value: bool | int | float | str | None) -> str:
    return printer.string(value) if isinstance(value, str) else repr(value)
