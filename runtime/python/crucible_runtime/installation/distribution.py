"""How this package was installed, and the commands that install an extra of it or a newer release.

An installer records in direct_url.json (PEP 610) what a distribution was installed from: a directory, an archive or a
version control system. A distribution from an index has no such record. Credentials in a URL are never shown.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlsplit, urlunsplit

NAME = "crucible-runtime"
_HIDDEN = "***"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a distribution was installed from; `location` is a path, a URL without credentials, or empty for an index."""

    kind: Literal["index", "directory", "editable", "file", "archive", "vcs"]
    location: str = ""
    revision: str = ""
    """The commit of a version control system."""
    subdirectory: str = ""

    def requirement(self, extras: Sequence[str] = ()) -> list[str]:
        """Return the arguments of `pip install` that name the same distribution with `extras`."""
        brackets = f"[{','.join(extras)}]" if extras else ""
        match self.kind:
            case "index":
                return [f"{NAME}{brackets}"]
            case "directory" | "file":
                return [f"{self.location}{brackets}"]
            case "editable":
                return ["-e", f"{self.location}{brackets}"]
        revision = f"@{self.revision}" if self.revision else ""
        fragment = f"#subdirectory={self.subdirectory}" if self.subdirectory else ""
        return [f"{NAME}{brackets} @ {self.location}{revision}{fragment}"]


def described() -> str:
    """Return name and version of the installed distribution, or where the package is that was not installed as one."""
    installed = _installed()
    return f"{NAME} in {Path(__file__).parents[2]}" if installed is None else f"{NAME} {installed.version}"


def install_command(*extras: str) -> str:
    """Return the shell command that installs `extras` from where this package was installed.

    Where a directory or file that it was installed from is gone, the command names the packages of the extras instead.
    """
    origin, installed = _origin(), _installed()
    if (
        installed is not None
        and origin.kind in ("directory", "editable", "file")
        and not Path(origin.location).exists()
    ):
        packages = list(dict.fromkeys(each for extra in extras for each in _packages(installed, extra)))
        return _pip(packages or [NAME])
    return _pip(origin.requirement(extras))


def upgrade_instruction() -> str:
    """Return what to do for a newer release of this package: a shell command, after a step by hand where one is needed."""
    origin = _origin()
    match origin.kind:
        case "directory" | "editable":
            return f"update the source in {_quoted(origin.location)}, then run: {_pip(origin.requirement())}"
        case "file" | "archive":
            command = _pip(["--upgrade", *origin.requirement()])
            return f"put the newer release in place of {origin.location} in: {command}"
        case "vcs":
            newest = replace(origin, revision="").requirement()
            return f"run: {_pip(['--upgrade', *newest])}"
        case "index":
            return f"run: {_pip(['--upgrade', NAME])}"


def _installed() -> Distribution | None:
    try:
        return distribution(NAME)
    except PackageNotFoundError:
        return None


def _origin() -> Origin:
    installed = _installed()
    if installed is None:
        # Imported from a path, for example with PYTHONPATH: its project is there, if it has one.
        project = Path(__file__).resolve().parents[2]
        if (project / "pyproject.toml").is_file():
            return Origin(kind="editable", location=str(project))
        return Origin(kind="index")
    try:
        record = json.loads(installed.read_text("direct_url.json") or "null")
        if isinstance(record, dict) and isinstance(record.get("url"), str):
            return _recorded(record)
    except ValueError:  # neither JSON nor a URL
        pass
    return Origin(kind="index")


def _recorded(record: Mapping[str, Any]) -> Origin:
    """The origin that a record of PEP 610 states; raises ValueError for what is not a URL."""
    url, subdirectory = record["url"], str(record.get("subdirectory") or "")
    if isinstance(vcs := record.get("vcs_info"), dict):
        # Before packaging 22, pip requires a host in every URL of this kind.
        place = _without_credentials(url).replace("file:///", "file://localhost/", 1)
        return Origin(
            kind="vcs",
            location=f"{vcs.get('vcs', 'git')}+{place}",
            revision=str(vcs.get("commit_id") or vcs.get("requested_revision") or ""),
            subdirectory=subdirectory,
        )
    if isinstance(directory := record.get("dir_info"), dict):
        return Origin(kind="editable" if directory.get("editable") else "directory", location=_path(url))
    if url.startswith("file:") and not subdirectory:
        return Origin(kind="file", location=_path(url))
    return Origin(kind="archive", location=_without_credentials(url), subdirectory=subdirectory)


def _path(url: str) -> str:
    """The path that a URL of the scheme `file` names on this system."""
    from urllib.request import url2pathname  # it imports the whole of http

    return url2pathname(urlsplit(url).path)


def _without_credentials(url: str) -> str:
    """The URL without user, password, query values and fragment; the user of a URL for ssh stays, it is no secret."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if at and "ssh" in parts.scheme:
        host = f"{user.partition(':')[0]}@{host}"
    path = quote(parts.path, safe="%/:@!$&'()*+,;=~")  # pip records the URL of a local repository with its spaces
    return urlunsplit((parts.scheme, host, path, _HIDDEN if parts.query else "", ""))


def _packages(installed: Distribution, extra: str) -> Iterator[str]:
    """The requirements of an extra, without their markers."""
    for requirement in installed.requires or ():
        needed, _, marker = requirement.partition(";")
        if re.search(rf"""extra\s*==\s*["']{re.escape(extra)}["']""", marker):
            yield needed.strip()


def _pip(arguments: Iterable[str]) -> str:
    return " ".join(["pip install", *map(_quoted, arguments)])


def _quoted(word: str) -> str:
    """The word as the shell of this system takes it."""
    if os.name != "nt":
        return shlex.quote(word)
    return f'"{word}"' if re.search(r"[^\w.:/\\-]", word) else word
