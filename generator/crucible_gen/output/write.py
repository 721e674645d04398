"""A Plan changes the disk: the one module, with the command line, that does.

Everything new is first written to temporary files beside the places where it belongs, and only when all of it is on
the disk does one file after the other take its place; so a full disk, a signal or a power cut leaves each file whole,
old or new. One run at a time works on an output directory: `with locked(out): apply(plan(files, out), out)`.
The surprising rules: the lock is on the directory itself, so no lock file can be left or committed; and every path is
walked from the output directory's descriptor without following links, so a link that appears midway leads nowhere.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from crucible_gen.diagnostics import Place, Problem, Problems
from crucible_gen.output.headers import SIDECAR
from crucible_gen.output.plan import Plan
from crucible_gen.output.survey import Action, Stamp, temporary

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

CODES = {
    "E0611": "the output directory is not a directory",
    "E0612": "the output directory and the recipes overlap",
    "E0613": "the output directory is not one for generated files only",
    "E0614": "there is no space left for the output",
    "E0615": "the output may not be written",
    "E0616": "the output cannot be written",
    "E0617": "a file changed while gen ran",
}

_PROJECT_FILES = ("pyproject.toml", "gen.yaml", "mix.exs", "package.json", "Cargo.toml")
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK | getattr(os, "O_CLOEXEC", 0)
_PATIENCE = 1.0
_FEW = 32


@contextlib.contextmanager
def locked(out: Path, notify: Callable[[str], None] = lambda message: None) -> Iterator[None]:
    """While this lasts no other run that asks for the lock works on `out`, which is made when it is missing.

    `notify` gets one line when another run has to be waited for, and when the file system has no locks: then the run
    goes on without. Raises Problems when `out` is not a directory or cannot be made or opened.
    """
    descriptor = _open_out(out)
    try:
        while _wait(descriptor, out, notify) and not _is_at(descriptor, out):
            # Somebody deleted or replaced the directory meanwhile, and another run may hold the lock on the new one.
            stale, descriptor = descriptor, _open_out(out)
            os.close(stale)
        yield
    finally:
        # A child process may share the descriptor, so that closing it here would not give the lock back.
        _unlock(descriptor)
        os.close(descriptor)


def apply(plan: Plan, out: Path) -> None:
    """The disk below `out` becomes what `plan` says; files that it keeps are not touched.

    Raises Problems when the plan has some (then nothing is done), when the disk refuses, and when a file is not any
    more what the plan saw. Until the first file takes its place nothing changes; after it, what is done stays done.
    """
    if plan.problems:
        raise Problems(plan.problems)
    if not (plan.changes or plan.strays or plan.halves):
        return
    tree = _Tree(out)
    try:
        _repair(tree, plan)
        writes = [action for action in plan.changes if action.new is not None]
        deletes = [action for action in plan.changes if action.new is None]
        _check(tree, deletes)
        _put(tree, writes)
        _remove(tree, deletes)
        tree.sync()
    except OSError as error:
        raise Problems([_problem(error, out, tree.at)]) from error
    finally:
        tree.close()


_BELONGS_TO_THE_SYSTEM = (
    "/boot/",
    "/dev/",
    "/etc/",
    "/proc/",
    "/sys/",
    "/bin/",
    "/sbin/",
    "/lib/",
    "/usr/bin/",
    "/usr/lib/",
)
_OF_THE_SYSTEM = frozenset(
    (
        *(each.rstrip("/") for each in _BELONGS_TO_THE_SYSTEM),
        *("/home", "/lib64", "/media", "/mnt", "/opt", "/root", "/run", "/srv", "/tmp", "/usr", "/usr/local", "/var"),  # noqa: S108
    )
)
"""Directories that hold what is not one project's, and those below which nothing is."""


def check_out(out: Path, inputs: Sequence[Path], home: Path) -> list[Problem]:
    """What is wrong with `out` as the output directory of recipes read from `inputs`, files or directories."""
    ancestor = next((path for path in (out, *out.parents) if os.path.lexists(path)), None)
    if ancestor is not None and not os.path.isdir(ancestor):
        return [_not_a_directory(ancestor)]
    place = Place(out.as_posix())
    real = Path(os.path.realpath(out))
    hint = "choose a directory of its own with --out, such as generated"
    if Path(os.path.realpath(home)).is_relative_to(real):
        what = "the root of the file system" if real == real.parent else "your home directory or one around it"
        return [Problem(place, "E0613", f"expected a directory for generated files only, found {what}", hint)]
    if str(real) in _OF_THE_SYSTEM or str(real).startswith(_BELONGS_TO_THE_SYSTEM):
        message = f"expected a directory for generated files only, found one of the system ({real.as_posix()})"
        return [Problem(place, "E0613", message, hint)]
    found = [name for name in _PROJECT_FILES if os.path.lexists(out / name)]
    if found:
        message = f"expected a directory for generated files only, found a project ({found[0]})"
        return [Problem(place, "E0613", message, hint)]
    problems = []
    for path in dict.fromkeys(inputs):
        source = Path(os.path.realpath(path))
        if os.path.isdir(source) and real.is_relative_to(source):
            where = "is" if real == source else "lies inside"
            message = f"the output directory {where} {path.as_posix()}: outputs would be read as recipes"
            problems.append(Problem(place, "E0612", message, hint))
        elif source.is_relative_to(real):
            message = f"the output directory contains {path.as_posix()}, from which recipes are read"
            problems.append(Problem(place, "E0612", message, hint))
    return problems


# The lock ------------------------------------------------------------------------------------------------------------


def _open_out(out: Path) -> int:
    try:
        out.mkdir(parents=True, exist_ok=True)
        return os.open(out, _FOLDER)
    except (FileExistsError, NotADirectoryError) as error:
        raise Problems([_not_a_directory(out)]) from error
    except OSError as error:
        raise Problems([_problem(error, out, "")]) from error


def _wait(descriptor: int, out: Path, notify: Callable[[str], None]) -> bool:
    """Whether the lock is ours now; False where there are none. Says so after a second of waiting."""
    if fcntl is None:
        notify(f"{out.as_posix()}: this system has no file locks: start no second run before this one ends")
        return False
    start = time.monotonic()
    try:
        while time.monotonic() - start < _PATIENCE:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            time.sleep(0.02)
        notify(f"{out.as_posix()}: waiting for another run of gen")
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        reason = f"this file system has no locks ({error.strerror})"
        notify(f"{out.as_posix()}: {reason}: start no second run before this one ends")
        return False
    return True


def _unlock(descriptor: int) -> None:
    # A file system without locks has none to give back, and has said so when it was asked for one.
    with contextlib.suppress(OSError):
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_UN)


def _is_at(descriptor: int, out: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), out.stat())
    except FileNotFoundError:
        return False


# The tree ------------------------------------------------------------------------------------------------------------


class _Tree:
    """The directories below `out` that are worked in, by descriptor, and the path that is being worked on."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.folders = {"": _open_out(out)}
        self.at = ""
        self.made: list[str] = []

    def folder(self, path: str, *, make: bool = False) -> int:
        """The descriptor of a directory, made if asked. Raises OSError when it is missing, a link or something else."""
        known = self.folders.get(path)
        if known is not None:
            return known
        outer, _, name = path.rpartition("/")
        above = self.folder(outer, make=make)
        if make:
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, dir_fd=above)
                self.made.append(path)
        return self.folders.setdefault(path, os.open(name, _FOLDER | _NO_LINK, dir_fd=above))

    def find(self, path: str, *, make: bool = False) -> tuple[int, str]:
        """The directory's descriptor and the name in it."""
        self.at = path
        outer, _, name = path.rpartition("/")
        return self.folder(outer, make=make), name

    def status(self, path: str) -> os.stat_result | None:
        """What is at the path, or None where nothing is."""
        try:
            folder, name = self.find(path)
            return os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def place(self, path: str) -> None:
        """The temporary file takes its place."""
        folder, name = self.find(path)
        os.replace(temporary(name), name, src_dir_fd=folder, dst_dir_fd=folder)

    def unlink(self, path: str) -> None:
        """The file goes, if it has not gone by itself."""
        with contextlib.suppress(FileNotFoundError):
            folder, name = self.find(path)
            os.unlink(name, dir_fd=folder)

    def sync(self) -> None:
        """The names in every directory that was worked in are on the disk."""
        for path, descriptor in self.folders.items():
            self.at = path
            try:
                os.fsync(descriptor)
            except OSError as error:
                # Some file systems know no such thing for a directory, and say so with this.
                if error.errno != errno.EINVAL:
                    raise

    def close(self) -> None:
        """Gives the descriptors back."""
        for descriptor in self.folders.values():
            os.close(descriptor)


def _repair(tree: _Tree, plan: Plan) -> None:
    """Ends what a killed run had begun: the sidecars of files that it put in place, and its temporary files."""
    for path in plan.halves:
        tree.place(path)
    for path in plan.strays:
        tree.unlink(path)


def _check(tree: _Tree, actions: Sequence[Action]) -> None:
    for action in actions:
        status = tree.status(action.path)
        if status is not None and Stamp.of(status) != action.stamp:
            raise Problems([_changed(tree.out, action.path)])


def _put(tree: _Tree, actions: Sequence[Action]) -> None:
    """Writes all, then lets each take its place; whatever happens on the way, no temporary file stays."""
    staged: list[str] = []
    many = len(actions) > _FEW and hasattr(os, "sync")
    try:
        for action in actions:
            status = tree.status(action.path)
            if (Stamp.of(status) if status else None) != action.stamp:
                raise Problems([_changed(tree.out, action.path)])
            staged.append(action.path)
            _stage(tree, action, stat.S_IMODE(status.st_mode) if status else None, sync=not many)
        if many:
            os.sync()  # far cheaper than one fsync for each of thousands
        for path in staged:
            tree.place(path)
    except BaseException:
        _withdraw(tree, staged)
        raise


def _stage(tree: _Tree, action: Action, mode: int | None, *, sync: bool) -> None:
    """Writes the action's bytes to the temporary file, with the mode that the file has, or a new file's."""
    folder, name = tree.find(action.path, make=True)
    try:
        descriptor = os.open(temporary(name), _NEW, 0o666, dir_fd=folder)
    except FileExistsError:
        os.unlink(temporary(name), dir_fd=folder)
        descriptor = os.open(temporary(name), _NEW, 0o666, dir_fd=folder)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(action.new or b"")
        stream.flush()
        if mode is not None:
            os.fchmod(descriptor, mode)
        if sync:
            os.fsync(descriptor)


def _withdraw(tree: _Tree, staged: Sequence[str]) -> None:
    """Removes the temporary files and new directories; a sidecar whose file has already taken its place follows it."""
    at = tree.at
    names = set(staged)
    waiting = {path for path in staged if _is_waiting(tree, path)}
    # What failed is reported already; a disk that now refuses this too leaves work for the next run, and no damage.
    for path in sorted(waiting):
        folder, name = tree.folders[path.rpartition("/")[0]], path.rpartition("/")[2]
        owner = path.removesuffix(SIDECAR)
        with contextlib.suppress(OSError):
            if owner != path and owner in names and owner not in waiting:
                tree.place(path)
            else:
                os.unlink(temporary(name), dir_fd=folder)
    for path in reversed(tree.made):
        with contextlib.suppress(OSError):
            folder, name = tree.find(path)
            os.rmdir(name, dir_fd=folder)
    tree.at = at


def _is_waiting(tree: _Tree, path: str) -> bool:
    outer, _, name = path.rpartition("/")
    try:
        os.stat(temporary(name), dir_fd=tree.folders[outer], follow_symlinks=False)
    except (OSError, KeyError):
        return False
    return True


def _remove(tree: _Tree, actions: Sequence[Action]) -> None:
    """Deletes the files, and the directories that are empty for it."""
    for action in actions:
        tree.unlink(action.path)
    emptied = {action.path.rpartition("/")[0] for action in actions}
    for folder in sorted(emptied, reverse=True):
        while folder:
            try:
                above, name = tree.find(folder)
                os.rmdir(name, dir_fd=above)
            except OSError:
                break  # not empty, or not ours to remove: an empty directory that stays does no harm
            folder = folder.rpartition("/")[0]


# What to say ---------------------------------------------------------------------------------------------------------


def _not_a_directory(path: Path) -> Problem:
    hint = "move it away, or choose another output directory with --out"
    return Problem(Place(path.as_posix()), "E0611", "expected a directory for the output, found a file", hint)


def _changed(out: Path, path: str) -> Problem:
    message = "something else changed this file while gen ran; it was left as it is"
    return Problem(Place((out / path).as_posix()), "E0617", message, "run gen again")


def _problem(error: OSError, out: Path, path: str) -> Problem:
    place = Place((out / path).as_posix())
    reason = error.strerror or str(error)
    if error.errno in _NO_SPACE:
        return Problem(place, "E0614", f"cannot be written: {reason}", "free some space, then run gen again")
    if error.errno in _NOT_ALLOWED:
        hint = "change the permissions, or choose another output directory with --out"
        return Problem(place, "E0615", f"cannot be written: {reason}", hint)
    if error.errno == errno.ENAMETOOLONG:
        hint = "give the recipe a shorter id, or the output directory a shorter name"
        return Problem(place, "E0616", f"cannot be written: {reason}", hint)
    hint = "see to the file or directory of this name, then run gen again"
    return Problem(place, "E0616", f"cannot be written: {reason}", hint)


def create(path: Path, text: str) -> None:
    """Writes a new file, whole or not at all; never over one that exists. Raises Problems when the disk refuses."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as stream:
            try:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            except OSError:
                path.unlink()
                raise
    except OSError as error:
        raise Problems([_problem(error, path.parent, path.name)]) from error
