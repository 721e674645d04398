"""The commands as people and programs call them: exit codes, what is printed where, and what is left on the disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from command import MINIMAL, Ran, gen, project
from crucible_gen.cli import app, generate, options, recipes
from crucible_gen.languages import registry
from crucible_gen.recipes import settings
from crucible_gen.schemas import Schemas
from printed import printed

TARGET = ("--target", "ir")
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(app.__file__).parents[2])}
"""For a process of its own: the package is this one, wherever the process runs."""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return project(tmp_path, {"recipes/a.yaml": f"id: a\n{MINIMAL}", "recipes/b.yaml": f"id: b\n{MINIMAL}"})


def stamps(root: Path) -> dict[str, int]:
    return {path.relative_to(root).as_posix(): path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}


def ok(ran: Ran) -> str:
    assert (ran.code, ran.err) == (0, ""), ran.both
    return ran.out


# generate, --check, --diff ------------------------------------------------------------------------------------------


def test_a_run_says_in_one_line_what_it_did_and_the_next_writes_nothing(here: Path) -> None:
    assert ok(gen(["recipes", *TARGET], here)) == "2 recipes: 4 files, 4 created\n"
    before = stamps(here / "generated")
    assert ok(gen(["recipes", *TARGET], here)) == "2 recipes: 4 files, 4 unchanged\n"
    assert stamps(here / "generated") == before
    project(here, {"recipes/a.yaml": f"id: a\nowner: me\n{MINIMAL}", "recipes/c.yaml": f"id: c\n{MINIMAL}"})
    (here / "recipes/b.yaml").unlink()
    ran = gen(["recipes", *TARGET, "-v"], here)
    assert ok(ran).splitlines() == [
        "update generated/ir/a.json",
        "update generated/ir/a.json.gen",
        "delete generated/ir/b.json",
        "delete generated/ir/b.json.gen",
        "create generated/ir/c.json",
        "create generated/ir/c.json.gen",
        "2 recipes: 4 files, 2 updated, 2 created, 2 deleted",
    ]


def test_only_leaves_the_files_of_others_alone(here: Path) -> None:
    ok(gen(["recipes", *TARGET], here))
    assert ok(gen(["recipes", *TARGET, "--only", "a"], here)) == "1 recipe: 2 files, 2 unchanged\n"
    assert (here / "generated/ir/b.json").exists()


def test_a_target_leaves_the_files_of_other_targets_alone(here: Path) -> None:
    ok(gen(["recipes"], here))
    ok(gen(["recipes", "--target", "python"], here))
    assert (here / "generated/ir/a.json").exists()
    assert (here / "generated/elixir/mix.exs").exists()


def test_quiet_says_nothing_but_problems(here: Path) -> None:
    assert ok(gen(["recipes", *TARGET, "-q"], here)) == ""
    assert ok(gen(["recipes", *TARGET, "-q", "--check"], here)) == ""
    project(here, {"recipes/c.yaml": "id: c\n"})
    assert "E0202" in gen(["recipes", *TARGET, "-q"], here).err


def test_check_writes_nothing_and_names_each_file_and_the_command(here: Path) -> None:
    ran = gen(["--check", "recipes", *TARGET], here)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines()[-1] == "4 of 4 files differ; run: gen recipes --target ir"
    assert not (here / "generated").exists()
    ok(gen(["recipes", *TARGET], here))
    assert ok(gen(["--check", "recipes", *TARGET], here)) == "2 recipes: 4 files, all as the recipes say\n"
    (here / "recipes/b.yaml").unlink()
    (here / "generated/ir/a.json").write_text("{}\n")
    ran = gen(["--check", "recipes", *TARGET], here)
    assert ran.err.splitlines() == [
        "generated/ir/a.json: edited by hand",
        "generated/ir/b.json: left over",
        "generated/ir/b.json.gen: left over",
        "3 of 4 files differ; run: gen recipes --target ir --force",
    ]
    assert (here / "generated/ir/a.json").read_text() == "{}\n"


def test_the_command_of_check_fixes_what_check_found(here: Path) -> None:
    flags = ["--out", "my out", "--only", "a", *TARGET]
    ran = gen(["--check", "recipes", *flags], here)
    command = ran.err.strip().rpartition("run: gen ")[2]
    assert command == "recipes --out 'my out' --target ir --only a"
    ok(gen(["recipes", *flags], here))
    ok(gen(["--check", "recipes", *flags], here))


def test_diff_shows_what_would_change_as_git_does(here: Path) -> None:
    ok(gen(["recipes", *TARGET], here))
    assert gen(["--diff", "recipes", *TARGET], here) == Ran(0, "", "", "")
    project(here, {"recipes/a.yaml": f"id: a\nowner: me\n{MINIMAL}"})
    before = stamps(here / "generated")
    ran = gen(["--diff", "recipes", *TARGET], here)
    assert (ran.code, ran.err) == (1, "")
    assert '-  "owner": null,\n+  "owner": "me",\n' in ran.out
    assert ran.out.startswith("diff --git a/generated/ir/a.json b/generated/ir/a.json\n")
    assert stamps(here / "generated") == before
    colored = gen(["--diff", "recipes", *TARGET, "--color", "always"], here).out
    assert '\x1b[32m+  "owner": "me",\x1b[0m\n' in colored


def test_a_hand_edit_stops_the_run_and_force_shows_what_it_loses(here: Path) -> None:
    ok(gen(["recipes", "--target", "python"], here))
    path = here / "generated/python/crucible_recipes/a.py"
    generated = path.read_text()
    path.write_text(generated + "# mine\n")
    ran = gen(["recipes", "--target", "python"], here)
    assert ran.code == 1 and "E0604" in ran.err
    assert path.read_text().endswith("# mine\n")
    forced = ok(gen(["recipes", "--target", "python", "--force"], here))
    assert "-# mine\n" in forced
    assert path.read_text() == generated


def test_json_for_programs(here: Path) -> None:
    flags = ("--format", "json", *TARGET)
    checked = gen(["--check", "recipes", *flags], here)
    assert {entry["kind"] for entry in printed("check", checked.out)["differ"]} == {"missing"}
    written = printed("generate", ok(gen(["recipes", *flags], here)))
    assert written == {"summary": "2 recipes: 4 files, 4 created", "problems": []}
    assert printed("check", ok(gen(["--check", "recipes", *flags], here))) == {"differ": [], "problems": []}
    project(here, {"recipes/a.yaml": "id: [\n"})
    broken = gen(["recipes", *flags], here)
    assert (broken.code, broken.err) == (1, "")
    assert [problem["code"] for problem in printed("problems", broken.out)["problems"]] == ["E0134"]


def test_workflow_commands_for_github(here: Path) -> None:
    ran = gen(["--check", "recipes", "--format", "github", *TARGET], here)
    assert ran.out.splitlines()[0] == "::error file=generated/ir/a.json,title=E0610::this file is missing"
    assert (ran.code, ran.err) == (1, "")


@pytest.mark.parametrize("how", ["workspace", "git", "worktree", "outside"])
def test_annotations_name_files_from_the_root_of_the_repository(
    how: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ml = here / "ml"
    project(ml, {"recipes/a.yaml": "id: [\n", "gen.yaml": "recipes: [recipes]\n"})
    if how == "git":
        (here / ".git").mkdir()
    elif how == "worktree":
        (here / ".git").write_text("gitdir: elsewhere\n")
    monkeypatch.setenv("GITHUB_WORKSPACE", {"workspace": f"{here}/", "outside": str(here / "recipes")}.get(how, ""))
    ran = gen(["--check", "--format", "github"], ml)
    prefix = "" if how == "outside" else "ml/"
    assert ran.out.startswith(f"::error file={prefix}recipes/a.yaml,line=1,col=5,title=E0134::")
    (ml / "recipes/a.yaml").write_text(f"id: a\n{MINIMAL}")
    ran = gen(["--check", "--format", "github", "--target", "ir"], ml)
    assert ran.out.splitlines()[0] == f"::error file={prefix}generated/ir/a.json,title=E0610::this file is missing"


def test_settings_of_a_file_hold_for_problems_too(here: Path) -> None:
    project(here, {"gen.yaml": "format: github\nrecipes: [recipes]\n", "recipes/a.yaml": "id: [\n"})
    assert gen([], here).out.startswith("::error file=recipes/a.yaml,line=1,col=5,title=E0134::")
    assert gen(["--format", "text"], here).err.startswith("recipes/a.yaml:1:5: error[E0134]")
    project(here, {"gen.yaml": "color: always\nrecipes: [recipes]\n"})
    assert "\x1b[31;1merror[E0134]" in gen([], here).err


def test_without_paths_the_settings_name_the_recipes_wherever_one_stands(here: Path) -> None:
    project(here, {"gen.yaml": "recipes: [recipes]\ntargets: [ir]\nout: built\n"})
    assert ok(gen([], here)) == "2 recipes: 5 files, 5 created\n"
    assert ok(gen([], here / "recipes")) == "2 recipes: 5 files, 5 unchanged\n"
    assert (here / "built/ir/a.json").exists()


# Usage --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--check", "--diff"], "--check and --diff exclude each other"),
        (["-q", "-v"], "-q and -v exclude each other"),
        (["nowhere"], "Path 'nowhere' does not exist"),
        (["--colour"], "No such option"),
        (["--target", "ruby", "recipes"], "'ruby' is not one of"),
        (["new", "x"], "Missing option '--type'"),
        (["new", "x", "--type", "sft"], "'sft' is not one of"),
        (["resolve"], "Missing argument 'PATH'"),
        (["structs", "ruby"], "'ruby' is not one of"),
    ],
)
def test_wrong_usage_exits_2(here: Path, args: list[str], message: str) -> None:
    ran = gen(args, here)
    assert ran.code == 2
    assert message in ran.err and "Usage:" in ran.err


def test_help_has_the_options_of_the_main_command_and_the_others(here: Path) -> None:
    text = ok(gen(["--help"], here))
    for word in ("--check", "--out", "explain", "schema", "gen recipes/"):
        assert word in text


def test_choices_are_those_of_the_schemas() -> None:
    properties = Schemas.load().documents["recipe.schema.json"]["properties"]
    assert recipes._types() == properties["type"]["enum"]
    assert list(registry.BUILT_IN) == settings.schema()["properties"]["targets"]["items"]["enum"]


def test_every_setting_has_a_flag() -> None:
    flags = {option.removeprefix("--") for param in app.generate.params for option in param.opts}
    named = {settings.FLAGS.get(name, name) for name in settings.schema()["properties"]}
    of_languages = {name for name, raw in settings.schema()["properties"].items() if raw["type"] == "object"}
    assert named - {"recipes"} - of_languages <= flags, "`recipes` is the argument; a project's languages have no flags"


# Defects and interrupts -----------------------------------------------------------------------------------------------


def guarded(error: BaseException, monkeypatch: pytest.MonkeyPatch, root: Path, **environment: str) -> Any:
    def fail(*args: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(generate, "generate", fail)
    monkeypatch.chdir(root)
    return CliRunner(env=environment).invoke(app.gen, ["recipes"])


def test_a_defect_is_a_message_without_a_traceback(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = guarded(RuntimeError("odd"), monkeypatch, here)
    assert result.exit_code == 70
    assert result.stderr == (
        "gen: internal error: RuntimeError: odd\nThis is a defect of gen; GEN_TRACEBACK=1 shows where.\n"
    )


def test_a_defect_shows_where_if_asked(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = guarded(RuntimeError("odd"), monkeypatch, here, GEN_TRACEBACK="1")
    assert isinstance(result.exception, RuntimeError)


def test_an_interrupt_says_that_files_are_whole(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = guarded(KeyboardInterrupt(), monkeypatch, here)
    assert (result.exit_code, result.stderr) == (130, "interrupted; every file is whole\n")


def test_an_error_of_click_passes(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = guarded(click.UsageError("wrong"), monkeypatch, here)
    assert result.exit_code == 2


def test_a_reader_that_goes_away_is_no_error(here: Path) -> None:
    script = f"{sys.executable} -m crucible_gen schema recipe | head -c 1; exit ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", script], cwd=here, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "{", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("args", ["recipes", "--check recipes", "explain E0416", "--help", "resolve recipes/a.yaml"])
def test_output_that_cannot_be_printed_is_said_and_no_success(here: Path, args: str) -> None:
    project(here, {"recipes/a.yaml": f"id: a\n{MINIMAL}"})
    environment = ENVIRONMENT | {"XDG_CACHE_HOME": str(here / "cache")}
    ok(gen(["-q", "recipes"], here))
    for _ in range(2):
        script = f"{sys.executable} -m crucible_gen {args} > /dev/full"
        ran = subprocess.run(
            ["sh", "-c", script], cwd=here, env=environment, capture_output=True, text=True, check=False
        )
        assert (ran.returncode, ran.stderr) == (74, "gen: the output cannot be printed: no space left on device\n")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_defect_and_no_file_takes_their_place(here: Path, closed: str) -> None:
    project(here, {"recipes/a.yaml": f"id: a\n{MINIMAL}"})
    script = f"{sys.executable} -m crucible_gen recipes {closed} && {sys.executable} -m crucible_gen --check recipes"
    ran = subprocess.run(["sh", "-c", script], cwd=here, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "as the recipes say" in ran.stdout


@pytest.mark.parametrize(("encoding", "shown"), [("ascii", "日".encode()), ("latin-1", b"\\u65e5")])
def test_what_a_narrow_locale_cannot_say_is_no_defect(here: Path, encoding: str, shown: bytes) -> None:
    project(here, {"recipes/a.yaml": "id: a\ntype: 日\n"})
    environment = ENVIRONMENT | {"PYTHONUTF8": "0", "PYTHONIOENCODING": encoding}
    ran = subprocess.run(
        [sys.executable, "-m", "crucible_gen", "recipes"], cwd=here, env=environment, capture_output=True, check=False
    )
    assert ran.returncode == 1
    assert b'found "' + shown + b'"' in ran.stderr


# The other commands -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_", recipes._types())
def test_a_new_recipe_generates_as_it_is(here: Path, type_: str) -> None:
    assert ok(gen(["new", "mine", "--type", type_], here)) == "wrote recipes/mine.yaml; run: gen recipes\n"
    assert f"type: {type_}\n" in (here / "recipes/mine.yaml").read_text()
    ran = gen(["recipes"], here)
    assert (ran.code, ran.out.startswith("3 recipes: ")) == (0, True), ran.both


def test_new_never_writes_over_a_file_and_makes_the_directory(here: Path) -> None:
    assert "E0703" in gen(["new", "a", "--type", "rl"], here).err
    assert (here / "recipes/a.yaml").read_text() == f"id: a\n{MINIMAL}"
    ok(gen(["new", "x", "--type", "rl", "--dir", "some/where"], here))
    assert (here / "some/where/x.yaml").exists()


def test_new_writes_where_the_settings_say_and_names_a_schema_that_is_there(here: Path) -> None:
    project(here, {"gen.yaml": "recipes: [mine]\n", "schemas/recipe.schema.json": "{}", "sub/x": ""})
    ok(gen(["new", "x", "--type", "rl"], here / "sub"))
    text = (here / "mine/x.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=../schemas/recipe.schema.json\nid: x\n")


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a b", "nil", ".hidden"])
def test_new_refuses_what_cannot_be_an_id(here: Path, name: str) -> None:
    before = stamps(here)
    ran = gen(["new", name, "--type", "rl"], here)
    assert ran.code == 1 and "error[E040" in ran.err
    assert stamps(here) == before


def test_schema_prints_each_schema(here: Path) -> None:
    recipe = json.loads(ok(gen(["schema"], here)))
    assert recipe == json.loads(ok(gen(["schema", "recipe"], here)))
    assert recipe["title"] == "Recipe"
    titles = {"settings": "Settings", "meta": "Schema file", "output": "Output", "bench": "Crucible.Stage.Bench"}
    for name, title in titles.items():
        assert json.loads(ok(gen(["schema", name], here)))["title"] == title
    ran = gen(["schema", "bnch"], here)
    assert ran.code == 1 and "E0702" in ran.err and "did you mean bench?" in ran.err
    assert "did you mean output?" in gen(["schema", "outputs"], here).err
    assert "schemas: recipe, settings, meta, output, bench, " in gen(["schema", "xyzzy"], here).err
    assert "recipe|settings|meta|output|STAGE" in ok(gen(["schema", "--help"], here))


def test_schema_has_the_stages_of_third_parties(here: Path) -> None:
    document = Schemas.load().documents["stages/report.schema.json"] | {"x-stage": {"name": "mine", "module": "Mine"}}
    del document["x-contract"]
    project(here, {"gen.yaml": "schemas: [s]\n", "s/mine.schema.json": json.dumps(document)})
    entry = json.loads(ok(gen(["schema", "recipe"], here)))["$defs"]["stage_entry"]
    assert "mine" in entry["properties"]["stage"]["enum"]
    assert json.loads(ok(gen(["schema", "mine"], here))) == document


def test_explain_prints_a_page_or_the_list(here: Path) -> None:
    assert ok(gen(["explain", "e0203"], here)).startswith("# E0203: a number is out of range\n")
    lines = ok(gen(["explain"], here)).splitlines()
    codes = [line.split()[0] for line in lines]
    assert "E0203  a number is out of range" in lines
    assert len(codes) == len(set(codes))
    ran = gen(["explain", "E9999"], here)
    assert ran.code == 1 and "E0701" in ran.err


def test_settings_show_each_value_and_where_it_comes_from(here: Path) -> None:
    project(here, {"gen.yaml": "out: built\n"})
    lines = ok(gen(["settings"], here)).splitlines()
    assert next(line.split() for line in lines if line.startswith("out")) == ["out", '"built"', "gen.yaml:1:1"]
    assert next(line.split() for line in lines if line.startswith("format")) == ["format", '"text"', "default"]
    found = printed("settings", ok(gen(["settings", "recipes", "--format", "json"], here)))
    assert found["out"] == {"value": "built", "from": "gen.yaml:1:1"}


def test_resolve_shows_where_each_value_comes_from(here: Path) -> None:
    project(
        here,
        {
            "recipes/fragments/f.yaml": f"{MINIMAL}owner: base\n",
            "recipes/c.yaml": "id: c\nextends: fragments/f.yaml\nprofiles: {p: {owner: mine}}\n",
        },
    )
    lines = ok(gen(["resolve", "recipes/c.yaml"], here)).splitlines()
    assert [line.split() for line in lines if line.startswith(("id", "owner"))] == [
        ["owner:", '"base"', "#", "recipes/fragments/f.yaml:5:8"],
        ["id:", '"c"', "#", "recipes/c.yaml:1:5"],
    ]
    assert '"mine"' in ok(gen(["resolve", "recipes/c.yaml", "--profile", "p"], here))
    ran = gen(["resolve", "recipes/c.yaml", "--profile", "q"], here)
    assert ran.code == 1 and "E0304" in ran.err


@pytest.mark.parametrize(("language", "word"), [("elixir", "defstruct"), ("python", "@dataclass")])
def test_structs_prints_the_definitions(here: Path, language: str, word: str) -> None:
    assert word in ok(gen(["structs", language], here))


def test_flags_become_settings_under_their_names() -> None:
    given = options.given({"format_": "json", "targets": ("ir",), "schemas": (), "out": None, "color": "never"})
    assert given == {"format": "json", "targets": ["ir"], "color": "never"}
