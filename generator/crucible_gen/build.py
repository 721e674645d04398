"""The whole program on one page: what a run is asked for becomes files on the disk.

    discover -> load -> resolve -> validate -> lower -> emit -> plan -> write

Every problem of every recipe is collected, and nothing is written when there is one. A short run takes the same way as a
cold one: `session` says which recipes of an earlier run still hold, and the others are made.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from crucible_gen import factory
from crucible_gen.diagnostics import Problem, Problems, shown
from crucible_gen.incremental import Session, off, workers
from crucible_gen.languages import registry
from crucible_gen.output import manifest, plan, stale, write
from crucible_gen.recipes import discover, ids, reach, warnings
from crucible_gen.results import Answers, Product, Request, Result, Reusable

if TYPE_CHECKING:
    from crucible_gen.output import File
    from crucible_gen.output.plan import Plan

_CHUNK = 100
"""So many recipes take longer than to start a worker process."""


class Listener(Protocol):
    """What the command line hears of a run that writes."""

    def waiting(self, message: str) -> None:
        """Another run has to be waited for, or the file system has no locks."""
        ...

    def overwriting(self, planned: Plan) -> None:
        """These hand edits are about to be lost, because `force` says so."""
        ...

    def answers(self, result: Result, planned: Plan) -> Answers:
        """What the next run says if nothing changes until then."""
        ...


class Outcome(NamedTuple):
    """A run's result, and its plan: what was done, or, for a run that only compares, what would be."""

    result: Result
    plan: Plan


def generate(
    request: Request, listener: Listener, session: Session, *, force: bool = False, built: Result | None = None
) -> Outcome:
    """Makes the output directory what the recipes say. Raises Problems, and then nothing was written.

    `force` overwrites generated files that were edited by hand; `built` is the result where it is known already.
    """
    result = built or sound(build(request, session))
    with write.locked(_out(request), listener.waiting):
        if session.disturbed():  # another run wrote here meanwhile
            session = off()
            result = sound(build(request, session))
        planned = _plan(request, result, session, force=force, writes=True)
        if planned.problems:
            raise Problems((*planned.problems, *result.warnings))
        if forced := tuple(action for action in planned.actions if action.forced):
            listener.overwriting(planned._replace(actions=forced))
        write.apply(planned, planned.out)
        if not planned.others:
            session.commit(request, result, planned, listener.answers(result, planned))
    return Outcome(result, planned)


def compare(request: Request, listener: Listener, session: Session, *, built: Result | None = None) -> Outcome:
    """What `generate` would do, without doing it. Raises Problems of recipes; those of the output are in the plan."""
    result = built or sound(build(request, session))
    planned = _plan(request, result, session, force=True, writes=False)
    if not (planned.changes or planned.problems or planned.strays or planned.halves or planned.others):
        session.commit(request, result, planned, listener.answers(result, planned))
    return Outcome(result, planned)


def build(request: Request, session: Session | None = None) -> Result:
    """Every file that the request asks for and that no earlier run left in place, or every problem that is in the way."""
    maker = factory.Factory(request)
    reusable = (session or off()).reusable(request, maker.remake)
    if reusable.rest:  # few recipes changed, and these are made already
        made = reusable.products
        files = _files(made.values())
        return Result(
            reusable.recipes, files, products=made, rest=reusable.rest, warnings=(*request.notes, *reusable.warnings)
        )
    problems: list[Problem] = []
    fragments: set[str] = set()
    try:
        paths = discover.files(request.paths, request.out, problems, request.boundary)
        products = _products(paths, maker, reusable, problems, fragments)
        problems += _between(list(products.values()), request, reusable)
        chosen = factory.chosen({each.id: each for each in products.values()}, request.only, problems) or [
            *products.values()
        ]
        warned = (*request.notes, *warnings.reported(each.warnings for each in chosen))
        if request.strict:
            warned = tuple(each._replace(severity="error") for each in warned)
        if problems or (request.strict and warned):
            raise Problems([*problems, *warned])
        shared = reusable.shared or maker.shared()
    except Problems as error:
        return Result(0, problems=tuple(reach.joined(error.problems, fragments)))
    stopped = {each.id: each.stopped for each in sorted(chosen, key=lambda each: each.id) if each.stopped}
    return Result(
        len(chosen),
        _files((*chosen, shared)),
        stopped=stopped,
        products=products,
        shared=shared,
        warnings=warned,
        processed=frozenset(paths),
    )


def _plan(request: Request, result: Result, session: Session, *, force: bool, writes: bool) -> Plan:
    """The result against the disk. A run of a part that writes leaves no manifest of another generator valid.

    Whether the run is of a part is known when it is known whether outputs of other recipes stand beside its own.
    """

    def planned(files: tuple[File, ...], kept: frozenset[str]) -> Plan:
        return plan.plan(
            files,
            out,
            complete=not request.only and not session.leaves_nothing(result),
            force=force,
            scope=stale.Scope(
                lambda path: path.partition("/")[0] in request.targets, (request.root,), result.processed
            ),
            kept=kept,
            rest=result.rest,
        )

    out = _out(request)
    void = (manifest.void(),) if writes and manifest.bears_another(out, registry.shipped_folders()) else ()
    found = planned((*result.files, *(() if request.whole else void)), result.kept)
    if not (found.others and request.whole):
        return found
    files = tuple(file for file in result.files if file.path != manifest.NAME)
    return planned((*files, *void), result.kept - {manifest.NAME})


def _products(
    files: Sequence[str], maker: factory.Factory, reusable: Reusable, problems: list[Problem], fragments: set[str]
) -> dict[str, Product]:
    """What comes of each recipe file, by its path; a file that others extend and that has no id is no recipe.

    The names of those files are added to `fragments`.
    """
    unknown = [path for path in files if path not in reusable.products]
    products = {path: reusable.products[path] for path in files if path in reusable.products}
    extended = {base for each in products.values() for base, _ in each.sources[1:]}
    if unknown:
        maker.prepare()
    for new, wrong, bases in workers.spread(maker.make, workers.chunks(unknown, _CHUNK)):
        products |= new
        problems += wrong
        extended |= bases
    fragments |= {
        discover.source(path).name
        for path in files
        if path in extended and not (path in products and products[path].id)
    }
    return {path: products[path] for path in files if path in products and (products[path].id or path not in extended)}


def _between(products: Sequence[Product], request: Request, reusable: Reusable) -> Iterable[Problem]:
    """The problems of each recipe, and those that none has alone."""
    for each in products:
        yield from each.problems
    found = [each.id for each in products if each.id]
    if len(set(found)) < len(found) or not reusable.ids.issuperset(found):
        yield from ids.collisions([(each.id, each.place) for each in products if each.id], factory.languages(request))
    yield from factory.profile_problems((each.profiles for each in products), request.profile)


def writable(request: Request, result: Result, *, force: bool) -> None:
    """Raises Problems for what is in the way of writing a result, without writing anything."""
    if problems := _plan(request, result, off(), force=force, writes=False).problems:
        raise Problems(problems)


def sound(result: Result) -> Result:
    """The result. Raises its problems, if it has any."""
    if result.problems:
        raise Problems(result.problems)
    return result


def _files(products: Iterable[Product]) -> tuple[File, ...]:
    return tuple(sorted((file for each in products for file in each.files), key=lambda file: file.path))


def _out(request: Request) -> Path:
    """The output directory as messages name it."""
    return Path(shown(request.out))
