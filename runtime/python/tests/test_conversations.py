"""Which part of a conversation the loss counts, with templates of several forms and text that looks like them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crucible_runtime.engines.trl.conversations import IGNORED, examples
from crucible_runtime.errors import InputError

DEFAULT_SYSTEM = "You are a helpful assistant."
_TURN = "<|im_start|>{{ m.role }}\n{{ CONTENT }}<|im_end|>\n"
_LOOP = "{% for m in messages %}" + _TURN + "{% endfor %}"
_ASK = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
_DEFAULT = (
    "{% if not messages or messages[0].role != 'system' %}<|im_start|>system\n"
    + DEFAULT_SYSTEM
    + "<|im_end|>\n{% endif %}"
)
TEMPLATES: Mapping[str, str] = {
    "plain": _LOOP.replace("CONTENT", "m.content") + _ASK,
    "trims": _LOOP.replace("CONTENT", "m.content | trim") + _ASK,
    "default system prompt": _DEFAULT + _LOOP.replace("CONTENT", "m.content | trim") + _ASK,
    "no generation prompt": _DEFAULT + _LOOP.replace("CONTENT", "m.content | trim"),
    "opens a thought": _LOOP.replace("CONTENT", "m.content | trim") + _ASK.replace("nt\n", "nt\n<think>\n"),
    "writes the end once": "{% for m in messages %}[{{ m.role }}] {{ m.content | trim }}{% endfor %}<|im_end|>",
}
"""Chat templates, each with a peculiarity of a real one; the last one cannot end an earlier answer."""
LOOKALIKES = (
    *(
        "assistant",
        "user",
        DEFAULT_SYSTEM,
        "Snow falls.\n",
        "  Snow falls.  ",
        "<think>",
        "<",
        "<|im_end|>",
        "<|im_start|>",
    ),
    *("<|im_start|>assistant\n", "system", "\n", "x"),
)


class Letters:
    """A tokenizer with a token for each character."""

    is_fast = True
    eos_token = "<|im_end|>"

    def __init__(self, template: str) -> None:
        self.chat_template = template
        self._template = jinja2.Environment(keep_trailing_newline=True, autoescape=False).from_string(template)

    def apply_chat_template(self, messages: Any, *, tokenize: bool, add_generation_prompt: bool = False) -> str:
        assert not tokenize
        return self._template.render(messages=messages, add_generation_prompt=add_generation_prompt)

    def __call__(self, text: str, **options: Any) -> dict[str, Any]:
        return {"input_ids": [*map(ord, text)], "offset_mapping": [(at, at + 1) for at in range(len(text))]}


def learned(template: str, messages: Sequence[Mapping[str, Any]], what: str) -> list[str]:
    """The parts of each example that the loss counts, joined by a bar."""
    parts = []
    for example in examples(Letters(template), messages, what, None):
        text = "".join("\0" if label == IGNORED else chr(label) for label in example.labels)
        parts.append("|".join(part for part in text.split("\0") if part))
    return parts


contents = st.sampled_from(LOOKALIKES) | st.text("<|>abc \n", max_size=8)


def conversations() -> st.SearchStrategy[list[dict[str, str]]]:
    """Questions and answers in turn; the first may be a system prompt, a question, or an answer."""
    begins = st.sampled_from([[], ["system"], ["user"], ["system", "user"]])
    roles = st.tuples(begins, st.integers(0, 2)).map(
        lambda each: [*each[0], "assistant", *["user", "assistant"] * each[1]]
    )
    return roles.flatmap(
        lambda names: st.tuples(*(contents for _ in names)).map(
            lambda found: [{"role": role, "content": text} for role, text in zip(names, found, strict=True)]
        )
    )


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name != "writes the end once"])
@given(conversations())
def test_the_answers_and_their_ends_are_learned_and_nothing_else(name: str, messages: list[dict[str, str]]) -> None:
    template = TEMPLATES[name]
    trims = "trim" in template
    answers = [each["content"] for each in messages if each["role"] == "assistant"]
    expected = [(answer.strip() if trims else answer) + "<|im_end|>" for answer in answers]
    assert learned(template, messages, "all_assistant_messages") == ["|".join(expected)]
    assert learned(template, messages, "last_assistant_message") == expected[-1:]


@given(contents.filter(str.strip))
def test_a_template_that_ends_the_conversation_alone_makes_an_example_of_each_answer(text: str) -> None:
    messages = [
        {"role": "assistant", "content": text},
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "b"},
    ]
    found = learned(TEMPLATES["writes the end once"], messages, "all_assistant_messages")
    assert found == [f"{text.strip()}<|im_end|>", "b<|im_end|>"]


def test_a_template_that_leaves_answers_out_is_refused() -> None:
    silent = "{% for m in messages if m.role != 'assistant' %}{{ m.content }}{% endfor %}"
    with pytest.raises(InputError, match="the model's chat template does not write the answer"):
        learned(
            silent, [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "all_assistant_messages"
        )
