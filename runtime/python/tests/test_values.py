"""What texts mean: the table of cases that every reader passes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from crucible_runtime.errors import InputError
from crucible_runtime.experiment import rules, values

CASES = json.loads((Path(__file__).parent / "cases" / "values.json").read_text("utf-8"))


def same(found: Any, case: Any) -> bool:
    return json.dumps(found) == json.dumps(case["is"])


def case_id(case: Any) -> str:
    return f"{'|'.join(case.get('types') or ['any'])}-{case['text'] or 'empty'}"


@pytest.mark.parametrize("case", CASES["documents"], ids=case_id)
@pytest.mark.parametrize("ending", ["yaml", "yml", "conf"])
def test_a_value_of_a_file(case: Any, ending: str, tmp_path: Path) -> None:
    file = tmp_path / f"x.{ending}"
    file.write_text(f"x: {case['text']}\n", "utf-8")
    if "refused" in case:
        with pytest.raises(InputError, match=r":1:\d+: ") as raised:
            values.read(file)
        assert case["refused"] in str(raised.value)
    else:
        assert same(values.read(file)[0]["x"], case)


@pytest.mark.parametrize("case", CASES["documents"], ids=case_id)
def test_json_is_read_as_json(case: Any, tmp_path: Path) -> None:
    if "is" in case:
        (tmp_path / "x.json").write_text(json.dumps({"x": case["is"]}))
        assert same(values.read(tmp_path / "x.json")[0]["x"], case)


@pytest.mark.parametrize("case", CASES["flags"], ids=case_id)
def test_a_flag(case: Any) -> None:
    types = case["types"] and frozenset(case["types"])
    if "refused" in case:
        with pytest.raises(InputError, match=r"^here") as raised:
            values.flag(case["text"], types, "here")
        assert case["refused"] in str(raised.value)
    else:
        assert same(values.flag(case["text"], types, "here"), case)


@pytest.mark.parametrize(
    ("path", "types"),
    [
        ("id", {"string"}),
        ("epochs", {"integer"}),
        ("seed", {"integer", "null"}),
        ("dataset_ref", {"object"}),
        ("dataset_ref.name", {"string"}),
        ("dataset_ref.version", {"string", "null"}),
        ("dataset_ref.options.columns", None),
        ("options.teacher_prompt", {"string", "null"}),
        ("options.lora_rank", {"integer", "null"}),
        ("options.loss_config", {"object", "null"}),
        ("metrics", {"array"}),
        ("nothing", None),
        ("options.nothing", None),
        ("epochs.nothing", None),
    ],
)
def test_the_type_of_a_field_is_that_of_its_schema(path: str, types: set[str] | None) -> None:
    assert rules.types_at(path.split(".")) == types


def test_an_option_has_one_type_in_all_kinds_of_recipes() -> None:
    found: dict[str, Any] = {}
    for options in rules.options().values():
        for name, rule in options.items():
            assert found.setdefault(name, rule.get("type")) == rule.get("type"), name
