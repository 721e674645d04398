"""Exports what a run's models said, and what it was worth, as data sets for the next recipes:
`CrucibleFeedback.Stages.ExportFeedback`.

Two files are written. The examples are the answers that were good: conversations, which the adapter `messages` reads.
The preferences are the best and the worst answer to each question that got different ones: the adapter
`chosen_rejected` reads those. An evaluation comes after the stages, so that an export is written again when it has
ended, with its answers in it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from crucible_runtime.errors import AdapterMissingError, FolderError, InputError, did_you_mean
from crucible_runtime.experiment.canonical import canonical
from crucible_runtime.installation.distribution import install_command
from crucible_runtime.interface.preflight import Finding, Inquiry, checked_by, problem, uses
from crucible_runtime.interface.stages import Context, Options, Output, after_evaluation
from crucible_runtime.rundir.files import rows
from crucible_runtime.rundir.folder import SAMPLES, Folder
from crucible_runtime.secrets import hidden

GOOD = 0.8
"""The least reward of a good answer, as CrucibleFeedback counts quality."""
FORMATS: Mapping[str, str] = {"jsonl": ".jsonl", "parquet": ".parquet", "huggingface": ""}
"""The formats of an export, and the suffix of its file; huggingface is a directory."""
_NO_PYARROW = "the format parquet needs a package that is not installed (pyarrow): "
_RECORD = "artifacts/feedback.json"
_KNOWN = ("format", "output_path", "include_exported", "limit", "export_batch_id", "storage")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What to export, and where: the options of the stage, checked."""

    format: str
    path: str
    batch: str
    include_exported: bool
    limit: int | None


def export(inquiry: Inquiry) -> Iterator[Finding]:
    """The options of an export, and the package that its format needs."""
    try:
        found = _checked(inquiry.options)
    except InputError as error:
        yield from map(problem, str(error).splitlines())
        return
    if found.format == "parquet" and find_spec("pyarrow") is None:
        yield problem(_NO_PYARROW + install_command("local"))
    path = Path(found.path).expanduser()
    if path.is_absolute() and not any(os.access(each, os.W_OK) for each in _nearest(path)):
        yield problem(f"options.output_path {found.path} cannot be written")


def _nearest(path: Path) -> Iterator[Path]:
    """The nearest directory above a file that is there."""
    yield next(each for each in path.parents if each.exists())


@checked_by(export)
@uses()
@after_evaluation(lambda context: follow(context.folder))
def export_feedback(context: Context, options: Options) -> Output:
    """Exports the samples of the run; how many examples and preferences there were, and where they are.

    Raises InputError for options that cannot be used and for a file that is not of this run, FolderError where it cannot
    be written, AdapterMissingError where the format needs a package that is not installed.
    """
    export = _checked(options)
    if options.get("storage") is not None:
        context.folder.log(f"{context.stage.name}: the storage {options['storage']} is Elixir's; exported is this run")
    return _exported(context.folder, export)


def follow(folder: Folder) -> None:
    """Writes every export of the run again, with the samples that came after it; does nothing where there is none."""
    for said in ((folder.read(_RECORD) or {}).get("exports") or {}).values():
        _exported(folder, Export(**said))


def examples(samples: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    """The good answers, each conversation once: messages, and the columns that CrucibleFeedback writes."""
    seen: set[str] = set()
    for sample in samples:
        if sample.get("reward") is None or sample["reward"] < GOOD or not str(sample["completion"]).strip():
            continue
        answer = {"role": "assistant", "content": sample["completion"]}
        messages = [*sample["prompt"], answer]
        if (key := _identity(messages)) not in seen:
            seen.add(key)
            yield {
                "messages": messages,
                "prompt": "\n\n".join(message["content"] for message in sample["prompt"]),
                "response": sample["completion"],
                "source": "high_quality",
                "score": float(sample["reward"]),
            }


def preferences(samples: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    """For each question with answers of different worth, the best and the worst one; of equals the first."""
    answers: dict[str, list[Mapping[str, Any]]] = {}
    for sample in samples:
        if sample.get("reward") is not None and str(sample["completion"]).strip():
            answers.setdefault(_identity(sample["prompt"]), []).append(sample)
    for each in answers.values():
        best = max(each, key=lambda sample: sample["reward"])
        worst = min(each, key=lambda sample: sample["reward"])
        if best["reward"] > worst["reward"] and best["completion"] != worst["completion"]:
            yield {
                "prompt": best["prompt"],
                "chosen": [{"role": "assistant", "content": best["completion"]}],
                "rejected": [{"role": "assistant", "content": worst["completion"]}],
                "score_chosen": float(best["reward"]),
                "score_rejected": float(worst["reward"]),
            }


def _checked(options: Options) -> Export:
    problems = [f"there is no options.{name}; {did_you_mean(name, _KNOWN)}" for name in options if name not in _KNOWN]
    given = {name: value for name, value in options.items() if value is not None}
    format_ = str(given.get("format", "jsonl"))
    if format_ not in FORMATS:
        problems.append(f"options.format {format_} is not known; {did_you_mean(format_, FORMATS)}")
    limit = given.get("limit")
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
        problems.append(f"options.limit must be a whole number from 1, found {limit!r}")
    if not isinstance(given.get("include_exported", False), bool):
        problems.append(f"options.include_exported must be true or false, found {given['include_exported']!r}")
    problems += [
        f"options.{name} must be a text, found {given[name]!r}"
        for name in ("output_path", "export_batch_id")
        if name in given and not (isinstance(given[name], str) and given[name])
    ]
    if problems:
        raise InputError("\n".join(problems))
    path = given.get("output_path", f"exports/feedback{FORMATS[format_]}")
    path = path if Path(path).is_absolute() else f"artifacts/{path}"
    return Export(
        format=format_,
        path=path,
        batch=given.get("export_batch_id", _digest(path)[:32]),
        include_exported=given.get("include_exported", False),
        limit=limit,
    )


def _exported(folder: Folder, export: Export) -> Output:
    """Writes the files. The record of them comes first, so that a kill in between leaves none that nobody knows."""
    record = {"exports": {}, "files": {}, "batches": {}, **(folder.read(_RECORD) or {})}
    before = {key for batch, keys in record["batches"].items() if batch != export.batch for key in keys}
    samples = hidden(rows(folder.path / SAMPLES))
    found: dict[str, list[Row]] = {}
    for name, take in (("examples", examples), ("preferences", preferences)):
        new = [row for row in take(samples) if export.include_exported or _identity(row) not in before]
        found[name] = new[: export.limit]
    files = _files(export, found)
    for name, data in files.items():
        _refuse_others(folder, name, record["files"].get(name, ()))
        record["files"][name] = [*record["files"].get(name, ())[-1:], _digest(data)]
    record["exports"][export.path] = {
        "format": export.format,
        "path": export.path,
        "batch": export.batch,
        "include_exported": export.include_exported,
        "limit": export.limit,
    }
    record["batches"][export.batch] = sorted({_identity(row) for each in found.values() for row in each})
    folder.write_json(_RECORD, record)
    for name, data in files.items():
        _write(folder, name, data)
    return {
        "path": export.path,
        "format": export.format,
        "export_batch_id": export.batch,
        "examples": len(found["examples"]),
        "preferences": len(found["preferences"]),
        "files": list(files),
    }


def _files(export: Export, found: Mapping[str, Sequence[Row]]) -> dict[str, bytes]:
    """The bytes of each file by its path; the preferences only where there are some."""
    pairs = bool(found["preferences"])
    if export.format == "huggingface":
        files = {f"{export.path}/data.jsonl": _jsonl(found["examples"])}
        files |= {f"{export.path}/preferences.jsonl": _jsonl(found["preferences"])} if pairs else {}
        return files | {f"{export.path}/README.md": _card(pairs)}
    written: Callable[[Sequence[Row]], bytes] = _parquet if export.format == "parquet" else _jsonl
    path = Path(export.path)
    beside = str(path.with_name(f"{path.stem}_preferences{path.suffix}"))
    return {export.path: written(found["examples"])} | ({beside: written(found["preferences"])} if pairs else {})


def _jsonl(found: Sequence[Row]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found).encode()


def _parquet(found: Sequence[Row]) -> bytes:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise AdapterMissingError(_NO_PYARROW + install_command("local")) from error
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(found)), sink)
    return bytes(sink.getvalue().to_pybytes())


def _card(pairs: bool) -> bytes:
    """What tells `datasets` which file is which."""
    configs = ["configs:", "- config_name: default", "  data_files: data.jsonl"]
    configs += ["- config_name: preferences", "  data_files: preferences.jsonl"] if pairs else []
    text = [
        "---",
        *configs,
        "---",
        "",
        "Feedback that a run exported: good answers, and pairs of better and worse ones.",
    ]
    return ("\n".join(text) + "\n").encode()


def _refuse_others(folder: Folder, name: str, ours: Sequence[str]) -> None:
    path = folder.path / name
    try:
        if path.is_dir() or (path.exists() and _digest(path.read_bytes()) not in ours):
            raise InputError(
                f"{name} is there already and is not what this run exported: choose another options.output_path"
            )
    except OSError as error:
        raise FolderError(path, error) from error


def _write(folder: Folder, name: str, data: bytes) -> None:
    if not name.endswith(".parquet"):
        folder.write_exact(name, data.decode())
    elif folder.main:
        path = folder.path / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".{path.name}.part")
            part.write_bytes(data)
            part.replace(path)
        except OSError as error:
            raise FolderError(path, error) from error


def _identity(value: Any) -> str:
    return _digest(canonical(value))[:32]


def _digest(data: str | bytes) -> str:
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()
