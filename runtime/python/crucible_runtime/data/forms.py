"""The forms of rows that recipe types train on, made of the common form that adapters return.

conversation   {"messages": [...]}, and "tools" where the row has them
preference     {"prompt": [...], "chosen": [...], "rejected": [...]}
prompt         {"prompt": [...]}
problem        what the environment needs
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from crucible_runtime.data.row import BadRow, Row
from crucible_runtime.experiment.kinds import types


def fit(row: Row, kind: str) -> Row:
    """A row in its common form as recipes of type `kind` train on it; raises BadRow where it has nothing for them."""
    return FORMS[types()[kind].rows](row)


def _conversation(row: Row) -> Row:
    said = _conversation_of(row)
    if not any(message["role"] == "assistant" for message in said):
        raise BadRow("no message of the assistant, so that there is nothing to learn")
    return {"messages": said} | ({"tools": row["tools"]} if row.get("tools") else {})


def _preference(row: Row) -> Row:
    if "chosen" not in row:
        raise BadRow("no preferred and rejected answer, which recipes of type preference train on")
    return {name: row[name] for name in ("prompt", "chosen", "rejected")}


def _prompt(row: Row) -> Row:
    return {"prompt": row["prompt"] if "prompt" in row else _asked(_conversation_of(row))}


def _problem(row: Row) -> Row:
    return row


FORMS: Mapping[str, Callable[[Row], Row]] = {
    "conversation": _conversation,
    "preference": _preference,
    "prompt": _prompt,
    "problem": _problem,
}
"""What makes each form of a row in its common form."""


def uses_tools(row: Row) -> str:
    """Where a row in its form has tools or a call of one, such as `messages[1].tool_calls`; empty where it has none."""
    if row.get("tools"):
        return "tools"
    for name, part in row.items():
        for number, message in enumerate(part if isinstance(part, list) else ()):
            if isinstance(message, Mapping) and message.get("tool_calls"):
                return f"{name}[{number}].tool_calls"
    return ""


def _conversation_of(row: Row) -> list[Row]:
    if "messages" in row:
        found: list[Row] = row["messages"]
    elif "chosen" in row:
        found = [*row["prompt"], *row["chosen"]]
    elif "problem" in row and ("solution" in row or "answer" in row):
        answer = row["solution"] if "solution" in row else row["answer"]
        found = [{"role": "user", "content": row["problem"]}, {"role": "assistant", "content": answer}]
    else:
        raise BadRow("no conversation, and no question with an answer")
    return found


def _asked(said: Sequence[Row]) -> list[Row]:
    """A conversation up to the first question."""
    for number, message in enumerate(said):
        if message["role"] == "user":
            return list(said[: number + 1])
    raise BadRow("no message of the user, so that there is nothing to ask")
