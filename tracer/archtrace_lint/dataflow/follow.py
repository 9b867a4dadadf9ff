"""One file followed from its first statement to its last: the module with its events."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from archtrace_lint.dataflow.events import SourceModule
from archtrace_lint.dataflow.expressions import HANDLERS
from archtrace_lint.dataflow.frame import Evaluator, FileContext, Frame
from archtrace_lint.dataflow.name_inference import inference_lines, inferred_from_calls
from archtrace_lint.dataflow.spellings import SIDES
from archtrace_lint.dataflow.statements import RUNNERS, is_definition
from archtrace_lint.source.decode import decoded
from archtrace_lint.source.import_resolver import ImportResolver
from archtrace_lint.source.parse import must_parse, parsed
from archtrace_lint.source.pruning import pruned
from archtrace_lint.violation import UnreadableError

#: What evaluates the nodes of every file.
EVALUATOR = Evaluator(HANDLERS, RUNNERS)


def follow_file(
    path: str, data: bytes, codes: Sequence[str], coding: str | None = None, resolver: ImportResolver | None = None
) -> tuple[str, SourceModule]:
    """The text of a file, and the module with the events of its relevant parts; empty if no part is relevant."""
    resolver = resolver or ImportResolver(path)
    text = decoded(path, data, coding)
    remaining = pruned(text.encode("utf-8", "replace"), codes, resolver.helpers(data)).decode()
    return text, follow_tree(path, text, _tree(path, text, remaining), resolver)


def _tree(path: str, text: str, remaining: str) -> ast.Module:
    """The tree of the pruned text, or of the whole if that does not parse; UnreadableError if the whole does not."""
    if remaining != text:
        must_parse(path, text.encode("utf-8", "replace"), "utf-8")  # whatever coding it declares, this is decoded
        # Pruning takes an unindented line of a string for a statement, and may cut the string in two.
        with suppress(UnreadableError):
            return parsed(path, remaining)
    return parsed(path, text)


def follow_tree(path: str, text: str, tree: ast.Module, resolver: ImportResolver | None = None) -> SourceModule:
    """The module of a tree with its events; UnreadableError if it is nested too deeply."""
    module = SourceModule(path, tree, resolver=resolver or ImportResolver(path))
    try:
        # Nodes are followed by recursion, and a tree that Python makes may be deeper than that can go.
        _follow(module, text)
    except RecursionError:
        raise UnreadableError(path, "it is nested too deeply") from None
    return module


#: Words of scripts whose models and tokenizers concern a rule.
SCRIPT_SETTINGS = ("SEQ_CLS", ".padding_side", "padding_side=", ".pad_token =", ".pad_token_id =")


def _follow(module: SourceModule, text: str) -> None:
    """The statements of the module first, then its functions and classes, which see the names of the module."""
    body = module.tree.body
    file = FileContext(module, inference_lines=inference_lines(text))
    lowered = text.lower()
    file.mentions_side = any(word in lowered for word in SIDES)
    file.mentions_softmax = "Softmax" in text
    file.loads_checkpoints = "from_pretrained(" in text and any(word in text for word in SCRIPT_SETTINGS)
    file.functions = {n.name: n for n in body if isinstance(n, ast.FunctionDef)}
    file.classes = {n.name: n for n in body if isinstance(n, ast.ClassDef)}
    module.imports = _imports(module.tree)
    module.star_imports = [name[:-2] for local, name in module.imports.items() if local.startswith("*")]
    plain = [n for n in body if not is_definition(n)]
    top_level = Frame(EVALUATOR, file, {}, inferred_from_calls(plain) if file.inference_lines else {})
    top_level.run(plain)
    for node in body:
        if is_definition(node):
            # A check of the side at the top level holds for its statements, and for no function.
            replace(top_level, names=dict(top_level.names), inferred={}, local={}, side_checked=False).run([node])


def _imports(tree: ast.Module) -> dict[str, str]:
    """Local name -> the dotted name that it stands for, of imports at the top level or under `if` and `try` there."""
    imports: dict[str, str] = {}
    for node in tree.body:
        import_statements = [node] if isinstance(node, ast.Import | ast.ImportFrom) else _guarded_imports(node)
        for statement in import_statements:
            origin = (
                f"{'.' * statement.level}{statement.module or ''}." if isinstance(statement, ast.ImportFrom) else ""
            )
            for alias in statement.names:
                local = _bound_name(alias, origin)
                imports[local] = origin + alias.name if origin or alias.asname else local
    return imports


def _bound_name(alias: ast.alias, origin: str) -> str:
    """The name that an import binds; for `import *`, a key that is no identifier."""
    if alias.name == "*":
        return f"*{origin}"
    # `import a.b` binds `a`; `import a.b as c` binds the inner module.
    return alias.asname or (alias.name if origin else alias.name.split(".")[0])


def _guarded_imports(node: ast.stmt) -> list[ast.Import | ast.ImportFrom]:
    if not isinstance(node, ast.If | ast.Try):
        return []
    return [n for n in ast.walk(node) if isinstance(n, ast.Import | ast.ImportFrom)]
