"""The names that a recipe's id and the setting `package` give in Python, and those that cannot be used there."""

from __future__ import annotations

import keyword
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from crucible_gen.documents import Plain

PACKAGE: Final = "crucible_recipes"
"""The package that holds the modules of a generated project, unless the settings name another one."""

RESERVED: Final = frozenset({"__init__", "__main__"})
"""Modules of the package that are no recipes."""

_WORDS = frozenset(word.lower() for word in keyword.kwlist)
_RUNTIME = "crucible_runtime"
_DEPENDENCIES = frozenset(
    {
        *("accelerate", "alembic", "chz", "datasets", "httpx", "huggingface_hub", "inspect_ai", "jinja2", "jsonschema"),
        *("markupsafe", "math_verify", "mlflow", "numpy", "packaging", "pandas", "peft", "pyarrow", "pydantic"),
        *("pyyaml", "sqlalchemy", "sympy", "tinker", "tinker_cookbook", "tokenizers", "torch", "transformers", "trl"),
        *("typing_extensions", "yaml"),
    }
)
"""The packages that the runtime and its engines import, by the names of modules and of distributions."""


def package(options: Mapping[str, Plain]) -> str:
    """The name of the package under these options of the language."""
    return str(options.get("package") or PACKAGE)


def project(package_name: str) -> str:
    """The name of the project (distribution) that holds a package: `my_team_recipes` to `my-team-recipes`."""
    return package_name.replace("_", "-")


def package_problem(name: str) -> str | None:
    """Why no generated package can have a name that matches the pattern of the settings, as a sentence, or None.

    The standard modules are those of the Python that runs; the generated code may run under a newer one.
    """
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        return f"{name} is a reserved word in Python"
    if name in sys.stdlib_module_names:
        return f"{name} is a module of Python's standard library, which the package would hide"
    if name == _RUNTIME:
        return f"{name} is the runtime, which generated code imports"
    if name in _DEPENDENCIES:
        return f"{name} is a package that the runtime or one of its engines imports"
    return None


def module(stem: str) -> str:
    """A stem to the name of its module in the package, which is the stem: `taken` refuses what cannot be imported."""
    return stem


def taken(stem: str) -> str:
    """Why no recipe can have this stem, or an empty string."""
    if stem in _WORDS:
        return f"{stem} is a reserved word in Python"
    if stem in RESERVED:
        return f"the generated Python package has a module {stem} of its own"
    return ""
