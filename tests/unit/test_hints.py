"""A hint that is followed to the letter makes its problem go away.

`FOLLOWED` has an action for each kind of hint; a hint of another kind fails the test, so that a new one gets an action.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from crucible_gen.diagnostics import Problem, Problems
from crucible_gen.documents import load
from crucible_gen.languages import registry
from crucible_gen.recipes import rules, settings, vocabulary
from crucible_gen.recipes.resolve import Reader, Source
from crucible_gen.schemas import Schemas

SCHEMAS = Schemas.load()
VALIDATOR = vocabulary.validator(SCHEMAS)

Action = Callable[[str, Problem, re.Match[str]], str]
"""The text of a file, a problem in it, and the hint that matched, to the text in which the hint was followed."""


def offset(text: str, problem: Problem) -> int:
    lines = text.split("\n")
    return sum(len(line) + 1 for line in lines[: problem.place.line - 1]) + problem.place.column - 1


def put(text: str, problem: Problem, new: str, old: str | None = None) -> str:
    """`new` in place of what the problem marks, or of `old`, which begins there or a little later."""
    at = offset(text, problem)
    if old is None:
        old = text[at : at + problem.place.width]
    at = text.index(old, at)
    return text[:at] + new + text[at + len(old) :]


def quote(text: str, problem: Problem, found: re.Match[str]) -> str:
    begin = text.rfind(": ", 0, offset(text, problem)) if problem.code == "E0133" else None
    column = problem.place.column if begin is None else begin - text.rfind("\n", 0, begin)
    return put(text, problem._replace(place=problem.place._replace(column=column)), found[1], json.loads(found[1]))


def add(text: str, problem: Problem, found: re.Match[str]) -> str:
    """Adds a field to the mapping that begins at the problem."""
    at = offset(text, problem)
    if text[at] == "{":
        inner = text[at + 1 :].lstrip()
        return text[: at + 1] + found[1] + ("" if inner.startswith("}") else ", ") + text[at + 1 :]
    return f"{text[:at]}{found[1]}\n{' ' * (problem.place.column - 1)}{text[at:]}"


def indent(text: str, problem: Problem, found: re.Match[str]) -> str:
    at = offset(text, problem)
    begin = text.rfind("\n", 0, at) + 1
    return text[:begin] + " " * int(found[1]) + text[at:]


def drop_line(text: str, problem: Problem, found: re.Match[str]) -> str:
    lines = text.split("\n")
    del lines[problem.place.line - 1]
    return "\n".join(lines)


def keep_one_version(text: str, problem: Problem, found: re.Match[str]) -> str:
    return re.sub(r"(?ms)^<{7}[^\n]*\n(.*?)^={7}\n.*?^>{7}[^\n]*\n", r"\1", text)


def before(sign: str) -> Action:
    """Puts a space before a sign at the problem."""
    return lambda text, problem, found: put(text, problem, f" {sign}", sign)


def written(text: str, problem: Problem, found: re.Match[str]) -> str:
    return put(text, problem, found[1])


FOLLOWED: Mapping[str, Action] = {
    r'quote it: (".*")': quote,
    r'quote it if it is text: (".*")': quote,
    r'quote the value(?: if it is text)?: (".*")': quote,
    r'remove the tag !!\w+, and quote the value: (".*")': lambda text, problem, found: put(
        text.replace("!!int ", "").replace("!!float ", ""),
        problem._replace(place=problem.place._replace(column=1)),
        found[1],
        json.loads(found[1]),
    ),
    r"write the number without quotes: (\S+)": written,
    r"write ([-+.\d]\S*|true|false|null)": written,
    r"write true or false(?:, without quotes)?": lambda text, problem, found: put(text, problem, "true"),
    r"write a (?:whole )?number": lambda text, problem, found: put(text, problem, "1"),
    r"write it without a fraction": lambda text, problem, found: put(text, problem, "3"),
    r"write a list: (\[.+\])": written,
    r"write fields below it: `name: value`": lambda text, problem, found: put(text, problem, "{name: value}"),
    r"write some text(?:, or remove the line)?": lambda text, problem, found: put(text, problem, "text"),
    r"write it as in (\S+)": written,
    r"did you mean (\S+)\?": written,
    r"write one of these values": lambda text, problem, found: put(
        text, problem, re.findall(r"one of (.+?)[,;]", problem.message)[0]
    ),
    r"give a number (?:of at least|of at most|from) (\S+).*": written,
    r"give a number greater than (\S+)": lambda text, problem, found: put(text, problem, str(float(found[1]) + 0.5)),
    r"give a number less than (\S+)": lambda text, problem, found: put(text, problem, str(float(found[1]) - 0.5)),
    r"add (\w+: .+)": add,
    r"keep one of them": drop_line,
    r"fields here: .*": drop_line,
    r"keep the lines of one version, .*": keep_one_version,
    r"put a space before the `#`": before("#"),
    r"put a space before the colon: .*": lambda text, problem, found: put(text, problem, " :", ":"),
    r"put a space after the colon: (.*)": lambda text, problem, found: put(text, problem, found[1]),
    r"indent it by at least (\d+)": indent,
    r"replace (?:each|the) tab with (?:two spaces|a space)": lambda text, problem, found: text.replace("\t", "  "),
    r"remove its spaces": lambda text, problem, found: put(text, problem, ""),
    r"close it with (?:`([\]}])`|(['\"]))": lambda text, problem, found: put(
        text, problem, line_of(text, problem) + (found[1] or found[2]), line_of(text, problem)
    ),
    r"write id: (\S+), or rename the file": written,
    r"for example (\S+)": written,
    r"give it the name of its file": lambda text, problem, found: put(text, problem, "example"),
    r"give each \w+ its own \w+": lambda text, problem, found: put(text, problem, "another"),
    r"give one of them another name: .*": lambda text, problem, found: put(
        text, problem, "name: another, stage", "stage"
    ),
    r"write another name": lambda text, problem, found: put(text, problem, "other"),
    r"write a smaller number": lambda text, problem, found: put(text, problem, "1"),
    r"write what a right answer contains, or remove the sample": lambda text, problem, found: put(text, problem, "4"),
    r"add mlops\.(\w+)": lambda text, problem, found: (text if "mlops:\n" in text else f"{text}mlops:\n").replace(
        "mlops:\n", f"mlops:\n  {found[1]}: {{model_name: m}}\n"
    ),
    r"add one, or remove the line": drop_line,
    r"remove it: .*": drop_line,
    r"remove one of them": lambda text, problem, found: re.sub(r"(\w+), \1", r"\1", text),
    r"write text of this form": lambda text, problem, found: put(
        text, problem, "MyTeam" if "match ^[A-Z]" in problem.message else "my_team"
    ),
    r"add \{stage: (\w+)\} to stages": lambda text, problem, found: text.replace(
        "{stage", f"{{stage: {found[1]}}}, {{stage", 1
    ),
    r"move (\w+) in front of it": lambda text, problem, found: moved(text, f"{{stage: {found[1]}}}"),
    r"write '' for a ' in it": lambda text, problem, found: text.replace("'s", "''s"),
}


def moved(text: str, entry: str) -> str:
    """The entry of a list as its first one."""
    return text.replace(f", {entry}", "").replace("[{stage", f"[{entry}, {{stage", 1)


def line_of(text: str, problem: Problem) -> str:
    return text[offset(text, problem) :].split("\n", 1)[0]


def problems(text: str, folder: Path) -> list[Problem]:
    path = folder / "example.yaml"
    path.write_text(text)
    try:
        recipe = Reader(SCHEMAS).recipe(Source(path, "example.yaml"))
    except Problems as error:
        return sorted(error.problems)
    languages = registry.built_in()
    found = VALIDATOR.check(recipe.written, rules.identity(recipe, languages))
    return found or rules.check(recipe, SCHEMAS, languages)


def of_settings(text: str, folder: Path) -> list[Problem]:
    path = folder / "gen.yaml"
    path.write_text(text)
    try:
        node = load.load(path, "gen.yaml")
        return settings._problems(node) if node.value is not None else []
    except Problems as error:
        return sorted(error.problems)


def follow(text: str, folder: Path, problems: Callable[[str, Path], list[Problem]] = problems) -> str:
    """The text in which every hint was followed, one after the other; a problem that stays fails the test."""
    for _ in range(12):
        found = problems(text, folder)
        if not found:
            return text
        problem = found[0]
        matches = ((re.fullmatch(pattern, problem.hint), action) for pattern, action in FOLLOWED.items())
        match, action = next(((match, action) for match, action in matches if match), (None, None))
        assert match and action, f"a hint of another kind: {problem}"
        text = action(text, problem, match)
        again = [(each.code, each.message) for each in problems(text, folder)]
        assert (problem.code, problem.message) not in again, (problem, text)
    raise AssertionError(f"the hints lead nowhere: {text}")


RECIPE = """\
id: example
type: supervised
training_config:
  model_ref: m
  dataset_ref: d
"""


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (f"{RECIPE}x: 1\n", RECIPE),
        (RECIPE.replace("type: supervised\n", ""), None),
        (RECIPE.replace("id: example\n", ""), RECIPE),
        (RECIPE.replace("  model_ref: m\n", ""), None),
        ("id: example\ntype: supervised\n", None),
        (f"{RECIPE}description: 'it's'\n", f"{RECIPE}description: 'it''s'\n"),
        (f"{RECIPE}description: a: b # c\n", f'{RECIPE}description: "a: b" # c\n'),
        (f"{RECIPE}description: @you # c\n", f'{RECIPE}description: "@you" # c\n'),
        (f"{RECIPE}description: `x`\n", f'{RECIPE}description: "`x`"\n'),
        (f"{RECIPE}description: %x\n", f'{RECIPE}description: "%x"\n'),
        (f"{RECIPE}description: *.txt\n", f'{RECIPE}description: "*.txt"\n'),
        (f"{RECIPE}description: &a:b c\n", f'{RECIPE}description: "&a:b c"\n'),
        (f'{RECIPE}description: "x"# c\n', f'{RECIPE}description: "x" # c\n'),
        (f"{RECIPE}description: ? x\n", f'{RECIPE}description: "? x"\n'),
        (f"{RECIPE}tags: [@a, b]\n", f'{RECIPE}tags: ["@a", b]\n'),
        (f"{RECIPE}tags: [a, %b]\n", f'{RECIPE}tags: [a, "%b"]\n'),
        (f"{RECIPE}tags: [?a, b]\n", f'{RECIPE}tags: ["?a", b]\n'),
        (f"{RECIPE}tags: [a,\nb]\n", f"{RECIPE}tags: [a,\n b]\n"),
        (f"{RECIPE}tags: [-]\n", f'{RECIPE}tags: ["-"]\n'),
        (f"{RECIPE}tags: [a, b\n", f"{RECIPE}tags: [a, b]\n"),
        (f'{RECIPE}description: "a\nb"\n', f'{RECIPE}description: "a\n b"\n'),
        (f"{RECIPE}metadata: {{1: x}}\n", f'{RECIPE}metadata: {{"1": x}}\n'),
        (f"{RECIPE}metadata: {{1.10: x}}\n", f'{RECIPE}metadata: {{"1.10": x}}\n'),
        (f"{RECIPE}id: example\n", RECIPE),
        (f"<<<<<<< HEAD\n{RECIPE}=======\nid: b\n>>>>>>> b\n", RECIPE),
        (RECIPE.replace("type: s", "type:s"), RECIPE),
        (RECIPE.replace("supervised", "supervisd"), RECIPE),
        (f"{RECIPE}  epoch: 2\n", f"{RECIPE}  epochs: 2\n"),
        (f"{RECIPE}  epochs: '2'\n", f"{RECIPE}  epochs: 2\n"),
        (f"{RECIPE}  batch_size: 1_024\n", f"{RECIPE}  batch_size: 1024\n"),
        (f"{RECIPE}  batch_size: 1,024\n", f"{RECIPE}  batch_size: 1024\n"),
        (f"{RECIPE}  mixed_precision: no\n", f"{RECIPE}  mixed_precision: false\n"),
        (f"{RECIPE}  metrics: loss\n", f'{RECIPE}  metrics: ["loss"]\n'),
        (f"{RECIPE}  learning_rate: -1\n", None),
    ],
)
def test_a_hint_leads_out(text: str, right: str | None, tmp_path: Path) -> None:
    followed = follow(text, tmp_path)
    assert right is None or followed == right


STAGES = f"{RECIPE}stages:\n  after: "
TASK = f"{RECIPE}evaluation:\n  tasks:\n    - name: t\n      scorer: contains\n      samples:\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (RECIPE.replace("id: example", "id: ''"), "E0401"),
        (RECIPE.replace("id: example", "id: Exa mple"), "E0402"),
        (RECIPE.replace("id: example", "id: class"), "E0404"),
        (RECIPE.replace("id: example", "id: other"), "E0411"),
        (f"{RECIPE}mlops:\n  deploy: {{target: noop}}\n", "E0412"),
        (f"{STAGES}[{{stage: model_promote, options: {{stage: production}}}}]\n", "E0412"),
        (f"{STAGES}[{{stage: bench}}, {{stage: bench}}]\n", "E0413"),
        (f"{TASK}        - {{id: a, input: q, target: b}}\n        - {{id: a, input: q, target: b}}\n", "E0414"),
        (f"{TASK}        - {{id: a, input: q, target: ''}}\n", "E0441"),
        (f"{RECIPE}created_at: 2026-02-30T12:00:00Z\n", "E0415"),
        (f"{RECIPE}created_at: yesterday\n", None),
        (f'{RECIPE}owner: "x"\ntags: ["{"a" * 300}"]\n', "E0416"),
        (f"{RECIPE}  batch_size: 1.0e+300\n", "E0417"),
    ],
)
def test_a_hint_of_the_recipes_own_rules_leads_out(text: str, code: str | None, tmp_path: Path) -> None:
    assert code is None or code in [each.code for each in problems(text, tmp_path)]
    follow(text, tmp_path)


@pytest.mark.parametrize("name", ["class", "Reason RL", "con", "日本", "a" * 200])
def test_a_hint_for_an_id_that_the_file_has_too_leads_out(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.yaml"
    for _ in range(3):
        path.write_text(RECIPE.replace("example", json.dumps(path.stem, ensure_ascii=False), 1))
        found = rules.identity(Reader(SCHEMAS).recipe(Source(path, path.name)), registry.built_in())
        if not found:
            return
        assert found[0].hint.endswith(" (the file takes the same name)")
        new = re.match(r"did you mean (\S+)\?|for example (\S+)", found[0].hint)
        path = tmp_path / f"{(new[1] or new[2]) if new else 'short'}.yaml"
    raise AssertionError(f"the hint leads nowhere: {found}")


@pytest.mark.parametrize(
    "text",
    [
        "recipes: recipes\n",
        "recipe: [recipes]\n",
        "out: [generated]\n",
        "out: ''\n",
        "targets: [elixr]\n",
        "targets: []\n",
        "targets: [elixir, elixir]\n",
        "compat: d0001\n",
        "profile: 1.10\n",
        "recipes: [1]\n",
        "python: {package: My-Package}\n",
        "elixir:\n  application: a_b\n  applicatoin: 3\n",
        "templates: {a: b}\n",
        "schemas: x # y\n",
        "recipes: [a,\nb]\n",
    ],
)
def test_a_hint_of_settings_leads_out(text: str, tmp_path: Path) -> None:
    assert of_settings(text, tmp_path)
    follow(text, tmp_path, of_settings)


@pytest.mark.parametrize(
    "source", ["58899e0", "1.10", "0123456", "0x1F", "1e3", "true", "Null", "!!int 7", "!!float 1.50"]
)
def test_a_hint_to_quote_quotes_what_stands_in_the_file(source: str, tmp_path: Path) -> None:
    text = f"{RECIPE}  model_ref: {{id: m, version: {source}}}\n".replace("  model_ref: m\n", "")
    written = source.rpartition(" ")[2]
    recipe = RECIPE.replace("  model_ref: m\n", "") + f'  model_ref: {{id: m, version: "{written}"}}\n'
    if source == "Null":
        assert not problems(text, tmp_path)
        return
    assert re.search(rf"found (the number )?{re.escape(source)}$", problems(text, tmp_path)[0].message)
    assert follow(text, tmp_path) == recipe


def fields() -> Iterator[tuple[str, ...]]:
    """The path of every field that a recipe of type supervised may have."""

    def walk(path: tuple[str, ...], shape: Any) -> Iterator[tuple[str, ...]]:
        for name, inner in shape.properties.items():
            if len(path) < 3 and name not in ("extends", "profiles", "stages"):
                yield (*path, name)
                yield from walk((*path, name), inner)

    yield from walk((), SCHEMAS.recipe("supervised"))


@pytest.mark.parametrize("path", [pytest.param(path, id=".".join(path)) for path in fields()])
def test_hints_lead_out_of_a_wrong_type_in_every_field(path: tuple[str, ...], tmp_path: Path) -> None:
    base: dict[str, Any] = {"model_ref": {"id": "m"}, "dataset_ref": {"name": "d"}}
    for source in ("58899e0", "1.10", "true", '"3"', "yes", "1_024"):
        recipe: dict[str, Any] = {
            "id": "example",
            "type": "supervised",
            "training_config": json.loads(json.dumps(base)),
        }
        below = recipe
        for step in path[:-1]:
            below = below.setdefault(step, {})
        below[path[-1]] = "SOURCE"
        text = "\n".join(f"{key}: {json.dumps(value)}" for key, value in recipe.items()) + "\n"
        text = text.replace('"SOURCE"', source)
        found = problems(text, tmp_path)
        wrong = [each for each in found if each.code == "E0204" and "SOURCE" not in each.message]
        for problem in wrong[:1]:
            matches = ((re.fullmatch(pattern, problem.hint), action) for pattern, action in FOLLOWED.items())
            match, action = next(((match, action) for match, action in matches if match), (None, None))
            assert match and action, problem
            after = problems(action(text, problem, match), tmp_path)
            assert (problem.code, problem.message) not in [(each.code, each.message) for each in after], problem
