"""Code that lies beside a checkpoint: never run unless the user says so."""

from __future__ import annotations

from collections.abc import Mapping

from archtrace.errors import one_line, refusal
from archtrace.targets import commands
from archtrace.targets.configs import ConfigClass
from archtrace.targets.target import ModelClass

CONFIG, MODEL, BARE = "AutoConfig", "AutoModelForSequenceClassification", "AutoModel"


def classes(
    auto_map: Mapping[str, object], repository: str, wanted: str = MODEL, revision: str | None = None
) -> tuple[ConfigClass, ModelClass]:
    """The config class and the model class that the checkpoint's own code defines. Runs that code."""
    from transformers.dynamic_module_utils import get_class_from_dynamic_module

    try:
        config: ConfigClass = get_class_from_dynamic_module(auto_map[CONFIG], repository, revision=revision)
        model: ModelClass = get_class_from_dynamic_module(auto_map[wanted], repository, revision=revision)
    except Exception as error:
        raise refusal(
            "the checkpoint's own code cannot be loaded",
            where=repository,
            why=one_line(error),
            do="correct the code, or name the class: path/to/file.py:Class",
        ) from error
    return config, model


def usable(auto_map: Mapping[str, object], wanted: str = MODEL) -> bool:
    """Whether the checkpoint's own code holds the model and its config."""
    return CONFIG in auto_map and wanted in auto_map


def untrusted(model_type: str, where: str) -> Exception:
    """The refusal of a checkpoint whose model is its own code, without the flag."""
    return refusal(
        f"model type {model_type!r} is the checkpoint's own code",
        where=where,
        why="its auto_map points to Python files, which are never run unasked",
        do="read that code; if you trust it, say trust_remote_code (--trust-remote-code)",
    )


def without_classifier(auto_map: Mapping[str, object], where: str) -> Exception:
    """The refusal of a checkpoint whose own code holds no sequence classifier, or no config for it."""
    lacking = MODEL if MODEL not in auto_map else CONFIG
    command = commands.of_code(auto_map, where)
    return refusal(
        f"the checkpoint's own code has no {'sequence classifier' if lacking == MODEL else 'config class'}",
        where=where,
        why=f"its auto_map names {', '.join(sorted(auto_map)) or 'nothing'}, but not {lacking}",
        do=f"name its class: {command or 'path/to/file.py:Class'}",
    )
