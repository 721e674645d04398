"""What the command line of a package of recipes does: it lists the recipes, and lists and compares runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from crucible_runtime.errors import InputError
from crucible_runtime.quoting import one_line


def recipes_of(package: str) -> Iterator[str]:
    """A line for each recipe of a package: its name and its description."""
    from crucible_runtime.recipes import recipes

    found = recipes(package)
    width = max(map(len, found), default=0)
    for name, recipe in found.items():
        yield f"{name:<{width}}  {one_line(recipe.DESCRIPTION)}".rstrip() + "\n"


def runs_of(names: Sequence[str], page: Path | None) -> Iterator[str]:
    """The runs below a directory, one run, or two compared; `page` is where the curves of two are written."""
    from crucible_runtime import runs

    if not names:
        yield runs.listed()
    elif len(names) == 2:
        one, other = map(runs.found, names)
        yield runs.compared(one, other)
        if page is not None:
            from crucible_runtime import report

            _written(page, report.comparison(one, other))
    elif Path(names[0]).is_dir() and not runs.is_run(Path(names[0])):
        yield runs.listed(Path(names[0]))
    else:
        yield runs.described(runs.found(names[0]))


def _written(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
