"""Calls of models on token ids."""

from __future__ import annotations

from archtrace_lint.dataflow.abstract_values import UNKNOWN, Model, has
from archtrace_lint.dataflow.events import ModelRun
from archtrace_lint.dataflow.site import Site
from archtrace_lint.dataflow.spellings import BACKBONES


def ran(site: Site) -> None:
    """Tell of `self.bert(ids)` and of `model(input_ids=ids)`."""
    named = site.name != "forward" and BACKBONES.fullmatch(site.name)
    if site.library or not (named or has(site.base, Model)):
        return
    ids = site.arguments[0] if site.arguments else site.keywords.get("input_ids", UNKNOWN)
    site.frame.emit(ModelRun(site.node, site.frame.scope(), site.name, site.base, ids, site.frame.mask_around()))
