"""The most usual command lines, paths and switches alone, without click.

Taking a command line apart with click costs more than everything else that a run with little to do does.
"""

from __future__ import annotations

import os
from pathlib import Path

from crucible_gen.incremental import Session

COMMANDS = frozenset({"contracts", "explain", "generate", "new", "resolve", "schema", "settings", "structs", "verify"})
SWITCHES = {
    "--check": "check",
    "--diff": "diff",
    "--force": "force",
    "--no-cache": "no_cache",
    "--quiet": "quiet",
    "--verbose": "verbose",
    "-q": "quiet",
    "-v": "verbose",
}
"""The options without a value of the main command; the session sees to --no-cache."""


def run(arguments: list[str], session: Session) -> int | None:
    """Runs the main command if the command line has existing paths and switches and nothing else; None if not."""
    paths = [word for word in arguments if word not in SWITCHES]
    on = {SWITCHES[word] for word in arguments if word in SWITCHES}
    if not paths or arguments[0] in COMMANDS or not all(word[:1] != "-" and os.path.exists(word) for word in paths):
        return None
    if on >= {"check", "diff"} or on >= {"quiet", "verbose"}:
        return None
    from crucible_gen.cli import generate, guard

    options = generate.Options(
        paths=[Path(path) for path in paths],
        check="check" in on,
        diff="diff" in on,
        force="force" in on,
        quiet="quiet" in on,
        verbose="verbose" in on,
    )
    return guard.guarded(lambda: generate.generate(options, {}, session), {})
