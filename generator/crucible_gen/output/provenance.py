"""What an output was made of, as the digest that its header holds (`inputs=`).

The digest covers the files that the user wrote (the recipe, what it extends, schemas and templates of their own), what
the run was asked for, and the output's own path, so that one output is never taken for another. It does not cover the
generator, whose digest stands once for all outputs (see `manifest`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

from crucible_gen.documents import digest
from crucible_gen.output.headers import head

SHARED = "the schemas and settings"
"""The source that the header of an output names that no recipe changes."""


def common(schemas: Iterable[tuple[str, str]], templates: Iterable[tuple[str, bytes]]) -> str:
    """What every output of a run depends on: the user's schemas (digests) and templates (bytes) by name."""
    lines = [f"schema {key} {of}" for key, of in schemas]
    lines += [f"template {name} {digest(data)}" for name, data in templates]
    return "\n".join(lines)


class Signer:
    """The two header lines of each output of one recipe, or of each output that recipes share."""

    def __init__(self, source: str, lines: Iterable[str]) -> None:
        """Takes the source that the lines name, and what goes into every output."""
        self._source = source
        self._inputs = sha256("\n".join([*lines, "output "]).encode())
        self._starts: dict[str, str] = {}

    def lines(self, output: str, body: str, comment: str = "#") -> str:
        """The lines for the output at a path, whose body has this digest: in front of it, or in the file beside it."""
        if comment not in self._starts:
            advice = "change those, not this file." if self._source == SHARED else "change that file, not this one."
            self._starts[comment] = head(self._source, comment=comment, advice=advice)
        inputs = self._inputs.copy()
        inputs.update(output.encode())
        return f"{self._starts[comment]}{inputs.hexdigest()[:16]} body={body}\n"


def recipe(sources: Sequence[tuple[str, str]], profile: str | None, common: str) -> Signer:
    """What signs the outputs of a recipe that was made of these files, by path and digest, its own first."""
    lines = [*(f"source {path} {of}" for path, of in sources), f"profile {profile}", common]
    return Signer(sources[0][0], lines)


def shared(common: str) -> Signer:
    """What signs the outputs that no recipe changes."""
    return Signer(SHARED, [common])
