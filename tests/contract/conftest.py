"""What the tests of contracts share: the tiny models with known answers."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest


@pytest.fixture
def tiny() -> Callable[[str], Any]:
    """The class of a tiny model, by the name of its file."""
    return lambda name: import_module(name).EXPECTED.model
