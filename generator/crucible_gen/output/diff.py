"""A Plan becomes a unified diff, in git's own form, of what it would do to the output directory.

The diff is for people and for `git apply` and `patch -p1` alike. The surprising rule: lines end at line feeds and
nowhere else, so that a text with another line separator inside comes back from a patch byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterator

from crucible_gen.output.plan import Plan
from crucible_gen.output.survey import Action


def diff(plan: Plan) -> str:
    """The plan's changes as a unified diff that `git apply` and `patch -p1` understand; empty when nothing changes.

    A file that is not text (it was edited by hand, then) has one line that says so.
    """
    prefix = plan.out.as_posix().strip("/")
    prefix = "" if prefix == "." else f"{prefix}/"
    return "".join(part for action in plan.changes for part in _file_diff(action, prefix + action.path))


def _file_diff(action: Action, path: str) -> Iterator[str]:
    old_name, new_name = _quoted(f"a/{path}"), _quoted(f"b/{path}")
    yield f"diff --git {old_name} {new_name}\n"
    if action.old is None:
        yield "new file mode 100644\n"
        old_name = "/dev/null"
    if action.new is None:
        yield "deleted file mode 100644\n"
        new_name = "/dev/null"
    try:
        old, new = _split(action.old), _split(action.new)
    except UnicodeDecodeError:
        yield f"Binary files {old_name} and {new_name} differ\n"
        return
    if not old and not new:
        return
    yield f"--- {old_name}\n"
    yield f"+++ {new_name}\n"
    for line in _hunks(old, new):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _hunks(old: list[str], new: list[str]) -> Iterator[str]:
    if not old:
        yield f"@@ -0,0 +{_span(new)} @@\n"
        yield from (f"+{line}" for line in new)
    elif not new:
        yield f"@@ -{_span(old)} +0,0 @@\n"
        yield from (f"-{line}" for line in old)
    else:
        import difflib
        from itertools import islice

        yield from islice(difflib.unified_diff(old, new), 2, None)


def _span(lines: list[str]) -> str:
    return "1" if len(lines) == 1 else f"1,{len(lines)}"


def _split(data: bytes | None) -> list[str]:
    """Lines with their ends; only a line feed ends one, for the diff knows no other."""
    lines = (data or b"").decode().split("\n")
    last = lines.pop()
    return [f"{line}\n" for line in lines] + ([last] if last else [])


def _quoted(path: str) -> str:
    """The path as git and patch read it: in quotes with C's escapes, where a character in it would end it early."""
    if not any(char in '"\\ \x7f' or char < " " for char in path):
        return path
    return '"' + "".join(f"\\{ord(c):03o}" if c in '"\\\x7f' or c < " " else c for c in path) + '"'
