"""AT015: a mask method is overridden that nothing calls any more."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from archtrace_lint.dataflow.events import Class, SourceModule
from archtrace_lint.dataflow.spellings import MASK_METHODS
from archtrace_lint.rule import Match, Rule
from archtrace_lint.source.project import requires_below
from archtrace_lint.source.syntax import last_word


def check(module: SourceModule) -> Iterator[Match]:
    """A subclass of a transformers model that defines such a method and does not call it itself."""
    classes = {event.node.name: event.node for event in module.events_of(Class)}
    for event in module.events_of(Class):
        base = next((last_word(b) for b in _ancestors(event.node, dict(classes)) if _is_library(b, module)), None)
        for method in event.node.body if base else ():
            if isinstance(method, ast.FunctionDef) and _is_never_called(method, event.node, module):
                yield Match(
                    method,
                    f"{event.node.name}.{method.name}",
                    f"transformers {MASK_METHODS[method.name]} no longer calls this; pass the mask to forward",
                )


def _is_never_called(method: ast.FunctionDef, owner: ast.ClassDef, module: SourceModule) -> bool:
    """A mask method that nothing calls, in the versions of transformers that the tree requires."""
    if method.name not in MASK_METHODS or _calls(owner, method):
        return False
    return not requires_below(module.resolver, "transformers", MASK_METHODS[method.name])


def _ancestors(owner: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> list[ast.expr]:
    """The bases of a class and of its bases in this module; visited classes are removed from `classes`."""
    ancestors, pending = list[ast.expr](), [owner]
    while pending:
        bases = pending.pop().bases
        ancestors += bases
        # Removed, as two classes may name each other (if one is bound again), which would never end.
        pending += [classes.pop(b.id) for b in bases if isinstance(b, ast.Name) and b.id in classes]
    return ancestors


def _is_library(base: ast.expr, module: SourceModule) -> bool:
    """A model class that was imported from transformers."""
    word = last_word(base)
    node = base
    while isinstance(node, ast.Attribute):
        node = node.value
    origin = module.imports.get(node.id, "") if isinstance(node, ast.Name) else ""
    # By its import: a custom base class may still call the method.
    return origin.split(".")[0] == "transformers" and word.endswith(("Model", "ForCausalLM", "Decoder", "Encoder"))


def _calls(owner: ast.ClassDef, method: ast.FunctionDef) -> bool:
    """The class calls the method itself, outside of the method."""
    inside = set(map(id, ast.walk(method)))
    return any(
        isinstance(n, ast.Call) and last_word(n.func) == method.name and id(n) not in inside for n in ast.walk(owner)
    )


RULE = Rule(
    code="AT015",
    name="mask-direction",
    summary="A method that makes the mask is overridden, but transformers no longer calls it.",
    why="""You can turn a decoder into an encoder by overriding the method that makes its causal mask. But
transformers renamed and removed these methods. If nothing calls the override, nothing raises: the model silently
attends in one direction, and its first token sees only itself.""",
    real=("NVIDIA-NeMo/Automodel pull request 1349: `_update_causal_mask` of a Llama that should look both ways",),
    instead="""Make the mask and pass it: `transformers.masking_utils.create_bidirectional_mask` (5.0 and later), or a
4-D mask as `attention_mask`. Then check that the first token sees the last: `archtrace` shows it.""",
    unseen="""The installed version of transformers: with a version before the one that the message names, the
override still works. If setup.py, pyproject.toml or requirements.txt require such a version, the rule says nothing.
A base class that comes through another module; a method that is replaced by assignment.""",
    valid={
        "the class calls it itself": """
            from transformers import LlamaModel


            class BothWays(LlamaModel):
                def _update_causal_mask(self, attention_mask):
                    return attention_mask

                def forward(self, input_ids, attention_mask=None):
                    return super().forward(input_ids, attention_mask=self._update_causal_mask(attention_mask))
            """,
        "your own base class": """
            class Mine(Base):
                def _update_causal_mask(self, attention_mask):  # of transformers once
                    return attention_mask
            """,
    },
    invalid={
        "a Llama that should attend in both directions": """
            from transformers import LlamaModel


            class LlamaBidirectionalModel(LlamaModel):
                def _update_causal_mask(self, attention_mask, *args, **kwargs):
                    return attention_mask if attention_mask is not None and 0.0 in attention_mask else None
            """,
        "through another class of the module": """
            from transformers import LlamaModel


            class Wide(LlamaModel):
                pass


            class BothWays(Wide):
                def _update_causal_mask(self, attention_mask, *args):
                    return None
            """,
        "an older method name": """
            from transformers.models.mistral import modeling_mistral


            class Encoder(modeling_mistral.MistralModel):
                def _prepare_decoder_attention_mask(self, attention_mask, input_shape, inputs_embeds, past):
                    return None
            """,
    },
    check=check,
)
