from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from crucible_gen.output.files import File
from crucible_gen.output.headers import sign
from crucible_gen.output.plan import Plan, plan, summary
from crucible_gen.output.stale import Scope
from crucible_gen.output.survey import temporary
from headers import sidecar

INPUTS = "9f2c41d07be8a35c"


def ours(path: str, body: str = "x = 1\n") -> File:
    stem = path.rpartition("/")[2].partition(".")[0]
    return File(path, sign(body, source=f"recipes/{stem}.yaml", inputs=INPUTS), stem)


def pair(path: str, body: str = "{}\n") -> list[File]:
    stem = path.rpartition("/")[2].partition(".")[0]
    return [
        File(path, body, stem),
        File(f"{path}.gen", sidecar(body, source=f"recipes/{stem}.yaml", inputs=INPUTS), stem),
    ]


def put(out: Path, *files: File) -> None:
    for file in files:
        (out / file.path).parent.mkdir(parents=True, exist_ok=True)
        (out / file.path).write_bytes(file.text.encode())


def kinds(found: Plan) -> dict[str, str]:
    return {action.path: action.kind for action in found.actions}


def codes(found: Plan, out: Path) -> list[tuple[str, str]]:
    return [(Path(problem.place.file).relative_to(out).as_posix(), problem.code) for problem in found.problems]


def test_create_update_keep_delete(tmp_path: Path) -> None:
    put(tmp_path, ours("elixir/a.ex"), ours("elixir/b.ex", "old\n"), ours("elixir/gone.ex"), *pair("ir/gone.json"))
    found = plan([ours("elixir/c.ex"), ours("elixir/b.ex", "new\n"), ours("elixir/a.ex")], tmp_path)
    assert not found.problems
    assert list(kinds(found).items()) == [
        ("elixir/a.ex", "keep"),
        ("elixir/b.ex", "update"),
        ("elixir/c.ex", "create"),
        ("elixir/gone.ex", "delete"),
        ("ir/gone.json", "delete"),
        ("ir/gone.json.gen", "delete"),
    ]
    keep, update, create, delete = found.actions[:4]
    assert (keep.old, keep.new, keep.recipe) == (None, None, "a")
    assert (update.old, update.new) == (ours("b.ex", "old\n").text.encode(), ours("b.ex", "new\n").text.encode())
    assert (create.old, create.new, create.stamp) == (None, ours("c.ex").text.encode(), None)
    assert (delete.old, delete.new) == (ours("gone.ex").text.encode(), None)
    assert [action.path for action in found.changes] == [path for path, kind in kinds(found).items() if kind != "keep"]


def test_a_plan_for_a_directory_that_is_not_there_creates_everything(tmp_path: Path) -> None:
    found = plan([ours("elixir/a.ex"), *pair("ir/a.json")], tmp_path / "new")
    assert kinds(found) == {"elixir/a.ex": "create", "ir/a.json": "create", "ir/a.json.gen": "create"}
    assert not found.problems and not (tmp_path / "new").exists()


def test_equal_files_are_kept_whatever_their_signature(tmp_path: Path) -> None:
    files = [
        File("a.txt", "no signature", None),
        File("empty", "", None),
        File("b.ex", ours("b.ex").text + "edit", "b"),
    ]
    put(tmp_path, *files)
    assert set(kinds(plan(files, tmp_path)).values()) == {"keep"}
    put(tmp_path, pair("ir/a.json")[0])
    found = plan(pair("ir/a.json"), tmp_path, complete=False)
    assert kinds(found) == {"ir/a.json": "keep", "ir/a.json.gen": "create"} and not found.problems


def test_a_foreign_file_in_the_way_is_a_problem_and_force_does_not_help(tmp_path: Path) -> None:
    (tmp_path / "a.ex").write_text("mine\n")
    (tmp_path / "b.json").write_text('{"mine": 1}\n')
    for force in (False, True):
        found = plan([ours("a.ex"), *pair("b.json")], tmp_path, force=force)
        assert codes(found, tmp_path) == [("a.ex", "E0603"), ("b.json", "E0603")]
        assert kinds(found) == {"b.json.gen": "create"}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text + "edit\n",
        lambda text: text.replace("body=", "body"),
        lambda text: f"<<<<<<< HEAD\n{text}=======\n>>>>>>> theirs\n",
    ],
)
def test_a_hand_edit_is_a_problem_until_forced(tmp_path: Path, spoil: Callable[[str], str]) -> None:
    put(tmp_path, ours("a.ex", "old\n"))
    edited = spoil(ours("a.ex", "old\n").text)
    (tmp_path / "a.ex").write_text(edited)
    found = plan([ours("a.ex")], tmp_path)
    assert codes(found, tmp_path) == [("a.ex", "E0604")]
    assert found.problems[0].place.file == f"{tmp_path}/a.ex"
    assert "--force" in found.problems[0].hint
    found = plan([ours("a.ex")], tmp_path, force=True)
    assert not found.problems
    assert [(a.kind, a.old, a.forced) for a in found.actions] == [("update", edited.encode(), True)]


def test_crlf_is_no_edit(tmp_path: Path) -> None:
    (tmp_path / "a.ex").write_bytes(ours("a.ex", "old\n").text.replace("\n", "\r\n").encode())
    for file in pair("b.json", '{"old": 1}\n'):
        (tmp_path / file.path).write_bytes(file.text.replace("\n", "\r\n").encode())
    found = plan([ours("a.ex"), *pair("b.json")], tmp_path)
    assert kinds(found) == {"a.ex": "update", "b.json": "update", "b.json.gen": "update"} and not found.problems


def test_json_and_its_sidecar_are_one_unit(tmp_path: Path) -> None:
    old, new = pair("ir/a.json", '{"v": 1}\n'), pair("ir/a.json", '{"v": 2}\n')
    put(tmp_path, *old)
    assert kinds(plan(new, tmp_path)) == {"ir/a.json": "update", "ir/a.json.gen": "update"}

    put(tmp_path, File("ir/a.json", '{"v": 9}\n', "a"))
    assert codes(plan(new, tmp_path), tmp_path) == [("ir/a.json", "E0604")]
    assert [a.forced for a in plan(new, tmp_path, force=True).actions] == [True, False]

    (tmp_path / "ir/a.json").unlink()
    assert kinds(plan(new, tmp_path)) == {"ir/a.json": "create", "ir/a.json.gen": "update"}
    assert kinds(plan(old, tmp_path)) == {"ir/a.json": "create", "ir/a.json.gen": "keep"}

    put(tmp_path, old[0])
    (tmp_path / "ir/a.json.gen").unlink()
    assert codes(plan(new, tmp_path), tmp_path) == [("ir/a.json", "E0603")]
    assert kinds(plan(old, tmp_path)) == {"ir/a.json": "keep", "ir/a.json.gen": "create"}


def test_a_sidecar_that_is_damaged_is_repaired_but_never_one_with_more_in_it(tmp_path: Path) -> None:
    files = pair("a.json")
    put(tmp_path, *files)
    first = files[1].text.splitlines(keepends=True)[0]
    (tmp_path / "a.json.gen").write_text(first)
    assert kinds(plan(files, tmp_path)) == {"a.json": "keep", "a.json.gen": "update"}
    (tmp_path / "a.json.gen").write_text(files[1].text + "a note\n")
    assert codes(plan(files, tmp_path), tmp_path) == [("a.json.gen", "E0604")]
    (tmp_path / "a.json.gen").write_text("a note\n")
    assert codes(plan(files, tmp_path), tmp_path) == [("a.json.gen", "E0603")]


def test_left_overs_are_deleted_only_if_unedited(tmp_path: Path) -> None:
    put(tmp_path, ours("lib/a.ex"), ours("lib/b.ex"), *pair("ir/c.json"), *pair("ir/d.json"), File("own.ex", "x", None))
    (tmp_path / "lib/b.ex").write_text(ours("lib/b.ex").text + "more\n")
    (tmp_path / "ir/d.json").write_text("[]\n")
    found = plan([], tmp_path)
    assert kinds(found) == {"lib/a.ex": "delete", "ir/c.json": "delete", "ir/c.json.gen": "delete"}
    assert codes(found, tmp_path) == [("ir/d.json", "E0605"), ("lib/b.ex", "E0605")]
    found = plan([], tmp_path, force=True)
    assert {a.path for a in found.actions if a.forced} == {"lib/b.ex", "ir/d.json", "ir/d.json.gen"}
    assert not found.problems and "own.ex" not in kinds(found)


def test_a_sidecar_whose_file_is_gone_is_left_over(tmp_path: Path) -> None:
    put(tmp_path, pair("a.json")[1], File("notes.gen", "mine\n", None))
    assert kinds(plan([], tmp_path)) == {"a.json.gen": "delete"}
    put(tmp_path, File("a.json", "{}\n", None))
    assert kinds(plan([File("a.json", "{}\n", None)], tmp_path)) == {"a.json": "keep", "a.json.gen": "delete"}


def test_left_overs_are_looked_for_only_where_the_files_are_complete(tmp_path: Path) -> None:
    put(tmp_path, ours("elixir/a.ex"), ours("python/a.py"), *pair("ir/a.json"))
    assert plan([], tmp_path, complete=False).actions == ()
    found = plan([], tmp_path, scope=Scope(covers=lambda path: path.startswith("elixir/")))
    assert kinds(found) == {"elixir/a.ex": "delete"}
    found = plan([], tmp_path, scope=Scope(covers=lambda path: path == "ir/a.json"))
    assert kinds(found) == {"ir/a.json": "delete", "ir/a.json.gen": "delete"}


@pytest.mark.parametrize("folder", ["_build/dev", "deps/x", "build/lib", ".git", "a/.venv/lib", "dist", "__pycache__"])
def test_copies_that_builds_make_are_not_left_overs(tmp_path: Path, folder: str) -> None:
    put(tmp_path, ours(f"elixir/{folder}/a.ex"))
    assert plan([], tmp_path).actions == ()
    assert kinds(plan([ours(f"elixir/{folder}/b.ex")], tmp_path, complete=False)) == {f"elixir/{folder}/b.ex": "create"}


def test_links_directories_and_devices_in_the_way(tmp_path: Path) -> None:
    outside, out = tmp_path / "outside", tmp_path / "out"
    put(outside, ours("a.ex"), ours("b.ex"))
    out.mkdir()
    (out / "link.ex").symlink_to(outside / "a.ex")
    (out / "dangling.ex").symlink_to(outside / "none")
    (out / "linked").symlink_to(outside)
    (outside / "sub").write_text("not asked for: a link is not walked through")
    (out / "dir.ex").mkdir()
    (out / "file").write_text("a file")
    os.mkfifo(out / "fifo.ex")
    wanted = ["link.ex", "dangling.ex", "linked/a.ex", "linked/sub/b.ex", "dir.ex", "file/a.ex", "fifo.ex"]
    found = plan([*(ours(path, "other\n") for path in wanted), File("link.ex", ours("a.ex").text, "a")][1:], out)
    assert codes(found, out) == [
        ("dangling.ex", "E0606"),
        ("dir.ex", "E0607"),
        ("fifo.ex", "E0607"),
        ("file", "E0607"),
        ("link.ex", "E0606"),
        ("linked", "E0606"),
    ]
    assert "delete" not in kinds(found).values()


def test_a_linked_output_directory_is_the_directory(tmp_path: Path) -> None:
    put(tmp_path / "real", ours("a.ex"), ours("gone.ex"))
    (tmp_path / "out").symlink_to(tmp_path / "real")
    assert kinds(plan([ours("a.ex")], tmp_path / "out")) == {"a.ex": "keep", "gone.ex": "delete"}


@pytest.mark.parametrize(
    ("first", "second", "how"),
    [
        ("a.ex", "a.ex", "one path"),
        ("lib/A.ex", "lib/a.ex", "ignores case"),
        ("Lib/a.ex", "lib/a.ex", "ignores case"),
        ("caf\u00e9.ex", "cafe\u0301.ex", "ignores case"),
        ("stra\u00dfe.ex", "strasse.ex", "ignores case"),
        ("lib", "lib/a.ex", "as a directory"),
        ("LIB", "lib/a.ex", "ignores case"),
    ],
)
def test_two_outputs_with_one_path(tmp_path: Path, first: str, second: str, how: str) -> None:
    for files in (
        [File(first, "1", "one"), File(second, "2", "two")],
        [File(second, "2", "two"), File(first, "1", "one")],
    ):
        problems = plan(files, tmp_path).problems
        assert [problem.code for problem in problems] == ["E0601"]
        assert problems[0].message.startswith("recipe one and recipe two write ") and how in problems[0].message
        assert len(problems[0].see) == 1


@pytest.mark.parametrize("path", ["../a", "/etc/a", "a/../../b", "a//b", "", ".", "a/", "a\0b"])
def test_outputs_stay_inside(tmp_path: Path, path: str) -> None:
    found = plan([File(path, "x", "r")], tmp_path / "out")
    assert [problem.code for problem in found.problems] == ["E0602"] and not found.actions


def test_another_spelling_on_a_disk_that_ignores_case_is_not_left_over(tmp_path: Path) -> None:
    put(tmp_path, ours("SL.ex"), ours("sl.ex"))
    assert kinds(plan([ours("sl.ex")], tmp_path)) == {"SL.ex": "delete", "sl.ex": "keep"}
    (tmp_path / "SL.ex").unlink()
    os.link(tmp_path / "sl.ex", tmp_path / "SL.ex")  # as such a disk shows it: two names, one file
    assert kinds(plan([ours("sl.ex")], tmp_path)) == {"sl.ex": "keep"}


def test_an_unreadable_file_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, ours("lib/a.ex"), ours("lib/b.ex"))
    real = os.open

    def refuse(path: str, flags: int, mode: int = 0o777) -> int:
        if path.endswith("b.ex"):
            raise PermissionError(13, "Permission denied", path)
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", refuse)
    found = plan([ours("lib/b.ex")], tmp_path)
    assert codes(found, tmp_path) == [("lib/b.ex", "E0608")]
    assert found.problems[0].message == "cannot be read: Permission denied"
    assert kinds(plan([], tmp_path)) == {"lib/a.ex": "delete"}  # what cannot be read is not known to be ours


def test_temporary_files_are_strays_and_nothing_that_only_looks_like_them(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    names = [temporary("a.ex"), ".gen-notes.tmp", ".gen-0123456789abcdeX.tmp", f"{temporary('a.ex')}x"]
    for name in names:
        (tmp_path / "lib" / name).write_text("half a fi")
    (tmp_path / "lib" / temporary("b.ex")).symlink_to(".gen-notes.tmp")
    found = plan([ours("lib/a.ex")], tmp_path)
    assert found.strays == (f"lib/{temporary('a.ex')}",) and kinds(found) == {"lib/a.ex": "create"}


def test_a_sidecar_that_a_killed_run_did_not_put_in_place_still_speaks(tmp_path: Path) -> None:
    old, new, newer = (pair("a.json", f"[{number}]\n") for number in (1, 2, 3))
    put(tmp_path, new[0], old[1], File(temporary("a.json.gen"), new[1].text, None))
    for wanted in (old, newer):
        found = plan(wanted, tmp_path)
        assert not found.problems and found.halves == ("a.json.gen",) and found.strays == ()
        assert kinds(found) == {"a.json": "update", "a.json.gen": "update"}
        waiting = (tmp_path / temporary("a.json.gen")).stat()
        assert found.actions[1].stamp is not None and found.actions[1].stamp.inode == waiting.st_ino
    found = plan(new, tmp_path)
    assert kinds(found) == {"a.json": "keep", "a.json.gen": "update"} and found.halves == ()
    assert kinds(plan([], tmp_path)) == {"a.json": "delete", "a.json.gen": "delete"}
    (tmp_path / "a.json.gen").unlink()
    assert kinds(plan(newer, tmp_path)) == {"a.json": "update", "a.json.gen": "create"}


@pytest.mark.parametrize(
    ("recipes", "disk", "wanted", "line"),
    [
        (10, "", "", "10 recipes: 0 files"),
        (1, "", "a1", "1 recipe: 1 file, 1 created"),
        (10, "a1 b1 c1", "a1 b1 c1", "10 recipes: 3 files, 3 unchanged"),
        (10, "a1 b1 c1", "a2 b2 c1 d1", "10 recipes: 4 files, 2 updated, 1 created, 1 unchanged"),
        (2, "a1 b1 c1", "a2", "2 recipes: 1 file, 1 updated, 2 deleted"),
    ],
)
def test_summary(tmp_path: Path, recipes: int, disk: str, wanted: str, line: str) -> None:
    put(tmp_path, *(ours(word[0], word) for word in disk.split()))
    assert summary(plan([ours(word[0], word) for word in wanted.split()], tmp_path), recipes) == line


def test_a_plan_reads_each_directory_and_each_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [ours(f"lib/{number}.ex") for number in range(50)]
    put(tmp_path, *files)
    opened: list[str] = []
    scanned: list[str] = []
    real_open, real_scan = os.open, os.scandir
    monkeypatch.setattr(os, "open", lambda path, flags: (opened.append(path), real_open(path, flags))[1])
    monkeypatch.setattr(os, "scandir", lambda path: (scanned.append(path), real_scan(path))[1])
    assert set(kinds(plan(files, tmp_path)).values()) == {"keep"}
    assert len(opened) == 50 and len(scanned) == 2
