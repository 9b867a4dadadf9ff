"""Calls of models on token ids."""

from __future__ import annotations

import re

from archtrace.lint.events import Run
from archtrace.lint.facts import BACKBONES
from archtrace.lint.site import Site
from archtrace.lint.values import UNKNOWN, Model, has

#: Attributes that hold an encoder, after the names of its kinds.
ENCODERS = re.compile(
    r"(\w*_)?(bert|roberta|xlmr|xlm_roberta|albert|distilbert|deberta|electra|ernie|camembert|mpnet|longformer|bigbird)"
    r"(_?(model|encoder|layer|base))?",
    re.IGNORECASE,
)


def ran(site: Site) -> None:
    """Tell of `self.bert(ids)` and of `model(input_ids=ids)`."""
    named = ENCODERS.fullmatch(site.name) or (BACKBONES.fullmatch(site.name) and site.name != "forward")
    if site.library or not (named or has(site.base, Model)):
        return
    ids = site.arguments[0] if site.arguments else site.keywords.get("input_ids", UNKNOWN)
    site.frame.emit(Run(site.node, site.frame.scope(), site.name, site.base, ids, site.frame.mask_around()))
