"""`extends`, profiles and short forms: what is merged, what wins, and where each value comes from."""

# ruff: noqa: E501 -- a table has a line a row

from __future__ import annotations

from pathlib import Path

import pytest
from crucible_gen.diagnostics.problems import Place, Problem, Problems
from crucible_gen.documents.load import parse
from crucible_gen.recipes.resolve import Reader, Recipe, Source, expand, merge, text
from crucible_gen.schemas import Schemas

SCHEMAS = Schemas.load()


def write(root: Path, **files: str) -> None:
    for name, content in files.items():
        path = root / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")


def read(root: Path, name: str = "a", profile: str | None = None) -> Recipe:
    return Reader(SCHEMAS).recipe(Source(root / f"{name}.yaml", f"{name}.yaml"), profile)


def refused(root: Path, name: str = "a") -> list[Problem]:
    with pytest.raises(Problems) as caught:
        read(root, name)
    return list(caught.value.problems)


# extends -----------------------------------------------------------------------------------------------------------


def test_mappings_merge_deep_lists_and_scalars_replace_null_removes(tmp_path: Path) -> None:
    write(
        tmp_path,
        a="extends: base.yaml\nid: a\ntags: [mine]\nowner: null\ntraining_config: {epochs: 2, options: {lora_rank: null}}\n",
        base="owner: base\ntags: [x, y]\ntraining_config: {epochs: 1, seed: 3, options: {lora_rank: 8, max_length: 9}}\n",
    )
    assert read(tmp_path).node.plain() == {
        "id": "a",
        "tags": ["mine"],
        "training_config": {"epochs": 2, "seed": 3, "options": {"max_length": 9}},
    }


def test_later_bases_win_over_earlier_ones_and_the_file_over_all(tmp_path: Path) -> None:
    write(
        tmp_path, a="extends: [b.yaml, c.yaml]\nowner: a\n", b="owner: b\ntags: [b]\ndescription: b\n", c="tags: [c]\n"
    )
    assert read(tmp_path).node.plain() == {"owner": "a", "tags": ["c"], "description": "b"}


def test_bases_have_bases_and_paths_are_relative_to_the_file_that_says_them(tmp_path: Path) -> None:
    write(tmp_path, a="extends: sub/b.yaml\n", sub__b="extends: ../c.yaml\nowner: b\n", c="owner: c\ntags: [c]\n")
    recipe = read(tmp_path)
    assert recipe.node.plain() == {"owner": "b", "tags": ["c"]}
    assert [source.name for source in recipe.sources] == ["a.yaml", "sub/b.yaml", "c.yaml"]


def test_a_base_that_two_bases_share_is_read_once_and_is_no_cycle(tmp_path: Path) -> None:
    write(
        tmp_path,
        a="extends: [b.yaml, c.yaml]\n",
        b="extends: d.yaml\ntags: [b]\n",
        c="extends: d.yaml\n",
        d="tags: [d]\nowner: d\n",
    )
    recipe = read(tmp_path)
    assert recipe.node.plain() == {"tags": ["d"], "owner": "d"}
    assert [source.name for source in recipe.sources] == ["a.yaml", "b.yaml", "d.yaml", "c.yaml"]


def test_every_value_remembers_where_it_comes_from(tmp_path: Path) -> None:
    write(tmp_path, a="extends: b.yaml\ntraining_config:\n  epochs: 2\n", b="training_config:\n  seed: 3\n")
    node = read(tmp_path).node
    epochs, seed = node.get("training_config", "epochs"), node.get("training_config", "seed")
    assert epochs is not None and seed is not None
    assert (epochs.place, seed.place) == (Place("a.yaml", 3, 11), Place("b.yaml", 2, 9))


def test_null_removes_only_what_stands_below_and_not_what_comes_after(tmp_path: Path) -> None:
    write(
        tmp_path,
        a="extends: [b.yaml, c.yaml, d.yaml]\n",
        b="metadata: {x: 1}\n",
        c="metadata: null\n",
        d="metadata: {y: 2}\n",
    )
    assert read(tmp_path).node.plain() == {"metadata": {"y": 2}}


def test_null_in_a_list_is_a_value(tmp_path: Path) -> None:
    write(tmp_path, a="metadata: {x: [null, {y: null}]}\n")
    assert read(tmp_path).node.plain() == {"metadata": {"x": [None, {"y": None}]}}


def test_short_forms_merge_like_the_mappings_that_they_stand_for(tmp_path: Path) -> None:
    write(
        tmp_path,
        a="extends: b.yaml\ntraining_config: {model_ref: new}\nbackend: {profile: fast}\n",
        b="training_config: {model_ref: {id: old, version: '1'}}\nbackend: tinker\n",
    )
    assert read(tmp_path).node.plain() == {
        "training_config": {"model_ref": {"id": "new", "version": "1"}},
        "backend": {"id": "tinker", "profile": "fast"},
    }


@pytest.mark.parametrize("value", ["", "null"])
def test_no_extends(tmp_path: Path, value: str) -> None:
    write(tmp_path, a=f"extends: {value}\nid: a\n")
    assert read(tmp_path).node.plain() == {"id": "a"}


def test_a_cycle_is_shown_whole(tmp_path: Path) -> None:
    write(tmp_path, a="extends: b.yaml\n", b="extends: c.yaml\n", c="extends: b.yaml\n")
    (problem,) = refused(tmp_path)
    assert (problem.code, str(problem.place)) == ("E0302", "c.yaml:1:10")
    assert problem.message == "these files extend each other: b.yaml -> c.yaml -> b.yaml"


def test_a_file_that_extends_itself(tmp_path: Path) -> None:
    write(tmp_path, a="extends: ./../" + tmp_path.name + "/a.yaml\n")
    (problem,) = refused(tmp_path)
    assert problem.message == "these files extend each other: a.yaml -> a.yaml"


@pytest.mark.parametrize(
    ("value", "message", "hint"),
    [
        ("bsae.yaml", "extends bsae.yaml: there is no file bsae.yaml", "did you mean base.yaml?"),
        ("sub/inne.yaml", "extends sub/inne.yaml: there is no file sub/inne.yaml", "did you mean sub/inner.yaml?"),
        ("base", "extends base: there is no file base", "did you mean base.yaml?"),
        ("aa.yaml", "extends aa.yaml: there is no file aa.yaml", "write a path from this file to the one that it starts from"),
        ("sub", "extends sub: sub is a directory", "write a path from this file to the one that it starts from"),
        ("zzzzz.yaml", "extends zzzzz.yaml: there is no file zzzzz.yaml", "write a path from this file to the one that it starts from"),
    ],
)  # fmt: skip
def test_a_missing_base_names_the_nearest_file(tmp_path: Path, value: str, message: str, hint: str) -> None:
    write(tmp_path, a=f"extends: {value}\n", base="", sub__inner="")
    (problem,) = refused(tmp_path)
    assert (problem.code, problem.message, problem.hint) == ("E0301", message, hint)


def test_every_wrong_base_is_reported(tmp_path: Path) -> None:
    write(tmp_path, a="extends: [x.yaml, 5, '', {a: b}, y.yaml, broken.yaml]\n", broken="a: [\n")
    assert [problem.code for problem in sorted(refused(tmp_path))] == [
        "E0301",
        "E0303",
        "E0303",
        "E0303",
        "E0301",
        "E0134",
    ]


def test_a_broken_base_is_reported_to_each_recipe_and_read_once(tmp_path: Path) -> None:
    write(tmp_path, a="extends: b.yaml\n", c="extends: b.yaml\n", b="x: [\n")
    reader = Reader(SCHEMAS)
    found = []
    for name in ("a", "c"):
        with pytest.raises(Problems) as caught:
            reader.recipe(Source(tmp_path / f"{name}.yaml", f"{name}.yaml"))
        found.append(caught.value.problems)
        (tmp_path / "b.yaml").write_text("x: 1\n")
    assert found[0] == found[1]
    assert found[0][0].place.file == "b.yaml"


def test_a_fragment_is_a_file_without_an_id_that_another_extends(tmp_path: Path) -> None:
    write(tmp_path, a="extends: [b.yaml, c.yaml]\nid: a\n", b="owner: b\n", c="id: c\n", d="owner: d\n")
    reader = Reader(SCHEMAS)
    sources = {name: Source(tmp_path / f"{name}.yaml", f"{name}.yaml") for name in "abcd"}
    for source in sources.values():
        reader.recipe(source)
    assert {name: reader.is_fragment(source) for name, source in sources.items()} == {
        "a": False,
        "b": True,
        "c": False,
        "d": False,
    }


def test_an_id_is_not_inherited(tmp_path: Path) -> None:
    write(tmp_path, a="id: a\nextends: b.yaml\n", b="extends: c.yaml\n", c="id: c\nowner: c\n")
    reader = Reader(SCHEMAS)
    found = {name: reader.recipe(Source(tmp_path / f"{name}.yaml", f"{name}.yaml")) for name in "abc"}
    assert {name: (each.text("id"), each.text("owner")) for name, each in found.items()} == {
        "a": ("a", "c"),
        "b": (None, "c"),
        "c": ("c", "c"),
    }


# Profiles ----------------------------------------------------------------------------------------------------------

PROFILES = "id: a\nowner: x\ntraining_config: {epochs: 3, seed: 1}\nprofiles: {smoke: {owner: null, training_config: {epochs: 1}}}\n"


def test_a_profile_lies_over_the_recipe(tmp_path: Path) -> None:
    write(tmp_path, a=PROFILES)
    assert read(tmp_path, profile="smoke").node.plain() == {"id": "a", "training_config": {"epochs": 1, "seed": 1}}


def test_without_it_or_with_another_the_recipe_is_as_written(tmp_path: Path) -> None:
    write(tmp_path, a=PROFILES)
    plain = {"id": "a", "owner": "x", "training_config": {"epochs": 3, "seed": 1}}
    assert read(tmp_path).node.plain() == plain
    assert read(tmp_path, profile="other").node.plain() == plain


def test_variants_and_the_whole_definition_are_there_for_validation(tmp_path: Path) -> None:
    write(tmp_path, a=PROFILES)
    recipe = read(tmp_path)
    assert [name for name, _ in recipe.variants] == ["smoke"]
    assert recipe.variants[0][1].plain() == {"id": "a", "training_config": {"epochs": 1, "seed": 1}}
    profiles = recipe.written.get("profiles")
    assert profiles is not None and list(profiles.plain()) == ["smoke"]  # type: ignore[arg-type]


def test_profiles_are_inherited_and_merged(tmp_path: Path) -> None:
    write(
        tmp_path,
        a="extends: b.yaml\nprofiles: {smoke: {owner: a}}\n",
        b="profiles: {smoke: {owner: b, tags: [b]}, long: {}}\n",
    )
    recipe = read(tmp_path, profile="smoke")
    assert recipe.node.plain() == {"owner": "a", "tags": ["b"]}
    assert sorted(name for name, _ in recipe.variants) == ["long", "smoke"]


@pytest.mark.parametrize("profiles", ["5", "[smoke]", "{smoke: 5}"])
def test_what_is_no_profile_stays_for_validation_to_see(tmp_path: Path, profiles: str) -> None:
    write(tmp_path, a=f"id: a\nprofiles: {profiles}\n")
    recipe = read(tmp_path, profile="smoke")
    assert recipe.node.plain() == {"id": "a"}
    assert recipe.written.get("profiles") is not None
    assert recipe.variants == ()


@pytest.mark.parametrize(("content", "value"), [("", None), ("- 1\n", [1]), ("x\n", "x")])
def test_what_is_no_mapping_stays_as_it_is(tmp_path: Path, content: str, value: object) -> None:
    write(tmp_path, a=content)
    assert read(tmp_path).node.plain() == value


# Parts -------------------------------------------------------------------------------------------------------------


def test_merge_keeps_the_order_of_the_base_and_adds_at_the_end() -> None:
    base, over = parse(b"{a: 1, b: {x: 1}, c: 3}", "b.yaml"), parse(b"{d: 4, b: {y: 2}, a: 9}", "o.yaml")
    merged = merge(base, over)
    assert list(merged.plain()) == ["a", "b", "c", "d"]  # type: ignore[arg-type]
    assert merged.plain() == {"a": 9, "b": {"x": 1, "y": 2}, "c": 3, "d": 4}
    assert base.plain() == {"a": 1, "b": {"x": 1}, "c": 3}


def test_expand_writes_out_short_forms_and_leaves_the_rest_untouched() -> None:
    shape = SCHEMAS.shape("recipe.schema.json")
    node = parse(b"{backend: tinker, owner: x, metadata: {backend: tinker}}", "f.yaml")
    assert expand(node, shape).plain() == {"backend": {"id": "tinker"}, "owner": "x", "metadata": {"backend": "tinker"}}
    nothing = parse(b"{owner: x}", "f.yaml")
    assert expand(nothing, shape) is nothing


def test_a_resolved_recipe_as_text_has_each_place_and_reads_back(tmp_path: Path) -> None:
    write(tmp_path, a='extends: b.yaml\nid: a\nmetadata: {"a: b": [1, {c: "#x"}], e: {}, l: []}\n', b="owner: o\n")
    shown = text(read(tmp_path).node)
    assert 'owner: "o"' in shown and "# b.yaml:1:8" in shown and "# a.yaml:2:5" in shown
    assert parse(shown.encode(), "shown.yaml").plain() == read(tmp_path).node.plain()
