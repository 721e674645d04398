"""What goes into an output in, the digest that its header bears out (`inputs=`).

The digest covers the files that the user wrote (the recipe, what it extends, schemas and templates of their own), what
the run was asked for, and the output's own path, so that one output is never taken for another. It does not cover the
generator, whose digest stands once for all outputs (see `manifest`). The surprising rule: since the digest covers the
list of the files too, whoever comes to the same digest has the same list, however it was found.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from crucible_gen.sign import body_digest, head

SHARED = "the schemas and settings"
"""The source that the header of an output names that no recipe changes."""


def common(
    schemas: Iterable[tuple[str, str]],
    templates: Iterable[tuple[str, bytes]],
    compat: Iterable[str],
    elixir_runtime: Mapping[str, str],
) -> str:
    """What every output of a run depends on: the user's schemas (digests) and templates (bytes) by name, and releases.

    `elixir_runtime` are the options of the dependency that the Elixir runtime is, none where it is copied.
    """
    lines = [f"schema {key} {digest}" for key, digest in schemas]
    lines += [f"template {name} {body_digest(data)}" for name, data in templates]
    lines += [f"compat {release}" for release in compat]
    lines += [f"elixir_runtime {name} {value}" for name, value in elixir_runtime.items()]
    return "\n".join(lines)


class Signer:
    """The two lines of each output of one recipe, or of each that recipes share."""

    def __init__(self, source: str, lines: Iterable[str]) -> None:
        """Takes the source that the lines name, and what goes into every output."""
        advice = "change those, not this file." if source == SHARED else "change that file, not this one."
        self._start = head(source, advice=advice)
        self._inputs = sha256("\n".join([*lines, "output "]).encode())

    def lines(self, output: str, body: str) -> str:
        """The lines for the output at a path, whose body has this digest: in front of it, or in the file beside it."""
        inputs = self._inputs.copy()
        inputs.update(output.encode())
        return f"{self._start}{inputs.hexdigest()[:16]} body={body}\n"


def recipe(sources: Sequence[tuple[str, str]], profile: str | None, common: str) -> Signer:
    """Paths and digests of the files of a recipe, its own first, to what signs its outputs."""
    lines = [*(f"source {path} {digest}" for path, digest in sources), f"profile {profile}", common]
    return Signer(sources[0][0], lines)


def shared(common: str) -> Signer:
    """What signs the outputs that no recipe changes."""
    return Signer(SHARED, [common])


def relative(path: str, root: str) -> str:
    """A path as headers name it: from the project root, with slashes."""
    if path.startswith(root + os.sep):
        return path[len(root) + 1 :].replace(os.sep, "/")
    return os.path.relpath(path, root).replace(os.sep, "/")


def below(directory: Path, ending: str) -> list[Path]:
    """What lies below the user's directory and has a name that ends so, sorted; links to directories are not followed.

    Raises OSError where there is no directory, or one below it cannot be read: what is in it must not be overlooked.
    """

    def refuse(error: OSError) -> None:
        raise error

    walk = os.walk(directory, onerror=refuse)
    return sorted(Path(at, name) for at, folders, files in walk for name in folders + files if name.endswith(ending))


def templates(own: Path | None) -> list[tuple[str, bytes]]:
    """The user's templates: name and bytes, sorted. Raises OSError for a directory or a template that cannot be read."""
    paths = below(own, ".j2") if own is not None else []
    return [(path.relative_to(own or path).as_posix(), path.read_bytes()) for path in paths]
