"""The command `gen`."""

from __future__ import annotations

import codecs
import gc
import os
import sys

from crucible_gen.incremental import Session


def main() -> None:
    """Runs the command line; exits 0, 1 for problems in the input, 2 for wrong usage, 74 where it cannot print."""
    for standard, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, standard) is None:  # closed, and the first file that is opened would take its place
            setattr(sys, standard, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - until the end
    for stream in (sys.stdout, sys.stderr):
        # A locale must not decide what can be said, and one that names ASCII is mostly none at all.
        name = "utf-8" if codecs.lookup(stream.encoding).name == "ascii" else None
        stream.reconfigure(encoding=name, errors="backslashreplace")  # type: ignore[union-attr]
    gc.disable()  # a run is short, and nothing that there is much of goes in circles
    try:
        code = _run(sys.argv[1:])
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError as error:
        from crucible_gen.cli import guard

        if not (code := guard.unprinted(error)):
            raise
    os._exit(code)  # all is written, and the interpreter would take its time to take everything apart


def _run(arguments: list[str]) -> int:
    session = Session(arguments)
    code = session.answer()
    if code is None:
        from crucible_gen.cli import arguments as usual

        code = usual.run(arguments, session)
    if code is None:
        from crucible_gen.cli.app import gen

        gen(prog_name="gen", obj=session)  # it exits
        return 0
    return code


if __name__ == "__main__":
    main()
