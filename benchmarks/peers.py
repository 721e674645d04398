"""Other generators on comparable work: one input a recipe, each with about as many values as a recipe's experiment."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

VALUES = 190
"""About as many values has the canonical JSON of a recipe of `recipes.py`."""


@dataclass(frozen=True)
class Peer:
    """A generator: its package, its work in words, how many inputs at most are measured, and how it is run."""

    name: str
    package: str
    work: str
    most: int
    prepare: Callable[[Path, int, Path], None]
    command: Callable[[Path, Path, int], list[str]]

    def run(self, python: Path, work: Path, count: int, project: Path) -> float:
        """The seconds of one run on `count` inputs below `work`; outputs are in `work / "out"`."""
        shutil.rmtree(work, ignore_errors=True)
        (work / "in").mkdir(parents=True)
        (work / "out").mkdir()
        self.prepare(work, count, project)
        start = time.perf_counter()
        subprocess.run(self.command(python, work, count), cwd=work, check=True, capture_output=True)
        return time.perf_counter() - start


def install(place: Path, peer: Peer) -> Path:
    """A virtual environment for the peer alone, for they want versions that do not go together; its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    python = place / "bin" / "python"
    subprocess.run([str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", peer.package], check=True)
    return python


def _schema(number: int) -> dict[str, object]:
    kinds = ("string", "integer", "number", "boolean")
    properties = {
        f"field_{each}": {"type": kinds[each % 4], "description": f"Field {each} of recipe {number}."}
        for each in range(VALUES)
    }
    return {"title": f"Recipe{number}", "type": "object", "properties": properties, "required": ["field_0"]}


def _protos(work: Path, count: int, project: Path) -> None:
    kinds = ("string", "int64", "double", "bool")
    for number in range(count):
        fields = "".join(f"  {kinds[each % 4]} field_{each} = {each + 1};\n" for each in range(VALUES))
        text = f'syntax = "proto3";\npackage r{number};\nmessage Recipe{number} {{\n{fields}}}\n'
        (work / f"in/recipe_{number}.proto").write_text(text)


def _protoc(python: Path, work: Path, count: int) -> list[str]:
    options = ["-Iin", "--python_out=out", "--pyi_out=out"]
    return [str(python), "-m", "grpc_tools.protoc", *options, *sorted(path.name for path in (work / "in").iterdir())]


def _schemas(work: Path, count: int, project: Path) -> None:
    for number in range(count):
        (work / f"in/recipe_{number}.json").write_text(json.dumps(_schema(number)))


def _datamodel(python: Path, work: Path, count: int) -> list[str]:
    tool = str(python.with_name("datamodel-codegen"))
    return [tool, "--input", "in", "--output", "out", "--input-file-type", "jsonschema", "--disable-timestamp"]


def _openapi(work: Path, count: int, project: Path) -> None:
    schemas = {f"Recipe{number}": _schema(number) for number in range(count)}
    document = {
        "openapi": "3.0.3",
        "info": {"title": "recipes", "version": "1"},
        "paths": {},
        "components": {"schemas": schemas},
    }
    (work / "in/openapi.json").write_text(json.dumps(document))


def _openapi_client(python: Path, work: Path, count: int) -> list[str]:
    tool = str(python.with_name("openapi-python-client"))
    return [tool, "generate", "--path", "in/openapi.json", "--output-path", "out/client", "--overwrite"]


def _pipelines(work: Path, count: int, project: Path) -> None:
    names = [f"field_{each}" for each in range(VALUES)]
    arguments = ", ".join(f"{name}: str" for name in names)
    passed = ", ".join(f"{name}='value of {name}'" for name in names)
    text = f"""from kfp import compiler, dsl

@dsl.component
def train({arguments}) -> str:
    return field_0

def pipeline(number):
    @dsl.pipeline(name=f"recipe-{{number}}")
    def recipe():
        train({passed})
    return recipe

for number in range({count}):
    compiler.Compiler().compile(pipeline(number), f"out/recipe_{{number}}.yaml")
"""
    (work / "in/pipelines.py").write_text(text)


def _kfp(python: Path, work: Path, count: int) -> list[str]:
    return [str(python), "in/pipelines.py"]


def _template(work: Path, count: int, project: Path) -> None:
    (work / "in/copier.yml").write_text("name: {type: str, default: recipe}\n_subdirectory: files\n")
    (work / "in/files").mkdir()
    lines = "".join(f'field_{each} = "{{{{ name }}}} {each}"\n' for each in range(VALUES))
    for number in range(count):
        (work / f"in/files/recipe_{number}.py.jinja").write_text(lines)


def _copier(python: Path, work: Path, count: int) -> list[str]:
    return [str(python), "-m", "copier", "copy", "--defaults", "--quiet", "--overwrite", "in", "out"]


def _python_files(work: Path, count: int, project: Path) -> None:
    found = sorted((project / "generated/python/crucible_recipes").glob("[a-z]*.py"))[:count]
    for path in found:
        shutil.copy(path, work / "out" / path.name)


def _statements(work: Path, count: int, project: Path) -> None:
    """The same programs as a printer without a layout gives them: a statement a line, however long."""
    _python_files(work, count, project)
    for path in (work / "out").iterdir():
        path.write_text(ast.unparse(ast.parse(path.read_text("utf-8"))) + "\n", "utf-8")


def _black(python: Path, work: Path, count: int) -> list[str]:
    # No fast mode and one worker, as it is called from a generator.
    return [str(python), "-m", "black", "-q", "--workers", "1", "out"]


PEERS = (
    Peer("protoc", "grpcio-tools", f"messages of {VALUES} fields to Python and stubs", 10_000, _protos, _protoc),
    Peer("datamodel-code-generator", "datamodel-code-generator[http]", f"JSON Schemas of {VALUES} properties to pydantic",
         100, _schemas, _datamodel),
    Peer("openapi-python-client", "openapi-python-client", f"OpenAPI schemas of {VALUES} properties to a client",
         100, _openapi, _openapi_client),
    Peer("kfp", "kfp", f"pipelines of a component with {VALUES} arguments to YAML", 200, _pipelines, _kfp),
    Peer("copier", "copier", f"files of {VALUES} holes", 1000, _template, _copier),
    Peer("black", "black", "looks over the Python files that gen wrote, which need nothing", 100, _python_files, _black),
    Peer("black-unformatted", "black", "formats the same programs, a statement a line", 100, _statements, _black),
)  # fmt: skip
