"""Facts: the lines below a readout: padding, tokens, parameters, config, findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from archtrace.answer.kinds import KINDS
from archtrace.answer.result import ConfigSource, LayoutResult, Result
from archtrace_reports.text.cautions import others
from archtrace_reports.text.dead_work_lines import dead_work_words
from archtrace_reports.text.field_lines import fields_words, without_tokens
from archtrace_reports.text.lines import row
from archtrace_reports.text.report import GUESSED
from archtrace_reports.text.styled import StyledLine
from archtrace_reports.text.tokens import leaked, padding, unreached
from archtrace_reports.text.wording import count, enumerate_words

#: Where the config came from, after "of type bert, ".
SOURCES: Mapping[ConfigSource, str] = {
    "bundled": "from the table that comes with archtrace",
    "cache": "from the Hugging Face cache",
    "hub": "from the Hugging Face Hub (config.json alone)",
    "local": "from the local folder",
    "default": "the library's default for that type",
    "given": "as given",
}
#: A longer list says how many it leaves out.
LISTED = 4


def facts(result: Result, width: int) -> list[StyledLine]:
    """One row a fact, label first."""
    red = {"padding": "red"} if result.padding.leaks else {}
    lines: list[StyledLine] = []
    for label, words in labelled_facts(result):
        lines += row(label, words, width, style=red.get(label, ""))
    lines += row("config", config_words(result), width)
    if result.kept:
        lines += row("cached", cached_words(result), width)
    for finding in others(result):
        lines += row("finding", f"{finding.code}: {finding.message}", width, style="yellow")
    return lines


def cached_words(result: Result) -> str:
    """From when an answer is that was not traced just now."""
    what = "asks the Hub for its config" if any(f.code == GUESSED for f in result.findings) else "traces it again"
    return f"on {result.traced[:10]}; nothing that it depends on has changed since; --fresh {what}"


def labelled_facts(result: Result) -> Iterator[tuple[str, str]]:
    """The facts of an answer, each a label and its words, for every format; those without words are left out."""
    for label, words in FACTS.items():
        if text := words(result):
            yield label, text


def _ran(result: Result) -> list[LayoutResult]:
    return [layout for layout in result.layouts if layout.refused is None]


def _names(names: Iterable[str]) -> str:
    return enumerate_words([name.replace("_", " ") for name in dict.fromkeys(names)])


def padding_words(result: Result) -> str:
    """Where padding is read, and whether it reaches the logits where it is not."""
    masked = [layout for layout in _ran(result) if any(padding(layout))]
    read = result.padding.reads_padding
    if result.padding.leaks:
        leaks = [layout.name for layout in masked if leaked(layout) and layout.name not in read]
        where = f" ({_names(leaks)})" if leaks else ""
        return f"leaks: padding that is not read {_reaches(result)} the logits{where}" + (
            f"; it is read in {_names(read)}" if read else ""
        )
    if read:
        return f"read in {_names(read)}{_because(result)}; no other padding reaches the logits"
    if any(layout.each and leaked(layout) for layout in masked):
        return f"reaches no position of {result.output} but those that are padding themselves"
    return "never read, and never reaches the logits" if masked else "no layout with a mask was tried"


def _reaches(result: Result) -> str:
    """A bound says what may reach; that the rest does not is certain either way."""
    return "reaches" if result.status == "exact" else "may reach"


def _because(result: Result) -> str:
    """Why a constant index meets padding."""
    constant = all(KINDS[readout.kind].constant for readout in result.readouts)
    return ", since a fixed index is a position and not a token" if constant and result.readouts else ""


def tokens_words(result: Result) -> str:
    """Which tokens reach the logits."""
    ran = _ran(result)
    if without_tokens(result):
        return ""
    if not any(reached for layout in ran for reached in layout.bound.tokens):
        return "none reaches the logits"
    missing = [layout.name for layout in ran if unreached(layout)]
    attended = "attended " if any(any(padding(layout)) for layout in ran) else ""
    if not missing:
        return f"every {attended}token {_reaches(result)} the logits, in every layout tried"
    everywhere = len(missing) == len(ran)
    where = "any layout tried" if everywhere else _names(missing)
    return f"not every {attended}token reaches the logits in {where}"


def texts_words(result: Result) -> str:
    """Of each text the tokens that are read; empty where no text was given."""
    lines = [line for layout in result.layouts if layout.texts for line in layout.texts.lines]
    return f"read {'; '.join(lines)}" if lines else ""


def each_words(result: Result) -> str:
    """What reaches position i of an output with positions; empty for one without."""
    if not any(layout.each for layout in result.layouts):
        return ""
    position = f"{result.output}[:, i]"
    tokens = next((relation.words for relation in result.relations if relation.of == "tokens"), "")
    verb = "reached by" if result.status == "exact" else "reached by no more than"
    return f"{position} is {verb} the tokens at {tokens}" if tokens else f"{position}: see the layouts (--format json)"


def parameters_words(result: Result) -> str:
    """How many parameter tensors reach the logits, and which do not."""
    total, dead = result.parameters, len(result.dead_parameters)
    if not dead:
        return f"all {count(total, 'tensor')} reach {_the(result)}" if total else "the model has none"
    listed = _listed(result.dead_modules or result.dead_parameters)
    verb = "does" if dead == 1 else "do"
    return f"{total - dead:,} of {count(total, 'tensor')} reach {_the(result)}; {dead:,} {verb} not: {listed}"


def _the(result: Result) -> str:
    return "the logits" if result.outputs in ((), ("logits",)) else "an output"


def outputs_words(result: Result) -> str:
    """Which output this is about, where the forward returns several; empty where there is but one."""
    others = [name for name in result.outputs if name != result.output]
    if not others and result.output == "logits":
        return ""
    about = f"this is about {result.output}" + ("" if result.output == "logits" else ", wherever it says logits")
    return f"{about}; the forward returns {_listed(others)} too (--output-name)" if others else about


def _listed(names: Sequence[str]) -> str:
    if len(names) <= LISTED:
        return ", ".join(names)
    return f"{', '.join(names[:LISTED])} and {len(names) - LISTED:,} more"


def config_words(result: Result) -> str:
    """Where the config came from, and the library's version."""
    kind = f"of type {result.model_type}, " if result.model_type else ""
    library = result.versions.get("transformers")
    return f"{kind}{SOURCES[result.config_source]}" + (f"; transformers {library}" if library else "")


#: Label -> the function for its words, in the order in which they are shown.
FACTS: Mapping[str, Callable[[Result], str]] = {
    "text": texts_words,
    "padding": padding_words,
    "tokens": tokens_words,
    "each": each_words,
    "positions": fields_words,
    "parameters": parameters_words,
    "dead work": dead_work_words,
    "outputs": outputs_words,
}
