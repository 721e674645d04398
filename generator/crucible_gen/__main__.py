"""The command `gen`."""

from __future__ import annotations

import gc
import sys

from crucible_gen import fast


def main() -> None:
    """Runs the command line; exits 0, 1 for problems in the input, 2 for wrong usage."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a locale must not decide what can be said
    gc.disable()  # a run is short, and nothing that there is much of goes in circles
    code = fast.run(sys.argv[1:])
    if code is not None:
        sys.exit(code)
    from crucible_gen.cli import gen

    gen(prog_name="gen")


if __name__ == "__main__":
    main()
