"""What a schema refuses, as sentences: what was expected, what was found, and how to put it right.

Each keyword of JSON Schema that can fail has a function here, which `PROBLEMS` names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, TypeAlias

from crucible_gen.diagnostics import Place, Problem, did_you_mean
from crucible_gen.documents.document import Node
from crucible_gen.documents.scalars import MAX_QUOTED, plain_scalar, quoted, quoting

CODES = {
    "E0201": "a field that the schema does not know",
    "E0202": "a field is missing",
    "E0203": "a number is out of range",
    "E0204": "a value has the wrong type",
    "E0205": "a value is none of those allowed",
    "E0206": "a text does not have the form that is asked for",
    "E0207": "a list or map has the wrong size",
    "E0208": "fields do not fit together",
}

Raw: TypeAlias = dict[str, Any]

_FORMS_FILE = Path(__file__).with_name("forms.json")

Advise: TypeAlias = Callable[[str, Sequence[str | int], Node], str]
"""A field that is not allowed, the path where it stands, and the document, to a hint where it belongs, or no text."""

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}
_BOUNDS = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "greater than",
    "exclusiveMaximum": "less than",
}


_BOOLEANS = {
    **dict.fromkeys(("true", "yes", "y", "on", "1"), "true"),
    **dict.fromkeys(("false", "no", "n", "off", "0"), "false"),
}
_OF = {"at least": "of at least", "at most": "of at most"}
_FORMS = {
    "object": "fields below it: `name: value`",
    "array": "a list: [...]",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "some text",
}


class Refusal(NamedTuple):
    """A value that a keyword of its schema refuses.

    `kind` is what jsonschema-rs says of the failure, `keyword` the last step of its path in the schema; `part` is the
    schema that has the keyword, `about` the nearest description. `parent` is the collection that the value stands in.
    """

    kind: Any
    keyword: str | int
    document: Node
    path: tuple[str | int, ...]
    node: Node
    parent: Node
    part: Raw
    about: str
    message: str
    field: Callable[[str], Raw]
    """What the schema says of a field by name, for one that is missing."""
    resolve: Callable[[Raw], Raw]
    """A part of the schema with what it refers to in its place."""
    advise: Advise

    @property
    def name(self) -> str:
        """The end of the path that a reader recognizes."""
        return _name(self.path)

    @property
    def found(self) -> str:
        """The value as messages show it."""
        return _show(self.node)

    def problem(
        self, code: str, message: str, hint: str, *, place: Place | None = None, about: str | None = None
    ) -> Problem:
        """A problem at the value, or at another place."""
        return Problem(place or self.node.place, code, message, hint, self.about if about is None else about)


def problems(refusal: Refusal) -> Iterator[Problem]:
    """Every problem of one refusal; several where it is about the keys of a mapping."""
    return PROBLEMS.get(refusal.kind.name, _no_combination)(refusal)


def _unknown_fields(refusal: Refusal) -> Iterator[Problem]:
    known = list(refusal.part.get("properties", {}))
    where = f" in {refusal.name}" if refusal.path else ""
    for key in sorted(refusal.kind.unexpected):
        hint = refusal.advise(key, refusal.path, refusal.document) or did_you_mean(key, known) or _known(known)
        message = f"unknown field {_word(key)}{where}"
        yield refusal.problem("E0201", message, hint, place=_key_place(refusal.node, key), about="")


def _missing_field(refusal: Refusal) -> Iterator[Problem]:
    missing = refusal.kind.property
    wanted = refusal.field(missing)
    message = f"{missing} is missing" + (f" in {refusal.name}" if refusal.path else "")
    example = _example(wanted, refusal.resolve)
    if missing == "id" and not refusal.path:
        example = PurePosixPath(refusal.document.place.file).stem
    yield refusal.problem("E0202", message, f"add {missing}: {example}", about=wanted.get("description", ""))


def _out_of_bounds(refusal: Refusal) -> Iterator[Problem]:
    bound, limit = _BOUNDS[refusal.kind.name], _number(refusal.kind.limit)
    message = f"{refusal.name} must be {bound} {limit}, found {refusal.found}"
    yield refusal.problem("E0203", message, f"give a number {_OF.get(bound, bound)} {limit}")


def _wrong_type(refusal: Refusal) -> Iterator[Problem]:
    if not refusal.path and refusal.node.value is None:
        message, hint = "expected a mapping, found nothing: the file is empty", "write `key: value` lines"
        yield refusal.problem("E0204", message, hint, about="")
        return
    types = _type_names(refusal.part.get("type", refusal.kind.types))
    message = f"{refusal.name} must be {types}, found {_typed(refusal.node)}"
    yield refusal.problem("E0204", message, _type_hint(refusal.part.get("type", ()), refusal.node))


def _none_of_those_allowed(refusal: Refusal) -> Iterator[Problem]:
    values = refusal.part["enum"] if "enum" in refusal.part else [refusal.part["const"]]
    names = [value for value in values if isinstance(value, str)]
    written = refusal.node.value
    near = did_you_mean(written, names) if isinstance(written, str) else ""
    message = f"{refusal.name} must be {_one_of(values)}, found {refusal.found}"
    yield refusal.problem("E0205", message, near or _write_one_of(values))


def _wrong_form(refusal: Refusal) -> Iterator[Problem]:
    yield refusal.problem("E0206", *_form(refusal))


def _wrong_size(refusal: Refusal) -> Iterator[Problem]:
    size, hint = _size(refusal.keyword, refusal.part)
    yield refusal.problem("E0207", f"{refusal.name} {size}, found {refusal.found}", hint)


def _wrong_keys(refusal: Refusal) -> Iterator[Problem]:
    pattern = refusal.part.get("pattern", "")
    for key in _wrong_names(refusal.node, pattern):
        form, hint = _described(pattern, "write another name")
        message = f"the names in {refusal.name} must {form}, found {_word(key)}"
        yield refusal.problem("E0201", message, hint, place=_key_place(refusal.node, key))


def _not_allowed_here(refusal: Refusal) -> Iterator[Problem]:
    key = refusal.path[-1] if refusal.path else ""
    place = _key_place(refusal.parent, key) if isinstance(key, str) else refusal.node.place
    yield refusal.problem("E0201", f"{refusal.name} cannot stand here", f"remove {refusal.name}", place=place)


def _no_combination(refusal: Refusal) -> Iterator[Problem]:
    fields, hint = _alternatives(refusal.part, refusal.node)
    message = f"{refusal.name} must have {fields}" if fields else f"{refusal.name}: {refusal.message}"
    yield refusal.problem("E0208", message, hint)


PROBLEMS: Mapping[str, Callable[[Refusal], Iterator[Problem]]] = {
    **dict.fromkeys(("additionalProperties", "unevaluatedProperties"), _unknown_fields),
    "required": _missing_field,
    **dict.fromkeys(_BOUNDS, _out_of_bounds),
    "type": _wrong_type,
    **dict.fromkeys(("enum", "const"), _none_of_those_allowed),
    **dict.fromkeys(("pattern", "minLength", "maxLength", "format"), _wrong_form),
    **dict.fromkeys(("minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "contains"), _wrong_size),
    "propertyNames": _wrong_keys,
    "falseSchema": _not_allowed_here,
}
"""What is said of each keyword that fails; of all others that the fields do not fit together."""


def _name(path: Sequence[str | int]) -> str:
    """`learning_rate`, or `tasks[0].scorer` inside a list: the end of the path that a reader recognises."""
    first = next((index for index, step in enumerate(path) if isinstance(step, int)), len(path))
    name = ""
    for step in path[max(first - 1, 0) :]:
        name += f"[{step}]" if isinstance(step, int) else f".{step}" if name else _word(step)
    return name or "the file"


def _key_place(node: Node, key: str) -> Place:
    entry = node.value.get(key) if isinstance(node.value, dict) else None
    return entry.key if entry else node.place


def _show(node: Node) -> str:
    if isinstance(node.value, dict):
        return "a mapping" if node.value else "an empty mapping"
    if isinstance(node.value, tuple):
        return f"a list of {_count(len(node.value), 'item')}" if node.value else "an empty list"
    text = _dumps(node.value) if node.written is None else node.written or "nothing"
    return text if len(text) <= 60 else text[:57] + "..."


def _typed(node: Node) -> str:
    value = node.value
    if value is None or isinstance(value, (bool, dict, tuple)):
        return _show(node)
    name = "the text " if isinstance(value, str) else "the number "
    return name + _show(node)


def _type_names(types: str | Sequence[str]) -> str:
    names = [_TYPES[type_] for type_ in ([types] if isinstance(types, str) else types) if type_ != "null"]
    return " or ".join(names) or "null"


def _type_hint(types: str | Sequence[str], node: Node) -> str:
    """How to write a value as one of these types: a hint that, followed to the letter, gives one."""
    value = node.value
    if isinstance(value, str) and ("number" in types or "integer" in types):
        return _number_hint(value, whole="number" not in types)
    if not isinstance(value, (str, dict, tuple)) and "string" in types:
        return _quoting_hint(node)
    if isinstance(value, float) and "integer" in types:
        return "write it without a fraction"
    if isinstance(value, str) and "boolean" in types:
        word = value.strip().lower()
        return f"write {_BOOLEANS[word]}" if word in _BOOLEANS else "write true or false, without quotes"
    if isinstance(value, (str, int, float)) and "array" in types:
        written = _dumps(value) if node.written is None else node.written
        return f"write a list: [{written}]" if len(written) <= MAX_QUOTED else "write a list: put it between [ and ]"
    return f"write {_FORMS[kind]}" if (kind := next((kind for kind in _FORMS if kind in types), None)) else ""


def _number_hint(text: str, *, whole: bool) -> str:
    """What to write for a text where a number belongs."""
    for written in (text.strip(), re.sub(r"(?<=[0-9])[_, ](?=[0-9])", "", text.strip())):
        value = plain_scalar(written)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if whole and value != int(value):
                break
            return f"write the number without quotes: {written}" if written == text else f"write {written}"
    return "write a whole number" if whole else "write a number"


def _quoting_hint(node: Node) -> str:
    """How to make text of a number, true, false or nothing, as the file has it."""
    written = _dumps(node.value) if node.written is None else node.written
    tag, _, untagged = written.rpartition(" ") if written.startswith("!") else ("", "", written)
    if not untagged:
        return "write some text"
    return f"remove the tag {tag}, and quote the value: {quoted(untagged)}" if tag else quoting("it", untagged)


def _one_of(values: Sequence[Any]) -> str:
    shown = [value if isinstance(value, str) else _dumps(value) for value in values]
    return shown[0] if len(shown) == 1 else f"one of {', '.join(shown)}"


def _write_one_of(values: Sequence[Any]) -> str:
    return "write this value" if len(values) == 1 else "write one of these values"


def _word(key: str) -> str:
    """A key as a message can hold it: as it is, or quoted and cut where it is no plain word."""
    return key if key.isprintable() and " " not in key and 0 < len(key) <= 60 else _show(Node(key, Place("")))


def _example(wanted: Raw, resolve: Callable[[Raw], Raw]) -> str:
    """What might stand behind a key that is missing: a value that the schema names, or dots where any text may."""
    wanted = resolve(wanted)
    for choice in ("anyOf", "oneOf"):
        if choice in wanted and "type" not in wanted:
            return _example(wanted[choice][0], resolve)
    values = wanted.get("enum") or wanted.get("examples") or ([wanted["const"]] if "const" in wanted else [])
    if values:
        return values[0] if isinstance(values[0], str) else _dumps(values[0])
    types = [wanted["type"]] if isinstance(wanted.get("type"), str) else wanted.get("type", ())
    match next((type_ for type_ in types if type_ != "null"), ""):
        case "object":
            fields = wanted.get("properties", {})
            pairs = (f"{name}: {_example(fields.get(name, {}), resolve)}" for name in wanted.get("required", ()))
            return f"{{{', '.join(pairs)}}}"
        case "array":
            item = _example(wanted.get("items", {}), resolve)
            return f"[{item}]" if wanted.get("minItems") else "[]"
        case "integer" | "number":
            return _number(wanted.get("minimum", 1))
        case "boolean":
            return "true"
    return "..."


@cache
def _forms() -> Mapping[str, Mapping[str, str]]:
    """What the patterns of schemas ask for, in words: what a value must do, and a hint how to get there."""
    import json

    forms: Mapping[str, Mapping[str, str]] = json.loads(_FORMS_FILE.read_text("utf-8"))
    return forms


def _described(pattern: str, hint: str) -> tuple[str, str]:
    """A pattern in words, and how to put right a value that does not match; `hint` is for unknown patterns."""
    form = _forms().get(pattern, {"must": f"match {pattern}", "hint": hint})
    return form["must"], form["hint"]


def _wrong_names(node: Node, pattern: str) -> list[str]:
    matches = re.compile(pattern).search
    return [key for key in node.value if not matches(key)] if isinstance(node.value, dict) else []


def _known(names: Sequence[str]) -> str:
    if not names:
        return "no field is allowed here"
    return f"fields here: {', '.join(names)}"


def _number(value: Any) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else str(value)


def _regex_error(text: object) -> str:
    """What Python's `re` says of a text that is no regular expression."""
    try:
        re.compile(str(text))
    except (re.error, OverflowError, RecursionError) as error:
        return str(error)
    return "it cannot be compiled"


def _form(refusal: Refusal) -> tuple[str, str]:
    name, part, found, value = refusal.name, refusal.part, refusal.found, refusal.node.value
    low, high = part.get("minLength"), part.get("maxLength")
    if low == 1 and found == '""':
        return f"{name} must not be empty", "write some text, or remove the line"
    if refusal.keyword == "pattern":
        form, hint = _described(part["pattern"], "write text of this form")
        return f"{name} must {form}, found {found}", hint
    if refusal.keyword == "format" and part["format"] == "regex":
        return f"{name} must be a regular expression, found {found}: {_regex_error(value)}", (
            "close what is open, or write a backslash before a sign that stands for itself"
        )
    bounds = [f"at least {low}"] if low is not None else []
    bounds += [f"at most {high}"] if high is not None else []
    if not bounds:
        return f"{name} must be a {part.get('format', 'text of its form')}, found {found}", "write text of this form"
    hint = "write more" if high is None else "shorten it"
    return f"{name} must have {' and '.join(bounds)} characters, found {found}", hint


def _size(keyword: Any, part: Raw) -> tuple[str, str]:
    match keyword:
        case "minItems":
            return f"must have at least {_count(part['minItems'], 'item')}", "add one, or remove the line"
        case "maxItems":
            return f"must have at most {_count(part['maxItems'], 'item')}", "remove some"
        case "minProperties":
            return f"must have at least {_count(part['minProperties'], 'field')}", "add one, or remove the line"
        case "maxProperties":
            return f"must have at most {_count(part['maxProperties'], 'field')}", "remove some"
    return "must not have the same item twice", "remove one of them"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _alternatives(part: Raw, node: Node) -> tuple[str, str]:
    """`exactly one of samples, dataset` for a oneOf or anyOf of `required` lists, and which to add or remove."""
    for combiner, words in (("oneOf", "exactly one of"), ("anyOf", "one of")):
        lists = [choice.get("required") for choice in part.get(combiner, ())]
        if lists and all(lists):
            there = [field for fields in lists for field in fields if node.get(field) is not None]
            hint = f"remove {' or '.join(there)}" if there else f"add {' or '.join(fields[0] for fields in lists)}"
            return f"{words} {', '.join(' and '.join(fields) for fields in lists)}", hint
    return "", ""


def _dumps(value: object) -> str:
    """A value as JSON has it; imported here because most runs have nothing to complain of."""
    import json

    return json.dumps(value, ensure_ascii=False)
