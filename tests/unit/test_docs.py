"""README and docs/ are true: commands print what is shown, examples are accepted, links lead somewhere."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from click import Command, Group
from command import MINIMAL, gen, project
from crucible_gen.cli.app import gen as program
from crucible_gen.documents import load
from crucible_gen.languages.elixir import printer as elixir_printer
from crucible_gen.recipes import settings
from crucible_gen.schemas import Schemas
from elixir_project import tool
from pages import PAGES, ROOT, Block, blocks, commands, name, play, same, stands_in

Golden = Callable[[Path, Mapping[str, bytes]], None]

ELSEWHERE = {"docs/verify.md": "tests/verify/test_docs_verify.py"}
"""Pages whose commands need compiled packages, and the tests that run them."""

MIX = re.compile(r"^\$ mix ", re.MULTILINE)
PLAYED = [
    pytest.param(page, id=name(page), marks=[pytest.mark.elixir] if MIX.search(page.read_text("utf-8")) else [])
    for page in PAGES
    if name(page) not in ELSEWHERE
]


@pytest.mark.parametrize("page", PLAYED)
def test_commands_print_what_the_page_shows(page: Path, tmp_path: Path, golden: Golden) -> None:
    golden(page, {"": play(page, tmp_path).encode()})


def examples(*languages: str) -> Iterator[tuple[str, Block]]:
    """The blocks of these languages that are whole files or stand for themselves, with their page."""
    for page in PAGES:
        for block in blocks(page.read_text("utf-8")):
            if block.language in languages and block.word != "excerpt":
                yield name(page), block


def ids(example: object) -> str:
    return example if isinstance(example, str) else ""


def test_every_block_has_a_language_that_is_checked() -> None:
    known = {"", "console", "diff", "yaml", "json", "toml", "python", "elixir", "sh", "make"}
    for page in PAGES:
        assert {block.language for block in blocks(page.read_text("utf-8"))} <= known, name(page)


RECIPE = Schemas.load().documents["recipe.schema.json"]["properties"]


@pytest.mark.parametrize(("page", "block"), [*examples("yaml")], ids=ids)
def test_yaml_is_right_and_a_part_of_a_recipe_fits_one(page: str, block: Block, tmp_path: Path) -> None:
    node = load.parse(block.text.encode(), page)
    written = node.plain()
    if block.word == "file" or not isinstance(written, dict) or not written.keys() <= RECIPE.keys() | {"id"}:
        return
    whole = merged({"id": "example", **yaml.safe_load(MINIMAL)}, written)
    root = project(tmp_path, {f"recipes/{whole['id']}.yaml": yaml.safe_dump(whole, sort_keys=False)})
    ran = gen(["recipes"], root)
    assert ran.code == 0, ran.both


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    both = dict(base)
    for key, value in over.items():
        inner = both.get(key)
        both[key] = merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return both


@pytest.mark.parametrize(("page", "block"), [*examples("json")], ids=ids)
def test_json_is_right_and_a_stage_schema_is_accepted(page: str, block: Block, tmp_path: Path) -> None:
    value = json.loads(block.text)
    if "x-stage" in value:
        root = project(tmp_path, {"stages/own.schema.json": block.text, "recipes/a.yaml": f"id: a\n{MINIMAL}"})
        ran = gen(["recipes", "--schemas", "stages"], root)
        assert ran.code == 0, ran.both


@pytest.mark.parametrize(("page", "block"), [*examples("toml")], ids=ids)
def test_toml_is_right_and_settings_are_known(page: str, block: Block, tmp_path: Path) -> None:
    parsed = tomllib.loads(block.text)
    assert parsed
    if block.word == "file" and "gen" not in parsed.get("tool", {}):
        return  # a package that the page makes
    (tmp_path / "pyproject.toml").write_text(block.text, "utf-8")
    assert settings.find(tmp_path, {}).root == tmp_path


@pytest.mark.parametrize(("page", "block"), [*examples("python")], ids=ids)
def test_python_parses(page: str, block: Block) -> None:
    ast.parse(block.text)


@pytest.mark.parametrize(("page", "block"), [*examples("sh")], ids=ids)
def test_scripts_parse_and_call_what_is_there(page: str, block: Block) -> None:
    done = subprocess.run(["bash", "-n"], input=block.text, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    for script in re.findall(r"^(\.ci/\S+)", block.text, re.MULTILINE):
        assert (ROOT / script).stat().st_mode & 0o100, script


@pytest.mark.elixir
def test_elixir_parses_and_is_formatted(tmp_path: Path) -> None:
    found = [(f"{page}: {block.text}", block.text) for page, block in examples("elixir")]
    assert found
    pairs = ", ".join(f"{{{elixir_printer.string(key)}, {elixir_printer.string(text)}}}" for key, text in found)
    script = tmp_path / "examples.exs"
    script.write_text(
        f"for {{key, text}} <- [{pairs}] do\n"
        '  formatted = IO.iodata_to_binary([Code.format_string!(text, line_length: 98), "\\n"])\n'
        "  if formatted != text, do: IO.puts([key, ?\\n, formatted])\n"
        "end\n",
        "utf-8",
    )
    done = subprocess.run([tool("elixir"), str(script)], capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    headings = HEADING.findall(re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(CODE.sub("", page.read_text("utf-8"))):
        if link.startswith(("http:", "https:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_index_leads_to_every_page() -> None:
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in LINK.findall(index.read_text("utf-8"))}
    assert {page for page in PAGES if page.parent != ROOT and page != index} <= linked


def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs" / "reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_written_parts_say_what_the_schemas_say(golden: Golden) -> None:
    written = reference()
    for page in written.PAGES:
        golden(page, {"": written.page(page.read_text("utf-8")).encode()})


@pytest.mark.parametrize("page", ELSEWHERE)
def test_other_tests_run_the_commands_of_a_page(page: str) -> None:
    assert f'"{Path(page).name}"' in (ROOT / ELSEWHERE[page]).read_text("utf-8")


NAMED = re.compile(r"`gen ([^`]+)`|^(?:\$ )?gen (.+)$", re.MULTILINE)
FLAG = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_that_is_named_is_one(page: Path) -> None:
    text = page.read_text("utf-8")
    for in_text, alone in NAMED.findall(text):
        words = (in_text or alone).partition("#")[0].split()
        command: Command = program
        while words and isinstance(command, Group) and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        if command is program:
            command = program.commands["generate"]
        known = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
        assert set(FLAG.findall(" ".join(words))) <= known | {"--help"}, f"gen {in_text or alone}"


def test_the_architecture_names_every_package() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    text = page.partition("## Packages of the generator")[2].partition("\n## ")[0]
    root = ROOT / "generator" / "crucible_gen"
    modules = {path.stem for path in root.iterdir() if "__" not in path.name and path.name not in ("py.typed", "data")}
    rows = set(re.findall(r"^\| \d+ \| `(\w+)` \|", text, re.MULTILINE))
    assert rows == modules


def test_the_picture_is_a_picture_that_says_what_it_shows() -> None:
    root = ElementTree.parse(ROOT / "docs" / "flow.svg").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.findtext("{http://www.w3.org/2000/svg}title")


# What the tests above stand on.


def test_a_console_block_is_commands_and_their_output() -> None:
    first, second = commands("$ one\n> more\nout\n\nend\n$ two\n")
    assert (first.text, first.output) == ("one\nmore", ["out", "", "end"])
    assert (second.text, second.output) == ("two", [])
    with pytest.raises(AssertionError, match="output without a command"):
        commands("out\n")


def test_dots_stand_for_any_lines() -> None:
    assert same(["a", "b"], ["a", "b"])
    assert same(["a", "...", "d"], ["a", "b", "c", "d"])
    assert same(["a", "...", "d"], ["a", "d"])
    assert same(["..."], [])
    assert same([f"inputs={'1' * 16} body={'2' * 16}"], [f"inputs={'3' * 16} body={'4' * 16}"])
    assert not same(["a"], ["a", "b"])
    assert not same(["a", "..."], ["b"])
    assert not same(["...", "b"], ["b", "c"])
    assert not same(["a", "...", "a"], ["a"])


def test_an_excerpt_is_moved_as_a_whole() -> None:
    text = ["def f:", "    if x:", "        y", "    z"]
    assert stands_in(["if x:", "    y"], text)
    assert stands_in(["if x:", "    ...", "z"], text)
    assert not stands_in(["if x:", "y"], text)
    assert not stands_in(["z", "...", "if x:"], text)


def test_what_is_not_printed_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```console\n$ echo two\none\n```\n\n```console\n$ false\n$ echo $?\n0\n```\n")
    assert play(page, tmp_path / "session") == (
        "```console\n$ echo two\ntwo\n```\n\n```console\n$ false\n$ echo $?\n1\n```\n"
    )


def test_files_diffs_excerpts_and_directories(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    text = (
        "<!-- file: a/b.yaml -->\n```yaml\nx: 1\ny: 2\n```\n"
        "```diff\n--- a/b.yaml\n+++ a/b.yaml\n x: 1\n-y: 2\n+y: 3\n```\n"
        "```console\n$ cd a\n$ cat b.yaml\nx: 1\ny: 3\n```\n"
        "<!-- excerpt: a/b.yaml -->\n```yaml\ny: 3\n```\n"
        "<!-- fresh -->\n```console\n$ ls\n```\n"
    )
    page.write_text(text)
    assert play(page, tmp_path / "session") == text
    page.write_text(text.replace("y: 3\n```\n<!-- fresh", "y: 2\n```\n<!-- fresh"))
    with pytest.raises(AssertionError, match=r"not in a/b\.yaml"):
        play(page, tmp_path / "other")
