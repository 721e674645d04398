"""The command line of a generated recipe, and of the package that holds them.

`main` puts flags and files into the recipe's Config, and then does one of three things: prints the plan, prints the
experiment, or runs. Everything that a user can get wrong ends as one message: exit 1 for input and for a run that
failed, 2 for a command line that does not parse.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import Field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from crucible_runtime.canonical import pretty
from crucible_runtime.errors import (
    AdapterMissingError,
    CrucibleError,
    InputError,
    OverrideError,
    StageError,
    Terminated,
    UnsupportedError,
    did_you_mean,
)
from crucible_runtime.evaluation import Evaluation
from crucible_runtime.ir import Experiment
from crucible_runtime.pipeline import Result, RunConfig, is_main, kind
from crucible_runtime.plan import one_line, plan, printable, summary
from crucible_runtime.secret import scrub

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from crucible_runtime.sources import Supplied

C = TypeVar("C", bound=RunConfig)

_TEXTUAL = {"str", "int", "float", "bool", "Path", "None", "NoneType"}


def main(
    config: type[C],
    build_experiment: Callable[[C], Experiment],
    evaluation: Callable[[], Evaluation | None],
    run: Callable[[C], Result],
    argv: Sequence[str] | None = None,
) -> int:
    """The four parts of a recipe and a command line to an exit code; everything is printed, nothing is raised."""
    _open_streams()
    arguments = _recipe_parser(build_experiment(config())).parse_args(argv)
    return _guarded(lambda: _recipe(arguments, config, build_experiment, evaluation, run))


def list_recipes(package: str, argv: Sequence[str] | None = None) -> int:
    """Prints the name and the description of every recipe in `package`, or what `runs` asks for; an exit code."""
    _open_streams()
    from argparse import ArgumentParser

    parser = ArgumentParser(prog=f"python -m {package}", description=f"Lists the recipes of {package}.", **_STRICT)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    about = "lists the runs below a directory, shows one, or compares two"
    runs = commands.add_parser("runs", help=about, description=f"{about.capitalize()}.", **_STRICT)
    runs.add_argument(
        "names", nargs="*", metavar="RUN", help="a directory of runs (by default runs), or one or two runs"
    )
    runs.add_argument("--report", type=Path, metavar="FILE", help="write a page with the curves of the two runs")
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        return _guarded(lambda: _list(package))
    if len(arguments.names) > 2 or (arguments.report is not None and len(arguments.names) != 2):
        runs.error("expected a directory, one run, or two to compare (with --report, two)")
    return _guarded(lambda: _runs(arguments.names, arguments.report))


def _list(package: str) -> Iterator[str]:
    from crucible_runtime.recipes import recipes

    found = recipes(package)
    width = max(map(len, found), default=0)
    for name, recipe in found.items():
        yield f"{name:<{width}}  {one_line(recipe.DESCRIPTION)}".rstrip() + "\n"


def _runs(names: Sequence[str], page: Path | None) -> Iterator[str]:
    from crucible_runtime import runs

    if not names:
        yield runs.listed()
    elif len(names) == 2:
        one, other = map(runs.found, names)
        yield runs.compared(one, other)
        if page is not None:
            from crucible_runtime import report

            _written(page, report.comparison(one, other))
    elif Path(names[0]).is_dir() and not runs.is_run(Path(names[0])):
        yield runs.listed(Path(names[0]))
    else:
        yield runs.described(runs.found(names[0]))


def _written(path: Path, text: str) -> None:
    try:
        path.write_text(scrub(text), "utf-8")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error


_STRICT: Mapping[str, Any] = {"allow_abbrev": False}


def _recipe_parser(experiment: Experiment) -> ArgumentParser:
    from argparse import ArgumentParser

    module = sys.modules["__main__"].__spec__
    parser = ArgumentParser(
        prog=f"python -m {module.name}" if module is not None else experiment.id,
        description=one_line(experiment.description or "").replace("%", "%%"),
        **_STRICT,
    )
    show = parser.add_mutually_exclusive_group()
    show.add_argument("--dry-run", action="store_true", help="print the plan, run nothing")
    show.add_argument("--json", action="store_true", help="print the experiment as canonical JSON, run nothing")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=_assignment,
        metavar="PATH=VALUE",
        help="override one value: training_config.learning_rate=1e-5 (repeatable; goes before --config)",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="YAML or JSON file of overrides")
    parser.add_argument("--log-path", metavar="DIR", help="directory of the run; left out, a new one below runs/")
    parser.add_argument("--smoke", action="store_true", help="train a tiny model on tiny data, both made on the spot")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --log-path, or the latest one")
    parser.add_argument("--engine", metavar="NAME", help="the installed engine that trains; left out, trl")
    parser.add_argument("--base-url", metavar="URL", help="the server of an engine that trains on one")
    parser.add_argument(
        "--apply",
        nargs="?",
        const=True,
        default=False,
        choices=["local"],
        metavar="local",
        help="deploy, and not only write down how; with local, serve on this machine, ask once, and stop",
    )
    parser.add_argument(
        "--allow-unsandboxed", action="store_true", help="let programs that a model wrote run without a sandbox"
    )
    return parser


def _assignment(text: str) -> tuple[list[str], str]:
    from argparse import ArgumentTypeError

    path, equals, value = text.partition("=")
    steps = path.strip().split(".")
    if not equals or not all(steps):
        raise ArgumentTypeError(f"expected PATH=VALUE, found {text!r}")
    return steps, value


def _recipe(
    arguments: Namespace,
    config: type[C],
    build_experiment: Callable[[C], Experiment],
    evaluation: Callable[[], Evaluation | None],
    run: Callable[[C], Result],
) -> Iterator[str]:
    """What the arguments ask for; the text to print."""
    supplied = _supplied(arguments)

    def built(overrides: Mapping[str, Any]) -> tuple[C, Experiment]:
        made = _config(config, supplied, overrides)
        try:
            return made, build_experiment(made)
        except OverrideError as error:
            raise OverrideError(map(supplied.said, error.problems)) from error

    made, experiment = built({})
    if arguments.smoke:
        made, experiment = built(_smoke(experiment, supplied.values.get("training_config", {})))
    elif made.resume and "training_config" not in supplied.values:
        made, experiment = built(_recorded(made, experiment, supplied.values))
    if arguments.json:
        yield pretty(experiment)
    elif arguments.dry_run:
        yield from _plans(experiment, evaluation(), made)
    else:
        from crucible_runtime.stages import missing

        if absent := missing(experiment, made):
            raise AdapterMissingError("\n".join(absent))
        with _termination():
            result = run(made)
        yield summary(result)


def _supplied(arguments: Namespace) -> Supplied:
    """The fields of the Config as environment, file and command line give them, in this order."""
    from crucible_runtime.sources import gather

    supplied = gather(arguments.config, arguments.set)
    for name in ("log_path", "engine", "base_url", "resume", "apply", "allow_unsandboxed"):
        if (value := getattr(arguments, name)) not in (None, False):
            supplied.put([name], value, f"--{name.replace('_', '-')}")
    return supplied


def _smoke(experiment: Experiment, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The overrides that make a recipe small, below those that the user `wanted`."""
    from crucible_runtime.smoke import overrides
    from crucible_runtime.sources import merged

    found = kind(experiment)
    if found is None or experiment.training_config is None:
        raise InputError("--smoke: this recipe trains nothing")
    small = dict(overrides(experiment.training_config, found))
    for name in ("model_ref", "dataset_ref"):
        # A model or a data set that the user names is not one that is made on the spot.
        if {"id", "name", "provider"} & {*(wanted.get(name) or {})}:
            small.pop(name, None)
    return {"training_config": merged(small, wanted)}


def _recorded(made: RunConfig, experiment: Experiment, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What the run that is to be gone on with was configured with, where the user says nothing else of it."""
    from crucible_runtime.canonical import plain
    from crucible_runtime.folder import CONFIG, Folder, latest
    from crucible_runtime.sources import changes

    path = Path(made.log_path) if made.log_path is not None else latest(experiment.id)
    written = Folder(path, resumed=True, main=False).read(CONFIG)
    if not isinstance(written, dict):
        return {"log_path": str(path)}
    training = written.pop("training_config", None)
    known = {field.name for field in fields(made)} - {*wanted, "resume", "apply", "allow_unsandboxed", "log_path"}
    found = {name: value for name, value in written.items() if name in known and value is not None}
    old = plain(experiment.training_config)
    if isinstance(training, dict) and isinstance(old, dict):
        found["training_config"] = changes(old, training)
    return {**found, "log_path": str(path)}


def _plans(experiment: Experiment, evaluation: Evaluation | None, config: RunConfig) -> Iterator[str]:
    """What a run would do; of an engine that is named too, or as an error everything that it cannot honour."""
    if config.engine is None:
        yield plan(experiment, evaluation)
        return
    from crucible_runtime.stages import engine

    found = engine(config.engine)
    yield plan(experiment, evaluation)
    problems = getattr(found, "problems", None)
    if problems is not None and (unsupported := problems(experiment, config)):
        raise UnsupportedError(unsupported)
    own = getattr(found, "plan", None)
    if own is not None:
        text: str = own(experiment, config)
        yield f"\nEngine {config.engine}\n" + "".join(f"  {line}".rstrip() + "\n" for line in text.splitlines())


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


_FLAGS = ("resume", "apply", "allow_unsandboxed")


def _config(config: type[C], supplied: Supplied, overrides: Mapping[str, Any]) -> C:
    """The Config that holds what is supplied; raises InputError for a field that there is not or not for text."""
    values = supplied.values
    known = [field.name for field in fields(config) if _from_text(field)]
    live = {field.name for field in fields(config)} - {*known}
    problems = {name: f"{name} is a live value: only Python can supply it" for name in values if name in live}
    for name in values:
        if name not in live and name not in known:
            problems[name] = f"there is no {name} to set; {did_you_mean(str(name), known)}"
    if not isinstance(values.get("training_config", {}), Mapping):
        problems["training_config"] = "training_config must be a mapping of its fields"
    for name in ("log_path", "engine", "base_url"):
        if not isinstance(values.get(name, ""), str):
            problems[name] = f"{name} must be text"
    for name in _FLAGS:
        if not isinstance(values.get(name, False), bool) and (name, values[name]) != ("apply", "local"):
            or_local = ", or local" if name == "apply" else ""
            problems[name] = f"{name} must be true or false{or_local}"
    if problems:
        raise InputError("\n".join(supplied.said(problem, str(name)) for name, problem in problems.items()))
    return config(**{**values, **overrides})


def _from_text(field: Field[Any]) -> bool:
    """Whether a command line can supply the field: any other holds an object that only Python can make."""
    if isinstance(field.type, str):
        names = {name.strip() for name in field.type.split("|")}
    else:
        names = {getattr(part, "__name__", "") for part in get_args(field.type) or (field.type,)}
    return field.name in ("training_config", "engine", "apply") or names <= _TEXTUAL


def _open_streams() -> None:
    """Lets what is printed go nowhere where a stream is closed; the first file of the run would take its place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - until the end


def _print(text: str) -> None:
    """Raises BrokenPipeError where the reader has gone, and InputError where standard output takes no more."""
    try:
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
    except OSError as error:
        # Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise
        raise InputError(f"the output cannot be printed: {(error.strerror or str(error)).lower()}") from error


def _guarded(work: Callable[[], Iterable[str]]) -> int:
    """Prints what `work` returns, or why it could not; an exit code.

    Of several processes of one run the main one alone prints; the others say only what went wrong in a stage of theirs.
    """
    main = is_main()
    try:
        for text in work():
            if main:
                _print(scrub(text))
    except CrucibleError as error:
        if main or isinstance(error, StageError):
            _say(error)
        return 1
    except BrokenPipeError:
        return 1
    except KeyboardInterrupt as error:
        if main:
            print("interrupted", file=sys.stderr)
            _note(error)
        return 143 if isinstance(error, Terminated) else 130
    return 0


def _say(error: CrucibleError) -> None:
    for line in str(error).splitlines():
        print(f"error: {printable(scrub(line))}", file=sys.stderr)
    _note(error)


def _note(error: BaseException) -> None:
    for line in getattr(error, "__notes__", ()):
        print(f"note: {printable(scrub(line))}", file=sys.stderr)
