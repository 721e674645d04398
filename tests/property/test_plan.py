"""Random directories and random plans: what is not ours stays as it is, a run without problems gives exact bytes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crucible_gen.diagnostics.problems import Problems
from crucible_gen.documents import content, digest
from crucible_gen.output.diff import diff
from crucible_gen.output.files import File
from crucible_gen.output.headers import read, sign
from crucible_gen.output.plan import plan
from crucible_gen.output.survey import FOREIGN_FOLDERS, temporary
from crucible_gen.output.write import apply, locked
from headers import sidecar
from hypothesis import given, settings
from hypothesis import strategies as st

FOLDERS = ["", "elixir/lib/", "elixir/", "ir/", "elixir/_build/", ".hidden/", "a.ex/"]
BODIES = ["", "one\n", "two", "a\u2028b\r\n", "[1]\n", "# gen: inputs=\n"]
STATES = ["foreign", "ours", "crlf", "edited", "link", "folder", "nothing", "stray", "alone", "torn"]
"""What can stand at a path. `alone` is half of a pair, `torn` what a run leaves that is killed inside a pair."""

paths = st.builds(str.__add__, st.sampled_from(FOLDERS), st.sampled_from(["a.ex", "b.ex", "a.json", "b.json", "A.ex"]))
bodies = st.sampled_from(BODIES)
sources = st.text(max_size=12)
disks = st.dictionaries(paths, st.tuples(st.sampled_from(STATES), bodies), max_size=8)
wishes = st.dictionaries(paths, st.tuples(st.booleans(), bodies), max_size=6)


def outputs(path: str, body: str, source: str = "a.yaml") -> list[File]:
    """A file as an emitter makes it: signed, or beside its sidecar."""
    if not path.endswith(".json"):
        return [File(path, sign(body, source=source, inputs="0" * 16), None)]
    return [File(path, body, None), File(f"{path}.gen", sidecar(body, source=source, inputs="0" * 16), None)]


def put(path: Path, data: bytes) -> bool:
    """Writes where nothing is in the way yet."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as stream:
            stream.write(data)
    except (FileExistsError, NotADirectoryError):
        return False
    return True


def furnish(out: Path, disk: dict[str, tuple[str, str]]) -> set[str]:
    """Makes the directory, and returns the paths in it that are somebody's work."""
    mine: set[str] = set()
    for path, (state, body) in disk.items():
        target = out / path
        made = outputs(path, body)
        whole = made[0].text.encode()
        if state == "foreign":
            mine |= {path} if put(target, f"mine {body}".encode()) else set()
        elif state == "link":
            if not target.exists() and put(target.with_name("x.target"), b"mine"):
                target.symlink_to(target.with_name("x.target"))
                mine |= {path, target.with_name("x.target").relative_to(out).as_posix()}
        elif state == "folder":
            mine |= {f"{path}/own"} if put(target / "own", b"mine") else set()
        elif state == "stray":
            put(target.with_name(temporary(target.name)), whole)
        elif state == "edited":
            if put(target, whole + b"edit"):
                mine.add(path)
                if len(made) == 2:
                    put(out / made[1].path, made[1].text.encode())
        elif state == "torn" and len(made) == 2:
            if put(target, whole):
                put(out / made[1].path, outputs(path, f"{body} before")[1].text.encode())
                put(target.with_name(temporary(f"{target.name}.gen")), made[1].text.encode())
        elif state in ("ours", "crlf", "torn"):
            text = [
                file.text.encode().replace(b"\n", b"\r\n") if state == "crlf" else file.text.encode() for file in made
            ]
            if put(target, text[0]) and len(made) == 2:
                put(out / made[1].path, text[1])
        elif state == "alone" and len(made) == 2:
            put(out / made[1].path, made[1].text.encode())
    return mine


def tree(out: Path) -> dict[str, bytes]:
    found = {}
    for path in out.rglob("*"):
        if path.is_symlink():
            found[path.relative_to(out).as_posix()] = b"-> " + str(path.readlink()).encode()
        elif path.is_file():
            found[path.relative_to(out).as_posix()] = path.read_bytes()
    return found


def wished(wish: dict[str, tuple[bool, str]]) -> list[File]:
    return [file for path, (_, body) in wish.items() for file in outputs(path, body)]


@contextmanager
def room() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp())
    try:
        yield path
    finally:
        shutil.rmtree(path)


@settings(max_examples=200, deadline=None)
@given(disks, wishes, st.booleans(), st.booleans())
def test_foreign_files_stay_and_a_run_gives_what_is_wished(
    disk: dict[str, Any], wish: dict[str, Any], force: bool, complete: bool
) -> None:
    with room() as out:
        mine = furnish(out, disk)
        files = wished(wish)
        before = tree(out)
        found = plan(files, out, force=force, complete=complete)
        assert tree(out) == before, "a plan changes nothing"
        assert diff(found) == diff(plan(list(reversed(files)), out, force=force, complete=complete))
        with locked(out):
            try:
                apply(found, out)
            except Problems as caught:
                assert caught.problems == found.problems
                assert tree(out) == before, "a run with problems changes nothing"
                return
        after = tree(out)
        wanted = {file.path: file.text.encode() for file in files}
        assert {path: content(after.get(path, b"missing")) for path in wanted} == {
            path: content(data) for path, data in wanted.items()
        }
        forced = {action.path for action in found.actions if action.forced}
        assert force or not forced
        for path in mine - forced:
            assert after.get(path) == before[path], f"{path} is somebody's work"
        again = plan(files, out, complete=complete)
        assert not again.changes and not again.problems and not again.strays
        if complete:
            for path, data in after.items():
                hidden = any(part in FOREIGN_FOLDERS or part.startswith(".") for part in path.split("/")[:-1])
                assert path in wanted or path in mine or hidden or read(data) is None, f"{path} is left over"
        else:
            assert before.keys() - forced <= after.keys() | {path for path in before if ".gen-" in path}


@settings(max_examples=200, deadline=None)
@given(sources, st.text(max_size=40), st.sampled_from(["#", "//", "--"]))
def test_what_is_signed_is_read_back(source: str, body: str, comment: str) -> None:
    text = sign(body, source=source, inputs="0123456789abcdef", comment=comment)
    first, second, rest = text.split("\n", 2)
    assert rest == body
    assert len(f"{first}\n{second}".splitlines()) == 2, "nothing in a source ends a line"
    found = read(text)
    assert found is not None and not found.edited and found.body == digest(body)
    assert found.inputs == "0123456789abcdef" and f" from {found.source}: " in first
    compile(f"{sign('x = 1', source=source, inputs='0' * 16)}\n".encode(), "generated.py", "exec")


@settings(max_examples=200, deadline=None)
@given(sources, sources)
def test_two_sources_never_look_like_one(one: str, two: str) -> None:
    first, second = (read(sign("", source=source, inputs="0" * 16)) for source in (one, two))
    assert first is not None and second is not None
    assert (first.source == second.source) == (one == two)
