"""Tools in conversations: given to the model's own chat template, and refused where it does not show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crucible_runtime.errors import InputError


class WithTools:
    """A tokenizer whose chat template is given the tools of one conversation."""

    def __init__(self, tokenizer: Any, tools: Sequence[Any]) -> None:
        """Takes the tokenizer, and the tools as JSON Schemas of functions."""
        self._tokenizer = tokenizer
        self._tools = list(tools)

    def apply_chat_template(self, conversation: Any, **options: Any) -> Any:
        """What the tokenizer makes of a conversation with these tools."""
        return self._tokenizer.apply_chat_template(conversation, tools=self._tools, **options)

    def __call__(self, *texts: Any, **options: Any) -> Any:
        """What the tokenizer makes of texts."""
        return self._tokenizer(*texts, **options)

    def __getattr__(self, name: str) -> Any:
        """Everything else of the tokenizer."""
        return getattr(self._tokenizer, name)


def given(tokenizer: Any, messages: Sequence[Mapping[str, Any]], tools: Sequence[Any] | None) -> Any:
    """The tokenizer for a conversation with `tools`; raises InputError where its template would leave them out."""
    plain = [{name: part for name, part in each.items() if name != "trainable"} for each in messages]
    for number, message in enumerate(plain):
        if message.get("tool_calls"):
            without = [*plain]
            without[number] = {name: part for name, part in message.items() if name != "tool_calls"}
            without[number].setdefault("content", "")
            if _text(tokenizer, plain, tools) == _text(tokenizer, without, tools):
                raise InputError(f"messages[{number}].tool_calls: the model's chat template does not show them")
    if not tools:
        return tokenizer
    if _text(tokenizer, plain, tools) == _text(tokenizer, plain, None):
        raise InputError("column tools: the model's chat template does not show tools")
    return WithTools(tokenizer, tools)


def _text(tokenizer: Any, messages: Sequence[Mapping[str, Any]], tools: Sequence[Any] | None) -> str:
    from jinja2 import TemplateError

    try:
        text: str = tokenizer.apply_chat_template(list(messages), tools=tools or None, tokenize=False)
    except (TemplateError, TypeError, ValueError) as error:
        raise InputError(f"the model's chat template does not take this conversation: {error}") from error
    return text
