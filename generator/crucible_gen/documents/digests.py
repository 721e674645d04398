"""The digest that identifies what a file says, in headers, records and fingerprints.

What git and editors do to a file without changing what it says, other line ends and a byte order mark, changes no digest
of a file.
"""

from __future__ import annotations

import hashlib

_MARK = b"\xef\xbb\xbf"


def content(data: bytes) -> bytes:
    """The bytes of a file with the line ends of Unix and without a byte order mark."""
    data = data.removeprefix(_MARK)
    return data.replace(b"\r\n", b"\n") if b"\r\n" in data else data


def digest(text: str | bytes) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of the text, encoded as UTF-8."""
    data = text.encode() if isinstance(text, str) else text
    return hashlib.sha256(data).hexdigest()[:16]
