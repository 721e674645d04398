"""Looks before a run whether a data set is there and its first rows can be used; nothing is loaded and no hub asked."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from crucible_runtime import smoke
from crucible_runtime.data import PROVIDERS, Unfit, contents, rows
from crucible_runtime.errors import CrucibleError
from crucible_runtime.installation import project
from crucible_runtime.installation.distribution import install_command
from crucible_runtime.interface.preflight import Finding, Inquiry, problem, unchecked
from crucible_runtime.ir import DatasetRef

ROWS = 20
"""So many rows are looked at."""
SMALL = 2**19
"""The size of a file of which every row is looked at, in bytes."""
LARGEST = 32 * 2**20
"""The largest file that is opened, in bytes: a larger one would take too long."""


def rows_found(ref: DatasetRef, *, adapter: str | None, kind: str, unfit: Unfit | None = None) -> Iterator[Finding]:
    """What is wrong with a data set or its first rows, or why it was not looked at."""
    if ref.provider == smoke.PROVIDER:
        return
    path = project.located(ref.name)
    local = ref.provider == "local" or (ref.provider not in ("huggingface", "inline") and path.is_file())
    if ref.provider in PROVIDERS and ref.provider != "inline" and not local:
        if find_spec("datasets") is None:
            yield problem(
                f"data set {ref.name} is loaded from the hub by datasets, which is not installed: "
                + install_command("local")
            )
        else:
            yield unchecked(f"data set {ref.name} is on the hub: its rows are read when the run begins")
        return
    if local and path.is_file() and path.stat().st_size > LARGEST:
        yield unchecked(f"data set {ref.name} has {path.stat().st_size // 2**20} MiB: its rows are read by the run")
        return
    columnar = contents.bare_suffix(path) in ("parquet", "arrow") or path.suffix.lower() in (".zst", ".zstd")
    if local and columnar and find_spec("pyarrow") is not None:
        yield unchecked(f"data set {ref.name}: its rows are read by the run, as reading them imports pyarrow")
        return
    small = local and path.is_file() and path.stat().st_size < SMALL
    try:
        rows(ref, adapter=adapter, kind=kind, limit=None if small else ROWS, unfit=unfit)
    except CrucibleError as error:
        yield problem(str(error))


def trained_on(inquiry: Inquiry, unfit: Unfit | None = None) -> Iterator[Finding]:
    """The data set that the recipe trains on; `unfit` says why an engine cannot use a row."""
    from crucible_runtime.experiment.kinds import trained_kind, types
    from crucible_runtime.plugins import family

    training, kind = inquiry.experiment.training_config, trained_kind(inquiry.experiment)
    if training is None or types()[kind].taught:
        return  # a teacher writes it, unless it is there
    options = training.options or {}
    adapter = options.get("adapter")
    if types()[kind].environment:
        try:
            made = family(options["env"], options=options, allow_unsandboxed=inquiry.config.allow_unsandboxed)
        except (CrucibleError, KeyError):
            return  # the check of the environment says so
        adapter = adapter or made.adapter
        if made.adapter is None:
            return  # the environment makes its rows
    yield from rows_found(training.dataset_ref, adapter=adapter, kind=kind, unfit=unfit)
