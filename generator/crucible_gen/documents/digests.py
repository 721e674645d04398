"""The digest that identifies the bytes of a file, in headers, records and fingerprints."""

from __future__ import annotations

import hashlib


def digest(text: str | bytes) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of the text, encoded as UTF-8."""
    data = text.encode() if isinstance(text, str) else text
    return hashlib.sha256(data).hexdigest()[:16]
