"""A stand-in plays a missing package while a model is built, and is told; nothing of it stays in the process."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any

import pytest
import torch

from archtrace.errors import ArchtraceError
from archtrace.targets import prepare, resolve, standins
from archtrace.targets.standins import detectron2

pytestmark = pytest.mark.skipif(find_spec("detectron2") is not None, reason="the real package is installed")


def _state() -> tuple[Any, ...]:
    from transformers.models.layoutlmv2 import configuration_layoutlmv2, modeling_layoutlmv2
    from transformers.utils import import_utils

    modules = (configuration_layoutlmv2, modeling_layoutlmv2)
    held = [name for module in modules for name in ("detectron2", "META_ARCH_REGISTRY") if hasattr(module, name)]
    return held, import_utils.BACKENDS_MAPPING["detectron2"], "detectron2" in sys.modules


def test_a_model_is_built_with_a_stand_in_that_is_told_and_leaves_nothing_behind() -> None:
    before = _state()
    model, _ = prepare(resolve("layoutlmv2", overrides={"num_hidden_layers": 1}))
    assert [f.code for f in standins.stood_in(model)] == ["stand-in"]
    assert _state() == before == ([], before[1], False)


def test_a_constructor_that_fails_with_a_stand_in_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any) -> None:
        raise ValueError("in the middle of the build")

    monkeypatch.setattr(detectron2.FPN, "__init__", failing)
    before = _state()
    with pytest.raises(ArchtraceError, match="in the middle of the build"):
        prepare(resolve("layoutlmv2", overrides={"num_hidden_layers": 1}))
    assert _state() == before


def test_other_models_have_no_stand_in() -> None:
    assert standins.stood_in(torch.nn.Linear(1, 1)) == ()
