"""The command `gen`."""

from __future__ import annotations

import codecs
import gc
import os
import sys

from crucible_gen import fast


def main() -> None:
    """Runs the command line; exits 0, 1 for problems in the input, 2 for wrong usage."""
    for stream in (sys.stdout, sys.stderr):
        # A locale must not decide what can be said, and one that names ASCII is mostly none at all.
        name = "utf-8" if codecs.lookup(stream.encoding).name == "ascii" else None
        stream.reconfigure(encoding=name, errors="backslashreplace")  # type: ignore[union-attr]
    gc.disable()  # a run is short, and nothing that there is much of goes in circles
    code = fast.run(sys.argv[1:])
    if code is None:
        from crucible_gen import plain

        code = plain.run(sys.argv[1:])
    if code is None:
        from crucible_gen.cli import gen

        gen(prog_name="gen")
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # all is written, and the interpreter would take its time to take everything apart


if __name__ == "__main__":
    main()
