"""Adapters: a row of a data set becomes an example in a common form, by one small function for each form of rows.

An adapter returns one of three forms: a conversation `{"messages"}`, a preference `{"prompt", "chosen", "rejected"}`, or
a problem `{"problem", "answer"}` (with `tests` in place of an answer for programs, and `solution` where the answer is
worked out). It returns None for a row that its data set is known to have and nobody can train on, and raises BadRow for
one that is wrong. Others are entry points of `crucible_runtime.adapters`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from crucible_runtime.data import programs
from crucible_runtime.data.row import BadRow, Row, column, nearest_of, shown, text
from crucible_runtime.errors import InputError, did_you_mean
from crucible_runtime.experiment.kinds import types

Adapter: TypeAlias = Callable[[Row], Row | None]

GROUP = "crucible_runtime.adapters"
"""Entry points that are adapters; their name is what `options.adapter` takes."""
_ROLES = ("system", "user", "assistant", "tool", "developer")
_CALLS = {"tool_calls", "function_call"}
"""What the assistant may have in the place of content."""
_TURN = re.compile(r"(?:^|\n\n)(Human|Assistant):")


def messages(row: Row) -> Row:
    """`messages`: a list of `{"role", "content"}`."""
    said: Row = {"messages": conversation(column(row, "messages"), "messages")}
    return said | ({"tools": _listed(row["tools"], "tools")} if row.get("tools") else {})


def prompt_completion(row: Row) -> Row:
    """`prompt` and `completion`: each a text or a list of messages."""
    return {"messages": [*_said(row, "prompt", "user"), *_said(row, "completion", "assistant")]}


def question_answer(row: Row) -> Row:
    """`question` (or `problem`) and `answer`: texts; an answer may be a number."""
    answer = column(row, "answer")
    if isinstance(answer, int | float) and answer == answer:
        row = {**row, "answer": json.dumps(answer)}  # as a table has it, where all is text
    return {"problem": text(row, "question", "problem"), "answer": text(row, "answer")}


def chosen_rejected(row: Row) -> Row:
    """`chosen` and `rejected`, with `prompt` or with the conversation before the answer in both of them."""
    chosen, rejected = _said(row, "chosen", "assistant"), _said(row, "rejected", "assistant")
    if row.get("prompt") is not None:
        return _preference(*_without_prompt(_said(row, "prompt", "user"), chosen, rejected))
    if len(chosen) == 1:
        raise BadRow(f"no column prompt: {did_you_mean('prompt', row)}")
    same = _alike(chosen, rejected)
    return _preference(chosen[:same], chosen[same:], rejected[same:])


def plain_text(row: Row) -> Row:
    """`text`: what the assistant says, without a question; for distillation, what it is asked."""
    said = text(row, "text")
    return {"messages": [_message("assistant", said)], "prompt": [_message("user", said)]}


def prompt(row: Row) -> Row:
    """`prompt`: a text or a list of messages, without an answer."""
    return {"prompt": _said(row, "prompt", "user")}


def first_user_message(row: Row) -> Row:
    """`messages`, of which the first of the user is a prompt, as tinker_cookbook distils on tulu3."""
    said = messages(row)["messages"]
    asked = [message for message in said if message["role"] == "user"]
    if not asked:
        raise BadRow("column messages: no message of the user, so that there is nothing to ask")
    return {"prompt": asked[:1]}


def hh_rlhf(row: Row) -> Row | None:
    """Anthropic/hh-rlhf: two transcripts that differ in their last turn; None for the few that differ elsewhere."""
    chosen, rejected = (_transcript(text(row, name), name) for name in ("chosen", "rejected"))
    before = chosen[:-1]
    usable = before and before == rejected[:-1] and chosen[-1] != rejected[-1]
    if not usable or {chosen[-1]["role"], rejected[-1]["role"]} != {"assistant"}:
        return None
    return {"prompt": before, "chosen": chosen[-1:], "rejected": rejected[-1:]}


def helpsteer3(row: Row) -> Row | None:
    """nvidia/HelpSteer3: a conversation, two answers, and below 0 for the first; None for a tie."""
    preference = _number(column(row, "overall_preference"))
    if not isinstance(preference, int | float) or isinstance(preference, bool):
        raise BadRow(f"column overall_preference: expected a number, found {shown(preference)}")
    prompt = conversation(column(row, "context"), "context")
    answers = [[_message("assistant", text(row, name))] for name in ("response1", "response2")]
    if preference == 0:
        return None
    chosen, rejected = answers if preference < 0 else reversed(answers)
    return _preference(prompt, chosen, rejected)


def ultrafeedback(row: Row) -> Row:
    """argilla/ultrafeedback-binarized-preferences: a question and two answers."""
    chosen, rejected = ([_message("assistant", text(row, f"{name}_response"))] for name in ("chosen", "rejected"))
    return _preference([_message("user", text(row, "instruction"))], chosen, rejected)


def gsm8k(row: Row) -> Row:
    """openai/gsm8k: the answer is what follows #### in the last line of the solution."""
    solution = text(row, "answer")
    result = solution.rpartition("####")[2].strip().removeprefix(":").replace(",", "").strip()
    if "####" not in solution or not result:
        raise BadRow(f"column answer: expected a solution that ends with #### and the result, found {shown(solution)}")
    return {"problem": text(row, "question"), "answer": result, "solution": solution}


def hendrycks_math(row: Row) -> Row | None:
    """EleutherAI/hendrycks_math: the answer is the last \\boxed{} of the solution; None for a solution without."""
    solution = text(row, "solution")
    given = row.get("answer")
    answer = given if isinstance(given, str) and given.strip() else boxed(solution)
    return {"problem": text(row, "problem"), "answer": answer, "solution": solution} if answer else None


def deepmath(row: Row) -> Row | None:
    """zwhe99/DeepMath-103K: a question and its final answer; None where one is empty."""
    return _pair(row, "question", "final_answer")


def polaris(row: Row) -> Row | None:
    """POLARIS-Project/Polaris-Dataset-53K: a problem and its answer; None where one is empty."""
    return _pair(row, "problem", "answer")


def deepcoder(row: Row) -> Row | None:
    """agentica-org/DeepCoder-Preview-Dataset: a problem and its tests, in any of their forms; None without tests."""
    problem = text(row, "question", "prompt", "problem")
    found = programs.tests(row)
    starter = row.get("starter_code")
    starter = starter if isinstance(starter, str) and starter.strip() else None
    return {"problem": problem, "tests": found, "starter_code": starter} if found else None


ADAPTERS: Mapping[str, Adapter] = {
    "messages": messages,
    "prompt_completion": prompt_completion,
    "question_answer": question_answer,
    "chosen_rejected": chosen_rejected,
    "text": plain_text,
    "prompt": prompt,
    "first_user_message": first_user_message,
    "no_robots": messages,
    "tulu3": messages,
    "hh_rlhf": hh_rlhf,
    "helpsteer3": helpsteer3,
    "ultrafeedback": ultrafeedback,
    "gsm8k": gsm8k,
    "hendrycks_math": hendrycks_math,
    "deepmath": deepmath,
    "polaris": polaris,
    "deepcoder": deepcoder,
}
"""The adapters of this package, by the name that `options.adapter` takes."""

NAMES: Mapping[str, str] = {
    "HuggingFaceH4/no_robots": "no_robots",
    "allenai/tulu-3-sft-mixture": "tulu3",
    "Anthropic/hh-rlhf": "hh_rlhf",
    "nvidia/HelpSteer3": "helpsteer3",
    "argilla/ultrafeedback-binarized-preferences": "ultrafeedback",
    "openai/gsm8k": "gsm8k",
    "EleutherAI/hendrycks_math": "hendrycks_math",
    "HuggingFaceH4/MATH-500": "hendrycks_math",
    "zwhe99/DeepMath-103K": "deepmath",
    "POLARIS-Project/Polaris-Dataset-53K": "polaris",
    "agentica-org/DeepCoder-Preview-Dataset": "deepcoder",
    "tiny-gsm8k": "gsm8k",
    "tiny-math": "hendrycks_math",
    "tiny-deepmath": "deepmath",
    "tiny-polaris": "polaris",
    "tiny-deepcoder": "deepcoder",
}
"""The data sets whose adapter is known by their name."""

# The columns that tell an adapter, the surest first, and the forms of rows that look for them.
_ANSWERED = ("conversation", "problem", "prompt")
_COLUMNS: Sequence[tuple[str, tuple[str, ...], tuple[str, ...]]] = (
    ("messages", ("messages",), ("conversation", "prompt")),
    ("helpsteer3", ("context", "response1", "response2", "overall_preference"), ("preference",)),
    ("ultrafeedback", ("instruction", "chosen_response", "rejected_response"), ("preference",)),
    ("chosen_rejected", ("chosen", "rejected"), ("preference", "conversation")),
    ("prompt_completion", ("prompt", "completion"), ("conversation", "prompt")),
    ("deepcoder", ("problem", "tests"), ("problem",)),
    ("deepmath", ("question", "final_answer"), _ANSWERED),
    ("hendrycks_math", ("problem", "solution"), _ANSWERED),
    ("question_answer", ("question", "answer"), _ANSWERED),
    ("question_answer", ("problem", "answer"), _ANSWERED),
    ("prompt", ("prompt",), ("prompt",)),
    ("text", ("text",), ("conversation", "prompt")),
)


def named(name: str) -> Adapter:
    """The adapter of that name, one of ours or an installed one; raises InputError, which names the nearest one."""
    from importlib.metadata import entry_points

    installed = {point.name: point for point in entry_points(group=GROUP)}
    if name in ADAPTERS:
        return ADAPTERS[name]
    if name not in installed:
        raise nearest_of("adapter", name, sorted({*ADAPTERS, *installed}))
    try:
        found: Adapter = installed[name].load()
    except ImportError as error:
        raise InputError(f"adapter {name} cannot be loaded from {installed[name].value}: {error}") from error
    return found


def guess(name: str, columns: Iterable[str], kind: str) -> str:
    """The adapter for a data set of that name with these columns; raises InputError, which says what was tried."""
    if name in NAMES:
        return NAMES[name]
    there = set(columns)
    tried = [(adapter, wanted) for adapter, wanted, forms in _COLUMNS if types()[kind].rows in forms]
    for adapter, wanted in tried:
        if there.issuperset(wanted):
            return adapter
    listed = "; ".join(f"{adapter} ({', '.join(wanted)})" for adapter, wanted in tried)
    raise InputError(
        f"data set {name}: no adapter for recipes of type {kind} is known by its name, nor by its columns "
        f"{', '.join(sorted(map(str, there))) or '(none)'}. Tried: {listed}. Set options.adapter, or rename columns: "
        "dataset_ref.options.columns, such as {question: frage}"
    )


def conversation(value: Any, name: str) -> list[Row]:
    """A list of messages, or its text in JSON, checked; raises BadRow.

    What a table pads messages with, values that are null, goes. Content that is a list of texts becomes their text; a
    message that calls tools needs none.
    """
    value = _listed(value, name)
    if not isinstance(value, list) or not value:
        raise BadRow(f"column {name}: expected a list of messages, found {shown(value)}")
    return [_checked(message, f"column {name}[{number}]") for number, message in enumerate(value)]


def _checked(message: Any, where: str) -> Row:
    if not isinstance(message, Mapping):
        raise BadRow(f'{where}: expected a message {{"role": ..., "content": ...}}, found {shown(message)}')
    found: Row = _without_nulls(message)
    if found.keys() & _CALLS:
        found.setdefault("content", "")
    for key in ("role", "content"):
        if key not in message and key not in found:
            raise BadRow(f"{where}: no {key}; {did_you_mean(key, map(str, message))}")
    content = _joined_parts(found.get("content"))
    for key, part in (("role", found.get("role")), ("content", content)):
        if not isinstance(part, str):
            raise BadRow(f"{where}.{key}: expected text, found {shown(message.get(key))}")
    if found["role"] not in _ROLES:
        raise BadRow(f"{where}.role: there is no role {found['role']}; {did_you_mean(found['role'], _ROLES)}")
    return {key: content if key == "content" else found[key] for key in message if key in found} | {"content": content}


def _without_nulls(value: Any) -> Any:
    """The value without what is null in mappings: a table has to say of each what only some have."""
    if isinstance(value, Mapping):
        return {key: _without_nulls(part) for key, part in value.items() if part is not None}
    return [_without_nulls(part) for part in value] if isinstance(value, list) else value


def _joined_parts(content: Any) -> Any:
    """Content as text: of a list of parts `{"type": "text", "text": ...}`, their texts; all else as it is."""
    if isinstance(content, list) and all(isinstance(part, Mapping) and part.get("type") == "text" for part in content):
        texts = [part.get("text") for part in content]
        return "".join(texts) if texts and all(isinstance(each, str) for each in texts) else content
    return content


def _listed(value: Any, name: str) -> Any:
    """A list that a table holds as its text in JSON, as a list; any other value as it is."""
    if not isinstance(value, str) or not value.lstrip().startswith("["):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise BadRow(f"column {name}: expected a list of messages, found text that is not JSON: {error}") from None


def _number(value: Any) -> Any:
    """A number that a table holds as text, as a number; any other value as it is."""
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return value


def boxed(text: str) -> str | None:
    """What stands in the last \\boxed{} or \\fbox{} of a text, braces and all; None where there is none."""
    begin = max(text.rfind("\\boxed"), text.rfind("\\fbox"))
    if begin < 0:
        return None
    rest = text[begin:].removeprefix("\\boxed").removeprefix("\\fbox")
    if rest.startswith(" "):  # \boxed 5 is the short form
        short = re.match(r" +([^\s${}]+)", rest)
        return short.group(1) if short else None
    depth = 0
    for position, letter in enumerate(rest):
        depth += (letter == "{") - (letter == "}")
        if depth == 0:
            return rest[1:position] if position else None
    return None


def problem_of(row: Mapping[str, Any], adapter: str | None) -> Row:
    """The problem and answer in a row, adapted or as the data set has it; raises InputError where it has none."""
    try:
        if "problem" in row and "answer" in row:
            return {"problem": text(row, "problem"), "answer": text(row, "answer")}
        found = named(adapter)(dict(row)) if adapter is not None else None
    except BadRow as error:
        raise InputError(f"an environment needs a problem and its answer: {error}") from error
    if found is None:
        raise InputError(f"an environment needs a problem and its answer, found {shown(row)}")
    return found


def _message(role: str, content: str) -> Row:
    return {"role": role, "content": content}


def _said(row: Row, name: str, role: str) -> list[Row]:
    value = column(row, name)
    return conversation(value, name) if _is_conversation(value) else [_message(role, text(row, name))]


def _is_conversation(value: Any) -> bool:
    """Whether a value is a list of messages, or the text of one in JSON; text that begins with a bracket may be text."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            return False
        return isinstance(value, list) and all(isinstance(each, Mapping) and "role" in each for each in value)
    return isinstance(value, list)


def _alike(one: Sequence[Row], other: Sequence[Row]) -> int:
    """How many messages two conversations begin with that are the same in both."""
    same = 0
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    return same


def _without_prompt(prompt: list[Row], chosen: list[Row], rejected: list[Row]) -> tuple[list[Row], ...]:
    """The prompt and the two answers, each message once: some data sets have the prompt in the answers as well.

    Where both answers begin alike and this beginning ends with the prompt, it is the prompt: it may have what the
    column `prompt` leaves out, such as a system message. Raises BadRow for an answer that begins with another question.
    """
    shared = chosen[: _alike(chosen, rejected)]
    if len(shared) > len(prompt) and shared[-len(prompt) :] == prompt and shared[0]["role"] != "assistant":
        prompt = shared
    elif shared and prompt[-len(shared) :] == shared:
        chosen, rejected = chosen[len(shared) :], rejected[len(shared) :]
    answers = [each[len(prompt) :] if each[: len(prompt)] == prompt else each for each in (chosen, rejected)]
    for name, answer in zip(("chosen", "rejected"), answers, strict=True):
        if answer and answer[0]["role"] not in ("assistant", "tool") and answer[-1]["role"] == "assistant":
            raise BadRow(
                f"column {name}: it begins with a message of the {answer[0]['role']} that column prompt does not end "
                "with, so that the question would stand twice: leave out one of them"
            )
    return prompt, *answers


def _preference(prompt: list[Row], chosen: list[Row], rejected: list[Row]) -> Row:
    if not prompt:
        raise BadRow("columns chosen and rejected: expected conversations that begin alike")
    if not chosen or not rejected or chosen == rejected:
        raise BadRow("columns chosen and rejected: expected two answers that differ")
    for name, answer in (("chosen", chosen), ("rejected", rejected)):
        if answer[-1]["role"] != "assistant":
            raise BadRow(f"column {name}: expected an answer of the assistant, found one of the {answer[-1]['role']}")
    return {"prompt": prompt, "chosen": chosen, "rejected": rejected}


def _transcript(written: str, name: str) -> list[Row]:
    parts = _TURN.split(written)
    if len(parts) < 3:
        raise BadRow(f'column {name}: expected a transcript of turns "Human:" and "Assistant:", found {shown(written)}')
    roles = {"Human": "user", "Assistant": "assistant"}
    return [_message(roles[who], said.strip()) for who, said in zip(parts[1::2], parts[2::2], strict=True)]


def _pair(row: Row, problem: str, answer: str) -> Row | None:
    if problem not in row and answer not in row:
        column(row, problem)  # says which columns there are
    found = row.get(problem), row.get(answer)
    if "" in found or None in found:
        return None
    return question_answer({"question": found[0], "answer": found[1]})
