"""The one committed file that names the generator which wrote a directory, by its digest.

Headers of outputs do not name the generator: a release that changes no output changes one line, that of this file. It
stands beside the targets and has the two header lines of every generated file; its `inputs` is the generator's digest.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from crucible_gen.documents import content, digest
from crucible_gen.output import headers
from crucible_gen.output.files import File
from crucible_gen.schemas import shipped

NAME = "manifest.txt"
_SOURCE, _ADVICE = "the generator", "run it, do not change this file."
_BODY = "The digest above is that of the generator that wrote these files.\ntargets: {}\n"


@cache
def generator(folders: tuple[Path, ...] = ()) -> str:
    """The digest of the code, schemas and templates that run, whether installed or in a checkout.

    `folders` are directories besides, from which languages copy files into projects.
    """
    code = Path(__file__).parents[1]
    names = [f"code/{path} {of}" for path, of in _digests(code) if not path.startswith("data/")]
    names += [f"{kind}/{path} {of}" for kind in ("schemas", "templates") for path, of in _digests(shipped(kind))]
    names += [f"{root.parent.name}/{root.name}/{path} {of}" for root in folders for path, of in _digests(root)]
    return digest("\n".join(names))


def file(targets: Sequence[str], folders: tuple[Path, ...] = ()) -> File:
    """The file of a run that writes everything of these targets; `folders` as in `generator`."""
    body = _BODY.format(" ".join(sorted(targets)))
    return File(NAME, headers.sign(body, source=_SOURCE, inputs=generator(folders), advice=_ADVICE), None)


def void() -> File:
    """The file of a directory that two generators wrote parts of: it names none."""
    return File(NAME, headers.sign(_BODY.format(""), source=_SOURCE, inputs="0" * 16, advice=_ADVICE), None)


def bears_another(out: Path, folders: tuple[Path, ...] = ()) -> bool:
    """Whether the directory has the file of another generator, or one that cannot be read."""
    try:
        signature = headers.read((out / NAME).read_bytes())
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return signature is None or signature.inputs != generator(folders)


def _digests(root: Path) -> Iterator[tuple[str, str]]:
    """The generator's files below a directory, by path with slashes, sorted."""
    found: list[tuple[str, str]] = []
    start = len(os.path.join(root, ""))
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name != "__pycache__"]
        paths = [os.path.join(folder, name) for name in files if name[0] != "." and name[-1] != "~"]
        found += [(path[start:].replace(os.sep, "/"), path) for path in paths]
    for name, path in sorted(found):
        with open(path, "rb") as file:
            yield name, digest(content(file.read()))
