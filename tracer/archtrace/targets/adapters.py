"""Adapters of PEFT, as their adapter_config.json says: the base model, and which parts of its head have weights."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from archtrace.answer.result import Finding
from archtrace.errors import TargetError, refusal
from archtrace.targets import configs

#: Kinds that put learned vectors in front of the text's: every position behind them is another one.
_IN_FRONT = frozenset({"PROMPT_TUNING", "MULTITASK_PROMPT_TUNING", "P_TUNING", "CPT"})
#: What PEFT saves of every sequence classifier, listed or not (PeftModelForSequenceClassification).
_ALWAYS = ("classifier", "score")
_TASK = "SEQ_CLS"


@dataclass(frozen=True)
class Adapter:
    """An adapter's kind (`LORA`), base model and task; `saved` and `adapted` are PEFT's patterns of module paths.

    `prompt`: the fields of one that puts vectors in front of the text, which PEFT's wrapper is made of; None of others.
    """

    where: str
    kind: str
    base: str
    task: str
    saved: tuple[str, ...]
    adapted: tuple[str, ...] | str
    prompt: Mapping[str, object] | None = None

    @property
    def classifies(self) -> bool:
        """Whether it was made for a sequence classifier, whose head it then holds."""
        return self.task == _TASK

    def covers(self, path: str) -> str | None:
        """How the adapter holds weights of the module at a path: "saved", "adapted", or not at all."""
        if any(part.endswith(name) for part in _prefixes(path) for name in self.saved):
            return "saved"
        return "adapted" if self._is_adapted(path) else None

    def _is_adapted(self, path: str) -> bool:
        if isinstance(self.adapted, str):
            return re.fullmatch(self.adapted, path) is not None
        return any(path == name or path.endswith(f".{name}") for name in self.adapted)


def _prefixes(path: str) -> Iterator[str]:
    parts = path.split(".")
    return (".".join(parts[: n + 1]) for n in range(len(parts)))


def read(path: Path) -> Adapter:
    """The adapter of a file. TargetError for one that names no base, or whose prompt is for no sequence classifier."""
    fields, where = configs.read(path)
    kind, base = str(fields.get("peft_type") or "adapter"), fields.get("base_model_name_or_path")
    if not base:
        raise refusal(
            "the adapter names no base model",
            where=where,
            why="it has no base_model_name_or_path",
            do="add it, or name the base model",
        )
    task, saved = str(fields.get("task_type") or ""), configs.name_list(fields, "modules_to_save", where)
    prompt = fields if kind in _IN_FRONT else None
    if prompt is not None and task != _TASK:
        raise no_wrapper(kind, where, f"it is for {f'the task {task}' if task else 'no task'}, and not {_TASK}")
    modules = fields.get("target_modules")
    adapted = modules if isinstance(modules, str) else configs.name_list(fields, "target_modules", where)
    saved = tuple(dict.fromkeys((*saved, *_ALWAYS))) if task == _TASK else saved
    return Adapter(where, kind, str(base), task, saved, adapted, prompt)


def no_wrapper(kind: str, where: str, why: str) -> Exception:
    """The refusal of an adapter with vectors in front of the text, whose wrapper cannot be made of its folder."""
    return refusal(
        f"an adapter of kind {kind} is not answered by its folder",
        where=where,
        why=f"it puts vectors in front of the text, which moves every position, and {why}",
        do="trace the live model: archtrace.trace(peft_model)",
    )


def no_base(adapter: Adapter, error: Exception) -> TargetError:
    """The refusal of an adapter whose base model cannot be found."""
    first, *_ = str(error).splitlines()
    return refusal(
        f"the adapter's base model {adapter.base} cannot be answered",
        where=adapter.where,
        why=first,
        do="correct base_model_name_or_path, or name the base model yourself",
    )


def findings(adapter: Adapter, head: Iterable[str]) -> Iterator[Finding]:
    """The findings about an adapter; `head`: the paths of the modules with parameters between readout and logits."""
    coverage = {path: adapter.covers(path) for path in head}
    saved = [f"{path} ({how})" for path, how in coverage.items() if how]
    missing = [path for path, how in coverage.items() if how is None]
    traced = "the base model was traced, whose positions the adapter leaves as they are"
    if adapter.prompt is not None:
        traced = (
            f"{adapter.prompt.get('num_virtual_tokens')} vectors stand in front of the text, and were traced with it"
        )
    weights = f"of its head the adapter holds {', '.join(saved) or 'nothing'}"
    yield Finding("adapter", f"{adapter.kind} on {adapter.base}: {traced}; {weights}")
    if missing:
        yield Finding(
            "head-not-saved",
            f"the adapter has no weights of {', '.join(missing)}: they are the base checkpoint's, or drawn at random "
            "each time where that has none (modules_to_save keeps them)",
        )
    if not adapter.classifies:
        task = f"for the task {adapter.task}" if adapter.task else "for no task"
        yield Finding("other-head", f"{adapter.where} is {task}, not {_TASK}: the head that was traced is not its own")
