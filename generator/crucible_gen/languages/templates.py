"""Templates with named holes, and the text that they give; a user's template replaces the shipped one of its name.

A template has fixed lines and named holes; every value in a hole is printed already. Mistakes in a user's template are
Problems with file and line. Jinja2 is imported only for a template that is more than a skeleton, or wrong.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from crucible_gen.diagnostics import Place, Problem, Problems, did_you_mean, shown, unreadable
from crucible_gen.documents import below, content, load
from crucible_gen.languages import skeleton
from crucible_gen.schemas import shipped

CODES = {
    "E0520": "a template is not right",
    "E0521": "the templates setting names no directory that can be read",
    "E0522": "a template replaces none of the shipped ones",
    "E0523": "a template gives no valid source text",
}


class Templates:
    """The templates of a run; each is compiled when it is first used."""

    def __init__(self, own: Path | None, others: Iterable[str] = ()) -> None:
        """`own` is the user's directory; `others` names files besides templates that a template there may replace.

        Raises Problems when the directory cannot be read, or holds a file that replaces nothing.
        """
        self._own = own
        root = shipped("templates")
        self._shipped = root
        self._skeletons: dict[str, list[skeleton.Part] | None] = {}
        # Read once, so that a digest is that of the text that was used.
        self._texts = _read(own, root, others) if own is not None else {}

    def own(self) -> Iterable[tuple[str, bytes]]:
        """The user's templates: name and bytes, sorted."""
        return self._texts.items()

    def is_own(self, name: str) -> bool:
        """True for a template that the user replaces."""
        return name in self._texts

    def place(self, name: str) -> Place:
        """The file of a template of the user's, for messages."""
        return Place(shown((self._own or Path()) / name))

    def render(self, name: str, holes: dict[str, Any]) -> str:
        """The template with its holes filled. Raises Problems for a template that cannot be rendered."""
        if name not in self._skeletons:
            self._skeletons[name] = skeleton.parts(self._text(name))
        simple = self._skeletons[name]
        if simple is not None:
            try:
                return skeleton.fill(simple, holes)
            except KeyError:
                pass  # jinja2 says which hole, and where
        return self._rendered(name, holes)

    def _rendered(self, name: str, holes: dict[str, Any]) -> str:
        try:
            return str(self._environment.get_template(name).render(holes))
        except Problems:
            raise  # of the text of a template
        except Exception as error:
            if not self._texts:
                raise  # what is shipped has no such mistakes
            raise Problems([self._problem(name, error, holes)]) from error

    @cached_property
    def _environment(self) -> Any:
        """What compiles templates with jinja2, each once."""
        import jinja2
        from jinja2 import sandbox

        return sandbox.ImmutableSandboxedEnvironment(
            loader=jinja2.FunctionLoader(self._source),
            undefined=jinja2.StrictUndefined,
            autoescape=False,
            keep_trailing_newline=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def _source(self, name: str) -> tuple[str, str, None] | None:
        """What jinja2 wants of a template, or None for one that is not there."""
        if name not in self._texts and not self._is_shipped(name):
            return None
        return self._text(name), str(self._path(name)), None

    def _is_shipped(self, name: str) -> bool:
        """Whether a shipped template has this name, and not a file elsewhere that a template of the user's names."""
        parts = name.split("/")
        return name.endswith(".j2") and not {"", ".."} & set(parts) and os.path.isfile(self._shipped / name)

    def _text(self, name: str) -> str:
        if name in self._texts:
            return load.decode(self._texts[name], self.place(name).file)
        return (self._shipped / name).read_text("utf-8")

    def _path(self, name: str) -> Path:
        return ((self._own or self._shipped) if name in self._texts else self._shipped) / name

    def _problem(self, name: str, error: Exception, holes: dict[str, Any]) -> Problem:
        import jinja2

        file = self.place(name).file
        line = getattr(error, "lineno", None) or _line_of(error, name)
        hint = ""
        if isinstance(error, jinja2.UndefinedError):
            missing = str(error).split("'")[1:2]
            hint = did_you_mean(missing[0], holes) if missing else ""
            hint = hint or (
                f"holes of this template: {', '.join(sorted(holes))}" if holes else "this template has no holes"
            )
        # An expression may raise anything; only jinja2's own errors are sentences.
        what = f"{error}" if isinstance(error, jinja2.TemplateError) else f"{type(error).__name__}: {error}"
        if isinstance(error, jinja2.TemplateNotFound):
            what = f"there is no template {error.name}"
        return Problem(Place(file, line, 1) if line else Place(file), "E0520", f"template: {what}", hint=hint)


def _line_of(error: Exception, name: str) -> int:
    """The line of the template at which rendering stopped: jinja2 writes it into the traceback."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.endswith(name):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _read(own: Path, root: Path, others: Iterable[str]) -> dict[str, bytes]:
    """The user's templates by name. Raises Problems for what cannot be read, and for a name that is not shipped."""
    try:
        found = {path.relative_to(own).as_posix(): content(load.read(path, shown(path))) for path in below(own, ".j2")}
    except OSError as error:
        hint = "write templates = DIR, where DIR holds templates of the shipped names"
        raise Problems([unreadable(error, "E0521", "there is no such directory", hint)]) from error
    known = sorted([*(path.relative_to(root).as_posix() for path in root.rglob("*.j2")), *others])
    problems = []
    for name in found:
        if name not in known:
            hint = did_you_mean(name, known) or f"templates: {', '.join(known)}"
            place = Place(shown(own / name))
            problems.append(Problem(place, "E0522", f"no shipped template is named {name}", hint=hint))
    if problems:
        raise Problems(problems)
    return found
