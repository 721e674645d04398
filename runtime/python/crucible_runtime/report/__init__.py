"""A run in, one page of HTML out: curves, stages, samples, evaluation, what was registered and deployed, and settings.

The page needs no network and no other file, and works without its script. What recipes and models say is data in it:
`html.element` escapes it, and the policy of the page lets no script run but its own.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from importlib.resources import files
from typing import Any

from crucible_runtime.errors import CanonicalError
from crucible_runtime.experiment.canonical import canonical
from crucible_runtime.report.chart import chart, number
from crucible_runtime.report.html import Html, element, joined
from crucible_runtime.rundir.folder import EVALUATION
from crucible_runtime.rundir.progress import duration
from crucible_runtime.runs import Run, compared, scores

_HELD_OUT = "eval_"
"""What is measured on data that is held out has the name of the measure after this, and shares its chart."""
_FIRST = ("accuracy", "learning_rate", "kl")
_TITLES = {"kl": "KL divergence"}
_SAMPLES = 24
_SHOWN = 4
_CHARTS = 4


def page(run: Run) -> str:
    """The report of a run, which may still be under way or have failed."""
    title = f"{run.experiment.get('id')}: {run.state}"
    return _whole(
        title,
        _head(run),
        _alert(run),
        _tiles(run),
        _part("Curves", _curves({"": run})),
        _part("Stages", _stages(run)),
        _part("Evaluation", _evaluation(run)),
        _part("Registered and deployed", _outcomes(run)),
        _part("Samples", _samples(run)),
        _part("Configuration", _configuration(run)),
        _part("Environment", _environment(run)),
    )


def comparison(one: Run, other: Run) -> str:
    """The curves of two runs in the same charts, and what `runs A B` prints of them."""
    return _whole(
        f"{one.name} and {other.name}",
        element("header", element("h1", f"{one.name} and {other.name}")),
        _part("Curves", _curves({one.name: one, other.name: other})),
        _part("Differences", element("div", element("pre", compared(one, other)), class_="card wide")),
    )


def _whole(title: str, *parts: Html | None) -> str:
    style, script = (files(__name__).joinpath(name).read_text("utf-8") for name in ("page.css", "page.js"))
    allowed = b64encode(sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{allowed}'; base-uri 'none'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Html(style)),
    )
    body = element("body", element("main", *parts), element("script", Html(script)))
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _part(title: str, content: Html | None) -> Html | None:
    if content is None:
        return None
    name = title.split()[0].lower()
    return element("section", element("h2", title, id=name), content, aria_labelledby=name)


def _head(run: Run) -> Html:
    description = run.experiment.get("description")
    return element(
        "header",
        element("div", element("h1", run.experiment.get("id")), _badge(run.state), class_="head"),
        element("p", description, class_="lead") if description else None,
        element("p", _parts(run), class_="about"),
    )


def _parts(run: Run) -> Iterator[Html]:
    training = run.config.get("training_config") or {}
    model, dataset = (training.get(name) or {} for name in ("model_ref", "dataset_ref"))
    found = {
        "engine": run.config.get("engine"),
        "model": _named(model.get("id"), model.get("provider")),
        "data": _named(dataset.get("name"), dataset.get("provider")),
        "on": run.environment.get("platform"),
    }
    for title, value in found.items():
        if value:
            yield element("span", f"{title} ", element("b", value))


def _named(name: str | None, provider: str | None) -> str | None:
    return f"{name} ({provider})" if name and provider else name


def _badge(state: str) -> Html:
    return element("span", state, class_=f"badge {state}")


def _alert(run: Run) -> Html | None:
    if not run.error:
        return None
    title = f"Stage {run.failed} failed" if run.failed else "The run failed"
    message = run.error.removeprefix(f"stage {run.failed}: ")
    return element("div", element("b", title), element("pre", message), class_="alert", role="alert")


def _tiles(run: Run) -> Html:
    found: list[tuple[str, str | int, str]] = []
    for name in _measures(run):
        if points := run.curves.get(name):
            found.append((name.capitalize(), number(points[-1][1]), f"from {number(points[0][1])}"))
    found += [
        (score["task"], f"{score['correct']} of {score['total']}", f"{EVALUATION}, {score['scorer']}")
        for score in list(scores(run))[:3]
    ]
    found.append(("Steps", run.steps, run.kind or ""))
    found.append(("Time", duration(run.seconds), f"{len(run.stages)} stages done"))
    return element(
        "dl",
        (
            element("div", element("dt", title), element("dd", value, element("small", note)))
            for title, value, note in found
        ),
        class_="tiles",
    )


def _curves(runs: Mapping[str, Run]) -> Html:
    """The charts of one run, or of several by name."""
    names = list(dict.fromkeys(name for run in runs.values() for name in run.curves))
    first = dict.fromkeys([*_measures(next(iter(runs.values()))), *_FIRST])
    order = [*(name for name in first if name in names), *(name for name in names if name not in first)]
    bases = dict.fromkeys(name.removeprefix(_HELD_OUT) for name in order)
    groups = [(_title(base), [name for name in (base, _HELD_OUT + base) if name in names]) for base in bases]
    charts = [
        chart(
            title,
            {
                " ".join(filter(None, (label, name if len(group) > 1 or not label else ""))): run.curves[name]
                for label, run in runs.items()
                for name in group
                if name in run.curves
            },
        )
        for title, group in groups
    ]
    if not charts:
        return element("p", "No step was recorded.", class_="empty")
    more = charts[_CHARTS:]
    shown = element("div", charts[:_CHARTS], class_="grid")
    if not more:
        return shown
    summary = element("summary", f"{len(more)} more metric{'' if len(more) == 1 else 's'}")
    return joined([shown, element("details", summary, element("div", more, class_="grid"), class_="more")])


def _measures(run: Run) -> tuple[str, ...]:
    """What says most of a run, first."""
    return ("reward", "loss") if run.kind == "rl" else ("loss", "reward")


def _title(name: str) -> str:
    return _TITLES.get(name) or name.replace("_", " ").capitalize()


def _stages(run: Run) -> Html:
    longest = max((stage.seconds for stage in run.done), default=0) or 1
    lines = [
        _row(
            element("th", stage.name, scope="row"),
            element("td", stage.module, class_="mono module"),
            element("td", _bar(stage.seconds / longest)),
            element("td", duration(stage.seconds), class_="number"),
        )
        for stage in run.done
    ]
    left = [*(run.experiment.get("pipeline") or ())[len(run.stages) :]]
    for stage in [*left, {"name": EVALUATION}] if run.failed == EVALUATION else left:
        word = "failed" if stage["name"] == run.failed else "not reached"
        module = str(stage.get("module") or "").removeprefix("Elixir.")
        lines.append(
            _row(
                element("th", stage["name"], scope="row"),
                element("td", module, class_="mono module"),
                element("td"),
                element("td", word, class_="number wrong" if word == "failed" else "number"),
            )
        )
    head = [("Stage", None), ("Module", "module"), ("", None), ("Time", "number")]
    return element("div", _table(head, lines), class_="card wide")


def _evaluation(run: Run) -> Html | None:
    tasks = list(scores(run))
    if not tasks:
        if run.failed == EVALUATION:
            return element("p", "The evaluation failed.", class_="empty")
        return None
    return joined(map(_task, tasks))


def _task(score: Mapping[str, Any]) -> Html:
    lines = [
        _row(
            element("td", _verdict(answer)),
            element("td", element("pre", answer["input"])),
            element("td", element("pre", answer["target"])),
            element("td", element("pre", answer.get("error") or answer["output"])),
        )
        for answer in score["answers"]
    ]
    head = [("", None), ("Question", "half"), ("Wanted", None), ("Answer", "third")]
    return element(
        "div",
        element(
            "div",
            element("b", score["task"]),
            element("span", f"{score['correct']} of {score['total']} right", class_="note"),
            element("span", f"{100 * score['accuracy']:.0f} %"),
            element("span", score["scorer"]),
            class_="about",
        ),
        _bar(score["accuracy"], "score"),
        element(
            "details",
            element("summary", f"{len(lines)} answers"),
            element("div", _table(head, lines), class_="wide"),
            open=len(lines) <= 20,
            class_="more",
        ),
        class_="card",
    )


def _verdict(answer: Mapping[str, Any]) -> Html:
    if answer["score"] == 1.0:
        return element("span", "✓ right", class_="right")
    return element("span", "✗ failed" if answer.get("error") else "✗ wrong", class_="wrong")


def _outcomes(run: Run) -> Html | None:
    outside = [stage for stage in run.stages if stage.name != run.training and stage.output]
    if not outside:
        return None
    return element(
        "div",
        (element("div", element("h3", stage.name), _values(stage.output), class_="card wide") for stage in outside),
        class_="grid",
    )


def _samples(run: Run) -> Html | None:
    found, total = run.samples(_SAMPLES)
    if not found:
        return None
    cards = [_sample(row) for row in found]
    note = f"{len(cards)} of {total}, from first to last." if total > len(cards) else None
    # The first and the last ones say most: what the model was, and what it has become.
    first = [*cards[: _SHOWN // 2], *cards[max(_SHOWN // 2, len(cards) - _SHOWN // 2) :]]
    rest = cards[_SHOWN // 2 : max(_SHOWN // 2, len(cards) - _SHOWN // 2)]
    summary = element("summary", f"{len(rest)} more between them")
    more = element("details", summary, element("div", rest, class_="grid"), class_="more")
    return joined(
        [
            element("p", note, class_="lead") if note else None,
            element("div", first, class_="grid"),
            more if rest else None,
        ]
    )


def _sample(row: Mapping[str, Any]) -> Html:
    about = [element("span", f"step {row.get('step', '-')}")]
    for name, value in row.items():
        if name not in ("stage", "step", "prompt", "completion") and isinstance(value, int | float | str):
            about.append(element("span", f"{name} {number(value) if isinstance(value, float) else value}"))
    prompt = row.get("prompt")
    turns = prompt if isinstance(prompt, list) else [{"role": "prompt", "content": prompt}]
    return element(
        "div",
        element("div", about, class_="about"),
        element("div", map(_turn, turns), _said(row.get("completion")), class_="talk"),
        class_="card",
    )


def _turn(turn: Any) -> Html:
    role, content = (turn.get("role"), turn.get("content")) if isinstance(turn, dict) else ("", turn)
    return element("div", element("b", _text(role)), element("pre", _text(content)), class_="turn")


def _said(completion: Any) -> Html:
    return element("div", element("b", "completion"), element("pre", _text(completion)), class_="turn said")


def _configuration(run: Run) -> Html:
    return element("div", _values(run.config), class_="card wide")


def _environment(run: Run) -> Html | None:
    if not run.environment:
        return None
    packages = run.environment.get("packages") or {}
    values = {name: value for name, value in run.environment.items() if name != "packages"}
    listed = element("details", element("summary", f"{len(packages)} packages"), _values(packages), class_="more")
    return element("div", _values(values), listed, class_="card wide")


def _values(values: Mapping[str, Any]) -> Html:
    lines = [_row(element("th", name, scope="row"), element("td", _text(value))) for name, value in _leaves(values)]
    return element("table", element("tbody", lines), class_="values")


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif value not in (None, [], {}):
        yield path, value


def _table(head: Iterable[tuple[str, str | None]], lines: Iterable[Html]) -> Html:
    cells = (element("th", title, scope="col", class_=kind) if title else element("td") for title, kind in head)
    return element("table", element("thead", _row(*cells)), element("tbody", lines))


def _row(*cells: Html) -> Html:
    return element("tr", *cells)


def _bar(share: float, kind: str = "") -> Html:
    return element("span", element("i", style=f"width:{100 * share:.1f}%"), class_=f"bar {kind}".strip())


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    try:
        return canonical(value)
    except CanonicalError:
        return json.dumps(value, ensure_ascii=False)
