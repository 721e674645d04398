"""Tokens and labels of conversations: which tokens the loss counts, as `train_on_what` says.

Any chat template will do. Where an answer begins is where the template asks for it, or else where the template puts
whatever the answer is: it is never looked for by its text, which may stand elsewhere too, or be written otherwise. A
template that writes an earlier message differently once others follow, such as one that drops old thoughts, makes
several examples of one conversation, each of which ends with the message that it teaches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crucible_runtime.engines.trl.models import STOP, TEMPLATE
from crucible_runtime.errors import InputError
from crucible_runtime.ports import Message

DEFAULT = "all_assistant_messages"
"""What is trained on where the recipe does not say."""
IGNORED = -100
"""The label of a token that the loss does not count."""

_PROBES = ("x", "y")
"""Two answers that no template writes alike."""

Span = tuple[int, int]
"""A part of a text, from a character up to one before another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """Tokens, and for each of them itself as its label, or IGNORED; `cut` says whether there were more."""

    input_ids: list[int]
    labels: list[int]
    cut: bool = False


def examples(tokenizer: Any, messages: Sequence[Message], train_on_what: str, max_length: int | None) -> list[Example]:
    """The examples of one conversation, cut off at `max_length` tokens, without those that then teach nothing.

    Raises InputError for a part of the conversation that cannot be told apart with this template.
    """
    made = (_example(tokenizer, text, spans, max_length) for text, spans in _taught(tokenizer, messages, train_on_what))
    return [example for example in made if any(label != IGNORED for label in example.labels)]


def wanted(messages: Sequence[Message], train_on_what: str) -> list[int]:
    """The places of the messages that `train_on_what` counts; raises InputError for flags that are amiss."""
    places = range(len(messages))
    flagged = [place for place in places if "trainable" in messages[place]]
    if train_on_what == "customized":
        if len(flagged) < len(messages):
            raise InputError("train_on_what customized needs trainable (true or false) in every message")
        return [place for place in places if messages[place]["trainable"]]
    if flagged:
        raise InputError(
            f"a message has trainable, which train_on_what {train_on_what} does not read: take customized, or leave it out"
        )
    roles = [message["role"] for message in messages]
    assistant = [place for place in places if roles[place] == "assistant"]
    match train_on_what:
        case "last_assistant_message":
            return assistant[-1:]
        case "last_assistant_turn":
            user = max((place for place in places if roles[place] == "user"), default=-1)
            return [place for place in assistant if place > user]
        case "all_assistant_messages":
            return assistant
        case "all_user_and_system_messages":
            return [place for place in places if roles[place] in ("user", "system")]
        case "all_messages":
            return list(places)
    raise InputError(f"engine trl knows no train_on_what {train_on_what}")


def _taught(tokenizer: Any, messages: Sequence[Message], what: str) -> Iterator[tuple[str, list[Span]]]:
    """Texts, and the parts of each that the loss counts."""
    plain = [{key: value for key, value in message.items() if key != "trainable"} for message in messages]
    if what == "all_tokens":
        text = _text(tokenizer, plain)
        yield text, [(0, len(text))]
        return
    places = wanted(messages, what)
    if tokenizer.chat_template == TEMPLATE:
        yield _role_colon(plain, places)
        return
    others = [plain[place]["role"] for place in places if plain[place]["role"] != "assistant"]
    if others:
        raise InputError(
            f"train_on_what {what} counts a message of the role {others[0]}, which the model's own chat template does "
            "not mark off: train on all_assistant_messages or all_tokens, or set renderer_name to role_colon"
        )
    whole = _text(tokenizer, plain)
    found = [_answer(tokenizer, plain[: place + 1]) for place in places]
    if all(whole.startswith(text[: span[1]]) for text, span in found):
        yield whole, [span for _, span in found]
    else:
        yield from ((text, [span]) for text, span in found)


def _role_colon(messages: Sequence[Message], places: Sequence[int]) -> tuple[str, list[Span]]:
    """A conversation as role_colon writes it; the last answer ends with what tells a reader to stop."""
    text, spans = "", []
    for place, message in enumerate(messages):
        text += f"{message['role'].capitalize()}:"
        start = len(text)
        text += f" {message['content']}\n\n"
        if place == len(messages) - 1 and message["role"] == "assistant":
            text = text.removesuffix("\n\n") + STOP
        if place in places:
            spans.append((start, len(text)))
    return text, spans


def _answer(tokenizer: Any, messages: Sequence[Message]) -> tuple[str, Span]:
    """A conversation that ends with an answer as text, and where in it the answer stands, with what ends it."""
    text = _text(tokenizer, messages)
    start, end = _begin(tokenizer, messages, text), len(text)
    mark = tokenizer.eos_token
    if mark and (last := text.rfind(mark, start)) >= 0 and not text[last + len(mark) :].strip():
        end = last + len(mark)
    return text, (start, end)


def _begin(tokenizer: Any, messages: Sequence[Message], text: str) -> int:
    """Where in `text` the answer begins that ends the conversation; raises InputError where it is not written."""
    if messages[:-1]:
        asked = _text(tokenizer, messages[:-1], prompt=True)
        if text.startswith(asked) and asked != _text(tokenizer, messages[:-1]):
            return len(asked)
    # A template may write the prompt differently before an answer, as one that opens a thought does, or never ask.
    one, other = (_text(tokenizer, [*messages[:-1], {**messages[-1], "content": probe}]) for probe in _PROBES)
    if one == other:
        raise InputError("the model's chat template does not write the answer of an assistant")
    return _shared(one[: _shared(one, other)], text)


def _shared(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    differ = (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(differ, min(len(one), len(other)))


def _text(tokenizer: Any, messages: Sequence[Message], *, prompt: bool = False) -> str:
    from jinja2 import TemplateError

    try:
        text: str = tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=prompt)
    except TemplateError as error:
        raise InputError(f"the model's chat template does not take this conversation: {error}") from error
    return text


def _example(tokenizer: Any, text: str, spans: Sequence[Span], max_length: int | None) -> Example:
    if not tokenizer.is_fast:
        raise InputError("the model's tokenizer does not say where its tokens stand: engine trl needs a fast tokenizer")
    found: Mapping[str, Any] = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids = found["input_ids"][:max_length]
    starts = [start for start, _ in found["offset_mapping"][:max_length]]
    counted = (any(begin <= start < end for begin, end in spans) for start in starts)
    return Example(
        input_ids=ids,
        labels=[token if count else IGNORED for token, count in zip(ids, counted, strict=True)],
        cut=len(ids) < len(found["input_ids"]),
    )
