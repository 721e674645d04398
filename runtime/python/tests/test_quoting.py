"""Hostile text in every place that text can stand in, and that no other module writes into these places."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import crucible_runtime
from crucible_runtime import plan as plans
from crucible_runtime import quoting
from crucible_runtime.experiment.canonical import pretty
from crucible_runtime.ir import STRUCTS, BackendRef, DatasetRef, Experiment, ModelRef, StageDef, TrainingConfig
from crucible_runtime.mlops.rendering import FOLDER, rendered
from crucible_runtime.mlops.settings import SETTINGS, STRATEGIES, TARGETS
from crucible_runtime.mlops.target import Plan

PACKAGE = Path(crucible_runtime.__file__).parent
HOSTILE = (
    "m\ntouch PWNED\n#",
    "$(touch PWNED)",
    "`touch PWNED`",
    "';touch PWNED;'",
    '"; touch PWNED; "',
    "a\r\ntouch PWNED",
    "-x9",
    "--config=/etc/passwd",
    "\x1b[31m\x07\x9b31m\u202e\u2028\u200b",
    "\n::error file=x::pwn",
    "  ::set-output name=a::b",
    "##[error]pwn",
    "<script>alert(1)</script>",
    'x" FROM "y',
    "a: b # c",
    "%s %(prog)s {0} {{ 1 }} {% raw %}",
    "模型",
    "a" * 300,
    "=,{",
    "\U000e0001",
)
_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200e\u200f\u2028\u2029]")
_RUNNER = re.compile(r"^\s*::|##\[", re.MULTILINE)


def safe_to_print(text: str) -> bool:
    """Whether neither a terminal nor a workflow runner obeys anything in a text."""
    return not _OBEYED.search(text) and not _RUNNER.search(text)


@given(st.text() | st.sampled_from(HOSTILE))
def test_what_is_printed_is_only_read(text: str) -> None:
    assert safe_to_print(quoting.printable(text))
    assert quoting.printable(text).count("\n") == text.count("\n")
    assert safe_to_print(quoting.one_line(quoting.printable(f"x {text}")))
    written = json.dumps({text: [text]}, ensure_ascii=False, indent=2)
    assert safe_to_print(quoting.printable_json(written))
    assert json.loads(quoting.printable_json(written)) == {text: [text]}


@given(st.text() | st.sampled_from(HOSTILE))
def test_a_comment_and_a_line_stay_lines(text: str) -> None:
    for line in (quoting.comment(text), quoting.modelfile("FROM", text)):
        assert len(line.splitlines()) == 1
        assert safe_to_print(line)


@given(st.text(), st.text())
def test_two_names_stay_two(one: str, other: str) -> None:
    for place in (quoting.label, quoting.file_name):
        assert (place(one) == place(other)) == (one == other)
    assert re.fullmatch(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?", quoting.label(one))
    assert re.fullmatch(r"[\w.+-]+", quoting.file_name(one))
    assert quoting.file_name(one) not in (".", "..")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("support-team", "support-team"),
        ("sl_basic", r"sl-basic-[0-9a-f]{8}"),
        ("Support-Team", r"support-team-[0-9a-f]{8}"),
        ("support_team_finetune_2026_customer_mail_en", r"support-team-finetune-2026-cust[a-z-]*-[0-9a-f]{8}"),
        ("模型", r"m-[0-9a-f]{8}"),
        ("3b", r"m-3b-[0-9a-f]{8}"),
        ("a-canary", r"a-canary-[0-9a-f]{8}"),
    ],
)
def test_a_name_that_is_altered_bears_a_digest(name: str, expected: str) -> None:
    assert re.fullmatch(expected, quoting.label(name))


def test_an_argument_cannot_hold_a_nul_character() -> None:
    with pytest.raises(ValueError, match="NUL character"):
        quoting.shell(["a\0b"])


def texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for key, item in value.items():
                yield from (str(key), *texts(item))
        case list() | tuple():
            for item in value:
                yield from texts(item)


# Every text of a deployment, in every file of it


def deployments(text: str) -> Iterator[Plan]:
    """A plan for each target and strategy with `text` in every field that can hold any."""
    for target in TARGETS:
        settings = {name: each.default for name, each in SETTINGS.items() if target in each.targets}
        free = {name for name in settings if SETTINGS[name].type is str and not SETTINGS[name].form}
        settings |= {name: text for name in free - {"server"} if not SETTINGS[name].among}
        settings |= {"args": [text]} if "args" in settings else {}
        for strategy in STRATEGIES:
            for base, hub in ((None, False), (text, False), (text, True)):
                yield Plan(
                    target=target,
                    strategy=strategy,
                    name=text,
                    version="2",
                    before="1",
                    base_model=text,
                    model=text,
                    base=base,
                    start=text,
                    hub=hub,
                    rank=8,
                    settings=settings,
                    share=10,
                )


def test_every_text_of_a_plan_is_hostile_above() -> None:
    """A field that is added must be considered here."""
    assert {field.name for field in fields(Plan)} == {
        *("target", "strategy", "name", "version", "before", "base_model", "model", "base", "rank", "settings"),
        *("share", "state", "start", "hub"),
    }


@pytest.mark.parametrize("text", HOSTILE)
def test_a_deployment_does_what_it_would_with_harmless_text(text: str, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("vllm", "text-generation-launcher", "kubectl", "ollama", "hf", "transformers", "tinker"):
        program = programs / name
        program.write_text('#!/bin/sh\nprintf "%s\\0" "$(basename "$0")" "$@" >> "$SAID"\nprintf "\\0" >> "$SAID"\n')
        program.chmod(0o755)
    for number, (plan, harmless) in enumerate(zip(deployments(text), deployments("harmless"), strict=True)):
        place = tmp_path / str(number)
        calls = [carried_out(each, place / name, programs) for name, each in (("a", plan), ("b", harmless))]
        assert not [*place.rglob("PWNED")]
        assert shape(calls[0], text) == shape(calls[1], "harmless")


def carried_out(plan: Plan, place: Path, programs: Path) -> list[list[str]]:
    """The commands that a deployment runs, and the words of the containers' commands."""
    folder = place / FOLDER
    folder.mkdir(parents=True)
    files = rendered(plan)
    for name, content in files.items():
        (folder / name).write_text(content, "utf-8")
        assert name.endswith(".sh") or not _OBEYED.search(content)
    said = place / "said"
    if "deploy.sh" in files:
        assert not re.search(r"^\s*touch", re.sub(r"'[^']*'", "", files["deploy.sh"]), re.MULTILINE)
        environment = {"PATH": f"{programs}:/usr/bin:/bin", "SAID": str(said)}
        subprocess.run(["/bin/sh", str(folder / "deploy.sh")], check=True, env=environment, stdin=subprocess.DEVNULL)
    calls = [call.split("\0") for call in said.read_bytes().decode().split("\0\0")[:-1]] if said.exists() else []
    for each in yaml.safe_load_all(files.get("manifests.yaml", "")):
        if each["kind"] == "Deployment":
            (container,) = each["spec"]["template"]["spec"]["containers"]
            calls.append([*container["command"], *container["args"]])
            assert not any(re.search(r"(?<!\$)\$\(", word) for word in calls[-1])
    return calls


def shape(calls: list[list[str]], text: str) -> list[list[str]]:
    """Commands with X in place of what the text became."""
    found = []
    for call in calls:
        words = []
        for word in call:
            quoted = quoting.kubernetes_word(text)
            forms = {json.dumps(text)[1:-1], text, quoted, json.dumps(quoted)[1:-1], quoting.label(text)}
            for form in sorted(forms, key=len, reverse=True):
                word = word.replace(form, "X")
            words.append(re.sub(r'\{"name": "X", "path": "(.*)"\}', r"X=\1", word).replace("./X", "X"))
        found.append([part for word in words for part in re.split(r"(?<=[a-z])=(?=X$)", word)])
    return found


# Every text of an experiment, on the terminal


def filled(text: str) -> Experiment:
    """An experiment with `text` in every field of text of the structs that recipes lead to."""
    training = with_text(
        TrainingConfig(
            id="r", model_ref=with_text(ModelRef(id="m"), text), dataset_ref=with_text(DatasetRef(name="d"), text)
        ),
        text,
    )
    training = replace(training, options={text: text, "a": [text]})
    stage = with_text(StageDef(name="s", options={text: {"b": text}}), text)
    experiment = Experiment(
        id="e", backend=with_text(BackendRef(id="b"), text), pipeline=[stage], training_config=training
    )
    return with_text(experiment, text)


def with_text(struct: Any, text: str) -> Any:
    """The struct with `text` in each field of text."""
    return replace(struct, **{field.name: text for field in fields(struct) if field.type in ("str", "str | None")})


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_an_experiment_reaches_the_terminal_as_it_is(text: str) -> None:
    experiment = filled(text)
    assert safe_to_print(plans.plan(experiment, None))
    shown = quoting.printable_json(pretty(experiment))
    assert safe_to_print(shown)
    assert json.loads(shown) == json.loads(pretty(experiment))
    assert text in set(texts(json.loads(shown)))


def test_the_structs_are_filled() -> None:
    assert all(is_dataclass(each) for each in STRUCTS.values())
    experiment = filled("hostile")
    for struct in (experiment, experiment.training_config, experiment.backend, experiment.pipeline[0]):
        left = [field.name for field in fields(struct) if "str" in field.type and getattr(struct, field.name) is None]
        assert left == [] or all(not type_.startswith("str") for type_ in left), left


# No other module writes into these places

_IMPORTS = {
    "shlex": {"quoting.py", "installation/distribution.py"},
    "html": {"secrets.py"},
    "markupsafe": {"report/rendering.py"},
}
"""The libraries that quote, and who may use them; `distribution` shows a command in a message."""
_WRITERS = {
    "print": {"cli/output.py", "environments/grading_worker.py"},
    "stdout": {
        *("cli/output.py", "rundir/capture.py", "mlops/serving.py", "environments/sandbox.py", "cli/__init__.py"),
        *("environments/grading.py", "environments/code.py", "environments/interpreter.py"),
    },
    "stderr": {
        "cli/output.py",
        "rundir/capture.py",
        "rundir/progress.py",
        "mlops/serving.py",
        "environments/sandbox.py",
        "environments/interpreter.py",
    },
    "write_exact": {
        "rundir/folder.py",
        "pipeline/record.py",
        "pipeline/conclusion.py",
        "mlops/deploy.py",
        "mlops/feedback.py",
    },
    "_about": {"mlops/rendering.py"},
}
"""What prints or writes text as it is, and the modules that may: the processes of the sandbox speak a protocol."""
_MARKS = re.compile(r"\x1b|#!/|\beval \b|\bexec \b|^::|##\[|apiVersion: |<[a-z]+>|</")
_MARKED = {"quoting.py", "mlops/rendering.py", "rundir/progress.py"}
"""Who has text of a shell, a terminal, a workflow, YAML or HTML among its constants."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text("utf-8"))


def docstrings(tree: ast.AST) -> set[int]:
    return {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def test_only_the_module_of_quoting_quotes() -> None:
    for name, tree in modules():
        for node in ast.walk(tree):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for each in names:
                assert each not in _IMPORTS or name in _IMPORTS[each], f"{name} imports {each}"


def test_only_the_sinks_print() -> None:
    for name, tree in modules():
        for node in ast.walk(tree):
            used = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
            if used in _WRITERS:
                assert name in _WRITERS[used], f"{name}:{getattr(node, 'lineno', 0)} uses {used}"


def test_only_registered_modules_have_text_of_a_place_among_their_constants() -> None:
    found: dict[str, list[str]] = {}
    for name, tree in modules():
        skipped = docstrings(tree)
        for node in ast.walk(tree):
            text = node.value if isinstance(node, ast.Constant) and id(node) not in skipped else None
            if isinstance(text, str) and _MARKS.search(text):
                found.setdefault(name, []).append(text)
    assert {*found} <= _MARKED, {name: each for name, each in found.items() if name not in _MARKED}


def test_files_of_a_deployment_are_put_together_from_what_is_quoted() -> None:
    """In the module that renders scripts every value in an f-string comes from a function of quoting, or is no text."""
    tree = ast.parse((PACKAGE / "mlops" / "rendering.py").read_text("utf-8"))
    allowed = {
        *(
            "absent",
            "shell(command)",
            "modelfile(instruction, value)",
            "FOLDER",
            "place",
            "weight",
            "share",
            "track",
            "begin",
        ),
        *("plan.label", "port(plan)", "plan.version"),
    }
    # What ends in a comment, in words of a command, or in the JSON of the record.
    inner = {"_about", "fetched", "record", "_commands", "rendered", "_modelfile"}
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and function.name not in inner:
            for node in ast.walk(function):
                if isinstance(node, ast.FormattedValue):
                    assert ast.unparse(node.value) in allowed, f"{function.name}: {ast.unparse(node.value)}"


@pytest.mark.skipif(shutil.which("sh") is None, reason="there is no shell")
@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",))), min_size=1, max_size=4))
def test_a_shell_reads_back_the_words(words: list[str]) -> None:
    script = "printf '%s\\0' " + quoting.shell(words)
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=True)
    assert done.stdout.decode("utf-8").split("\0")[:-1] == words
