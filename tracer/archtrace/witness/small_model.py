"""A small model with the skeleton and the bounds of a large one, to run numerically in its place."""

from __future__ import annotations

import copy
import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import cast

import torch

from archtrace.capture.model import parameter_count
from archtrace.capture.program import Program
from archtrace.errors import ArchtraceError
from archtrace.reach.interpreter import Layout
from archtrace.readout.analysis import Model, Programs
from archtrace.targets import prepare
from archtrace.targets.target import ModelConfig, Target
from archtrace.witness.shrink import LARGEST, ModelSize, Overrides, Used, apply, integers, shrink, skeleton, unnumbered

#: Fields of a config's difference that say how it was stored or used, not what the model is. With the last of them a
#: config of transformers 4.48 says that a model was built of it, and a model built of its copy would then take another
#: attention (`PreTrainedModel.__init__` chooses one only where the field is not set).
_ABOUT_STORAGE = {
    "transformers_version",
    "architectures",
    "dtype",
    "torch_dtype",
    "model_type",
    "_name_or_path",
    "_attn_implementation_autoset",
}


#: What no width is reduced to or below where no ids and positions say what is needed.
WIDTH = 24


@dataclass(frozen=True, eq=False)
class Small:
    """A small model with its programs, and the overrides that made it small."""

    programs: Programs
    overrides: Overrides


class Search:
    """Looks for the model of a target in small.

    `agrees(programs, runs)` tells whether a small model's bounds are those of the large one, whose program is
    `program`, and, if it is small enough for that, whether it runs.
    """

    def __init__(
        self,
        target: Target,
        program: Program,
        layouts: Sequence[Layout],
        ids: str,
        agrees: Callable[[Programs, bool], bool],
    ) -> None:
        assert target.config is not None  # a model without one is its own small model, or has none
        self._target, self._config = target, target.config
        self._layouts, self._ids, self._asked = layouts, ids, program.output_name
        self._agrees = agrees
        self._wanted = skeleton(program)
        self._sizes: dict[tuple[tuple[str, int], ...], ModelSize | None] = {}
        self._refused: set[frozenset[tuple[str, int]]] = set()
        self._last: Small | None = None

    def find(self) -> Small | None:
        """What was found before, if it still holds, else what is found now; None where it is not small enough."""
        # What was found once is asked first: one build and one run instead of a search.
        for stored in (remembered(self._target), bundled().get(self._target.model_type or "")):
            if stored and self._keeps(stored):
                return self._last
        overrides = shrink(self._config, self._measure, self._keeps, self._used(), self._coupled)
        size = self._measure(overrides)
        if size is None or size.parameters > LARGEST or not (self._is_last(overrides) or self._keeps(overrides)):
            return None
        _remember(self._target, overrides)
        return self._last

    def _used(self) -> Used:
        """Positions may be counted from behind the pad id (RoBERTa): a few more than there are.

        Where there are none, of pixels and sound, widths stay as large as those of a text.
        """
        integers = [v for each in self._layouts for v in each.values() if not v.is_floating_point() and v.numel()]
        if not integers:
            return Used(WIDTH, WIDTH)
        return Used(max(int(v.max()) for v in integers), max(max(v.shape) for v in integers) + 8)

    def _is_last(self, overrides: Overrides) -> bool:
        return self._last is not None and self._last.overrides == overrides

    def _model(self, overrides: Overrides) -> Model | None:
        try:
            with _quiet():
                return prepare(replace(self._target, config=reduced(self._config, overrides)))
        except Exception:  # a config of a stranger may refuse a value in any way it likes
            return None

    def _measure(self, overrides: Overrides) -> ModelSize | None:
        key = tuple(overrides.items())
        if key not in self._sizes:
            built = self._model(overrides)
            self._sizes[key] = None if built is None else _size(built[0])
        return self._sizes[key]

    def _coupled(self, overrides: Overrides) -> Overrides | None:
        return coupled(self._config, overrides)

    def _keeps(self, overrides: Overrides) -> bool:
        """Whether the small model builds, its graph keeps the skeleton, and its bounds agree; asked once of each."""
        key = frozenset(overrides.items())
        found = None if key in self._refused else self._small(overrides)
        if found is None:
            self._refused.add(key)
            return False
        self._last = found
        return True

    def _small(self, overrides: Overrides) -> Small | None:
        built = self._model(overrides)
        if built is None:
            return None
        size = self._sizes[tuple(overrides.items())] = _size(built[0])
        programs = Programs(built, self._asked)
        try:
            traced = programs.of(self._layouts[0], self._ids)
        except ArchtraceError:
            return None
        # The cheap question first: a graph of other steps is no model of it, whatever its bounds are.
        if skeleton(traced) != self._wanted or not self._agrees(programs, size.parameters <= LARGEST):
            return None
        return Small(programs, dict(overrides))


def _size(module: torch.nn.Module) -> ModelSize:
    paths = [path for path, _ in module.named_modules()]
    return ModelSize(len(paths), parameter_count(module), frozenset(map(unnumbered, paths)))


@contextmanager
def _quiet() -> Iterator[None]:
    """The library warns of ids outside a small vocabulary: that is ours to see, not the user's."""
    logger = logging.getLogger("transformers")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def reduced(config: ModelConfig, overrides: Overrides) -> ModelConfig:
    """A config like this one with some integers reduced."""
    if not overrides:
        return copy.deepcopy(config)
    arguments = {k: v for k, v in config.to_diff_dict().items() if k not in _ABOUT_STORAGE}
    kind: Callable[..., ModelConfig] = type(config)
    return kind(**apply(arguments, overrides))


def coupled(config: ModelConfig, overrides: Overrides) -> Overrides | None:
    """The overrides, and the integers that the config's constructor derives from them; None where it refuses them.

    Derived is what comes out the same although it is not stated: stated is what differs from the type's own default.
    """
    kind: Callable[..., ModelConfig] = type(config)
    try:
        plain = kind().to_dict()
        given = {k: v for k, v in config.to_diff_dict().items() if k not in _ABOUT_STORAGE}
        # Lists and the fields to be moved are stated, so that a list as long as one of them is cut with it.
        kept = {k for k, v in given.items() if isinstance(v, list) or k in overrides}
        stated = {k: v for k, v in given.items() if k in kept or k not in plain or plain[k] != v}
        before, after = (dict(integers(kind(**apply(stated, each)))) for each in ({}, overrides))
    except Exception:  # a config of a stranger may refuse a value in any way it likes
        return None
    if before.keys() - after.keys() - overrides.keys():
        return None
    moved = {k: v for k, v in after.items() if before.get(k) != v and k in given and k not in overrides}
    return overrides | moved


@lru_cache(maxsize=1)
def bundled() -> dict[str, Overrides]:
    """Overrides found for the library's default configs, by model type (made by docs/make_small_table.py)."""
    file = files("archtrace") / "witness" / "small_model.json"
    return dict(json.loads(file.read_text())) if file.is_file() else {}


def _file(target: Target) -> Path:
    from platformdirs import user_cache_path
    from transformers import __version__

    fields = None if target.config is None else target.config.to_dict()
    facts = json.dumps([__version__, target.class_name, fields], sort_keys=True, default=str)
    return user_cache_path("archtrace") / "small" / f"{hashlib.sha256(facts.encode()).hexdigest()[:32]}.json"


def remembered(target: Target) -> Overrides | None:
    """The overrides found for this very config before, from the user's cache."""
    try:
        stored: object = json.loads(_file(target).read_text())
    except (OSError, ValueError):
        return None
    valid = isinstance(stored, dict) and all(isinstance(v, int) for v in stored.values())
    return cast(Overrides, stored) if valid else None


def _remember(target: Target, overrides: Overrides) -> None:
    """Keep what was found; a cache that cannot be written is no error."""
    file = _file(target)
    fresh = file.with_suffix(f".{id(overrides):x}.tmp")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(json.dumps(overrides))
        fresh.replace(file)
    except OSError:
        fresh.unlink(missing_ok=True)
