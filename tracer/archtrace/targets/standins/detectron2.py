"""A stand-in for detectron2: a backbone that gives the pyramid's outputs by one strided convolution each."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch

#: Strides of the outputs of detectron2's FPN over a ResNet, and their channels (its default configuration).
_STRIDES: Mapping[str, int] = {"p2": 4, "p3": 8, "p4": 16, "p5": 32, "p6": 64}
_CHANNELS = 256
#: Its default means and deviations, in the order blue, green, red.
_MEAN, _STD = [103.53, 116.28, 123.675], [1.0, 1.0, 1.0]


class _Shape(NamedTuple):
    channels: int
    stride: int


class FPN(torch.nn.Module):
    """A convolution for each output, from the image itself."""

    def __init__(self, colours: int) -> None:
        super().__init__()
        self.outputs = torch.nn.ModuleDict(
            {name: torch.nn.Conv2d(colours, _CHANNELS, stride, stride) for name, stride in _STRIDES.items()}
        )

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        """Outputs by name, (rows, channels, height / stride, width / stride); too small an image has no deep ones."""
        side = min(image.shape[-2:])
        return {name: part(image) for name, part in self.outputs.items() if _STRIDES[name] <= side}

    def output_shape(self) -> dict[str, _Shape]:
        """Channels and stride of each output."""
        return {name: _Shape(_CHANNELS, stride) for name, stride in _STRIDES.items()}


class FrozenBatchNorm2d(torch.nn.Module):
    """The library asks whether a module is one; none is."""


class _Detector(torch.nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        self.backbone = FPN(len(config.MODEL.PIXEL_MEAN))


class _Node(SimpleNamespace):
    """A config that makes a section when it is first read."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        setattr(self, name, _Node())
        return getattr(self, name)


def _config() -> _Node:
    return _Node(MODEL=_Node(META_ARCHITECTURE="GeneralizedRCNN", PIXEL_MEAN=_MEAN, PIXEL_STD=_STD))


META_ARCH_REGISTRY: Mapping[str, type] = {"GeneralizedRCNN": _Detector}
NAMES: Mapping[str, Any] = {
    "META_ARCH_REGISTRY": META_ARCH_REGISTRY,
    "detectron2": SimpleNamespace(
        config=SimpleNamespace(get_cfg=_config),
        layers=SimpleNamespace(FrozenBatchNorm2d=FrozenBatchNorm2d),
        modeling=SimpleNamespace(backbone=SimpleNamespace(FPN=FPN), META_ARCH_REGISTRY=META_ARCH_REGISTRY),
    ),
}
