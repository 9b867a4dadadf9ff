"""Structure: what of a config a model's structure depends on. Configs of one structure are one question.

Five thousand checkpoints that were fine-tuned from one base differ in label names, in where they were loaded from, in
who wrote the file. The question is about the config without all that, under a name made of its digest.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from archtrace.answer.result import ConfigSource, Result
from archtrace_reports.asking.question import Question
from archtrace_reports.atlas.site.edition_files import named
from archtrace_reports.text.report import Unanswered

Config: TypeAlias = Mapping[str, Any]
CONFIG = "config.json"


def _text(value: Any, config: Config) -> bool:
    return value is None or isinstance(value, str)


def _anything(value: Any, config: Config) -> bool:
    return True


def _switch(value: Any, config: Config) -> bool:
    return value is None or isinstance(value, bool)


def _dtype(value: Any, config: Config) -> bool:
    # A config refuses a name that torch does not have, so such a one must stay.
    return value in (None, "float32", "float16", "bfloat16", "float64")


def _numbers(value: Any, config: Config) -> bool:
    return value is None or (isinstance(value, Mapping) and all(type(number) is int for number in value.values()))


def _loss(value: Any, config: Config) -> bool:
    # PreTrainedConfig.__post_init__ refuses a single label for a single_label_classification.
    labels = config.get("id2label")
    single = config.get("num_labels") == 1 or (isinstance(labels, Mapping) and len(labels) == 1)
    return value in (None, "regression", "multi_label_classification") or (
        value == "single_label_classification" and not single
    )


@dataclass(frozen=True)
class IrrelevantField:
    """A field that no structure depends on: why, of which values that holds (the config is given too), and whether it
    holds in a config inside the config as well."""

    why: str
    of: Callable[[Any, Config], bool]
    inside: bool = False


_LEFT_OUT = "a kernel or a storage of weights: archtrace.targets.configs.construct leaves it out"
_FORMAT = "the number format of the weights: archtrace.targets.prepare leaves it out"
#: The fields that no structure depends on. As read in transformers 5.23.0; `label2id` goes with `id2label`, whose
#: labels are counted.
IRRELEVANT: Mapping[str, IrrelevantField] = {
    "_name_or_path": IrrelevantField("where the checkpoint was loaded from", _text, inside=True),
    "_commit_hash": IrrelevantField("which commit of a repository; PreTrainedConfig.__post_init__ drops it", _anything),
    "transformers_version": IrrelevantField(
        "the release that wrote the file: stored, and read by no model", _text, inside=True
    ),
    "torch_dtype": IrrelevantField(_FORMAT, _dtype, inside=True),
    "dtype": IrrelevantField(_FORMAT, _dtype, inside=True),
    "label2id": IrrelevantField("numbers by label name: read by pipelines, and by no model", _numbers, inside=True),
    "problem_type": IrrelevantField(
        "which loss labels are given to, and without labels there is none", _loss, inside=True
    ),
    "finetuning_task": IrrelevantField("the name of a task: stored, and read by no model", _text, inside=True),
    "use_cache": IrrelevantField("archtrace.targets.prepare switches the cache off", _switch, inside=True),
    "attn_implementation": IrrelevantField(_LEFT_OUT, _anything),
    "_attn_implementation": IrrelevantField(_LEFT_OUT, _anything),
    "quantization_config": IrrelevantField(_LEFT_OUT, _anything),
}


def canonical(config: Config, inside: bool = False) -> dict[str, Any]:
    """The fields of a config that its structure depends on, labels under numbered names. A mapping with a model_type is
    a config inside the config."""
    fields = {name: value for name, value in config.items() if not _is_irrelevant(name, config, inside)}
    return {name: _canonical_value(name, value) for name, value in fields.items()}


def _canonical_value(name: str, value: Any) -> Any:
    if name == "id2label" and _labels(value):
        return {str(number): f"LABEL_{number}" for number in range(len(value))}
    return canonical(value, inside=True) if isinstance(value, Mapping) and "model_type" in value else value


def _labels(value: Any) -> bool:
    """Whether it is a map of labels by number, as PreTrainedConfig takes it: one that it refuses stays as it is."""
    return isinstance(value, Mapping) and all(
        str(number).isdecimal() and isinstance(label, str) for number, label in value.items()
    )


def _is_irrelevant(name: str, config: Config, inside: bool) -> bool:
    row = IRRELEVANT.get(name)
    return row is not None and (row.inside or not inside) and row.of(config[name], config)


@dataclass(frozen=True)
class AtlasTarget:
    """A target of the atlas: its name, and what is asked about it. Targets whose questions are equal share the answer.

    `where` is the file that its config stands in, and `source` how that was found, where the question is about a
    structure and knows of neither.
    """

    name: str
    question: Question
    where: str = ""
    source: ConfigSource | None = None

    def renamed(self, outcome: Result | Unanswered) -> Result | Unanswered:
        """The outcome under the target's own name."""
        if isinstance(outcome, Unanswered):
            return named(self.name, self.question.head, Unanswered(self.name, self._own(outcome.reason)))
        findings = tuple(replace(finding, message=self._own(finding.message)) for finding in outcome.findings)
        source = self.source or outcome.config_source
        return replace(outcome, target=self.name, config_source=source, findings=findings)

    def _own(self, message: str) -> str:
        if not self.where:
            return message
        file = f"{self.question.target}/{CONFIG}"
        command = message.replace(f"--config {file}", f"--config {shlex.quote(self.where)}")
        return command.replace(file, self.where).replace(self.question.target, self.name)


def atlas_target(target: str) -> AtlasTarget:
    """A target and the question about it. TargetError where there is no such target."""
    from archtrace.targets.checkpoint_config import checkpoint_origin, small_files

    origin = checkpoint_origin(target)
    if origin is None:
        return AtlasTarget(target, Question(target))
    if origin.encoder is not None or origin.adapter is not None or origin.findings:
        # More than a config says what it is.
        return AtlasTarget(target, Question(target, files=small_files(target)))
    text = json.dumps(canonical(origin.fields), sort_keys=True)
    kind = re.sub(r"\W+", "-", str(origin.fields.get("model_type") or "model"))
    name = f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    return AtlasTarget(target, Question(name, files={CONFIG: text}), origin.where, origin.source)
