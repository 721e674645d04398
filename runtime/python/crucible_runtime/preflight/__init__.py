"""What a run is asked before it begins: packages, options, data, models, devices, names, the registry, one reward.

Every engine, stage and environment declares what it needs and honors (`interface.preflight`); this package asks all of
them at once. Nothing heavy is imported and nothing is created. What could not be asked is reported as such.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from crucible_runtime import plugins
from crucible_runtime.errors import CrucibleError
from crucible_runtime.evals import evaluate
from crucible_runtime.evaluation import Evaluation
from crucible_runtime.experiment.kinds import kind
from crucible_runtime.interface.preflight import Check, Finding, Inquiry, called, checks_of, problem, unchecked
from crucible_runtime.interface.stages import Engine, RunConfig
from crucible_runtime.ir import Experiment
from crucible_runtime.plugins import Part
from crucible_runtime.preflight import agreement, supplied
from crucible_runtime.preflight.report import ENGINE_PACKAGES, PACKAGES, RECIPE, Line, Report
from crucible_runtime.rundir.folder import EVALUATION, RUNS, Folder, latest

__all__ = ["Line", "Report", "examine", "inquiry"]


def inquiry(
    experiment: Experiment,
    config: RunConfig,
    evaluation: Evaluation | None,
    *,
    begins: bool = False,
    network: bool = False,
) -> Inquiry:
    """What is asked before a run; raises InputError where there is no run to resume."""
    path = config.log_path
    if config.resume and path is None:
        path = latest(experiment.id)
    folder = Folder(Path(path), resumed=True, main=False) if config.resume and path is not None else None
    return Inquiry(
        experiment=experiment,
        config=config,
        root=Path(path).absolute().parent if path is not None else Path(RUNS).absolute(),
        path=folder.path if folder is not None else None,
        evaluation=evaluation,
        finished=tuple(each.name for each in folder.records()) if folder is not None else (),
        begins=begins,
        network=network,
    )


def examine(inquiry: Inquiry) -> Report:
    """Asks every part of the run of `inquiry`.

    Raises EngineMissingError for an engine that is not there.
    """
    experiment, config = inquiry.experiment, inquiry.config
    engine = plugins.engine(config.engine) if kind(experiment) is not None else None
    parts = list(plugins.parts(experiment, config, engine))
    lines = [
        *_lines("run", "values supplied", supplied.problems(inquiry, parts)),
        *_lines("run", "stage options", agreement.problems(experiment, config)),
    ]
    if inquiry.begins or inquiry.network:  # a plan may be made where its packages are not installed
        lines += _packages(inquiry, engine)
    if engine is not None and (problems := getattr(engine, "problems", None)) is not None:
        lines += _lines("engine", RECIPE, problems(experiment, config))
    heard = {line.message for line in lines}
    for part in parts:
        if part.stage is not None and part.stage.name in inquiry.finished:
            continue
        lines += [line for line in _asked(part, inquiry) if not line.message or line.message not in heard]
    if inquiry.evaluation is not None and EVALUATION not in inquiry.finished and inquiry.evaluation.tasks:
        part = Part(name=EVALUATION, thing=evaluate, stage=None)
        lines += supplied.client(inquiry, engine)
        lines += _asked(part, inquiry)
    return Report(engine=engine, lines=tuple(lines))


def _packages(inquiry: Inquiry, engine: Engine | None) -> Iterator[Line]:
    experiment, config = inquiry.experiment, inquiry.config
    lacks = plugins.lacking_engine(engine, config) if engine is not None else ""
    yield from _lines("engine", ENGINE_PACKAGES, [lacks] if lacks else [])
    yield from _lines("stages", PACKAGES, plugins.lacking_adapters(experiment, config, finished=inquiry.finished))


def _lines(asked: str, check: str, problems: Iterable[str]) -> Iterator[Line]:
    found = list(problems)
    for message in found:
        yield Line(asked=asked, check=check, state="problem", message=message)
    if not found:
        yield Line(asked=asked, check=check, state="ok")


def _asked(part: Part, inquiry: Inquiry) -> Iterator[Line]:
    """What the checks of one part find."""
    for check in checks_of(part.thing):
        found = list(_found(check, replace(inquiry, stage=part.stage)))
        for each in found:
            yield Line(asked=part.name, check=called(check), state=each.state, message=each.message)
        if not found:
            yield Line(asked=part.name, check=called(check), state="ok")


def _found(check: Check, inquiry: Inquiry) -> Iterator[Finding]:
    """The findings of a check; one that fails itself has checked nothing, and does not keep a run from beginning."""
    try:
        yield from check(inquiry)
    except CrucibleError as error:
        yield problem(str(error))
    except Exception as error:  # noqa: BLE001 - checks of third parties may raise anything
        yield unchecked(f"the check failed: {type(error).__name__}: {error}")
