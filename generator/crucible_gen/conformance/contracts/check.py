"""Schemas and contracts in, everything in which they differ out, each with both places and the way to mend it.

A difference is an error when recipes that run today stop running or run with other values than `generated/ir` says, and
a warning otherwise. What no schema says (ports, behaviours, Python's classes) is held against the contract of the
release that the schemas, or the runtime, were written for: `baseline`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from crucible_gen import load
from crucible_gen.conformance.contracts import typespec
from crucible_gen.conformance.contracts.contract import Contract, Raw, fields, one_line, pairs
from crucible_gen.conformance.contracts.typespec import Struct, Union
from crucible_gen.document import Node
from crucible_gen.problems import Place, Problem, nearest
from crucible_gen.schema import Schemas, shipped
from crucible_gen.settings import shown

CODES = {
    "E0811": "a schema has a field that the package does not have",
    "E0812": "the package has a field that the schema does not have",
    "E0813": "the package has given a field another name",
    "E0814": "the package has another default",
    "E0815": "the package has another type",
    "E0816": "the package insists on a field",
    "E0817": "the package does not insist on a field any more",
    "E0818": "the package has the fields in another order",
    "E0819": "the package does not have it any more",
    "E0820": "the package has something that no schema describes",
    "E0821": "a stage does not take an option of its schema",
    "E0822": "a stage describes an option that it does not take",
    "E0823": "a stage cannot be asked what it takes",
    "E0824": "a stage takes its options in another form",
    "E0825": "a stage has another name",
    "E0826": "an adapter must offer something else",
}
"""What each code of this step means, in a line."""

ALIKE = 0.6
"""From this likeness on, a new field may be an old one with another name."""

_UPDATE = "gen contracts update --write changes the schema"


@dataclass(frozen=True)
class Files:
    """The schema files with places, each read when a finding first points into it."""

    schemas: Schemas
    _nodes: dict[str, Node] = field(default_factory=dict)

    def place(self, key: str, *path: str, on_key: bool = False) -> Place:
        """Where a part of a schema stands (with `on_key`, its key); the nearest part around it where it does not."""
        node: Node | None = self._node(key)
        for depth in range(len(path), -1, -1):
            if on_key and depth:
                parent = node.get(*path[: depth - 1]) if node else None
                entry = parent.value.get(path[depth - 1]) if parent and isinstance(parent.value, dict) else None
                if entry is not None:
                    return entry.key._replace(width=len(path[depth - 1]) + 2)
            elif node and (found := node.get(*path[:depth])) is not None:
                return found.place
        return Place(key)

    def _node(self, key: str) -> Node:
        if key not in self._nodes:
            own = self.schemas.places.get(key)
            path = shipped("schemas") / key
            self._nodes[key] = own if own is not None else load.load(path, shown(path))
        return self._nodes[key]


def check(schemas: Schemas, contracts: Mapping[str, Contract], baselines: Mapping[str, Contract]) -> list[Problem]:
    """Every finding, in order of place. `contracts` and `baselines` are by package."""
    files = Files(schemas)
    found: list[Problem] = []
    for package, contract in sorted(contracts.items()):
        baseline = baselines.get(package)
        if contract.language == "python":
            found += python_findings(contract, baseline)
        else:
            found += Check(schemas, files, contract, baseline).findings()
    return sorted(set(found))


def described_by(document: Raw) -> str | None:
    """The package whose release a schema describes, or None."""
    return str(document["x-contract"]).partition("@")[0] if "x-contract" in document else None


@dataclass(frozen=True)
class Check:
    """The schemas of one package against its contract."""

    schemas: Schemas
    files: Files
    contract: Contract
    baseline: Contract | None

    def findings(self) -> Iterator[Problem]:
        """Everything in which they differ."""
        for key, document in sorted(self.schemas.documents.items()):
            package = described_by(document)
            if module := document.get("x-elixir-struct"):
                if package == self.contract.package:
                    yield from self._struct(key, document, module)
            elif "x-stage" in document:
                module = document["x-stage"]["module"]
                if package == self.contract.package or (package is None and module in self.stages):
                    yield from self._stage(key, document, module)
        yield from self._undescribed()
        if self.baseline is not None:
            yield from callbacks_findings(self.contract, self.baseline)

    @cached_property
    def structs(self) -> dict[str, Any]:
        """The package's structs, by module."""
        return self.contract.part("structs")

    @cached_property
    def stages(self) -> dict[str, Any]:
        """The package's stages, by module."""
        return self.contract.part("stages")

    @property
    def release(self) -> str:
        """The release, as messages name it."""
        return f"{self.contract.package} {self.contract.version}"

    # Structs

    def _struct(self, key: str, document: Raw, module: str) -> Iterator[Problem]:
        struct = self.structs.get(module)
        if struct is None:
            yield self._gone(key, document, module, "x-elixir-struct", self.structs)
            return
        properties, theirs = document["properties"], fields(struct)
        renamed = self.renamed(key, properties, theirs, struct, module)
        for name, new in renamed.items():
            yield self._finding(
                "E0813", "error", key, name, ("structs", module, new),
                f"{module}.{name} is {new} in {self.release}",
                f"rename {name} to {new} here and in recipes; {_UPDATE}", document,
            )  # fmt: skip
        for name in properties:
            if name not in theirs and name not in renamed:
                yield self._finding(
                    "E0811", "error", key, name, ("structs", module),
                    f"{module} has no field {name} in {self.release}: a recipe that sets it does not compile",
                    f"remove {name} here and from recipes; {_UPDATE}", document,
                )  # fmt: skip
        enforced, ours = struct.get("enforce_keys", []), document["x-enforce"]
        for name in theirs:
            if name not in properties and name not in renamed.values():
                level, code = ("error", "E0816") if name in enforced else ("warning", "E0812")
                what = "enforces a new field" if level == "error" else "has a new field"
                yield self._finding(
                    code, level, key, "", ("structs", module, name),
                    f"{module} {what} in {self.release}: {name}", f"add {name} to the schema; {_UPDATE}", document,
                )  # fmt: skip
        yield from self._enforced(key, document, module, enforced, ours, renamed)
        known = [name for name in properties if name in theirs]
        if known != [name for name in theirs if name in properties]:
            yield self._finding(
                "E0818", "warning", key, "", ("structs", module),
                f"{module} has its fields in another order in {self.release}: {', '.join(theirs)}", _UPDATE, document,
            )  # fmt: skip
        for name, new in {**{name: name for name in known}, **renamed}.items():
            yield from self._field(key, document, name, theirs[new], struct, module, ("structs", module, new))

    def _enforced(
        self,
        key: str,
        document: Raw,
        module: str,
        theirs: Sequence[str],
        ours: Sequence[str],
        renamed: Mapping[str, str],
    ) -> Iterator[Problem]:
        mine = {renamed.get(name, name) for name in ours}
        back = {new: name for name, new in renamed.items()}
        for name in theirs:
            if name not in mine and back.get(name, name) in document["properties"]:
                yield self._finding(
                    "E0816", "error", key, back.get(name, name), ("structs", module, name),
                    f"{module} enforces {name} in {self.release}: a literal without it does not compile",
                    f"add {name} to x-enforce, and to required or give it a source; {_UPDATE}", document,
                )  # fmt: skip
        for name in sorted(mine - set(theirs)):
            if back.get(name, name) in document["properties"] and name in fields(self.structs[module]):
                yield self._finding(
                    "E0817", "warning", key, back.get(name, name), ("structs", module, name),
                    f"{module} does not enforce {name} any more in {self.release}",
                    f"take {name} out of x-enforce; {_UPDATE}", document,
                )  # fmt: skip

    def _field(
        self, key: str, document: Raw, name: str, theirs: Raw, owner: Raw, module: str, where: tuple[str, ...]
    ) -> Iterator[Problem]:
        """Default and type of one field. A struct's default is what recipes run with; a stage's is written out."""
        raw = document["properties"][name]
        is_stage = "x-stage" in document
        read = typespec.value(theirs["default"])
        if not self.same_default(raw, read, is_stage):
            was = "no default" if "default" not in raw else f"the default {_shown(raw['default'])}"
            effect = "" if is_stage else ": a recipe without it runs with another value than its JSON says"
            yield self._finding(
                "E0814", "warning" if is_stage else "error", key, name, where,
                f"{name} has {was} here and {theirs['default']} in {self.release}{effect}",
                f"{_UPDATE}; then look at what the recipes mean", document, "default",
            )  # fmt: skip
        said = theirs.get("type", "term()")
        if "x-inject" in raw or raw.get("x-contract-type") == one_line(said):
            return
        wanted = typespec.union(said, owner.get("types", {}), module)
        for level, what in differ(self.says(raw, key), wanted, nil=read is None):
            yield self._finding(
                "E0815", level, key, name, where,
                f"{name} is {one_line(said)} in {self.release}: {what}",
                f"say in the schema what {self.release} takes, or correct the recipes", document,
            )  # fmt: skip

    def same_default(self, raw: Raw, read: Any, is_stage: bool) -> bool:
        """Whether a property of a schema has the default that was read from the contract."""
        ours = raw.get("default")
        if is_stage and "default" not in raw and ("x-from" in raw or "x-inject" in raw) and read in ({}, [], None):
            return True  # always fed, so that the stage's own empty value never comes in
        if not typespec.has_json(read):
            return "default" not in raw  # no schema can say it; who leaves the field out gets it all the same
        if isinstance(read, Struct):
            own = self.structs.get(read.module)
            plain = own is not None and all(
                typespec.value(theirs["default"]) == read.fields.get(name) for name, theirs in fields(own).items()
            )
            return ours == {} if plain else bool(ours == typespec.as_json(read))
        theirs = typespec.as_json(read)
        return bool(ours == theirs and isinstance(ours, bool) == isinstance(theirs, bool))

    def renamed(self, key: str, properties: Raw, theirs: Mapping[str, Raw], owner: Raw, module: str) -> dict[str, str]:
        """Fields that are gone, with those that took their place: alike in type, and in name or position."""
        gone = [name for name in properties if name not in theirs]
        new = [name for name in theirs if name not in properties]
        found: dict[str, str] = {}
        for name in gone:
            best = max(new, key=lambda other: likeness(name, other, list(properties), list(theirs)), default=None)
            if best is None or likeness(name, best, list(properties), list(theirs)) < ALIKE:
                continue
            wanted = typespec.union(theirs[best].get("type", "term()"), owner.get("types", {}), module)
            if "x-inject" in properties[name] or not list(differ(self.says(properties[name], key), wanted, nil=True)):
                found[name] = best
                new.remove(best)
        return found

    # Stages

    def _stage(self, key: str, document: Raw, module: str) -> Iterator[Problem]:
        stage = self.stages.get(module)
        if stage is None:
            yield self._gone(key, document, module, "x-stage", self.stages)
            return
        yield from self._described(key, document, module, stage)
        properties = document["properties"]
        struct = stage.get("options_struct") or {}
        theirs, reads = fields(struct), stage.get("options_read", {})
        strict = stage.get("unknown_keys")
        inner = struct.get("module", module)
        renamed = self.renamed(
            key, {name: raw for name, raw in properties.items() if name not in reads}, theirs, struct, inner
        )
        for name, new in renamed.items():
            yield self._finding(
                "E0813", "error" if strict == "raise" else "warning", key, name,
                ("stages", module, "options_struct", new),
                f"option {name} of {module} is {new} in {self.release}", f"rename {name} to {new}; {_UPDATE}", document,
            )  # fmt: skip
        for name in properties:
            if name in theirs or name in reads or name in renamed or strict == "unknown":
                continue
            level, effect = ("error", "raises KeyError") if strict == "raise" else ("warning", "has no effect")
            yield self._finding(
                "E0821", level, key, name, ("stages", module),
                f"{module} does not take {name} in {self.release}: it {effect}",
                f"remove {name} here and from recipes; {_UPDATE}", document,
            )  # fmt: skip
        enforced = struct.get("enforce_keys", [])
        for name in theirs:
            if name not in properties and name not in renamed.values():
                level, code = ("error", "E0816") if name in enforced else ("warning", "E0812")
                yield self._finding(
                    code, level, key, "", ("stages", module, "options_struct", name),
                    f"{module} {'needs' if level == 'error' else 'takes'} {name} in {self.release}",
                    f"add {name} to the schema; {_UPDATE}", document,
                )  # fmt: skip
        for name in enforced:
            if name in properties and not _is_given(document, name):
                yield self._needed(key, document, module, name, ("stages", module, "options_struct", name))
        yield from self._read(key, document, module, reads)
        for name, new in {**{name: name for name in properties if name in theirs}, **renamed}.items():
            where = ("stages", module, "options_struct", new)
            yield from self._field(key, document, name, theirs[new], struct, inner, where)

    def _read(self, key: str, document: Raw, module: str, reads: Mapping[str, Raw]) -> Iterator[Problem]:
        """Options that a stage reads by name: what it cannot do without, new ones, other defaults."""
        before = self.baseline.part("stages").get(module, {}).get("options_read") if self.baseline is not None else None
        for name, read in reads.items():
            where = ("stages", module, "options_read", name)
            raw = document["properties"].get(name)
            if raw is None:
                if read["required"]:
                    message = f"{module} needs {name} in {self.release}"
                    yield self._finding(
                        "E0816", "error", key, "", where, message, f"add {name} to the schema", document
                    )
                elif before is not None and name not in before:
                    message = f"{module} reads {name} in {self.release}"
                    hint = f"add {name} to the schema, so that recipes can say it"
                    yield self._finding("E0812", "warning", key, "", where, message, hint, document)
                continue
            if read["required"] and not _is_given(document, name):
                yield self._needed(key, document, module, name, where)
            if read["default"] is not None and "default" in raw:
                value = typespec.value(read["default"])
                if not self.same_default(raw, value, True):
                    yield self._finding(
                        "E0814", "warning", key, name, where,
                        f"{name} has the default {_shown(raw['default'])} here and {read['default']} in {self.release}",
                        "say the stage's own default in the schema", document, "default",
                    )  # fmt: skip

    def _needed(self, key: str, document: Raw, module: str, name: str, where: tuple[str, ...]) -> Problem:
        message = f"{module} needs {name} in {self.release}, and a recipe may leave it out"
        return self._finding("E0816", "error", key, name, where, message, f"add {name} to required", document)

    def _described(self, key: str, document: Raw, module: str, stage: Raw) -> Iterator[Problem]:
        info = document["x-stage"]
        place = self.files.place(key, "x-stage", "module")
        see = (self.contract.place("stages", module, "describe"),)
        if stage.get("describe", "ok") != "ok":
            message = f"describe/1 of {module} in {self.release}: {stage['describe']}"
            yield self._problem("E0823", "warning", place, message, "rely on the schema", document, see[0])
        elif stage.get("name") is not None and stage["name"] != info["name"]:
            message = f"{module} calls itself {stage['name']} in {self.release}, and {info['name']} here"
            there = self.contract.place("stages", module, "name")
            hint = "give x-stage.name the stage's own name, if nobody looks for the old one in results"
            yield self._problem(
                "E0825", "warning", self.files.place(key, "x-stage", "name"), message, hint, document, there
            )
        raising = stage.get("raises", [])
        ours = [name for name in raising if name in document["properties"]]
        if raising:
            level = "error" if ours else "warning"
            message = f"{module} describes {', '.join(raising)} in {self.release}, and raises KeyError when it gets one"
            hint = (
                f"remove {', '.join(ours)} from the schema" if ours else "keep them out of recipes, as the schema does"
            )
            at = self.files.place(key, "properties", ours[0], on_key=True) if ours else place
            yield self._problem(
                "E0822", level, at, message, hint, document, self.contract.place("stages", module, "raises")
            )
        takes = stage.get("takes")
        if takes is not None and takes != info.get("options", "map"):
            form = {"map": "a map", "keyword": "a keyword list"}
            message = f"{module} takes its options as {form[takes]} in {self.release}"
            hint = f'write "options": "{takes}" in x-stage'
            there = self.contract.place("stages", module, "takes")
            at = self.files.place(key, "x-stage", "options")
            yield self._problem("E0824", "error", at, message, hint, document, there)

    # Whole things

    def _gone(self, key: str, document: Raw, module: str, keyword: str, known: Iterable[str]) -> Problem:
        kind = "struct" if keyword == "x-elixir-struct" else "stage"
        near = _nearest_module(module, known)
        hint = f"is it {near} now?" if near else f"remove this schema, and the {kind} from recipes"
        place = self.files.place(key, *((keyword,) if kind == "struct" else (keyword, "module")))
        message = f"{self.release} has no {kind} {module}"
        there = self.contract.place(f"{kind}s")
        return self._problem("E0819", "error", place, message, hint, document, there)

    def _undescribed(self) -> Iterator[Problem]:
        """Structs and stages without a schema, of a package that has schemas for others of the kind."""
        documents = [raw for raw in self.schemas.documents.values() if described_by(raw) == self.contract.package]
        structs = {raw["x-elixir-struct"] for raw in documents if "x-elixir-struct" in raw}
        stages = {raw["x-stage"]["module"] for raw in self.schemas.documents.values() if "x-stage" in raw}
        wanted = [("structs", sorted(set(self.structs) - structs) if structs else [])]
        wanted += [("stages", sorted(set(self.stages) - stages))]
        for kind, modules in wanted:
            for module in modules:
                place = self.contract.place(kind, module)
                message = f"no schema describes the {kind[:-1]} {module} of {self.release}"
                hint = "write a schema file for it, if recipes should be able to say it"
                yield Problem(place, "E0820", message, hint=hint, severity="warning")

    # Types of schemas

    def says(self, raw: Raw, base: str) -> Union:
        """What a schema allows, in the terms of a type."""
        return says(raw, base, self.schemas)

    def _finding(
        self, code: str, severity: str, key: str, name: str, where: tuple[str, ...], message: str, hint: str,
        document: Raw, keyword: str = "",
    ) -> Problem:  # fmt: skip
        """A finding about a property (without a name, about the schema) and the field of the contract at `where`."""
        if not name:
            at = self.files.place(key, "x-elixir-struct" if "x-elixir-struct" in document else "x-stage")
        elif keyword and keyword in document["properties"].get(name, {}):
            at = self.files.place(key, "properties", name, keyword)
        else:
            at = self.files.place(key, "properties", name, on_key=True)
        kind, module, *rest = where
        if not rest or rest[0] == "options_read":
            there = self.contract.place(kind, module, *rest)
        else:
            *inside, field_name = rest
            there = self.contract.field_place(kind, module, field_name, *inside)
        about = document["properties"].get(name, {}).get("description", "") if name else ""
        return self._problem(code, severity, at, message, hint, {"description": about}, there)

    def _problem(
        self, code: str, severity: str, at: Place, message: str, hint: str, document: Raw, there: Place
    ) -> Problem:
        see = ((f"the contract of {self.release}", there),)
        return Problem(
            at, code, message, hint=hint, about=str(document.get("description", "")), see=see, severity=severity
        )


# Types ----------------------------------------------------------------------------------------------------------------

_ANY = Union(frozenset({"any"}))


def says(raw: Raw, base: str, schemas: Schemas) -> Union:
    """What a schema allows, in the terms of a type. What it says of a value that it cannot print is `any`."""
    if "$ref" in raw:
        target = schemas.resolve_ref(raw["$ref"], base)
        if target is None:
            return _ANY
        document = schemas.documents[target[0]]
        if not target[1] and "x-elixir-struct" in document:
            return Union(frozenset({"struct"}), structs=frozenset({document["x-elixir-struct"]}))
        from crucible_gen.schema import at

        return says(at(document, target[1]), target[0], schemas)
    if choices := raw.get("anyOf", raw.get("oneOf")):
        return _together([says(choice, base, schemas) for choice in choices])
    declared = raw.get("type", ())
    types = [declared] if isinstance(declared, str) else list(declared)
    if not types:
        return _ANY
    kinds: set[str] = set()
    elixir = raw.get("x-elixir-type")
    for type_ in types:
        kinds |= {
            "string": {_TEXTS.get(elixir or "", "text")},
            "number": {"float"} if elixir == "float" else {"integer", "float"},
            "array": {"list"},
            "object": {"keywords"} if elixir == "keyword" else {"map"},
        }.get(type_, {type_})
    listed = raw.get("enum", [raw["const"]] if "const" in raw else None)
    atoms = frozenset(str(value) for value in listed if value is not None) if listed and "atom" in kinds else None
    items = says(raw["items"], base, schemas) if isinstance(raw.get("items"), dict) else None
    minimum = raw.get("minimum", raw["exclusiveMinimum"] + 1 if "exclusiveMinimum" in raw else None)
    return Union(frozenset(kinds), atoms, items=items, minimum=minimum if "integer" in kinds else None)


_TEXTS = {"atom": "atom", "module": "module", "timestamp": "timestamp"}


def _together(unions: Sequence[Union]) -> Union:
    kinds = frozenset[str]().union(*(part.kinds for part in unions))
    open_atoms = any("atom" in part.kinds and part.atoms is None for part in unions)
    atoms = frozenset[str]().union(*(part.atoms or () for part in unions))
    items = next((part.items for part in unions if part.items is not None), None)
    minimum = next((part.minimum for part in unions if part.minimum is not None), None)
    structs = frozenset[str]().union(*(part.structs for part in unions))
    return Union(kinds, None if open_atoms or not atoms else atoms, structs, items, minimum)


def differ(ours: Union, theirs: Union, *, nil: bool) -> Iterator[tuple[str, str]]:
    """How a schema's type differs from the package's, each with its severity; `nil` says that the default is nil.

    A schema that allows less than the package harms nobody, but for null and for a choice that has grown.
    """
    if "any" in theirs.kinds or "any" in ours.kinds:
        return
    for kind in sorted(ours.kinds - theirs.kinds):
        if kind == "null":
            yield ("warning" if nil else "error"), "the schema allows null"
        elif not (kind == "struct" and "map" in theirs.kinds):
            yield "error", f"the schema allows {_KINDS.get(kind, kind)}"
    if "null" in theirs.kinds - ours.kinds:
        yield "warning", "the schema does not allow null"
    both = ours.kinds & theirs.kinds
    if "struct" in both and theirs.structs and (others := sorted(ours.structs - theirs.structs)):
        yield "error", f"the schema allows {', '.join(others)}"
    if "atom" in both and theirs.atoms is not None:
        if ours.atoms is None:
            yield "warning", "the schema allows any name"
        elif gone := sorted(ours.atoms - theirs.atoms):
            yield "error", f"the schema allows {', '.join(gone)}"
        if ours.atoms is not None and (new := sorted(theirs.atoms - ours.atoms)):
            yield "warning", f"the schema does not know {', '.join(new)}"
    if "integer" in both and "float" not in theirs.kinds and _below(ours.minimum, theirs.minimum):
        yield "warning", f"the schema allows numbers below {theirs.minimum}"
    if "list" in both and ours.items is not None and theirs.items is not None:
        for level, what in differ(ours.items, theirs.items, nil=False):
            yield level, f"in items, {what}"


def _below(ours: float | None, theirs: int | None) -> bool:
    return theirs is not None and (ours is None or ours < theirs)


_KINDS = {
    "text": "text",
    "atom": "a name (an atom)",
    "integer": "an integer",
    "float": "a float",
    "map": "a map",
    "keywords": "a keyword list",
    "list": "a list",
    "module": "a module",
    "timestamp": "a timestamp",
    "struct": "a struct",
    "boolean": "true and false",
}


def _is_given(document: Raw, name: str) -> bool:
    raw = document["properties"][name]
    return name in document.get("required", ()) or "x-from" in raw or "x-inject" in raw or "default" in raw


def likeness(name: str, other: str, ours: Sequence[str], theirs: Sequence[str]) -> float:
    """How much a new name looks like an old one; the same place in the order counts too. `ALIKE` is enough."""
    alike = difflib.SequenceMatcher(None, name, other).ratio()
    before = ours.index(name), theirs.index(other)
    same_place = (
        ours[: before[0]][-1:] == theirs[: before[1]][-1:] and ours[before[0] + 1 :][:1] == theirs[before[1] + 1 :][:1]
    )
    return alike + (0.35 if same_place else 0.0)


def _nearest_module(module: str, known: Iterable[str]) -> str | None:
    known = list(known)
    last = module.rpartition(".")[2]
    return next((name for name in known if name.rpartition(".")[2] == last), None) or nearest(module, known)


def _shown(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)


# Against the release that was written for -----------------------------------------------------------------------------


def callbacks_findings(contract: Contract, baseline: Contract) -> Iterator[Problem]:
    """Ports and behaviours that ask something else of an adapter than they did."""
    release, before = f"{contract.package} {contract.version}", f"{baseline.package} {baseline.version}"
    for kind, word in (("ports", "port"), ("behaviours", "behaviour")):
        if baseline.part(kind) and not contract.part(kind):
            see = ((f"the contract of {before}", baseline.place(kind)),)
            hint = f"nothing can be said of its {word}s; adapters may not fit"
            yield Problem(contract.place(), "E0819", f"{release} has no {word}s", hint, see=see, severity="warning")
            continue
        for name, old, new in pairs(baseline.part(kind), contract.part(kind)):
            see = ((f"the contract of {before}", baseline.place(kind, name)),)
            place = contract.place(kind, name)
            if new is None:
                # Handing over an adapter for a port that is gone raises; a behaviour that is gone is asked by nobody.
                level = "error" if kind == "ports" else "warning"
                hint = "hand over no adapter for it" if kind == "ports" else "nothing asks for it any more"
                yield Problem(place, "E0819", f"{release} has no {word} {name}", hint=hint, see=see, severity=level)
            elif old is None:
                message = f"{release} has a new {word}: {name}"
                yield Problem(place, "E0820", message, hint="nothing that runs needs it", severity="warning")
            else:
                yield from _callback_findings(contract, kind, name, old, new, see)


def _callback_findings(
    contract: Contract, kind: str, name: str, old: Raw, new: Raw, see: tuple[tuple[str, Place], ...]
) -> Iterator[Problem]:
    release = f"{contract.package} {contract.version}"
    was = {(item["name"], item["arity"]): item for item in old["callbacks"]}
    now = {(item["name"], item["arity"]): item for item in new["callbacks"]}
    for at, (function, item) in enumerate(now.items()):
        place = contract.place(kind, name, "callbacks", at, "name")
        text = f"{name}: {function[0]}/{function[1]}"
        if function not in was:
            level = "warning" if item.get("optional") else "error"
            hint = "add it to each adapter" if level == "error" else "adapters may leave it out"
            message = f"{text} is new in {release}"
            yield Problem(place, "E0826", message, hint=hint, see=see, severity=level)
        elif one_line(was[function].get("spec")) != one_line(item.get("spec")):
            message = (
                f"{text} is {one_line(item.get('spec'))} in {release}, and was {one_line(was[function].get('spec'))}"
            )
            yield Problem(place, "E0826", message, hint="look at each adapter", see=see, severity="warning")
    for function in sorted(set(was) - set(now)):
        message = f"{name}: {function[0]}/{function[1]} is gone in {release}"
        yield Problem(
            contract.place(kind, name, "callbacks"), "E0826", message, hint="nothing calls it any more", see=see,
            severity="error" if any(other[0] == function[0] for other in now) else "warning",
        )  # fmt: skip


def python_findings(contract: Contract, baseline: Contract | None) -> Iterator[Problem]:
    """What a Python package offers, against the release that the runtime is written for."""
    if baseline is None or baseline.data == contract.data:
        return
    for kind, word, inside in (("classes", "class", "fields"), ("entry_points", "entry point", "parameters")):
        for name, old, new in pairs(baseline.part(kind), contract.part(kind)):
            yield from _python_owner(contract, baseline, (kind, word, inside), name, old, new)


def _python_owner(
    contract: Contract, baseline: Contract, names: tuple[str, str, str], name: str, old: Raw | None, new: Raw | None
) -> Iterator[Problem]:
    kind, word, inside = names
    release, before = f"{contract.package} {contract.version}", f"{baseline.package} {baseline.version}"
    place, see = contract.place(kind, name), ((f"the contract of {before}", baseline.place(kind, name)),)
    if new is None:
        yield Problem(place, "E0819", f"{release} has no {word} {name}", hint="the runtime uses it", see=see)
        return
    if old is None:
        yield Problem(place, "E0820", f"{release} has a new {word}: {name}", see=see, severity="warning")
        return
    if (old.get("kind"), old.get("value")) != (new.get("kind"), new.get("value")):
        message = f"{name} is {_entry(new)} in {release}, and was {_entry(old)}"
        level = "error" if old.get("kind") != new.get("kind") else "warning"
        yield Problem(place, "E0815", message, hint="the runtime calls it as it was", see=see, severity=level)
    was = {item["name"]: item for item in old.get(inside, ())}
    now = {item["name"]: item for item in new.get(inside, ())}
    for field_name, before_, after in _in_order(was, now):
        index = list(now).index(field_name) if field_name in now else None
        at = contract.place(kind, name, inside, *((index, "name") if index is not None else ()))
        old_index = list(was).index(field_name) if field_name in was else None
        there = baseline.place(kind, name, inside, *((old_index, "name") if old_index is not None else ()))
        for code, level, message, hint in python_field(f"{name}.{field_name}", before_, after, release):
            yield Problem(at, code, message, hint=hint, see=((f"the contract of {before}", there),), severity=level)


def _in_order(was: Mapping[str, Raw], now: Mapping[str, Raw]) -> Iterator[tuple[str, Raw | None, Raw | None]]:
    for name in [*now, *(name for name in was if name not in now)]:
        yield name, was.get(name), now.get(name)


def python_field(name: str, old: Raw | None, new: Raw | None, release: str) -> Iterator[tuple[str, str, str, str]]:
    """(code, severity, message, hint) of everything in which a field or parameter differs."""
    if new is None:
        yield "E0811", "error", f"{name} is gone in {release}", "do not pass it"
        return
    if old is None:
        if new.get("required"):
            yield "E0816", "error", f"{name} is new in {release}, and has no default", "pass it"
        else:
            yield (
                "E0812",
                "warning",
                f"{name} is new in {release}: {_default(new)}",
                "pass it, so that nothing depends on it",
            )
        return
    if new.get("required") and not old.get("required"):
        yield "E0816", "error", f"{name} has no default any more in {release}", "pass it"
    elif _default(old) != _default(new):
        message = f"{name} has {_default(new)} in {release}, and had {_default(old)}"
        yield "E0814", "warning", message, "pass the value that the recipe means"
    if old.get("type") != new.get("type"):
        yield (
            "E0815",
            "warning",
            f"{name} is {new.get('type')} in {release}, and was {old.get('type')}",
            "look at its values",
        )


def _default(field_: Raw) -> str:
    if "default_factory" in field_:
        return f"the default {field_['default_factory']}()"
    return f"the default {field_['default']}" if "default" in field_ else "no default"


def _entry(entry: Raw) -> str:
    return str(entry.get("value") or entry.get("kind"))
