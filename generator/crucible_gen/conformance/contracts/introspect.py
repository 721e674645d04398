"""Describe the Python packages of an environment: `python introspect.py REQUEST RESPONSE`, run by its interpreter.

REQUEST is a JSON file like python.json; contracts are written to RESPONSE as JSON. This file runs in somebody else's
environment and imports nothing of this package. A module that cannot be imported there (a trainer imports a GPU library,
say) is read as source instead: class by class, with its bases, and nothing of it runs.
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
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@dataclasses.dataclass(frozen=True)
class Field:
    """A field of a class or a parameter of a function; defaults and types are source text, None where there is none."""

    name: str
    type: str | None = None
    default: str | None = None
    default_factory: str | None = None
    munged: bool = False

    def document(self) -> dict[str, Any]:
        """The field as a contract has it: without what it does not have, and `required` where it has no default."""
        parts: dict[str, Any] = {key: value for key, value in dataclasses.asdict(self).items() if value}
        parts |= {key: value for key, value in (("type", self.type), ("default", self.default)) if value is not None}
        if self.default is None and self.default_factory is None:
            parts["required"] = True
        return parts


@dataclasses.dataclass(frozen=True)
class Description:
    """A class (`kind` is None), function, constructor or value; `note` says how it was read, if not by importing it."""

    members: tuple[Field, ...] = ()
    kind: str | None = None
    value: str | None = None
    note: str | None = None

    def document(self, keep: frozenset[str]) -> dict[str, Any]:
        """The description as a contract has it; of the fields of a class those in `keep`, without any of them all."""
        if self.kind is None:
            return {"fields": [field.document() for field in self.members if not keep or field.name in keep]}
        if self.value is not None:
            return {"kind": self.kind, "value": self.value}
        return {"kind": self.kind, "parameters": [field.document() for field in self.members]}


class NotThereError(Exception):
    """A class or entry point does not exist, or can neither be imported nor read."""


def respond(request: dict[str, Any]) -> dict[str, Any]:
    """A contract of every installed package; `notes` says what could not be found or was only read."""
    contracts: list[dict[str, Any]] = []
    notes: list[str] = []
    for package, wanted in request.items():
        try:
            version = importlib.metadata.version(wanted["distribution"])
        except importlib.metadata.PackageNotFoundError:
            notes.append(f"{wanted['distribution']} is not installed")
            continue
        contract: dict[str, Any] = {"language": "python", "package": package, "version": version}
        keep = frozenset(wanted.get("fields", ()))
        for kind, describe in (("classes", describe_class), ("entry_points", describe_entry_point)):
            contract[kind] = {}
            for name in wanted.get(kind, ()):
                try:
                    description = describe(f"{package}.{name}")
                except NotThereError as error:
                    notes.append(str(error))
                    continue
                notes += [description.note] if description.note is not None else []
                contract[kind][name] = description.document(keep)
        contracts.append(contract)
    return {"contracts": contracts, "notes": notes}


# Imported -------------------------------------------------------------------------------------------------------------


def describe_class(name: str) -> Description:
    """The fields of a config class: chz, dataclass or pydantic. Raises NotThereError."""
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(imported(module), attribute, None)
    except Exception as error:  # noqa: BLE001 - importing runs code of others
        return read_class(module, attribute, error)
    if found is None:
        raise NotThereError(f"{name} does not exist")
    return Description(fields_of(found))


def describe_entry_point(name: str) -> Description:
    """A function with its parameters, a class with those of its constructor, or a value. Raises NotThereError."""
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(imported(module), attribute)
    except AttributeError:
        raise NotThereError(f"{name} does not exist") from None
    except Exception as error:  # noqa: BLE001 - importing runs code of others
        return read_entry_point(module, attribute, error)
    if inspect.isclass(found):
        return Description(parameters(found), "class")
    if callable(found):
        return Description(parameters(found), "async function" if inspect.iscoroutinefunction(found) else "function")
    return Description(kind="value", value=source(found))


def imported(module: str) -> Any:
    """The module; what it prints while it is imported goes nowhere."""
    with contextlib.redirect_stdout(io.StringIO()):
        return importlib.import_module(module)


def fields_of(found: type) -> tuple[Field, ...]:
    """The fields in the order of definition."""
    if hasattr(found, "__chz_fields__"):
        return tuple(map(chz_field, found.__chz_fields__.values()))
    if dataclasses.is_dataclass(found):
        return tuple(dataclass_field(field) for field in dataclasses.fields(found) if field.init)
    return parameters(found)


def chz_field(field: Any) -> Field:
    """A field of a chz class; the library keeps its parts in private names, under the same names for years."""
    factory = None if is_missing(field._default_factory) else field._default_factory
    return Field(
        name=field.logical_name,
        type=type_text(field.final_type),
        default=source(field._default) if factory is None and not is_missing(field._default) else None,
        default_factory=factory_name(factory) if factory is not None else None,
        munged=field._munger is not None,
    )


def is_missing(value: object) -> bool:
    """Whether a default is the library's mark for none."""
    return "missing" in type(value).__name__.lower() or "MISSING" in repr(value)


def dataclass_field(field: dataclasses.Field[Any]) -> Field:
    """A field of a dataclass."""
    default, factory = field.default, field.default_factory
    return Field(
        name=field.name,
        type=type_text(field.type),
        default=source(default) if default is not dataclasses.MISSING else None,
        default_factory=factory_name(factory) if factory is not dataclasses.MISSING else None,
    )


def factory_name(factory: Any) -> str:
    """What makes a default."""
    return getattr(factory, "__qualname__", "function")


def parameters(found: Any) -> tuple[Field, ...]:
    """The parameters of a function or constructor."""
    return tuple(
        Field(
            name=parameter.name,
            type=type_text(parameter.annotation) if parameter.annotation is not parameter.empty else None,
            default=source(parameter.default) if parameter.default is not parameter.empty else None,
        )
        for parameter in inspect.signature(found).parameters.values()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    )


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


# Read, not imported ---------------------------------------------------------------------------------------------------


def read_class(module: str, name: str, error: Exception) -> Description:
    """The annotated fields of a class and of its bases, as the source says them. Raises NotThereError."""
    fields = class_fields(module, name, set())
    if fields is None:
        raise unreadable(module, name, error)
    return Description(tuple(fields.values()), note=read_note(module, name, error))


def class_fields(module: str, name: str, seen: set[tuple[str, str]]) -> dict[str, Field] | None:
    """The fields of a class by name, those of its bases first; None for a class that is not there or in `seen`."""
    if (module, name) in seen or (tree := parsed(module)) is None:
        return None
    seen.add((module, name))
    definition = next((node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name), None)
    if definition is None:
        origin = imports(tree, module).get(name)
        return class_fields(*origin, seen) if origin is not None else None
    fields: dict[str, Field] = {}
    for base in definition.bases:
        if isinstance(base, ast.Name):
            fields |= class_fields(module, base.id, seen) or {}
    for node in definition.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            fields[node.target.id] = annotated_field(node.target.id, node)
    return fields


def annotated_field(name: str, node: ast.AnnAssign) -> Field:
    """A field from its annotation and, where it has one, the call that describes it."""
    type_, value = ast.unparse(node.annotation), node.value
    if isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2] == "field":
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in value.keywords}
        default = given.get("default")
        return Field(name, type_, default, given.get("default_factory") if default is None else None)
    return Field(name, type_, ast.unparse(value) if value is not None else None)


def read_entry_point(module: str, name: str, error: Exception) -> Description:
    """The parameters of a function, or of a class's constructor, as the source says them. Raises NotThereError."""
    tree, note = parsed(module), read_note(module, name, error)
    for node in tree.body if tree is not None else ():
        if isinstance(node, ast.ClassDef) and node.name == name:
            methods = (item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__")
            constructor = next(methods, None)
            members = tuple(read_parameters(constructor))[1:] if constructor is not None else ()
            return Description(members, "class", note=note)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name:
            kind = "async function" if isinstance(node, ast.AsyncFunctionDef) else "function"
            return Description(tuple(read_parameters(node)), kind, note=note)
    raise unreadable(module, name, error)


def read_parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Field]:
    """The parameters of a definition."""
    positional = [*node.args.posonlyargs, *node.args.args]
    defaults = [*[None] * (len(positional) - len(node.args.defaults)), *node.args.defaults, *node.args.kw_defaults]
    for argument, default in zip([*positional, *node.args.kwonlyargs], defaults, strict=True):
        annotation = argument.annotation
        yield Field(
            name=argument.arg,
            type=ast.unparse(annotation).strip("'\"") if annotation is not None else None,
            default=ast.unparse(default) if default is not None else None,
        )


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
    """The module and name behind each name that a module imports."""
    found: dict[str, tuple[str, str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            base = ".".join(module.split(".")[: -node.level]) if node.level else ""
            origin = ".".join(part for part in (base, node.module) if part)
            for alias in node.names:
                found[alias.asname or alias.name] = (defined_in(origin, alias.name), alias.name)
    return found


def defined_in(module: str, name: str) -> str:
    """The module that defines a class which a package's own module only passes on (`from transformers import X`)."""
    tree = parsed(module)
    if tree is None or any(isinstance(node, ast.ClassDef) and node.name == name for node in tree.body):
        return module
    top = importlib.util.find_spec(module.split(".")[0])
    for folder in (top.submodule_search_locations or ()) if top is not None else ():
        for path in sorted(Path(folder).glob("*.py")):
            if f"\nclass {name}" in path.read_text("utf-8", "replace"):
                return f"{module.split('.')[0]}.{path.stem}"
    return module


def read_note(module: str, name: str, error: Exception) -> str:
    """The note that a module was not imported."""
    return f"{module}.{name} was read, not imported: {first_line(error)}"


def unreadable(module: str, name: str, error: Exception) -> NotThereError:
    """That a module can neither be imported nor read."""
    return NotThereError(f"{module}.{name} cannot be imported ({first_line(error)}) and its source is not there")


def first_line(error: Exception) -> str:
    """What went wrong, on one line."""
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


def main() -> None:
    """Read the request, write the response."""
    request, response = Path(sys.argv[1]), Path(sys.argv[2])
    response.write_text(json.dumps(respond(json.loads(request.read_text("utf-8")))), "utf-8")


if __name__ == "__main__":
    main()
