"""Which classifiers of a module find their token by the pad id, as AT003 asks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from archtrace_lint.dataflow.abstract_values import Model, Tokenizer
from archtrace_lint.dataflow.architectures import is_encoder
from archtrace_lint.dataflow.events import Built, Scope, SourceModule
from archtrace_lint.dataflow.spellings import CLASSIFIERS, PIPELINE, STORED, meaning
from archtrace_lint.source.syntax import last_word

#: Names of a critic, taken to give a value at every token, so that no pad id is searched.
_CRITIC = re.compile(r"(\w*_)?(value|critic)(_?(model|head|net|network))?")
_LIBRARY = re.compile(r"(?!TF|Flax)\w*ForSequenceClassification")
_EVERY_TOKEN = re.compile(r"\w*ForTokenClassification")


def heads_searching_pad(module: SourceModule) -> list[Built]:
    """The classifiers that look for their token by the pad id, also those that a function of another file makes."""
    heads = [b for b in module.events_of(Built) if _searches_pad(b.value, module) and not _reads_every_token(b, module)]
    return [*heads, *_built_by_imported_functions(module)]


def compares_with_pad(node: ast.ClassDef) -> bool:
    """A class compares ids with the pad id, or stores the id to do so.

    A class that uses the position of the first such id without subtracting from it looks for eos by design.
    """
    inside = list(ast.walk(node))
    # A reward at the first eos itself is what such a class was trained on: right by design.
    if any(map(_finds_first, inside)) and not any(map(_counts_back, inside)):
        return False
    return any(is_pad(part) for inner in inside for part in _compared_parts(inner))


def _finds_first(node: ast.AST) -> bool:
    """`argmax(ids == pad)`."""
    return isinstance(node, ast.Call) and last_word(node.func) == "argmax"


def _counts_back(node: ast.AST) -> bool:
    """`x - 1`; ids that are no pad."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
        return isinstance(node.right, ast.Constant) and node.right.value == 1
    if isinstance(node, ast.Compare):
        return isinstance(node.ops[0], ast.NotEq)
    return isinstance(node, ast.Call) and last_word(node.func) in ("ne", "not_equal")


def is_pad(node: ast.expr) -> bool:
    """Its last word names a pad id."""
    word = last_word(node)
    return word != "pad_token" and meaning(word) == "pad"


def target_of(node: ast.AST, module: SourceModule) -> str:
    """The name that the value of a node is assigned to, "" if there is none."""
    assigned = (n for n in ast.walk(module.tree) if isinstance(n, ast.Assign))
    return next((last_word(n.targets[0]) for n in assigned if any(part is node for part in ast.walk(n.value))), "")


def _searches_pad(built: Model | Tokenizer, module: SourceModule) -> bool:
    """A classifier that looks for its token by the pad id. A custom reward model does if its class does."""
    if not isinstance(built, Model) or is_encoder(built):
        return False
    if built.class_name != PIPELINE and not CLASSIFIERS.fullmatch(built.class_name):
        return False
    here = (n for n in module.tree.body if isinstance(n, ast.ClassDef) and n.name == built.class_name)
    definition = next(here, None) or module.imported_definition(built.class_name)
    # A class defined in the tree shows how it finds its token; those of the library go by the pad id.
    if isinstance(definition, ast.ClassDef):
        return compares_with_pad(definition)
    library = module.imports.get(built.class_name, "transformers").startswith("transformers")
    return built.class_name == PIPELINE or (library and built.class_name.endswith("ForSequenceClassification"))


def _reads_every_token(head: Built, module: SourceModule) -> bool:
    """A critic; or a classifier that is only passed to a class that reads every token."""
    name = target_of(head.node, module)
    return bool(_CRITIC.fullmatch(name)) or any(
        isinstance(node, ast.Call)
        and _EVERY_TOKEN.fullmatch(last_word(node.func))
        and name in map(last_word, [*node.args, *(k.value for k in node.keywords)])
        for node in ast.walk(module.tree)
        if name
    )


def _built_by_imported_functions(module: SourceModule) -> Iterator[Built]:
    """Calls of functions of other files of the tree that name a classifier of the library."""
    for call, scope in _calls(module.tree, ""):
        # A call of a class makes that class, whatever its arguments are.
        if (
            not isinstance(call.func, ast.Name)
            or call.func.id[:1].isupper()
            or any(map(_names_causal_model, call.args))
        ):
            continue
        definition = module.imported_definition(call.func.id)
        class_names = sorted(_classifiers_named(definition)) if isinstance(definition, ast.FunctionDef) else []
        models = (
            Model(class_name, checkpoint_expression=ast.unparse(call.args[0]) if call.args else "")
            for class_name in class_names
        )
        yield from (Built(call, Scope(scope), model) for model in models if not is_encoder(model))


def _names_causal_model(node: ast.expr) -> bool:
    """A string literal that names a causal model, which is no classifier."""
    return isinstance(node, ast.Constant) and "causal" in str(node.value).lower()


def _classifiers_named(function: ast.FunctionDef) -> set[str]:
    """The classifiers of the library that a function names."""
    return {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and _LIBRARY.fullmatch(n.id)}


def _calls(node: ast.AST, function: str) -> Iterator[tuple[ast.Call, str]]:
    """The calls below a node, each with the name of the outermost function or class around it."""
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.Call):
            yield inner, function
        is_outermost = isinstance(inner, ast.FunctionDef | ast.ClassDef) and not function
        yield from _calls(inner, inner.name if is_outermost else function)  # type: ignore[attr-defined]


def _compared_parts(node: ast.AST) -> list[ast.expr]:
    """The operands of a comparison, or the attribute that is set."""
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq):
        return [node.left, *node.comparators]
    if isinstance(node, ast.Call):
        return node.args if last_word(node.func) in ("eq", "ne", "equal", "not_equal") else []
    is_stored = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr not in STORED
    return [node] if is_stored and isinstance(node, ast.Attribute) else []
