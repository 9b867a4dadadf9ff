"""atlas: asks about every architecture, or every target of a list, and writes the answers as a site in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archtrace_reports.asking.dependencies import require
from archtrace_reports.asking.limits import Limits
from archtrace_reports.commands.group import quiet
from archtrace_reports.commands.options import bounds
from archtrace_reports.text.files import why_unwritable
from archtrace_reports.text.notices import say
from archtrace_reports.text.report import Unanswered, report
from archtrace_reports.text.wording import count

if TYPE_CHECKING:
    from archtrace_reports.atlas.collect import Asking, CollectionResult
    from archtrace_reports.atlas.structure import AtlasTarget

ANSWERED, FAILED, SIGNALLED = 0, 2, 128
#: The file of answers in the atlas's folder, from which a run that was ended goes on.
ANSWERS = ".answers.jsonl"


@dataclass(frozen=True)
class AtlasOptions:
    """The flags of the command line: a field each, under the name that click gives it."""

    folder: Path
    targets: Path | None
    heads: bool
    fresh: bool
    scheduler: str | None
    jobs: int | None
    timeout: float | None
    memory: float | None
    editions: tuple[Path, ...]
    quiet: bool

    @property
    def limits(self) -> Limits:
        """The bounds of each child."""
        return Limits.given(self.timeout, self.memory, self.jobs)

    def check(self) -> None:
        """Raise click's UsageError for options that contradict each other."""
        if self.heads and self.targets:
            raise click.UsageError("--heads is about the library's classes, and --targets names others: give one")
        if self.jobs and self.scheduler:
            raise click.UsageError("--jobs is about this machine: how many are asked at once on a cluster, its workers "
                                   "say (dask worker --nthreads N)")  # fmt: skip
        problem = why_unwritable(self.folder / ANSWERS if self.folder.is_dir() else self.folder)
        if problem:
            raise click.BadParameter(problem, param_hint="--output")


@click.command("atlas", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-o", "--output", "folder", required=True, type=click.Path(path_type=Path, file_okay=False),
              metavar="DIR", help="The folder of the atlas; a run that was ended goes on from it.")  # fmt: skip
@click.option("--targets", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE",
              help="Ask about the targets in this file, one a line; # begins a comment.  [default: every sequence "
                   "classifier of transformers]")  # fmt: skip
@click.option("--heads", is_flag=True, help="Ask about every class with another head as well, of two layers.")
@click.option("--edition", "editions", type=click.Path(path_type=Path, exists=True, dir_okay=False), multiple=True,
              metavar="FILE", help="Show these answers beside: made by archtrace --all --format json in an environment "
                                   "of other versions.")  # fmt: skip
@click.option("--fresh", is_flag=True, help="Trace anew what was answered before this atlas was begun.")
@click.option("--scheduler", metavar="ADDRESS", help="Ask on a cluster of dask, such as tcp://10.0.0.1:8786.")
@bounds
@quiet
def command(**given: Any) -> int:
    """Make the atlas: ask about every architecture, and write the answers as a site that opens from disk.

    \b
    archtrace atlas -o atlas
    archtrace atlas -o atlas --heads
    archtrace atlas -o mine --targets list.txt --scheduler tcp://10.0.0.1:8786

    Ctrl-C ends it: the site of what is answered is written, and the same command goes on from there. Exit 0: all
    answered. 2: not all could be. 130: ended.
    """  # fmt: skip
    options = AtlasOptions(**given)
    options.check()
    require()
    from archtrace_reports.atlas import site
    from archtrace_reports.atlas.site.edition_files import read

    site.check(options.folder)
    ask = _asking(options)
    editions = [read(file) for file in options.editions]
    done = _done(_plan(options), ask, options)
    site.write([report([*done.outcomes]), *editions], options.folder)
    return _end(done, options)


def _asking(options: AtlasOptions) -> Asking:
    """Who answers: children of this process, or the workers of a cluster. MissingError without the extra."""
    if options.scheduler is None:
        from archtrace_reports.asking.children import outcomes

        return partial(outcomes, limits=options.limits)
    from archtrace_reports.atlas import cluster

    cluster.require()
    return partial(cluster.outcomes, limits=options.limits, address=options.scheduler)


def _plan(options: AtlasOptions) -> Sequence[AtlasTarget | Unanswered]:
    from archtrace_reports.atlas import targets

    if options.targets is None:
        return targets.library(options.heads)
    lines = targets.lines(options.targets)
    if not options.quiet:
        say(f"looking up {count(len(lines), 'target')}")
    plan = []
    for line, target in targets.looked_up(lines):
        if isinstance(target, Unanswered):
            say(f"{options.targets}:{line.number}: {target.line}")
        plan.append(target)
    return plan


def _done(plan: Sequence[AtlasTarget | Unanswered], ask: Asking, options: AtlasOptions) -> CollectionResult:
    from archtrace_reports.asking.progress import RunProgress
    from archtrace_reports.atlas.collect import Collection
    from archtrace_reports.atlas.earlier_answers import EarlierAnswers

    options.folder.mkdir(exist_ok=True)
    run = Collection(plan, EarlierAnswers(options.folder / ANSWERS, options.fresh))
    if not options.quiet:
        say(f"{count(len(plan), 'target')}, {len(run.questions):,} to trace")
    progress = RunProgress(len(run.questions), not options.quiet)
    done = run.go(ask, progress)
    if not options.quiet:
        say(progress.line())
    return done


def _end(done: CollectionResult, options: AtlasOptions) -> int:
    """What to say at the end; the exit code."""
    if not options.quiet:
        say(f"wrote {options.folder}")
    if done.signal:
        say(f"interrupted: {count(done.left, 'target')} left; the same command goes on from here")
        return SIGNALLED + done.signal
    return FAILED if any(isinstance(outcome, Unanswered) for outcome in done.outcomes) else ANSWERED
