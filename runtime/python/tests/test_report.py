"""The report: whole HTML without a network, what it shows, and that what it shows stays text."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
from dataclasses import is_dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from crucible_runtime import Context, StageError
from crucible_runtime.experiment import rules
from crucible_runtime.interface.stages import Options, Output
from crucible_runtime.report import comparison, page, pages
from crucible_runtime.report.chart import chart, number, thinned, ticks
from crucible_runtime.report.rendering import render, visible
from crucible_runtime.runs import Run, read
from crucible_runtime.secrets import scrub
from runtime_samples import sl_basic
from trained import DEPLOY, REGISTER, Trainer, config, register

SUPPORT = Path(__file__).parents[0] / "support"
TEMPLATES = Path(pages.__file__).with_name("templates")
BAD = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>&amp;</style></title>\u202e\x1b"
VOID = {"meta", "br"}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class Reader(HTMLParser):
    """Reads a page, and finds every element closed where it should be."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["script"], ["style"]):
            self.text.append(data)


def reading(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def report(wanted: Any = None) -> str:
    result = sl_basic.run(wanted or config(log_path="here"))
    assert result.path is not None
    return (result.path / "report.html").read_text("utf-8")


def test_it_shows_what_happened() -> None:
    reader = reading(report())
    text = "\n".join(reader.text)
    heads = re.findall(
        r"^(Curves|Stages|Evaluation|Registered and deployed|Samples|Configuration|Environment)$", text, re.M
    )
    assert heads == [
        *("Curves", "Stages", "Evaluation", "Registered and deployed"),
        *("Samples", "Configuration", "Environment"),
    ]
    for shown in ("finished", "1 of 1", "supervised_train", "model_register", "rendered", "What is 2 + 1?", "It is 4."):
        assert shown in text, shown
    charts = [attributes for tag, attributes in reader.tags if tag == "svg"]
    assert [each["role"] for each in charts] == ["img", "img"]
    assert charts[0]["aria-label"] == "Loss: loss from 8 at step 1 to 1 at step 8"
    assert "step 4: loss 2" in reader.text
    assert ("th", {"scope": "row"}) in reader.tags
    assert reader.tags[0] == ("html", {"lang": "en"})


def test_it_needs_no_network_and_runs_no_script_but_its_own() -> None:
    text = report()
    reader = reading(text)
    for tag, attributes in reader.tags:
        assert not {"src", "href", "srcset", "action", "data", "poster"} & {*attributes}, tag
        assert not [name for name in attributes if name.startswith("on")], tag
    assert not re.search(r"url\(|@import|https?://", re.sub(r"<main>.*</main>", "", text, flags=re.S))
    scripts = re.findall(r"<script>(.*?)</script>", text, re.S)
    assert len(scripts) == 1
    allowed = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    policy = next(each["content"] for tag, each in reader.tags if each.get("http-equiv") == "Content-Security-Policy")
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{allowed}'; base-uri 'none'"


def test_what_recipes_and_models_say_stays_text() -> None:
    class Bad(Trainer):
        def train(self, context: Context, options: Options) -> Output:
            prompt = [{"role": BAD, "content": BAD}, BAD, {"role": "user", "content": [{"text": BAD}]}]
            context.folder.sample({"stage": BAD, "step": 1, "prompt": prompt, "completion": BAD, BAD: BAD})
            context.folder.sample({"stage": "x", "step": 2, "prompt": BAD, "completion": None, "reward": None})
            context.step(1, 1, {BAD: 1.0})
            return super().train(context, options) | {"why": BAD}

        def sampler(self, context: Context, model: str) -> Any:
            class Client(type(super().sampler(context, model))):  # type: ignore[misc]
                def await_(self, future: Any) -> Any:
                    return {"sequences": [{"text": BAD}]}

            return Client()

    def told(context: Context, options: Options) -> Output:
        return {BAD: BAD, "inner": {"list": [BAD]}}

    bad = {"model_ref": {"id": BAD.replace("\x1b", "")}}
    wanted = replace(config(Bad(), log_path="here", training_config=bad), adapters={REGISTER: told, DEPLOY: register})
    text = report(wanted)
    reader = reading(text)
    assert [tag for tag, _ in reader.tags].count("script") == 1
    assert not [tag for tag, _ in reader.tags if tag == "img"]
    assert not [name for _, each in reader.tags for name in each if name.startswith("on")]
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert "".join(reader.text).count("<script>alert(1)</script>") > 10


def test_a_run_that_failed_says_what_failed() -> None:
    with pytest.raises(StageError):
        sl_basic.run(config(Trainer(stop=5), log_path="here"))
    reader = reading(Path("here/report.html").read_text("utf-8"))
    assert ("div", {"class": "alert", "role": "alert"}) in reader.tags
    text = "\n".join(reader.text)
    assert "Stage supervised_train failed\nRuntimeError: failed at step 5\n" in text
    assert "not reached" in text
    assert "step 5: loss 1.6" in reader.text


def test_a_run_under_way_can_be_shown() -> None:
    sl_basic.run(config(log_path="here"))
    for name in ("result.json", "metrics.jsonl", "samples.jsonl", "environment.json", "config.json"):
        Path("here", name).unlink()
    reader = reading(page(read(Path("here"))))
    assert "killed" in reader.text
    assert "No step was recorded." in reader.text


def test_two_runs_share_their_charts() -> None:
    for name in ("one", "other"):
        sl_basic.run(config(log_path=name))
    reader = reading(comparison(read(Path("one")), read(Path("other"))))
    labels = [each["aria-label"] for tag, each in reader.tags if tag == "svg"]
    told = "from 8 at step 1 to 1 at step 8"
    assert labels[0] == f"Loss: one {told}; other {told}"


@pytest.mark.parametrize("module", rules.training_stages())
def test_the_main_metric_of_the_recipe_type_comes_first(module: str) -> None:
    metrics = [{"stage": "t", "step": 1, "accuracy": 1.0, "loss": 2.0, "reward": 3.0}]
    run = Run(
        path=Path("here"),
        state="running",
        error=None,
        failed=None,
        experiment={"pipeline": [{"name": "t", "module": f"Elixir.{module}"}]},
        config={},
        environment={},
        stages=[],
        asked=None,
        metrics=metrics,
    )
    shown = pages.of_run(run)
    order = ["Reward", "Loss"] if run.kind == "rl" else ["Loss", "Reward"]
    assert [each.title for each in shown.charts.shown] == [*order, "Accuracy"]
    assert [tile.title for tile in shown.tiles[:2]] == order


# Charts


POINTS = st.lists(
    st.tuples(st.integers(0, 10**6).map(float), st.floats(-1e9, 1e9)),
    min_size=1,
    max_size=700,
    unique_by=lambda p: p[0],
).map(sorted)


@given(POINTS)
def test_every_chart_is_whole_and_lies_inside_its_frame(points: list[tuple[float, float]]) -> None:
    reader = reading(render("chart.html.j2", chart=chart("a", {"b": points})))
    for tag, attributes in reader.tags:
        if tag == "circle":
            assert 0 <= float(attributes["cx"] or -1) <= 640
            assert 0 <= float(attributes["cy"] or -1) <= 240


@given(POINTS)
def test_thinning_loses_no_peak_and_no_end(points: list[tuple[float, float]]) -> None:
    kept = thinned(points)
    assert len(kept) <= 310
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert min(y for _, y in kept) == min(y for _, y in points)
    assert max(y for _, y in kept) == max(y for _, y in points)
    assert [x for x, _ in kept] == sorted({x for x, _ in kept})


@given(st.floats(-1e12, 1e12), st.floats(1e-6, 1e12))
def test_ticks_hold_what_they_are_for(low: float, width: float) -> None:
    found = ticks(low, low + width, 5)
    assert found == sorted(set(found))
    assert 2 <= len(found) <= 12
    slack = (found[1] - found[0]) * 1e-6
    assert found[0] <= low + slack
    assert found[-1] >= low + width - slack


def test_numbers_and_ticks() -> None:
    assert ticks(0, 6.2, 5) == [0, 2, 4, 6, 8]
    assert ticks(0.5, 0.5, 5)[0] <= 0.5 <= ticks(0.5, 0.5, 5)[-1]
    assert ticks(0.0, 5e-324, 5) == ticks(0.0, 0.0, 5) == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert [number(value) for value in (0, 3.0, 0.12345, 2e-4, 1e9)] == ["0", "3", "0.1235", "0.0002", "1e+09"]


def test_samples_are_spread_over_the_run() -> None:
    sl_basic.run(config(log_path="here"))
    run = read(Path("here"))

    def steps(count: int) -> tuple[list[int], int]:
        found, total = run.samples(count)
        return [row["step"] for row in found], total

    assert steps(99) == ([2, 2, 4, 4, 6, 6, 8, 8], 8)
    assert steps(8) == steps(99)
    assert steps(3) == ([2, 4, 8], 8)
    assert steps(1) == ([2], 8)
    with Path("here/samples.jsonl").open("a") as file:
        file.write('{"torn')
    assert steps(3) == ([2, 4, 8], 8)
    Path("here/samples.jsonl").unlink()
    assert steps(3) == ([], 0)


# Escaping


HOSTILE = (
    "\"'></title></pre><script>alert(1)</script><img src=x onerror=alert(1)>&amp;{{ 7*7 }}{% raw %}{# a #}\x1b\u202e"
)
"""What must come out as text, wherever it stands."""


def filled(kind: Any, length: int, text: str, path: str = "") -> Any:
    """A value of a view's type: every string is its path and `text`, every tuple has `length` items."""
    if is_dataclass(kind):
        types = get_type_hints(kind).items()
        return kind(**{name: filled(type_, length, text, f"{path}.{name}") for name, type_ in types})
    if get_origin(kind) is tuple:
        return (filled(get_args(kind)[0], length, text, path),) * length
    if NoneType in get_args(kind):
        return filled(next(each for each in get_args(kind) if each is not NoneType), length, text, path)
    return f"<{path}>{text}" if kind is str else kind(1)


def paths(kind: Any, path: str = "") -> set[str]:
    """The path of every string in a view's type."""
    if is_dataclass(kind):
        return {each for name, type_ in get_type_hints(kind).items() for each in paths(type_, f"{path}.{name}")}
    parts = [each for each in get_args(kind) if each not in (NoneType, ...)]
    return {path} if kind is str else {each for part in parts for each in paths(part, path)}


@pytest.mark.parametrize(
    ("template", "kind"), [("run.html.j2", pages.RunPage), ("comparison.html.j2", pages.ComparisonPage)]
)
def test_every_text_of_a_page_stays_text(template: str, kind: type) -> None:
    shown: set[str] = set()
    for length in (1, 2):  # a chart of one curve shows other texts than a chart of several
        text = render(template, view=filled(kind, length, HOSTILE))
        reader, harmless = reading(text), reading(render(template, view=filled(kind, length, "x")))
        assert [(tag, [*each]) for tag, each in reader.tags] == [(tag, [*each]) for tag, each in harmless.tags]
        assert "\x1b" not in text and "\u202e" not in text
        values = [*reader.text, *(value or "" for _, each in reader.tags for value in each.values())]
        for value in values:
            shown |= {*re.findall(rf"<([a-z_.]+)>{re.escape(str(visible(HOSTILE)))}", value)}
    assert shown == paths(kind)


def test_what_html_must_not_contain_is_spelled_out() -> None:
    assert visible("a\x00\x1b\u202eb\n\tc\u00a0d\U0001f600") == "a\\x00\\x1b\\u202eb\n\tc\u00a0d\U0001f600"
    assert visible(3) == 3


def test_a_template_that_lacks_a_value_is_an_error() -> None:
    with pytest.raises(UndefinedError, match=r"ComparisonPage object' has no attribute 'name'"):
        render("run.html.j2", view=filled(pages.ComparisonPage, 1, "x"))


def test_nothing_but_the_assets_is_marked_as_markup() -> None:
    for path in sorted(TEMPLATES.iterdir()):
        assert path.name.endswith(".html.j2"), "every template is escaped"
        assert not re.search(r"\|\s*safe|autoescape|Markup", path.read_text("utf-8")), path.name
    source = "".join(path.read_text("utf-8") for path in TEMPLATES.parent.glob("*.py"))
    assert re.findall(r"Markup\((.*?)\)", source) == ["style", "script"]
    assert 'f"<' not in source and "f'<" not in source


def test_a_secret_is_hidden_as_templates_escape_it() -> None:
    secret = "plan\"ted'<&"
    text = render("chart.html.j2", chart=chart(secret, {"b": [(1.0, 2.0)]}))
    assert "ted" in text
    assert "ted" not in scrub(text, {"SOME_TOKEN": secret})


@pytest.mark.parametrize("arguments", [["sl_basic", "--help"], ["sl_basic", "--dry-run"], ["", "runs", "."]])
def test_jinja2_is_not_imported_where_no_report_is_written(arguments: list[str]) -> None:
    name, *rest = arguments
    sl_basic.run(config(log_path="runs/here"))
    program = f"""
import sys, runpy
sys.argv = ["x", *{rest!r}]
sys.path.insert(0, {str(SUPPORT)!r})
try:
    runpy.run_module({".".join(filter(None, ["runtime_samples", name]))!r}, run_name="__main__")
except SystemExit as stop:
    assert not stop.code, stop.code
assert "crucible_runtime.cli" in sys.modules
assert not {{"jinja2", "markupsafe", "crucible_runtime.report"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
