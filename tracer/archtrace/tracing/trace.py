"""trace: the one public verb, from a target to what its classifier reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch

from archtrace.answer.result import Readout, Result
from archtrace.capture.guard import guarded
from archtrace.capture.model import forward_of
from archtrace.capture.module import graph_module
from archtrace.capture.preserve import in_turn
from archtrace.errors import MissingError, TargetError, message
from archtrace.readout.analysis import Analysis, Model
from archtrace.readout.read_tokens import texts_of
from archtrace.readout.text_inputs import layout_of, refuse_beyond
from archtrace.readout.view import View
from archtrace.targets.target import ModelConfig, Target
from archtrace.targets.tokenized import Encoded, TextTokenizer, encoded, tokenizer_of
from archtrace.tracing.answering import build_result
from archtrace.tracing.clock import Clock, Progress
from archtrace.tracing.plans import analyse

if TYPE_CHECKING:
    import networkx


class Trace:
    """A traced model: `result` (frozen), `graph` (networkx), `at(...)` for any layout."""

    def __init__(self, target: Target, model: Model, analysis: Analysis, result: Result) -> None:
        self.target = target
        self.result = result
        self._model = model
        self._analysis = analysis

    def __repr__(self) -> str:
        return str(self.result)

    def _repr_html_(self) -> str | None:
        """The page of this trace in a notebook, where something that can make one is installed."""
        from importlib.metadata import entry_points

        makers = entry_points(group="archtrace.notebook")
        return next((str(maker.load()(self.result)) for maker in makers), None)

    def save(self, file: str | Path) -> None:
        """Write the answer to a file; its ending says how: .html, .md, .json, .txt, .svg, .dot, and more.

        Raises TargetError for another ending, and for a place that cannot be written; MissingError where nothing that
        writes is installed.
        """
        _reports("save")(self.result, Path(file))

    def to_json(self) -> str:
        """The answer as JSON, as `archtrace TARGET --format json` gives it; raises MissingError as `save` does."""
        return str(_reports("json")(self.result))

    @property
    def analysis(self) -> Analysis:
        """The model in the layouts of the first length."""
        return self._analysis

    @property
    def module(self) -> torch.nn.Module:
        """The model as it was traced, without values."""
        return self._model[0]

    @property
    def readouts(self) -> tuple[Readout, ...]:
        """What the classifier reads."""
        return self.result.readouts

    @property
    def config(self) -> ModelConfig | None:
        """The config that was traced, with what had to be filled in; None for a model without one."""
        return self.target.config

    @cached_property
    def graph(self) -> networkx.DiGraph[str]:
        """A networkx.DiGraph from the token positions to the logits; see archtrace.readout.graph."""
        from archtrace.readout.graph import build_graph

        graph: networkx.DiGraph[str] = build_graph(self._analysis)
        return graph

    @cached_property
    def fx(self) -> torch.fx.GraphModule:
        """The traced program of the first layout, as a GraphModule that runs; see archtrace.capture.module."""
        return graph_module(self._analysis.program, self.target.module or self.module)

    @in_turn
    def at(
        self,
        *,
        text: object = None,
        text_pair: str | Sequence[str] | None = None,
        tokenizer: TextTokenizer | None = None,
        **inputs: object,
    ) -> View:
        """What reaches the logits for these inputs: what a tokenizer returns, nested lists, arrays or tensors; or for
        `text`, one or several, of which `tokenizer` (without one the checkpoint's own) makes such inputs, or a batch of
        texts that was made (archtrace.targets.tokenized). What is given as `text` and is none is an input of that name.

        One row may come without the axis of rows. Rows of different length are padded with the config's pad id, on its
        `padding_side` if it has one (else at the end), and the mask is made; a mask not given is all ones otherwise.
        Any input that the forward names is taken. A shape that was not captured yet is captured now. Raises TargetError
        for what is no input of the model, LayoutError where the model refuses the inputs.
        """
        analysis = self._analysis
        with guarded():
            batch = _encoded(self.target, tokenizer, text, text_pair)
            of_texts = {"text": text} if batch is None else batch.fitting(forward_of(analysis.module))
            layout = {"given": layout_of({**of_texts, **inputs}, analysis)}
            given = replace(analysis, layouts=layout, refused={}, carried={}, expected=analysis.names)
            refuse_beyond(given)
            return View(given, () if batch is None else batch.tokens)


def _reports(name: str) -> Callable[..., object]:
    """What another package registered to show a result, by its name: tracing does not know who shows."""
    from importlib.metadata import entry_points

    entry = next(iter(entry_points(group="archtrace.report", name=name)), None)
    if entry is None:
        what = message(
            "a trace cannot be written here",
            why="nothing that writes one is installed: the package metadata have no entry point archtrace.report",
            do="pip install 'archtrace[trace]' (anew, where it was installed for editing)",
        )
        raise MissingError(what)
    return cast(Callable[..., object], entry.load())


@in_turn
def trace(  # noqa: PLR0913  each is an option of its own
    target: object,
    *,
    num_labels: int | None = None,
    config: str | Path | Mapping[str, object] | None = None,
    overrides: Mapping[str, object] | None = None,
    inputs: Mapping[str, object] | None = None,
    output: str = "",
    trust_remote_code: bool = False,
    arguments: Mapping[str, object] | None = None,
    head: str | None = None,
    text: str | Sequence[str] | Encoded | None = None,
    text_pair: str | Sequence[str] | None = None,
    tokenizer: TextTokenizer | None = None,
    witness: bool = True,
    progress: Progress | None = None,
) -> Trace:
    """Trace which hidden-state slices of a classifier, or of another model with a head, reach its logits.

    `target`: a Hub id or address, a model type, a class of the library by name, a checkpoint folder or its
    config.json, "module:name" or "file.py:name" (a class, a function that builds a model, a module), a config, a
    class, such a function or a live module. `arguments` go to the class's constructor, or to the function. `inputs` (by
    name, tensors or nested lists; integers fix the layout, floats are features) replaces the layouts that are tried
    otherwise. `output` names the tensor to answer for, of those that the forward returns; without it the logits are,
    else the first. `head` is the kind of head that a model type or a checkpoint is given, such as
    "token-classification" (archtrace.targets.head_kinds); without it a sequence classifier's. `text` (one or several,
    with `text_pair` pairs of them) is what `tokenizer`, or else the checkpoint's own, makes a batch of: the layout that
    is traced, whose tokens the answer names; a batch that was made (archtrace.targets.tokenized) will do.
    Without `witness` no run proves the answer exact: all of it is a bound, in a fraction of the time. Raises
    ArchtraceError with what, where, why and what to do.
    """
    from archtrace.targets import prepare, resolve

    clock = Clock(progress)
    with guarded():
        with clock.stage("resolving", "import"):
            resolved = resolve(
                target,
                num_labels=num_labels,
                config=config,
                overrides=dict(overrides or {}),
                trust_remote_code=trust_remote_code,
                arguments=arguments,
                head=head,
            )
        with clock.stage("building", "capture"):
            model = prepare(resolved)
        batch = _encoded(resolved, tokenizer, text, text_pair)
        if text is not None and batch is None:
            do = "give a string or several; an input of that name is given as inputs={'text': ...}"
            raise TargetError(message(f"a {type(text).__name__} is no text", where="trace", do=do))
        with clock.stage("capturing", "capture"):
            of_texts = {} if batch is None else batch.fitting(forward_of(model[0]))
            analysis, vocabulary, plans = analyse(model, resolved, {**of_texts, **(inputs or {})}, output)
        with clock.stage("analysing", "analysis"):
            analysis.positions  # noqa: B018  computed here, so that the clock measures it
        result = build_result(resolved, model, analysis, vocabulary, plans, clock, witness=witness)
        return Trace(resolved, model, analysis, result if batch is None else _with_texts(result, analysis, batch))


def _encoded(
    target: Target, tokenizer: TextTokenizer | None, text: object, text_pair: str | Sequence[str] | None
) -> Encoded | None:
    """The batch that the tokenizer, or the target's own, makes of texts; None for what is no text."""
    if isinstance(text, Encoded):
        return text
    texts: object = [text] if isinstance(text, str) else text
    if not isinstance(texts, list | tuple) or not all(isinstance(each, str) for each in texts):
        return None
    pairs = [text_pair] if isinstance(text_pair, str) else text_pair
    return encoded(tokenizer_of(target) if tokenizer is None else tokenizer, texts, pairs)


def _with_texts(result: Result, analysis: Analysis, batch: Encoded) -> Result:
    """The result with the tokens of the texts in its only layout."""
    layouts = (
        replace(layout, texts=texts_of(analysis, layout.name, batch.tokens, layout.bound.reads))
        for layout in result.layouts
    )
    return replace(result, layouts=tuple(layouts))
