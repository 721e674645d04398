"""What of this machine the Python interpreter needs to start and to import its standard library: what a sandbox shows.

A Python that has imported all of its extension modules says itself which libraries it has loaded.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_SECONDS = 60
# Modules that need a screen or a terminal, or are there to test Python, bring libraries that no program here needs.
_PROBE = """
import ctypes, importlib, json, os, sys, sysconfig
places = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib")]
dynload = os.path.join(places[1], "lib-dynload")
for name in sorted(os.listdir(dynload)) if os.path.isdir(dynload) else ():
    module = name.partition(".")[0]
    if not module.startswith(("_test", "xx", "_xx", "_tkinter", "_curses", "readline", "_dbm", "_gdbm", "_ctypes_test")):
        try:
            importlib.import_module(module)
        except ImportError:
            pass
try:
    ctypes.CDLL("libgcc_s.so.1")
except OSError:
    pass
with open("/proc/self/maps") as maps:
    loaded = {line.split(maxsplit=5)[5].rstrip("\\n") for line in maps if line.count("/") > 1}
print(json.dumps([places, sorted(path for path in loaded if os.path.isfile(path))]))
"""


@dataclass(frozen=True, slots=True)
class Needed:
    """Paths that are shown to be read, links with where they lead, and directories that are shown empty."""

    paths: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    hidden: tuple[str, ...]


def program() -> str:
    """The interpreter itself: in a virtual environment sys.executable is a link that the sandbox does not have."""
    return os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)


@cache
def needed() -> Needed:
    """What the interpreter needs; raises OSError and ValueError where it cannot say so."""
    found = subprocess.run(  # noqa: S603 - this Python
        [program(), "-I", "-S", "-B", "-c", _PROBE],
        capture_output=True,
        timeout=_SECONDS,
        check=False,
        env={},
    )
    if found.returncode:
        raise ValueError(found.stderr.decode("utf-8", "replace").strip() or f"exit status {found.returncode}")
    libraries, loaded = json.loads(found.stdout)
    files = {program(), *loaded}
    stdlib = [path for path in dict.fromkeys(libraries) if os.path.isdir(path)]
    outside = sorted(path for path in files if not any(Path(path).is_relative_to(place) for place in stdlib))
    hidden = [f"{place}/{name}" for place in stdlib for name in ("site-packages", "dist-packages")]
    return Needed((*stdlib, *outside), tuple(_links(set(outside))), tuple(filter(os.path.isdir, hidden)))


def _links(files: set[str]) -> Iterator[tuple[str, str]]:
    """The links by which the loader finds libraries: those of the system's directories, and those to these files."""
    tops = ("/lib", "/lib32", "/lib64", "/usr/lib32", "/usr/lib64")
    for top in tops:
        if os.path.islink(top):
            yield top, os.readlink(top)
    places = {os.path.dirname(path) for path in files} | {os.path.realpath(top) for top in ("/lib", "/lib64")}
    for place in sorted(filter(os.path.isdir, places)):
        for entry in sorted(os.scandir(place), key=lambda each: each.name):
            if entry.is_symlink() and entry.path not in tops and os.path.realpath(entry.path) in files:
                yield entry.path, os.readlink(entry.path)
