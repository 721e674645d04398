"""The generator in, its digest out, and the one committed file that bears it.

Headers of outputs say nothing of the generator: a release that changes no output changes one line, that of this file.
It stands beside the targets and has the two lines of every generated file; its `inputs` is the generator's digest.
While that is the digest of the generator that runs, `gen --check` may prove outputs by their digests (see `proof`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from crucible_gen import elixir_runtime, sign
from crucible_gen.files import File
from crucible_gen.schema import shipped

NAME = "manifest.txt"
_SOURCE, _ADVICE = "the generator", "run it, do not change this file."
_BODY = "The digest above is that of the generator that wrote these files.\ntargets: {}\n"
_PARTS = (".py", ".json", ".j2", ".ex", ".exs")


@cache
def generator() -> str:
    """The digest of the code, schemas, templates and Elixir runtime, whether installed or in a checkout."""
    code = Path(__file__).parent
    names = [f"code/{path} {digest}" for path, digest in _digests(code) if not path.startswith("data/")]
    kinds = ("schemas", "templates", *(f"runtime/elixir/{folder}" for folder in elixir_runtime.FOLDERS))
    names += [f"{kind}/{path} {digest}" for kind in kinds for path, digest in _digests(shipped(kind))]
    return sign.body_digest("\n".join(names))


def file(targets: Sequence[str]) -> File:
    """The file of a run that writes everything of these targets."""
    body = _BODY.format(" ".join(sorted(targets)))
    return File(NAME, sign.sign(body, source=_SOURCE, inputs=generator(), advice=_ADVICE), None)


def void() -> File:
    """The file of a directory that two generators wrote parts of: it names none."""
    return File(NAME, sign.sign(_BODY.format(""), source=_SOURCE, inputs="0" * 16, advice=_ADVICE), None)


def bears_another(out: Path) -> bool:
    """Whether the directory has the file of another generator, or one that cannot be read."""
    try:
        signature = sign.read((out / NAME).read_bytes())
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return signature is None or signature.inputs != generator()


def _digests(root: Path) -> Iterator[tuple[str, str]]:
    """The generator's files below a directory, by path with slashes, sorted."""
    found: list[tuple[str, str]] = []
    start = len(os.path.join(root, ""))
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name != "__pycache__"]
        paths = [os.path.join(folder, name) for name in files if name.endswith(_PARTS)]
        found += [(path[start:].replace(os.sep, "/"), path) for path in paths]
    for name, path in sorted(found):
        with open(path, "rb") as file:
            yield name, sign.body_digest(file.read().replace(b"\r\n", b"\n"))
