"""Calls of models on token ids."""

from __future__ import annotations

from archtrace.lint.events import Run
from archtrace.lint.facts import BACKBONES
from archtrace.lint.site import Site
from archtrace.lint.values import UNKNOWN, Model, has


def ran(site: Site) -> None:
    """Tell of `self.bert(ids)` and of `model(input_ids=ids)`."""
    named = site.name != "forward" and BACKBONES.fullmatch(site.name)
    if site.library or not (named or has(site.base, Model)):
        return
    ids = site.arguments[0] if site.arguments else site.keywords.get("input_ids", UNKNOWN)
    site.frame.emit(Run(site.node, site.frame.scope(), site.name, site.base, ids, site.frame.mask_around()))
