"""Every code has a page, and every example on a page does what the page says."""

from __future__ import annotations

import ast
import re
import resource
import subprocess
from importlib.metadata import EntryPoint
from pathlib import Path

import crucible_gen
import pytest
from command import MINIMAL, gen, in_child, project
from crucible_gen.cli import explain
from crucible_gen.conformance.contracts import PullRequest, extraction
from crucible_gen.conformance.verify import interpreters, text
from crucible_gen.conformance.verify.proofs import defect_status, effects
from crucible_gen.conformance.verify.report import DefectStatus, Proof, Report, Row
from crucible_gen.conformance.verify.responses import Effect
from crucible_gen.diagnostics import Problem, Problems
from crucible_gen.documents.yaml_syntax import syntax_problem
from crucible_gen.languages import registry
from crucible_gen.output import File, plan, write
from crucible_gen.schemas import Schemas
from yaml.error import Mark, MarkedYAMLError

PACKAGE = Path(crucible_gen.__file__).parent
EXAMPLE = re.compile(r"^```(\w+) (wrong|right)\n(.*?)^```$", re.MULTILINE | re.DOTALL).findall
CODE = re.compile(r"error\[(E\d{4})\]|warning\[(W\d{4})\]|title=([EW]\d{4})").findall
FILE = re.compile(r"^# file: (.+)\n", re.MULTILINE)
FILES = {"yaml": "recipes/example.yaml", "json": "recipes/example.json", "toml": "pyproject.toml"}


def tables() -> list[tuple[str, str, str]]:
    """(module, code, title) of every table CODES of the package, read and not imported."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for statement in ast.parse(path.read_text("utf-8")).body:
            target = statement.target if isinstance(statement, ast.AnnAssign) else None
            target = statement.targets[0] if isinstance(statement, ast.Assign) else target
            if isinstance(target, ast.Name) and target.id == "CODES":
                table = ast.literal_eval(statement.value)  # type: ignore[attr-defined]
                found += [(path.relative_to(PACKAGE).as_posix(), code, title) for code, title in table.items()]
    return found


def examples() -> list[tuple[str, str, str, str]]:
    """(code, language, wrong or right, text) of every example."""
    found = []
    for code in explain.titles():
        page = explain.text(code)
        assert page is not None
        found += [(code, *example) for example in EXAMPLE(page)]
    return found


# Pages and tables --------------------------------------------------------------------------------------------------


def test_the_tables_of_codes_and_the_pages_agree() -> None:
    titles = {code: title for _, code, title in tables()}
    assert titles == explain.titles()


def test_no_code_stands_in_two_tables() -> None:
    codes = [code for _, code, _ in tables()]
    assert sorted(codes) == sorted(set(codes))


def test_a_module_uses_only_codes_of_its_own_part() -> None:
    known = {code for _, code, _ in tables()}
    for path in PACKAGE.rglob("*.py"):
        used = set(re.findall(r'"([EW]\d{4})"', path.read_text("utf-8")))
        assert used <= known, path


def test_titles_are_sorted_and_pages_begin_with_them() -> None:
    titles = explain.titles()
    assert list(titles) == sorted(titles)
    for code, title in titles.items():
        page = explain.text(code) or ""
        first, blank, prose = page.split("\n")[:3]
        assert (first, blank) == (f"# {code}: {title}", "")
        assert prose and not prose.startswith("`" * 3)


@pytest.mark.parametrize("code", ["", "E9999", "W9999", "w0101", "e0203", "../explanations", "E0203.md", "E0203\n"])
def test_what_is_no_code_has_no_page(code: str) -> None:
    assert explain.text(code) is None


# Examples ----------------------------------------------------------------------------------------------------------


def test_every_code_has_a_right_example_and_a_wrong_one_or_a_setup() -> None:
    kinds = {(code, kind) for code, _, kind, _ in examples()}
    for code in explain.titles():
        assert (code, "right") in kinds, code
        assert ((code, "wrong") in kinds) != (code in SETUPS), code


@pytest.mark.parametrize(
    ("code", "language", "kind", "text"),
    [pytest.param(*each, id=f"{each[0]}-{each[2]}") for each in examples()],
)
def test_an_example_does_what_its_page_says(code: str, language: str, kind: str, text: str, tmp_path: Path) -> None:
    exit_code, output = run_example(language, text, tmp_path)
    codes = {found for pair in CODE(output) for found in pair if found}
    if kind == "wrong":
        assert code in codes, output
        assert exit_code == (0 if code.startswith("W") else 1)
        assert codes == {code}, output
    else:
        assert (exit_code, codes) == (0, set()), output


def run_example(language: str, text: str, root: Path) -> tuple[int, str]:
    """Sets up what the example says in a directory, and runs it; without commands of its own, the main command."""
    files = {"recipes/fragments/minimal.yaml": MINIMAL}
    commands = ["gen recipes/"]
    if language == "console":
        commands = [line.removeprefix("$ ") for line in text.splitlines()]
    else:
        files |= _files(language, text)
    if "recipes/example.yaml" not in files and "recipes/example.json" not in files and language != "yaml":
        files["recipes/example.yaml"] = "id: example\nextends: fragments/minimal.yaml\n"
    settings = [
        f"{name}: {value}\n"
        for name, value in (("schemas", "[stages]"), ("templates", "templates"))
        if _has(files, name)
    ]
    if "pyproject.toml" not in files:
        files["gen.yaml"] = "".join(settings)
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    return in_child(lambda: _run(commands, root))


def _has(files: dict[str, str], setting: str) -> bool:
    folder = {"schemas": "stages/", "templates": "templates/"}[setting]
    return any(name.startswith(folder) for name in files)


def _files(language: str, text: str) -> dict[str, str]:
    first, *rest = FILE.split(text)
    named = dict(zip(rest[::2], rest[1::2], strict=True))
    if named:
        return named
    if language == "yaml":
        return {FILES[language]: f"id: example\nextends: fragments/minimal.yaml\n{first}"}
    return {FILES[language]: first}


def _run(commands: list[str], root: Path) -> tuple[int, str]:
    """The lines of a console: `gen` in this process, all else in a shell; the last exit code and all output."""
    code, output = 0, ""
    for command in commands:
        if command.startswith("ulimit -f "):
            resource.setrlimit(resource.RLIMIT_FSIZE, (1024 * int(command.split()[-1]),) * 2)
            continue
        if command.split()[0] == "gen":
            script = f"printf '%s\\0' {command}"
            words = subprocess.run(["bash", "-c", script], cwd=root, capture_output=True, text=True, check=True).stdout
            ran = gen(words.split("\0")[1:-1], root)
            code, output = ran.code, ran.both
        else:
            done = subprocess.run(["bash", "-c", command], cwd=root, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
    return code, output


# Codes that no example can show ------------------------------------------------------------------------------------


def _yaml_without_words(root: Path) -> Problem:
    error = MarkedYAMLError("", None, "an odd thing", Mark("", 3, 0, 3, None, 3))
    return syntax_problem(error, "a: b", "recipes/example.yaml", None)


def _one_path_for_two(root: Path) -> Problem:
    files = [File("ir/a.json", "1", "a"), File("ir/A.json", "2", "A")]
    return plan.plan(files, root).problems[0]


def _a_path_outside(root: Path) -> Problem:
    return plan.plan([File("../a.json", "1", "a")], root).problems[0]


def _changed_meanwhile(root: Path) -> Problem:
    planned = plan.plan([File("ir/a.json", "1", "a")], root)
    project(root, {"ir/a.json": "from an editor"})
    with pytest.raises(Problems) as caught:
        write.apply(planned, root)
    return caught.value.problems[0]


def _no_elixir(root: Path) -> Problem:
    return _pull(root, {"lib.ex": "", "A.beam": ""}, PullRequest(code_paths=[root]))


def _a_project_that_does_not_compile(root: Path) -> Problem:
    mix = "#!/bin/sh\necho no such function >&2\nexit 1\n"
    return _pull(root, {"mix.exs": "", "mix": mix}, PullRequest(mix_project=root, compile=True))


def _pull(root: Path, files: dict[str, str], request: PullRequest) -> Problem:
    project(root, files)
    for path in root.iterdir():
        path.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(root))
        with pytest.raises(Problems) as caught:
            extraction.extract(request, Schemas.load())
    return caught.value.problems[0]


def _an_entry_point_that_is_no_language(root: Path) -> Problem:
    entry = EntryPoint("lua", "json:JSONDecoder", registry.ENTRY_POINTS)
    with pytest.raises(Problems) as caught:
        registry.loaded("lua", [entry])
    return caught.value.problems[0]


def _nothing_to_verify_with(root: Path) -> Problem:
    return interpreters.no_elixir()


def _no_package(root: Path) -> Problem:
    return interpreters.missing_modules(["CrucibleIR.Experiment"])


def _no_answer(root: Path) -> Problem:
    return interpreters.no_response(1, "a crash")


def _failed_proof(root: Path) -> Problem:
    row = Row("example", "recipes/example.yaml", {"json": Proof("failed", ("two differ",))})
    return text.problems(Report((row,), columns=("json",)))[0]


def _no_effect(root: Path) -> Problem:
    problem = effects.effect_problem("Acme.Stage of acme@1.0.0", "speed", Effect(ports=False, direct=False), False)
    assert problem is not None
    return problem


def _an_effect(root: Path) -> Problem:
    problem = effects.effect_problem("Acme.Stage of acme@1.0.0", "speed", Effect(ports=True, direct=True), True)
    assert problem is not None
    return problem


def _gone(root: Path) -> Problem:
    return defect_status.gone(DefectStatus("D0003", "it fails", "crucible_train 0.4.0", "gone"))


SETUPS = {
    "E0143": _yaml_without_words,
    "E0530": _an_entry_point_that_is_no_language,
    "E0601": _one_path_for_two,
    "E0602": _a_path_outside,
    "E0617": _changed_meanwhile,
    "E0902": _nothing_to_verify_with,
    "E0904": _no_package,
    "E0905": _no_answer,
    "E0910": _failed_proof,
    "E0911": _no_effect,
    "E0912": _an_effect,
    "E0913": _gone,
    "E0804": _no_elixir,
    "E0805": _a_project_that_does_not_compile,
}


@pytest.mark.parametrize("code", SETUPS)
def test_codes_that_no_example_can_show(code: str, tmp_path: Path) -> None:
    problem = SETUPS[code](tmp_path)
    assert problem.code == code
    assert problem.message
