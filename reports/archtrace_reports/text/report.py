"""Report: the answers of one run of the command line, and the questions without one; formats turn it into text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from archtrace.answer.result import Result
from archtrace.answer.version import __version__


@dataclass(frozen=True)
class Unanswered:
    """A target without an answer, and why: the first line of the reason says it."""

    target: str
    reason: str

    @property
    def line(self) -> str:
        """The reason in one line: what is wrong, and why if a line of its own says so."""
        what, *others = self.reason.strip().split("\n")
        why = next((line.split("why:", 1)[1].strip() for line in others if line.strip().startswith("why:")), "")
        return f"{what}: {why}" if why else what

    @property
    def message(self) -> str:
        """The whole reason, behind the target where it does not name that."""
        return self.reason if self.target in self.reason else f"{self.target}: {self.reason}"


@dataclass(frozen=True)
class Report:
    """Answers and refusals, each in the order in which the targets were given."""

    results: tuple[Result, ...] = ()
    unanswered: tuple[Unanswered, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)


#: The finding of a config that is only guessed, by the family of its id.
GUESSED = "family-config"
#: Whose versions every report names.
PACKAGES = {"archtrace", "torch", "transformers"}


def versions() -> dict[str, str]:
    """The versions of the installed packages, found without importing them: importing torch takes seconds."""
    return {"archtrace": __version__, "torch": _version("torch"), "transformers": _version("transformers")}


def without_run(report: Report) -> Report:
    """The same answers without what differs from run to run: when and how long they were traced."""
    results = (replace(result, seconds={}, traced="", kept=False) for result in report.results)
    return replace(report, results=tuple(results))


def _version(name: str) -> str:
    from importlib import metadata  # late: it costs as much as all else that a known answer needs

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def differing(left: Mapping[str, str], right: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Of the packages on the left those whose releases differ, each with both: the build in "2.13.0+cpu" is no part of
    the release."""
    both = {name: (release, right.get(name, "not installed")) for name, release in left.items()}
    return {name: pair for name, pair in both.items() if pair[0].partition("+")[0] != pair[1].partition("+")[0]}


def report(outcomes: list[Result | Unanswered]) -> Report:
    """Sort outcomes into answers and refusals. A result's own versions win: it knows what it was traced with."""
    results = tuple(o for o in outcomes if isinstance(o, Result))
    unanswered = tuple(o for o in outcomes if isinstance(o, Unanswered))
    traced_with = dict(results[0].versions) if results else {}
    # Looking up what is installed costs more than a known answer: it is done where the result does not say all.
    return Report(results, unanswered, traced_with if traced_with.keys() >= PACKAGES else versions() | traced_with)
