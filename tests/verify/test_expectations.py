"""What a client must see, computed from a recipe's numbers; written out here by hand."""

from __future__ import annotations

import math

import pytest
from crucible_gen.conformance.verify import expectations
from hypothesis import given
from hypothesis import strategies as st

LINE = (1.0, 2 / 3, 1 / 3)
CURVE = (1.0, 0.75, 0.25)


@pytest.mark.parametrize(
    ("type_", "config", "rates"),
    [
        ("supervised", {"epochs": 1, "learning_rate": 3.0}, [3.0, 2.0, 1.0]),
        ("supervised", {"learning_rate": 1.0, "options": {"lr_schedule": "constant"}}, [1.0] * 3),
        ("supervised", {"learning_rate": 2.0, "options": {"lr_schedule": "cosine"}}, [2.0, 1.5, 0.5]),
        ("supervised", {"epochs": 2, "learning_rate": 6.0}, [6.0, 5.0, 4.0, 3.0, 2.0, 1.0]),
        ("preference", {"epochs": 1, "learning_rate": 3.0, "options": None}, [3.0, 2.0, 1.0]),
        ("rl", {"epochs": 9, "learning_rate": 0.5, "options": {"num_batches": 2}}, [0.5, 0.5]),
        ("rl", {"learning_rate": 0.5}, [0.5]),
        ("distillation", {"learning_rate": 0.5}, [0.5] * 3),
        ("distillation", {"learning_rate": None, "options": {"num_batches": 1}}, [1.0e-4]),
    ],
)
def test_rates(type_: str, config: expectations.Config, rates: list[float]) -> None:
    found = expectations.expected(type_, config)
    assert found.rates == pytest.approx(rates)
    assert expectations.steps(type_, config) == len(rates)


def test_another_schedule() -> None:
    config = {"epochs": 1, "learning_rate": 1.0, "options": {"lr_schedule": "cosine"}}
    assert expectations.expected("preference", config, "linear").rates == pytest.approx(LINE)
    assert expectations.expected("preference", config).rates == pytest.approx(CURVE)


@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=6), st.integers(0, 5), st.floats(1e-6, 0.5))
def test_every_other_rate_is_a_difference(rates: list[float], place: int, change: float) -> None:
    assert expectations.difference(rates, rates) is None
    other = list(rates)
    place %= len(rates)
    other[place] += change
    found = expectations.difference(rates, other)
    assert found is not None
    assert found.startswith(f"step {place + 1}: ")
    assert (
        expectations.difference(rates, rates[:-1])
        == f"the recipe says {len(rates)} steps, the client saw {len(rates) - 1}"
    )
    assert expectations.difference(rates, [*rates[:-1], None]) is not None


def test_the_last_bits_of_a_rate_do_not_matter() -> None:
    rate = 2.0e-4 / 3
    assert expectations.difference([rate], [math.nextafter(rate, 1.0)]) is None


def test_overrides_go_as_deep_as_they_say() -> None:
    config = {"epochs": 1, "options": {"a": 1, "b": 2}, "model_ref": {"id": "x", "provider": "local"}}
    overrides = {"epochs": 3, "options": {"a": None, "c": 4}, "model_ref": {"id": "y"}}
    assert expectations.merged(config, overrides) == {
        "epochs": 3,
        "options": {"b": 2, "c": 4},
        "model_ref": {"id": "y", "provider": "local"},
    }
    assert expectations.merged({"options": None}, {"options": {"a": 1}}) == {"options": {"a": 1}}


@pytest.mark.parametrize("type_", ["supervised", "preference", "rl", "distillation"])
def test_fewer_rounds_are_few(type_: str) -> None:
    config = expectations.merged({"epochs": 10**6, "options": {"num_batches": 10**6}}, expectations.fewer(type_))
    assert expectations.steps(type_, config) <= 6
