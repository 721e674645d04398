"""The schemas in, the tables of the documentation out: `python docs/reference.py` writes them into the pages.

A page says where a table stands:

    <!-- NAME: written by docs/reference.py -->
    ...
    <!-- end -->

What is between the two lines is replaced; everything else in a page is written by people. A test says whether the
tables are current.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent / "generator"))

from crucible_gen.cli import explain  # noqa: E402 - the checkout's own, installed or not
from crucible_gen.recipes import settings  # noqa: E402
from crucible_gen.schemas import Schemas, Shape, Stage, at, engines  # noqa: E402

PAGES = [DOCS / name for name in ("recipe-reference.md", "mapping.md", "errors.md", "build-steps.md", "engines.md")]
PART = re.compile(r"(<!-- ([\w ]+): written by docs/reference\.py -->\n).*?(<!-- end -->\n)", re.DOTALL)

SCHEMAS = Schemas.load()
DOCUMENTS = SCHEMAS.documents
RECIPE = "recipe.schema.json"
TYPES: list[str] = DOCUMENTS[RECIPE]["properties"]["type"]["enum"]
TRAINING = "ir/training_config.schema.json"
ELSEWHERE = {TRAINING, "ir/experiment.schema.json", "ir/stage_def.schema.json"}

Raw = Mapping[str, Any]
Lines = Iterator[str]


def resolved(raw: Raw, key: str) -> tuple[Raw, str]:
    """A schema with what its `$ref` names below what it says itself, and the document that this stands in."""
    if "$ref" not in raw:
        return raw, key
    target = SCHEMAS.resolve_ref(raw["$ref"], key)
    assert target is not None, raw["$ref"]
    inner, place = resolved(at(DOCUMENTS[target[0]], target[1]), target[0])
    return {**inner, **{name: value for name, value in raw.items() if name != "$ref"}}, place


def chosen(raw: Raw, key: str) -> tuple[Raw, str]:
    """As `resolved`; of a value that may be null or have a short form, the long one."""
    whole, place = resolved(raw, key)
    choices = [choice for choice in whole.get("anyOf", ()) if choice.get("type") != "null"]
    if len(choices) != 1 or "type" in whole:
        return whole, place
    inner, place = chosen(choices[0], place)
    return {**inner, **{name: value for name, value in whole.items() if name != "anyOf"}}, place


def struct(raw: Raw) -> str | None:
    """The name of the IR struct that a resolved schema describes."""
    module = raw.get("x-elixir-struct")
    return str(module) if module else None


def kind(raw: Raw, key: str) -> str:
    """What a value is, in words: `integer, at least 1`."""
    whole, place = chosen(raw, key)
    if module := struct(whole):
        short = whole.get("x-short")
        link = f"[{module.removeprefix('CrucibleIR.')}](#{anchor(module)})"
        return f"{link}, or its {short} alone" if short else link
    if "enum" in whole:
        return " | ".join(code(value) for value in whole["enum"] if value is not None)
    declared = whole.get("type", ())
    types = [each for each in ([declared] if isinstance(declared, str) else declared) if each != "null"]
    if not types and "anyOf" in whole:
        return " or ".join(dict.fromkeys(kind(choice, place) for choice in whole["anyOf"]))
    name = types[0] if len(types) == 1 else "any value"
    words = {"string": "text", "object": "mapping", "array": "list", "boolean": "true or false"}.get(name, name)
    if whole.get("x-elixir-type") == "module":
        words = "Elixir module"
    if whole.get("x-elixir-type") == "timestamp":
        words = "ISO 8601 time with offset"
    if name == "array" and isinstance(whole.get("items"), dict):
        words = f"list of {kind(whole['items'], place)}"
    return ", ".join([words, *bounds(whole), *known_values(whole)])


def known_values(raw: Raw) -> Lines:
    """Values that a field is known to have, where others are allowed too; else the form of a text."""
    if "examples" in raw:
        yield f"such as {', '.join(map(code, raw['examples']))}"
    elif "pattern" in raw and "x-elixir-type" not in raw:
        yield f"of the form {code(raw['pattern'])}"


BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "greater than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "maxLength": "at most {} characters",
    "minItems": "at least {} of them",
    "maxItems": "at most {} of them",
}


def bounds(raw: Raw) -> Lines:
    """What a value's limits are, in words."""
    for keyword, words in BOUNDS.items():
        if keyword in raw and (keyword, raw[keyword]) != ("minItems", 0):
            yield words.format(raw[keyword])


def default(raw: Raw) -> str:
    """The default of a field as a cell; empty where there is none."""
    return code(raw["default"]) if "default" in raw else ""


def code(value: object) -> str:
    """A value as code in a cell."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if isinstance(value, float):
        text = re.sub(r"^(\d+)e-0*", r"\1.0e-", text)  # as recipes and generated code write it
    return f"`{text}`" if text else '`""`'


def anchor(module: str) -> str:
    """Where a heading of this text is linked to."""
    return re.sub(r"[^\w\- ]", "", module.lower()).replace(" ", "-")


def table(*heads: str) -> Lines:
    """The first two lines of a table."""
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"


def row(*cells: str) -> str:
    """A line of a table."""
    return f"| {' | '.join(map(cell, cells))} |"


def cell(text: str) -> str:
    """Text as it can stand in a cell: no `|` ends it, and no `<` outside code begins a tag."""
    parts = text.replace("|", "\\|").split("`")
    return "`".join(part if number % 2 else part.replace("<", "&lt;") for number, part in enumerate(parts))


def properties(raw: Raw) -> Iterator[tuple[str, Raw]]:
    """The fields that an author can write."""
    for name, value in raw.get("properties", {}).items():
        if "x-inject" not in value:
            yield name, value


def fields(raw: Raw, key: str, required: tuple[str, ...] = (), prefix: str = "") -> Lines:
    """A row a field; the fields of a mapping that is no struct follow it, with its name in front."""
    for name, value in properties(raw):
        whole, place = chosen(value, key)
        must = "required" if name in required else default(whole)
        yield row(f"`{prefix}{name}`", kind(value, key), must, whole.get("description", ""))
        items = whole.get("items")
        inner, inside = chosen(items, place) if isinstance(items, dict) else (whole, place)
        if not struct(inner) and inner.get("properties") and "x-stage" not in inner:
            mark = f"{prefix}{name}[]." if inner is not whole else f"{prefix}{name}."
            yield from fields(inner, inside, tuple(inner.get("required", ())), mark)


def recipe() -> Lines:
    """The top level of a recipe; what has a section of its own is only named."""
    raw = DOCUMENTS[RECIPE]
    parts = {"stages": "stages", "mlops": "mlops", "evaluation": "evaluation", "training_config": "training_config"}
    yield from table("field", "value", "default", "meaning")
    for name, value in properties(raw):
        whole, _ = chosen(value, RECIPE)
        must = "required" if name in ("id", "type", "training_config") else default(whole)
        words = f"mapping, see [{name}](#{parts[name]})" if name in parts else kind(value, RECIPE)
        yield row(f"`{name}`", words, must, whole.get("description", ""))


def training_config() -> Lines:
    """The fields of the training configuration, with the stage options that they feed."""
    fed: dict[str, dict[str, list[str]]] = {}
    for type_ in TYPES:
        for source, option in feeds(type_).items():
            fed.setdefault(source.removeprefix("training_config."), {}).setdefault(option, []).append(type_)
    into = {
        path: ", ".join(f"`{option}` ({', '.join(types_)})" for option, types_ in options_.items())
        for path, options_ in fed.items()
    }
    yield from table("field", "value", "default", "feeds", "meaning")
    for line in fields(DOCUMENTS[TRAINING], TRAINING, ("model_ref", "dataset_ref")):
        start, _, meaning = line.removesuffix(" |").rpartition(" | ")
        yield f"{start} | {into.get(line.split('`')[1], '')} | {meaning} |"


def feeds(type_: str) -> dict[str, str]:
    """The training stage's options by the path that feeds them."""
    stage = SCHEMAS.types[type_]
    return {shape.source: name for name, shape in stage.shape.properties.items() if shape.source}


def options() -> Lines:
    """A section for each kind of recipe, with the stage option that each value feeds."""
    for kind_ in SCHEMAS.kinds.values():
        key = f"options/{kind_.name}.schema.json"
        fed = feeds(kind_.type)
        module = SCHEMAS.types[kind_.type].info.module.rpartition(".")[2]
        method = f"{kind_.option}: {kind_.value}"
        yield from ("", f"### {kind_.type}" + (f" with {method}" if kind_.option else ""), "")
        yield from table("option", "value", f"`{module}`", "meaning")
        for name, value in properties(DOCUMENTS[key]):
            whole, _ = chosen(value, key)
            option = fed.get(f"training_config.options.{name}", "")
            yield row(f"`{name}`", kind(value, key), f"`{option}`" if option else "", whole.get("description", ""))
    yield ""


def structs() -> Lines:
    """The IR structs that a recipe can hold, each reached from the recipe schema."""
    for name in reached():
        raw = DOCUMENTS[name]
        yield from ("", f"### {struct(raw)}", "", str(raw["description"]))
        if short := raw.get("x-short"):
            yield f"Text stands for `{{{short}: ...}}`."
        yield ""
        yield from table("field", "value", "default", "meaning")
        yield from fields(raw, name, tuple(raw.get("x-enforce", ())))
    yield ""


def reached() -> list[str]:
    """The schemas of structs below the recipe's, in the order in which they are met."""
    found: list[str] = []

    def walk(raw: Any, key: str) -> None:
        if isinstance(raw, list):
            for item in raw:
                walk(item, key)
        if not isinstance(raw, dict):
            return
        if isinstance(raw.get("$ref"), str):
            target = SCHEMAS.resolve_ref(raw["$ref"], key)
            assert target is not None
            whole = target[1] == ""
            if whole and target[0] in found:
                return
            if whole and target[0].startswith("ir/") and target[0] not in ELSEWHERE:
                found.append(target[0])
            walk(at(DOCUMENTS[target[0]], target[1]), target[0])
        for name, value in raw.items():
            if name not in ("$ref", "$defs", "default", "enum", "examples"):
                walk(value, key)

    walk(DOCUMENTS[RECIPE]["properties"], RECIPE)
    return found


def mlops() -> Lines:
    """A section a stage of `mlops`, in the order of the pipeline."""
    for name, stage in SCHEMAS.mlops.items():
        yield from _stage_section(f"mlops.{name}", stage)
    yield ""


def other_stages() -> Lines:
    """A section a stage that recipes list under `stages`."""
    for name, stage in sorted(SCHEMAS.stages.items()):
        if stage.info.role == "stage":
            yield from _stage_section(name, stage)
    yield ""


def _stage_section(title: str, stage: Stage) -> Lines:
    raw = DOCUMENTS[stage.key]
    yield from ("", f"### {title}", "", f"`{stage.info.module}`. {raw['description']}", "")
    own = {"properties": {name: value for name, value in properties(raw) if name != "training_config"}}
    if not own["properties"]:
        yield "No options."
        return
    fed = {name for name, value in own["properties"].items() if "x-from" in value}
    yield from table("option", "value", "default", "meaning")
    for line in fields(own, stage.key, tuple(set(raw.get("required", ())) - fed)):
        option = line.split("`")[1]
        source = own["properties"].get(option, {}).get("x-from")
        yield line if source is None else line.replace(" |  | ", f" | from `{source}` | ", 1)


def evaluation() -> Lines:
    """The fields of an evaluation, its tasks and their samples."""
    raw = DOCUMENTS[RECIPE]["$defs"]["evaluation"]
    yield from table("field", "value", "default", "meaning")
    yield from fields(raw, RECIPE, tuple(raw["required"]))


def stage_entry() -> Lines:
    """The fields of one entry of `stages`."""
    raw = DOCUMENTS[RECIPE]["$defs"]["stage"]
    yield from table("field", "value", "default", "meaning")
    yield from fields(raw, RECIPE, tuple(raw["required"]))


def types() -> Lines:
    """The training stage and the backend of each recipe type."""
    yield from table("recipe type", "stage", "default backend")
    for type_ in TYPES:
        info = SCHEMAS.types[type_].info
        yield row(f"`{type_}`", f"`{info.module}`", f"`{info.backend}`")


def stage_options() -> Lines:
    """A section a training stage: what each of its options is read from."""
    for type_ in TYPES:
        stage = SCHEMAS.types[type_]
        yield from ("", f"### {type_}: {stage.info.module}", "")
        yield from table("option", "comes from", "where that is nil", "note")
        for name, value in DOCUMENTS[stage.key]["properties"].items():
            yield row(f"`{name}`", _origin(value), _fallback(value, type_), _note(value))
    yield ""


def _origin(value: Raw) -> str:
    if inject := value.get("x-inject"):
        return "the caller, needed" if inject["needed"] else "the caller"
    return f"`{value['x-from']}`" if "x-from" in value else "the recipe"


def _fallback(value: Raw, type_: str) -> str:
    """The default of an option, where what feeds it can be nil."""
    source = SCHEMAS.recipe(type_).below(str(value.get("x-from", "")).split("."))
    in_options = str(value.get("x-from", "")).startswith("training_config.options.")
    return default(value) if in_options or (source is not None and source.nullable) else ""


def _note(value: Raw) -> str:
    silent = value.get("x-no-effect")
    return f"no effect in {', '.join(silent)}" if silent else ""


def following_stages() -> Lines:
    """The stages that do not train: what they need, and what the recipe feeds them."""
    yield from table("recipe", "stage", "needs before it", "options as", "fed by the recipe")
    listed = [(f"`mlops.{name}`", stage) for name, stage in SCHEMAS.mlops.items()]
    others = sorted((name, stage) for name, stage in SCHEMAS.stages.items() if stage.info.role == "stage")
    listed += [(f"`stages`: `{name}`", stage) for name, stage in others]
    for where, stage in listed:
        fed = [f"`{option}` from `{shape.source}`" for option, shape in stage.shape.properties.items() if shape.source]
        needs = ", ".join(f"`{each}`" for each in stage.info.requires)
        yield row(where, f"`{stage.info.module}`", needs, stage.info.options, ", ".join(fed))


GROUPS = {
    "E01": "Reading a file",
    "E02": "Fields and values",
    "E03": "Files, extends and profiles",
    "E04": "Ids, stages and evaluation",
    "E05": "Schemas, settings and templates of your own",
    "E06": "Writing",
    "E07": "The command line",
    "E08": "Contracts",
    "E09": "Verify",
    "W01": "Values that are probably not meant",
    "W05": "Settings that are not used",
}


def codes() -> Lines:
    """A section a group of codes."""
    titles = explain.titles()
    unknown = {code_[:3] for code_ in titles} - GROUPS.keys()
    assert not unknown, f"these codes have no group: {unknown}"
    for prefix, title in GROUPS.items():
        yield from ("", f"## {title}", "")
        yield from table("code", "what is wrong")
        yield from (row(f"`{code_}`", words) for code_, words in titles.items() if code_.startswith(prefix))
    yield ""


def plausible() -> Lines:
    """The values that give no warning, and why; a field that several types of recipes have alike stands once."""
    yield from table("field", "plausible", "else")
    found: dict[tuple[str, str, str], None] = {}
    for type_ in TYPES:
        _plausible(SCHEMAS.recipe(type_), (), found)
    for stage in SCHEMAS.stages.values():
        if stage.info.role == "stage":
            _plausible(stage.shape, (stage.info.name,), found)
    yield from (row(*cells) for cells in sorted(found))


def _plausible(shape: Shape, path: tuple[str, ...], found: dict[tuple[str, str, str], None]) -> None:
    """Adds the rules of a shape and of all below it."""
    rule = shape.plausible
    if rule is not None:
        low, high = (None if bound is None else code(bound) for bound in (rule.minimum, rule.maximum))
        words = f"{low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}"
        found.setdefault((code(".".join(path)), words if low or high else "no blanks around it", rule.reason))
    if len(path) > 5 or "fallback" in path:  # a struct may hold itself
        return
    for name, inner in shape.properties.items():
        _plausible(inner, (*path, name), found)
    if shape.items is not None:
        _plausible(shape.items, path, found)


def all_settings() -> Lines:
    """The settings, with their defaults."""
    yield from table("setting", "value", "default", "meaning")
    for name, value in settings.schema()["properties"].items():
        yield row(f"`{name}`", kind(value, "settings.schema.json"), default(value), value["description"])


def engine_table(engine: str) -> Lines:
    """A row a field and each rule for it: what an engine makes of the training configuration."""
    yield from table("field", "recipes", "becomes", "how")
    for name, rules in engines.tables()[engine].items():
        for rule in rules:
            yield row(f"`{name}`", ", ".join(rule.kinds or ["all"]), _becomes(rule), _how(rule))


def _becomes(rule: engines.Rule) -> str:
    """The arguments of an engine that a field is, or that it is none."""
    return "not passed on" if rule.unused else ", ".join(map(code, rule.to)) or "refused"


def _how(rule: engines.Rule) -> str:
    """What a rule says of the values: how they are changed, which of them there are, and what would work instead."""
    values = ", ".join(map(code, rule.values))
    if rule.to or rule.unused:
        return "; ".join(part for part in (rule.unused, rule.how, f"only {values}" if values else "") if part)
    reason = f"all but {values}: {rule.refuse}" if values else rule.refuse
    return "; ".join(part for part in (reason, rule.instead) if part)


WRITTEN: Mapping[str, Callable[[], Lines]] = {
    "recipe": recipe,
    "training config": training_config,
    "options": options,
    "structs": structs,
    "mlops": mlops,
    "stage entry": stage_entry,
    "other stages": other_stages,
    "evaluation": evaluation,
    "types": types,
    "stage options": stage_options,
    "following stages": following_stages,
    "codes": codes,
    "plausible": plausible,
    "settings": all_settings,
    "engine trl": lambda: engine_table("trl"),
    "engine tinker": lambda: engine_table("tinker"),
}


def page(text: str) -> str:
    """The page with its written parts as they should be. Raises KeyError for a part that there is not."""
    return PART.sub(lambda part: part[1] + "".join(f"{line}\n" for line in WRITTEN[part[2]]()) + part[3], text)


def main() -> None:
    """Writes the pages."""
    for path in PAGES:
        path.write_text(page(path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
