from __future__ import annotations

import random
import shutil
import subprocess

import pytest
from crucible_gen.diagnostics.problems import Place
from crucible_gen.languages import Language, Naming, registry
from crucible_gen.languages.elixir.naming import alias
from crucible_gen.languages.python import naming as python
from crucible_gen.recipes.ids import LONGEST_ID, collisions, id_problems, stem

PLACE = Place("recipes/a.yaml", 2, 5)
LANGUAGES = registry.built_in()


@pytest.mark.parametrize(
    ("recipe_id", "expected"),
    [
        ("sl_basic", "sl_basic"),
        ("sl-basic", "sl_basic"),
        ("sl.basic", "sl_basic"),
        ("SlBasic", "sl_basic"),
        ("slBasic", "sl_basic"),
        ("CodeRL", "code_rl"),
        ("RLCode2Go", "rl_code2_go"),
        ("SLBASIC", "slbasic"),
        ("qwen3.5-9B", "qwen3_5_9_b"),
        ("a__b", "a__b"),
        ("Sl_Basic", "sl_basic"),
        ("x", "x"),
    ],
)
def test_stem(recipe_id: str, expected: str) -> None:
    assert stem(recipe_id) == expected


@pytest.mark.parametrize(
    ("its_stem", "expected"), [("sl_basic", "SlBasic"), ("a__b", "AB"), ("rl_2", "Rl2"), ("x_", "X"), ("abc", "Abc")]
)
def test_elixir_alias(its_stem: str, expected: str) -> None:
    assert alias(its_stem) == expected


@pytest.mark.elixir
def test_elixir_alias_is_what_macro_camelize_gives() -> None:
    elixir = shutil.which("elixir")
    assert elixir is not None, "this test needs Elixir"
    chance = random.Random(7)
    stems = [
        chance.choice("abcxyz") + "".join(chance.choice("abz019__") for _ in range(chance.randrange(9)))
        for _ in range(2000)
    ]
    script = "IO.stream() |> Enum.each(&(&1 |> String.trim() |> Macro.camelize() |> IO.puts()))"
    done = subprocess.run(
        [elixir, "-e", script], input="\n".join(stems), capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split("\n")[:-1] == [alias(its_stem) for its_stem in stems]


def test_the_python_module_is_the_stem() -> None:
    assert python.module("sl_basic") == "sl_basic"


@pytest.mark.parametrize("recipe_id", ["sl_basic", "sl-basic", "SlBasic", "a", "A.b", "x" * LONGEST_ID, "match"])
def test_good_ids(recipe_id: str) -> None:
    assert id_problems(recipe_id, PLACE, LANGUAGES) == []


@pytest.mark.parametrize(
    ("recipe_id", "code", "message", "hint"),
    [
        ("", "E0401", "a recipe id must not be empty", "give it the name of its file"),
        ("sl basic", "E0402", "found 'sl basic'", "did you mean sl_basic?"),
        ("größe", "E0402", "found 'größe'", "did you mean groe?"),
        ("9lives", "E0402", "must begin with a letter", "did you mean lives?"),
        ("_a", "E0402", "must begin with a letter", "did you mean a?"),
        ("日本", "E0402", "found '日本'", "for example sl_basic"),
        ("../x", "E0402", "found '../x'", "did you mean x?"),
        ("a\n", "E0402", "found 'a\\n'", "did you mean a?"),
        ("a\u202e", "E0402", "found 'a\\u202e'", "did you mean a?"),
        ("a\u202e", "E0402", "found 'a\\u202e'", "did you mean a?"),
        ('a"#{x}', "E0402", "letters, digits", "did you mean a_x?"),
        ("x" * (LONGEST_ID + 1), "E0403", "at most 128 characters, found 129", "description"),
        ("class", "E0404", "class is a reserved word in Python", "for example class_recipe"),
        ("None", "E0404", "none is a reserved word in Python", "for example None_recipe"),
        ("nil", "E0404", "nil is a reserved word in Elixir", "for example nil_recipe"),
        ("do", "E0404", "do is a reserved word in Elixir", "for example do_recipe"),
        *((name, "", "", "") for name in ("recipe", "run", "canonical", "compat", "runtime", "mix_project", "config")),
        ("re-cipe", "", "", ""),
        ("Nul", "E0404", "nul is the name of a device on Windows", "for example Nul_recipe"),
        ("com1", "E0404", "com1 is the name of a device on Windows", "for example com1_recipe"),
    ],
)
def test_bad_ids(recipe_id: str, code: str, message: str, hint: str) -> None:
    problems = id_problems(recipe_id, PLACE, LANGUAGES)
    if not code:
        assert problems == []
        return
    (problem,) = problems
    assert problem.place == PLACE
    assert problem.code == code
    assert message in problem.message
    assert hint in problem.hint
    assert problem.message.isprintable()
    if problem.hint.startswith("did you mean "):
        assert id_problems(problem.hint.removeprefix("did you mean ").removesuffix("?"), PLACE, LANGUAGES) == []


def test_each_language_says_which_stems_are_taken() -> None:
    naming = Naming(
        module=str.upper, kind="Cobol program", taken=lambda stem: "it is mine" if stem == "support" else ""
    )
    cobol = Language(name="cobol", printer=lambda language, schemas, templates: None, naming=naming)  # type: ignore[arg-type,return-value]
    (problem,) = id_problems("support", PLACE, [cobol])
    assert (problem.code, problem.message) == ("E0404", "support cannot be a recipe id: it is mine")
    assert id_problems("recipe", PLACE, [cobol]) == []
    assert id_problems("nil", PLACE, [cobol]) == []
    assert id_problems("nil", PLACE, LANGUAGES) != []
    (problem,) = collisions(
        [("ab", PLACE), ("a_b", PLACE)], [cobol._replace(naming=naming._replace(module=lambda s: "X"))]
    )
    assert problem.message == "recipe ids ab and a_b would both be the Cobol program X"


def test_modules_of_two_languages_do_not_collide() -> None:
    def language(name: str, modules: dict[str, str]) -> Language:
        return Language(name, lambda language, project: None, Naming(module=modules.__getitem__))  # type: ignore[arg-type,return-value]

    one, other = language("one", {"a": "X", "b": "Y"}), language("other", {"a": "Y", "b": "X"})
    assert collisions([("a", PLACE), ("b", PLACE)], [one, other]) == []
    (problem,) = collisions([("a", PLACE), ("b", PLACE)], [one, language("other", {"a": "Z", "b": "Z"})])
    assert problem.message == "recipe ids a and b would both be the module Z"


@pytest.mark.parametrize(
    ("first", "second", "what"),
    [
        ("sl_basic", "sl_basic", "are the same id"),
        ("sl_basic", "sl-basic", "written to files named sl_basic"),
        ("sl_basic", "SlBasic", "written to files named sl_basic"),
        ("a_b", "a__b", "Elixir module CrucibleRecipes.AB"),
        ("a1", "a_1", "Elixir module CrucibleRecipes.A1"),
        ("ab", "aB", "one file on a disk that ignores case"),
    ],
)
def test_collisions(first: str, second: str, what: str) -> None:
    places = Place("a.yaml", 1, 5), Place("b.yaml", 1, 5)
    (problem,) = collisions([(first, places[0]), ("another", PLACE), (second, places[1])], LANGUAGES)
    assert problem.code == "E0405"
    assert problem.place == places[1]
    assert problem.see == (("the other one", places[0]),)
    assert problem.message == f"recipe ids {first} and {second} {problem.message.partition(f' and {second} ')[2]}"
    assert what in problem.message


def test_the_names_of_modules_are_those_of_the_settings() -> None:
    elixir = registry.get("elixir").under({"namespace": "MyTeam.Recipes"})
    (problem,) = collisions([("a_b", PLACE), ("a__b", PLACE)], [elixir])
    assert problem.message == "recipe ids a_b and a__b would both be the Elixir module MyTeam.Recipes.AB"


def test_no_collision_and_each_later_one_once() -> None:
    assert collisions(((name, PLACE) for name in ("sl_basic", "sl_loop", "rl_basic")), LANGUAGES) == []
    assert len(collisions(((name, PLACE) for name in ("a", "A", "a", "b")), LANGUAGES)) == 2
