"""The header that stands in a file of its own, beside one that cannot carry a comment."""

from __future__ import annotations

from crucible_gen.output.headers import sign


def sidecar(body: str, *, source: str, inputs: str, comment: str = "#") -> str:
    """The two lines of the file beside `body`."""
    return sign(body, source=source, inputs=inputs, comment=comment).removesuffix(body)
