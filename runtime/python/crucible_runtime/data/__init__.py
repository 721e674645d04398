"""The rows of the data set that a recipe names, in the form that its type of recipe trains on.

    supervised     {"messages": [...]}
    preference     {"prompt": [...], "chosen": [...], "rejected": [...]}
    distillation   {"prompt": [...]}
    rl             what the environment needs: {"problem": ..., "answer": ...}, or with tests

where each list is one of messages `{"role", "content"}`. Rows are read by provider, then each goes through an
adapter. One bad row is enough for an error, and the error lists all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import TypeAlias

from crucible_runtime import smoke
from crucible_runtime.data import files, hub
from crucible_runtime.data.adapters import ADAPTERS, GROUP, NAMES, Adapter, guess, named
from crucible_runtime.data.forms import fit
from crucible_runtime.data.row import BadRow, Placed, Row, bad_rows, halves, nearest_of, shown
from crucible_runtime.errors import InputError, did_you_mean
from crucible_runtime.experiment.kinds import types
from crucible_runtime.installation import project
from crucible_runtime.installation.distribution import install_command
from crucible_runtime.interface.leftout import ALLOWED
from crucible_runtime.interface.leftout import left_out as told
from crucible_runtime.ir import DatasetRef

__all__ = ["ADAPTERS", "GROUP", "OPTIONS", "PROVIDERS", "Adapter", "BadRow", "Row", "rows"]

Unfit: TypeAlias = Callable[[Row], str]
"""Why a row in its form cannot be used, as a sentence; no text where it can."""
OPTIONS = ("config", "configs", "streaming", "columns", "rows", ALLOWED)
"""What `dataset_ref.options` may hold."""

# Rows whose columns may tell the adapter: the first one may lack a column.
_HEAD = 20


def rows(
    ref: DatasetRef,
    *,
    adapter: str | None,
    kind: str,
    split: str | None = None,
    limit: int | None = None,
    unfit: Unfit | None = None,
) -> list[Row]:
    """The first `limit` rows of a data set (by default all) as recipes of type `kind` train on them, in its order.

    adapter: the name of what makes examples of its rows; None takes the one that its name or its columns tell
    split: the split to read, where it is not the one that `ref` names
    unfit: why the caller cannot use a row in its form, as a sentence, or no text where it can

    Raises InputError for a data set that cannot be had, has no rows, or has rows that cannot be used; EngineMissingError
    where a package that is needed is not installed.
    """
    _check(ref, split)
    if kind not in types():
        raise nearest_of("type of recipe", kind, types())
    if ref.provider == smoke.PROVIDER:
        return _generated(ref, adapter, kind, limit)
    placed = PROVIDERS[ref.provider](ref, split or ref.split, limit)
    return _adapted(ref, _renamed(ref, _valid(ref, placed)), adapter, kind, limit, unfit)


def _check(ref: DatasetRef, split: str | None) -> None:
    """Raises InputError for what of a dataset_ref cannot be honoured, all at once."""
    problems = []
    if ref.provider not in PROVIDERS and ref.provider != smoke.PROVIDER:
        problems.append(str(nearest_of("provider", ref.provider, [*PROVIDERS, smoke.PROVIDER])))
    options = ref.options or {}
    for option in options:
        if option not in OPTIONS:
            problems.append(f"dataset_ref.options has no {option}; {did_you_mean(option, OPTIONS)}")
    for option, wanted, kinds in (
        ("config", "text", str),
        ("configs", "a list of texts", list),
        ("streaming", "true or false", bool),
        ("columns", "a mapping of our names of columns to those of the data set", Mapping),
        ("rows", "a list of rows", list),
    ):
        if options.get(option) is not None and not isinstance(options[option], kinds):
            problems.append(f"dataset_ref.options.{option} must be {wanted}, found {shown(options[option])}")
    allowed = options.get(ALLOWED, 1.0)
    if isinstance(allowed, bool) or not isinstance(allowed, int | float) or not 0 <= allowed <= 1:
        problems.append(f"dataset_ref.options.{ALLOWED} must be a number from 0 to 1, found {shown(allowed)}")
    if ref.provider in ("local", "inline") and split not in (None, ref.split):
        problems.append(f"data set {ref.name} has the split {ref.split} alone, and {split} is asked for")
    if ref.version is not None and ref.provider in ("local", "inline", smoke.PROVIDER):
        problems.append(f"dataset_ref.version {ref.version}: data of the provider {ref.provider} has no versions")
    if problems:
        raise InputError("\n".join(problems))


def _hub(ref: DatasetRef, split: str, limit: int | None) -> Iterator[Placed]:
    options = ref.options or {}
    configs = options.get("configs") or [options.get("config")]
    streaming = bool(options.get("streaming", limit is not None))
    return hub.read(ref.name, configs=configs, split=split, revision=ref.version, streaming=streaming)


def _local(ref: DatasetRef, _split: str, _limit: int | None) -> Iterator[Placed]:
    return files.read(ref.name, ref.format)


def _inline(ref: DatasetRef, _split: str, _limit: int | None) -> Iterator[Placed]:
    found = (ref.options or {}).get("rows")
    if found is None:
        raise InputError(f"data set {ref.name}: the provider inline expects its rows in dataset_ref.options.rows")
    for number, row in enumerate(found, 1):
        wrong = BadRow(f"expected a mapping of columns, found {shown(row)}")
        yield Placed(f"dataset_ref.options.rows[{number - 1}]", dict(row) if isinstance(row, Mapping) else wrong)


def _either(ref: DatasetRef, split: str, limit: int | None) -> Iterator[Placed]:
    """The IR's default provider is a library of Elixir: a file is read as one, and `owner/name` from the hub."""
    if project.located(ref.name).is_file():
        return _local(ref, split, limit)
    if ref.name.count("/") == 1:
        return _hub(ref, split, limit)
    raise InputError(
        f"data set {ref.name}: the provider {ref.provider} is a library of Elixir; here the name must be a file or "
        "owner/name on the hub. Set dataset_ref.provider to huggingface, local, inline or generated"
    )


PROVIDERS: Mapping[str, Callable[[DatasetRef, str, int | None], Iterator[Placed]]] = {
    "huggingface": _hub,
    "local": _local,
    "inline": _inline,
    "crucible_datasets": _either,
}
"""What reads the rows of a data set, by the provider that it names; `generated` is made on the spot."""


def _generated(ref: DatasetRef, adapter: str | None, kind: str, limit: int | None) -> list[Row]:
    found: list[Row] = list(islice(smoke.rows(ref.name, kind), limit))
    # Only problems have the columns of the data set that they stand for.
    if types()[kind].rows != "problem" or (adapter is None and ref.name not in NAMES):
        return found
    placed = (Placed(f"{ref.name} row {number}", row) for number, row in enumerate(found, 1))
    return _adapted(ref, placed, adapter, kind, limit)


def _renamed(ref: DatasetRef, placed: Iterator[Placed]) -> Iterator[Placed]:
    """The rows with the names of columns that adapters know."""
    columns = (ref.options or {}).get("columns") or {}
    for each in placed:
        if isinstance(each.row, BadRow) or not columns:
            yield each
            continue
        missing = [(ours, theirs) for ours, theirs in columns.items() if theirs not in each.row]
        if missing:
            told = "; ".join(
                f"no column {theirs}, which dataset_ref.options.columns.{ours} names; {did_you_mean(str(theirs), each.row)}"
                for ours, theirs in missing
            )
            yield Placed(each.place, BadRow(told))
            continue
        rest = {name: value for name, value in each.row.items() if name not in columns.values()}
        yield Placed(each.place, {**rest, **{ours: each.row[theirs] for ours, theirs in columns.items()}})


def _valid(ref: DatasetRef, placed: Iterator[Placed]) -> Iterator[Placed]:
    """The rows, those that break dataset_ref.schema as bad ones."""
    if ref.schema is None:
        yield from placed
        return
    try:
        from jsonschema import Draft202012Validator
        from jsonschema.exceptions import SchemaError
    except ImportError as error:
        raise InputError(
            "rows are held to dataset_ref.schema by jsonschema, which is not installed: " + install_command("local")
        ) from error
    try:
        Draft202012Validator.check_schema(ref.schema)
    except SchemaError as error:
        raise InputError(f"dataset_ref.schema is no JSON Schema: {error.message}") from error
    validator = Draft202012Validator(ref.schema)
    for each in placed:
        problems = [] if isinstance(each.row, BadRow) else list(validator.iter_errors(each.row))
        if problems:
            told = (
                f"column {problem.json_path.removeprefix('$').removeprefix('.') or '(row)'}: {problem.message}"
                for problem in problems
            )
            yield Placed(each.place, BadRow("; ".join(told)))
        else:
            yield each


def _fitting(read: Row, row: Row, kind: str, unfit: Unfit | None) -> Row:
    """A row in its form; raises BadRow where its tools would be left out, or the caller cannot use it."""
    if read.get("tools") and "tools" not in row:
        raise BadRow(f"column tools: recipes of type {kind} do not show tools to the model; remove it")
    if unfit is not None and (why := unfit(row)):
        raise BadRow(why)
    return row


def _guessed(ref: DatasetRef, head: Sequence[Placed], kind: str) -> str:
    """The adapter that the first rows tell; raises InputError where none of them does."""
    refused: list[InputError] = []
    for each in head:
        if not isinstance(each.row, BadRow):
            try:
                return guess(ref.name, each.row, kind)
            except InputError as error:
                refused.append(error)
    raise refused[0]


def _adapted(
    ref: DatasetRef,
    placed: Iterator[Placed],
    adapter: str | None,
    kind: str,
    limit: int | None,
    unfit: Unfit | None = None,
) -> list[Row]:
    """The rows through the adapter, `limit` of them; raises InputError for all bad ones, and where none is left."""
    head = list(islice(placed, _HEAD)) if adapter is None else []
    if any(not isinstance(each.row, BadRow) for each in head):
        adapter = _guessed(ref, head, kind)
    adapt = named(adapter) if adapter is not None else None
    found: list[Row] = []
    bad: list[tuple[str, BadRow]] = []
    read = left_out = 0
    for each in chain(head, placed):
        if len(found) == limit:
            break
        read += 1
        try:
            if isinstance(each.row, BadRow):
                raise each.row
            if (half := halves(each.row)) is not None:
                raise BadRow(f"column {half}: half of a surrogate pair, which is no character")
            if adapt is None:  # of the first rows none could be read
                adapter = guess(ref.name, each.row, kind)
                adapt = named(adapter)
            row = adapt(each.row)
            if row is None:
                left_out += 1
            else:
                found.append(_fitting(each.row, fit(row, kind), kind, unfit))
        except BadRow as error:
            bad.append((each.place, error))
    with_ = f" with the adapter {adapter}" if adapter is not None else ""
    if bad:
        raise bad_rows(ref.name, bad, read=read, with_=f"{with_} in recipes of type {kind}")
    if not read:
        raise InputError(f"data set {ref.name} has no rows")
    if not found:
        raise InputError(f"data set {ref.name}: the adapter {adapter} leaves out all of its {read} rows")
    if left_out:
        told(left_out, read, f"the adapter {adapter} takes none of them from {ref.name}")
    return found
