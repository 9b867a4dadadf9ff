"""Targets: from what the user names to a class, a config and where the config came from."""

from archtrace.targets.prepare import prepare
from archtrace.targets.resolve import resolve
from archtrace.targets.target import Target

__all__ = ["Target", "prepare", "resolve"]
