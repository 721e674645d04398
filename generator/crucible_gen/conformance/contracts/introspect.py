"""What a Python package offers, asked in the environment that has it: `python introspect.py REQUEST OUT`.

REQUEST is a JSON file like python.json, OUT gets the answer as JSON. This file runs in somebody else's environment and
imports nothing of ours. A module that cannot be imported there (a trainer pulls in a GPU library, say) is read as
source instead: class by class, bases included, nothing of it runs.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import importlib
import importlib.metadata
import importlib.util
import inspect
import io
import json
import re
import sys
from pathlib import Path
from typing import Any


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Every package that is installed, as a contract; `notes` says what could not be found or only be read."""
    contracts, notes = [], []
    for package, asked in request.items():
        try:
            version = importlib.metadata.version(asked["distribution"])
        except importlib.metadata.PackageNotFoundError:
            notes.append(f"{asked['distribution']} is not installed")
            continue
        contract: dict[str, Any] = {"language": "python", "package": package, "version": version}
        keep = set(asked.get("fields", ()))
        for kind, describe in (("classes", describe_class), ("entry_points", describe_entry)):
            found = {}
            for name in asked.get(kind, ()):
                described = describe(f"{package}.{name}", notes)
                if described is not None:
                    found[name] = described
                    if keep and kind == "classes":
                        described["fields"] = [item for item in described["fields"] if item["name"] in keep]
            contract[kind] = found
        contracts.append(contract)
    return {"contracts": contracts, "notes": notes}


def describe_class(name: str, notes: list[str]) -> dict[str, Any] | None:
    """The fields of a config class: chz, dataclass or pydantic."""
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(imported(module), attribute, None)
    except Exception as error:  # noqa: BLE001 - importing runs code of others
        return static_class(module, attribute, notes, error)
    if found is None:
        notes.append(f"{name} does not exist")
        return None
    return {"fields": fields_of(found)}


def fields_of(found: type) -> list[dict[str, Any]]:
    """The fields in the order of definition."""
    if hasattr(found, "__chz_fields__"):
        return [chz_field(field) for field in found.__chz_fields__.values()]
    if dataclasses.is_dataclass(found):
        return [dataclass_field(field) for field in dataclasses.fields(found) if field.init]
    return parameters(found)


def chz_field(field: Any) -> dict[str, Any]:
    """A field of a chz class; the library keeps its parts in private names, under the same names for years."""
    described: dict[str, Any] = {"name": field.logical_name, "type": type_text(field.final_type)}
    if field._default_factory is not None and not missing(field._default_factory):
        described["default_factory"] = getattr(field._default_factory, "__qualname__", "function")
    elif not missing(field._default):
        described["default"] = source(field._default)
    else:
        described["required"] = True
    if field._munger is not None:
        described["munged"] = True
    return described


def missing(value: object) -> bool:
    """Whether a default is the library's mark for none."""
    return "missing" in type(value).__name__.lower() or "MISSING" in repr(value)


def dataclass_field(field: dataclasses.Field[Any]) -> dict[str, Any]:
    """A field of a dataclass."""
    described: dict[str, Any] = {"name": field.name, "type": type_text(field.type)}
    if field.default is not dataclasses.MISSING:
        described["default"] = source(field.default)
    elif field.default_factory is not dataclasses.MISSING:
        described["default_factory"] = getattr(field.default_factory, "__qualname__", "function")
    else:
        described["required"] = True
    return described


def describe_entry(name: str, notes: list[str]) -> dict[str, Any] | None:
    """A function with its parameters, a class with those of its constructor, or a value with its source."""
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(imported(module), attribute)
    except AttributeError:
        notes.append(f"{name} does not exist")
        return None
    except Exception as error:  # noqa: BLE001 - importing runs code of others
        return static_entry(module, attribute, notes, error)
    if inspect.isclass(found):
        return {"kind": "class", "parameters": parameters(found)}
    if callable(found):
        kind = "async function" if inspect.iscoroutinefunction(found) else "function"
        return {"kind": kind, "parameters": parameters(found)}
    return {"kind": "value", "value": source(found)}


def parameters(found: Any) -> list[dict[str, Any]]:
    """The parameters of a function or constructor."""
    described = []
    for parameter in inspect.signature(found).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        item: dict[str, Any] = {"name": parameter.name}
        if parameter.annotation is not parameter.empty:
            item["type"] = type_text(parameter.annotation)
        if parameter.default is parameter.empty:
            item["required"] = True
        else:
            item["default"] = source(parameter.default)
        described.append(item)
    return described


def imported(module: str) -> Any:
    """The module; what it prints while it is imported goes nowhere."""
    with contextlib.redirect_stdout(io.StringIO()):
        return importlib.import_module(module)


def type_text(found: Any) -> str:
    """A type as its source says it."""
    if isinstance(found, str):
        return found
    return found.__name__ if inspect.isclass(found) and not hasattr(found, "__args__") else str(found)


def source(value: object) -> str:
    """A default as source text, without what differs from process to process and from user to user."""
    if inspect.isclass(value) or inspect.isroutine(value):
        return f"{value.__module__}.{value.__qualname__}"
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value)).replace(str(Path.home()), "~")


# Read, not run -------------------------------------------------------------------------------------------------------


def static_class(module: str, name: str, notes: list[str], error: Exception) -> dict[str, Any] | None:
    """The annotated fields of a class and of its bases, as the source says them."""
    fields: dict[str, dict[str, Any]] = {}
    if not collect(module, name, fields, set()):
        notes.append(f"{module}.{name} cannot be imported ({first_line(error)}) and its source is not there")
        return None
    notes.append(f"{module}.{name} was read, not imported: {first_line(error)}")
    return {"fields": list(fields.values())}


def collect(module: str, name: str, fields: dict[str, dict[str, Any]], seen: set[tuple[str, str]]) -> bool:
    """Adds the fields of a class to `fields`, those of its bases first."""
    if (module, name) in seen or (tree := parsed(module)) is None:
        return False
    seen.add((module, name))
    definition = next((node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name), None)
    if definition is None:
        origin = imports(tree, module).get(name)
        return origin is not None and collect(*origin, fields, seen)
    for base in definition.bases:
        if isinstance(base, ast.Name):
            collect(module, base.id, fields, seen)
    for node in definition.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            fields[node.target.id] = static_field(node.target.id, node)
    return True


def static_field(name: str, node: ast.AnnAssign) -> dict[str, Any]:
    """A field from its annotation and, where it has one, the call that describes it."""
    described: dict[str, Any] = {"name": name, "type": ast.unparse(node.annotation)}
    value = node.value
    if isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2] == "field":
        given = {keyword.arg: keyword.value for keyword in value.keywords}
        if "default" in given:
            described["default"] = ast.unparse(given["default"])
        elif "default_factory" in given:
            described["default_factory"] = ast.unparse(given["default_factory"])
        else:
            described["required"] = True
    elif value is not None:
        described["default"] = ast.unparse(value)
    else:
        described["required"] = True
    return described


def static_entry(module: str, name: str, notes: list[str], error: Exception) -> dict[str, Any] | None:
    """The parameters of a function, or of a class's constructor, as the source says them."""
    tree = parsed(module)
    for node in tree.body if tree is not None else ():
        if isinstance(node, ast.ClassDef) and node.name == name:
            made = next(
                (item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"), None
            )
            notes.append(f"{module}.{name} was read, not imported: {first_line(error)}")
            return {"kind": "class", "parameters": static_parameters(made, skip=1) if made else []}
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name:
            kind = "async function" if isinstance(node, ast.AsyncFunctionDef) else "function"
            notes.append(f"{module}.{name} was read, not imported: {first_line(error)}")
            return {"kind": kind, "parameters": static_parameters(node, skip=0)}
    notes.append(f"{module}.{name} cannot be imported ({first_line(error)}) and its source is not there")
    return None


def static_parameters(node: ast.FunctionDef | ast.AsyncFunctionDef, skip: int) -> list[dict[str, Any]]:
    """The parameters of a definition, without the first `skip`."""
    positional = [*node.args.posonlyargs, *node.args.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(node.args.defaults)) + list(node.args.defaults)
    pairs = list(zip(positional, defaults, strict=True))[skip:] + list(
        zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    )
    described = []
    for argument, default in pairs:
        item: dict[str, Any] = {"name": argument.arg}
        if argument.annotation is not None:
            item["type"] = ast.unparse(argument.annotation).strip("'\"")
        if default is None:
            item["required"] = True
        else:
            item["default"] = ast.unparse(default)
        described.append(item)
    return described


def parsed(module: str) -> ast.Module | None:
    """The syntax tree of a module, found by its path: not even its package is imported."""
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(folder).joinpath(*rest)
        for candidate in (path.with_suffix(".py") if rest else path / "__init__.py", path / "__init__.py"):
            if candidate.is_file():
                return ast.parse(candidate.read_text("utf-8"))
    return None


def imports(tree: ast.Module, module: str) -> dict[str, tuple[str, str]]:
    """Where the names come from that a module imports; `from transformers import X` is looked for in its files."""
    found: dict[str, tuple[str, str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            base = ".".join(module.split(".")[: -node.level]) if node.level else ""
            origin = ".".join(part for part in (base, node.module) if part)
            for alias in node.names:
                found[alias.asname or alias.name] = (defined_in(origin, alias.name), alias.name)
    return found


def defined_in(module: str, name: str) -> str:
    """The module that defines a name which a package's own module only passes on."""
    tree = parsed(module)
    if tree is None or any(isinstance(node, ast.ClassDef) and node.name == name for node in tree.body):
        return module
    top = importlib.util.find_spec(module.split(".")[0])
    for folder in (top.submodule_search_locations or ()) if top is not None else ():
        for path in sorted(Path(folder).glob("*.py")):
            if f"\nclass {name}" in path.read_text("utf-8", "replace"):
                return f"{module.split('.')[0]}.{path.stem}"
    return module


def first_line(error: Exception) -> str:
    """What went wrong, on one line."""
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


def main() -> None:
    """Reads the request, writes the answer."""
    request, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.write_text(json.dumps(answer(json.loads(request.read_text("utf-8")))), "utf-8")


if __name__ == "__main__":
    main()
