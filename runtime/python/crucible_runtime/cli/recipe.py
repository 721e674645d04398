"""What the command line of a recipe does: its plan, its JSON, or a run of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from crucible_runtime.cli import settings
from crucible_runtime.cli.arguments import supplied_by
from crucible_runtime.errors import OverrideError, Terminated
from crucible_runtime.evaluation import Evaluation
from crucible_runtime.experiment.canonical import plain, pretty
from crucible_runtime.experiment.override import Adjusted
from crucible_runtime.interface.stages import Result, RunConfig
from crucible_runtime.ir import Experiment
from crucible_runtime.plan import plan, summary
from crucible_runtime.quoting import printable_json
from crucible_runtime.recipes import PARTS
from crucible_runtime.secrets import Clean, disclose, hidden

if TYPE_CHECKING:
    from argparse import Namespace

    from crucible_runtime.cli.sources import Supplied

C = TypeVar("C", bound=RunConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts(Generic[C]):
    """What the command line needs of a recipe; `recipe` is the object that has the parts, if they came in one."""

    config: type[C]
    build_experiment: Callable[[C], Experiment]
    evaluation: Callable[[], Evaluation | None]
    run: Callable[[C], Result]
    recipe: object = None

    @classmethod
    def of(cls, recipe: Any) -> Parts[Any]:
        """The parts of a generated module or an object like it; raises TypeError where one is missing."""
        if missing := [name for name in PARTS if not hasattr(recipe, name)]:
            raise TypeError(f"main expects a recipe, such as sys.modules[__name__]; it has no {', '.join(missing)}")
        return cls(
            config=recipe.Config,
            build_experiment=recipe.build_experiment,
            evaluation=recipe.evaluation,
            run=recipe.run,
            recipe=recipe,
        )

    @property
    def name(self) -> str:
        """The name of the recipe, else that of the module that builds its experiment."""
        return str(self._said("NAME") or self.build_experiment.__module__)

    @property
    def description(self) -> str:
        """The description of the recipe; empty where it has none."""
        return str(self._said("DESCRIPTION") or "")

    def _said(self, name: str) -> object:
        """What the recipe, or the module that builds its experiment, says of itself."""
        module = sys.modules.get(self.build_experiment.__module__)
        return getattr(self.recipe, name, None) or getattr(module, name, None)


def asked(arguments: Namespace, parts: Parts[C]) -> Iterator[str]:
    """What the arguments ask for; the text to print. The experiment is built once, by whoever needs it first."""
    supplied = supplied_by(arguments, settings.types(parts.config))
    config = _configured(arguments, parts, supplied)
    if arguments.preflight:
        yield from _preflight(_built(parts, config, supplied), parts.evaluation(), config, arguments)
    elif arguments.json:
        yield Clean(printable_json(pretty(hidden(plain(_built(parts, config, supplied))))))
    elif arguments.dry_run:
        yield from _plans(_built(parts, config, supplied), parts.evaluation(), config)
    else:
        with _termination(), _placed(supplied):
            result = parts.run(config)
        yield summary(result)


def _configured(arguments: Namespace, parts: Parts[C], supplied: Supplied) -> C:
    """The Config of the run: what is supplied, and below it what makes a smoke run or what a resumed run began with."""
    values = supplied.values
    settings.check(parts.config, supplied)
    further = {}
    if arguments.smoke:
        further = settings.smoke(values.get("training_config", {}))
    elif values.get("resume", parts.config.resume) and "training_config" not in values:
        further = settings.recorded(parts.config, parts.name, values)
    return parts.config(**{**values, **further})


def _built(parts: Parts[C], config: C, supplied: Supplied) -> Experiment:
    with _placed(supplied):
        experiment = parts.build_experiment(config)
    disclose(experiment, supplied=config)
    if isinstance(config.training_config, Adjusted):
        config.training_config.check_used()
    return experiment


@contextmanager
def _placed(supplied: Supplied) -> Iterator[None]:
    """Adds to each problem of the overrides where the value came from."""
    try:
        yield
    except OverrideError as error:
        raise OverrideError(map(supplied.said, error.problems)) from error


def _preflight(
    experiment: Experiment, evaluation: Evaluation | None, config: RunConfig, arguments: Namespace
) -> Iterator[str]:
    """Whether a run could reach its end, with what only the network knows; raises what keeps it from that."""
    from crucible_runtime.preflight import examine, inquiry

    report = examine(inquiry(experiment, config, evaluation, network=True))
    if arguments.dry_run:
        yield plan(experiment, evaluation) + "\n"
    yield report.json() if arguments.json else report.text()
    report.raise_problems()


def _plans(experiment: Experiment, evaluation: Evaluation | None, config: RunConfig) -> Iterator[str]:
    """What a run would do; with an engine that is named, what that makes of it, or what keeps the run from its end."""
    if config.engine is None:
        yield plan(experiment, evaluation)
        return
    from crucible_runtime.preflight import examine, inquiry

    report = examine(inquiry(experiment, config, evaluation))
    yield plan(experiment, evaluation)
    if report.refuses:
        report.raise_problems()
    own = getattr(report.engine, "plan", None)
    if own is not None:
        text: str = own(experiment, config)
        yield f"\nEngine {config.engine}\n" + "".join(f"  {line}".rstrip() + "\n" for line in text.splitlines())
    if unchecked := report.unchecked():
        yield f"\nNot checked\n{unchecked}"
    report.raise_problems()


@contextmanager
def _termination() -> Iterator[None]:
    """While it lasts, SIGTERM ends a run as Ctrl-C does."""
    import signal
    import threading

    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
