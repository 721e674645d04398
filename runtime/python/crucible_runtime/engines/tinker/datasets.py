"""Which of the cookbook's own builders reads a data set, and whether it does what a recipe says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from crucible_runtime.data.checks import trained_on
from crucible_runtime.engines.checks import no_tools
from crucible_runtime.engines.tinker.tree import Node
from crucible_runtime.interface.leftout import ALLOWED
from crucible_runtime.interface.preflight import Finding, Inquiry
from crucible_runtime.ir import DatasetRef

UNFIT = no_tools("engine tinker", "shows no tools to the model; remove them, or train with engine trl")
"""What refuses rows that have tools or call them."""
OURS = "crucible_runtime.engines.tinker.builders"
"""The module of the builders that stand where the cookbook has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """A builder of the cookbook for one data set of the hub, which it loads itself.

    word: its name of the data set
    options: what dataset_ref.options may be
    adapters: what options.adapter may be, besides nothing
    test_size: rows that it holds out; any_test_size: whether another number can be asked for
    test_split: the split that it evaluates on
    """

    class_: str
    word: str = ""
    options: tuple[Mapping[str, Any] | None, ...] = (None,)
    adapters: tuple[str, ...] = ()
    test_size: int | None = None
    any_test_size: bool = False
    test_split: str | None = None

    def fits(self, ref: DatasetRef, adapter: str | None) -> bool:
        """Whether the builder trains on what `ref` names, read as `adapter` says."""
        whole = ref.provider == "huggingface" and ref.split == "train" and ref.version is None and ref.format is None
        return whole and (options_of(ref) or None) in self.options and adapter in (None, *self.adapters)

    def whole(self, ref: DatasetRef) -> DatasetRef:
        """`ref` with the options that the builder loads it with, where it has none."""
        return (
            ref
            if options_of(ref) or not self.options[-1]
            else replace(ref, options={**(ref.options or {}), **self.options[-1]})
        )


def options_of(ref: DatasetRef) -> Mapping[str, Any]:
    """What says how a data set is read: its options without the share of rows that may be left out."""
    return {name: value for name, value in (ref.options or {}).items() if name != ALLOWED}


def data_set(inquiry: Inquiry) -> Iterator[Finding]:
    """The data set that the recipe trains on."""
    yield from trained_on(inquiry, UNFIT)


def is_jsonl(ref: DatasetRef) -> bool:
    """Whether a data set is a JSONL file of this machine, of which nothing else is said."""
    jsonl = (ref.format or Path(ref.name).suffix.removeprefix(".")) == "jsonl"
    return ref.provider == "local" and jsonl and not options_of(ref) and ref.schema is None


def is_conversations(ref: DatasetRef, adapter: str | None) -> bool:
    """Whether it is such a file of conversations, which the cookbook reads as it is."""
    return is_jsonl(ref) and adapter == "messages"


def node(ref: DatasetRef) -> Node:
    """A data set as a part of a config."""
    return Node(
        class_="crucible_runtime.ir:DatasetRef", fields={each.name: getattr(ref, each.name) for each in fields(ref)}
    )
