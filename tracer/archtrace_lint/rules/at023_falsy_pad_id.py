"""AT023: a pad id that is tested for truth, as if it could not be 0."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from archtrace_lint.dataflow.events import SourceModule
from archtrace_lint.dataflow.spellings import meaning, word_set
from archtrace_lint.rule import Match, Replacement, Rule
from archtrace_lint.rules.readouts import abbreviated
from archtrace_lint.source.syntax import last_word, nodes_by_function

#: Names of the id of the pad token. `has_pad_id` is no id, and `pad_token` is a string, false where it is empty.
_PAD_ID = re.compile(r"_?(?!(has|is|use|with|no|add|needs?|set|get)_)(\w*_)?pad(ding)?(_token)?_(id|idx|index)_?")

#: Arguments of generation: after the end of a generated text any special token will do.
_GENERATION = word_set(
    "max_new_tokens do_sample temperature top_p top_k num_beams num_return_sequences stopping_criteria"
)

_GENERATES = re.compile(r"generat|beam|sampl", re.IGNORECASE)


def check(module: SourceModule) -> Iterator[Match]:
    """`pad_token_id or ...`, `if pad_token_id:`, `not pad_token_id`."""
    nodes = list(nodes_by_function(module.tree))
    # By node, since the parts of a call are visited again by themselves.
    harmless = {id(n) for _, node in nodes for n in _harmless_nodes(node)}
    bare = {id(n) for _, node in nodes for n in _needs_no_parentheses(node)}
    for function, node in nodes:
        for tested in () if id(node) in harmless or _GENERATES.search(function) else _truth_tested(node):
            if _is_pad_id(tested) and not _gives_same_for_zero(node, tested):
                place, replacement = _fix(node, tested, "{}" if id(node) in bare else "({})")
                yield Match(
                    place, function, _message(node, place), Replacement(replacement, place) if replacement else None
                )


def _truth_tested(node: ast.AST) -> Iterator[ast.expr]:
    """Expressions that a node tests for truth: conditions, operands of `not`, all but the last of `or` and `and`."""
    if isinstance(node, ast.If | ast.While | ast.IfExp | ast.Assert):
        yield from _last_operand(node.test)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield from _last_operand(node.operand)
    elif isinstance(node, ast.comprehension):
        for condition in node.ifs:
            yield from _last_operand(condition)
    elif isinstance(node, ast.BoolOp):
        for value in node.values[:-1]:
            yield from _last_operand(value)


def _last_operand(node: ast.expr) -> Iterator[ast.expr]:
    """A condition; of `a and b` its last operand, since the others are yielded for the node of `and` itself."""
    while isinstance(node, ast.BoolOp):
        node = node.values[-1]
    yield node


def _is_pad_id(node: ast.expr) -> bool:
    """A name or an attribute; an item, `.get(...)` or `getattr(...)` of such a name."""
    if isinstance(node, ast.Call):
        at = {"get": 0, "getattr": 1}.get(last_word(node.func), len(node.args))
        return at < len(node.args) and _spells_pad_id(node.args[at])
    return _spells_pad_id(node.slice) if isinstance(node, ast.Subscript) else _is_name(last_word(node))


def _spells_pad_id(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and _is_name(str(node.value))


def _is_name(word: str) -> bool:
    return _PAD_ID.fullmatch(word.lower()) is not None


def _harmless_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes in the arguments of a generation or under a test for no pad; the test of `if not id: id = 0`."""
    if isinstance(node, ast.Call | ast.Dict) and _generates(node):
        yield from ast.walk(node)
    if isinstance(node, ast.If) and _tests_for_no_pad(node.test):
        yield from (inner for statement in node.body for inner in ast.walk(statement))
    # `if not pad_id: pad_id = 0` makes 0 of 0.
    if isinstance(node, ast.If) and len(node.body) == 1 and isinstance(node.body[0], ast.Assign):
        yield from [node.test] if _is_zero_or_pad(node.body[0].value) else []


def _tests_for_no_pad(test: ast.expr) -> bool:
    """`tokenizer.pad_token is None`: the id is None in this branch, and never 0."""
    if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], ast.Is):
        return False
    none = test.comparators[0]
    return meaning(last_word(test.left)) == "pad" and isinstance(none, ast.Constant) and none.value is None


def _generates(node: ast.Call | ast.Dict) -> bool:
    if isinstance(node, ast.Dict):
        return not _GENERATION.isdisjoint(str(k.value) for k in node.keys if isinstance(k, ast.Constant))
    word = last_word(node.func).lower()
    return "generat" in word or "sampling" in word or not _GENERATION.isdisjoint(str(k.arg) for k in node.keywords)


def _needs_no_parentheses(node: ast.AST) -> Iterator[ast.AST]:
    """Expressions in places where no new text needs parentheses."""
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.Return | ast.keyword) and node.value:
        yield node.value
    if isinstance(node, ast.Call):
        yield from node.args


def _gives_same_for_zero(node: ast.AST, condition: ast.expr) -> bool:
    """The result is right also for id 0, since 0 or another name of the pad id replaces it."""
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) and condition in node.values:
        return all(map(_is_zero_or_pad, node.values[node.values.index(condition) + 1 :]))
    return isinstance(node, ast.IfExp) and _is_zero_or_pad(node.orelse)


def _is_zero_or_pad(node: ast.expr) -> bool:
    """0, a name of the pad id, or a search for the pad: `vocabulary.index("[PAD]")`."""
    if isinstance(node, ast.Call) and last_word(node.func) == "index":
        return any("pad" in ast.unparse(argument).lower() for argument in node.args)
    return (isinstance(node, ast.Constant) and type(node.value) is int and node.value == 0) or _is_pad_id(node)


def _fix(node: ast.AST, tested: ast.expr, template: str) -> tuple[ast.expr, str | None]:
    """The node to replace and its new text; None where a call would be made twice. `template` adds the parentheses."""
    written = ast.unparse(tested)
    if isinstance(node, ast.UnaryOp):
        return node, f"{written} is None"
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
        # Written twice, a call would run twice, and might return something else.
        is_repeatable = len(node.values) == 2 and not any(isinstance(n, ast.Call) for n in ast.walk(tested))
        either = f"{written} if {written} is not None else {ast.unparse(node.values[1])}"
        return node, template.format(either) if is_repeatable else None
    return tested, f"{written} is not None"


def _message(node: ast.AST, place: ast.AST) -> str:
    tested = "is None" if isinstance(node, ast.UnaryOp) else "is not None"
    return f"`{abbreviated(place, 36)}` treats the pad id 0 as none; test `{tested}`"


RULE = Rule(
    code="AT023",
    name="falsy-pad-id",
    summary="Code tests whether the pad id is true, but the pad id 0 is false.",
    why="""0 is the pad id of BERT, T5, DistilBERT and many more. For them, `tokenizer.pad_token_id or
tokenizer.eos_token_id` gives eos, and `if pad_token_id:` takes the branch for a model without a pad token. Nothing
fails: a mask is made with the wrong id, labels keep their padding, or a batch is refused that could have been
padded.""",
    real=(
        "NVIDIA-NeMo/Automodel pull request 3704: of 150 models that its examples name, 36 got a wrong mask, 6 of them "
        "by this",
        "transformers 5.23.0: `Llama4ForConditionalGeneration` makes -1 of a pad id 0",
        "TRL 1.16.0: the vision collator of `DPOTrainer` pads with eos where the tokenizer's pad id is 0",
    ),
    instead="""Test whether there is an id:

```python
pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
```

`--fix` writes this, and `is not None` or `is None` in conditions, unless a call would then run twice, or several `or`
follow each other.""",
    unseen="""An id whose name does not say so (`pad`, `self.padding_value`); ids of other tokens that may also be 0
(eos in GPT-NeoX). The rule says nothing if 0 or another name of the pad id replaces a false id, nor in arguments of
`generate`, where the text has ended.""",
    valid={
        "the code tests for None": """
            def pad_of(tokenizer):
                if tokenizer.pad_token_id is not None:
                    return tokenizer.pad_token_id
                return tokenizer.eos_token_id
            """,
        "only where there is no pad token": """
            def prepare(tokenizer):
                if tokenizer.pad_token is None:
                    tokenizer.pad_token_id = tokenizer.pad_token_id or tokenizer.eos_token_id
            """,
        "a token is a string": """
            def prepare(tokenizer):
                tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
                if not tokenizer.pad_token:
                    raise ValueError("no pad token")
                return tokenizer
            """,
        "0 instead of a missing id": """
            def pad_of(tokenizer, config):
                if not config.pad_token_id:
                    config.pad_token_id = 0
                return tokenizer.pad_token_id or 0
            """,
        "another name of the pad id": """
            def pad_of(pad_id, config):
                return pad_id or config.pad_token_id
            """,
        "padding after generated text": """
            def answer(model, tokenizer, ids):
                pad = {"max_new_tokens": 20, "pad_token_id": tokenizer.pad_token_id or tokenizer.eos_token_id}
                return model.generate(ids, **pad), model.generate(ids, pad_token_id=tokenizer.pad_token_id or 2)
            """,
        "a flag": """
            def shown(has_pad_id, padding):
                return 1 if has_pad_id and not padding else 2
            """,
    },
    invalid={
        "`or`": """
            def collate(rows, tokenizer):
                pad = tokenizer.pad_token_id or tokenizer.eos_token_id
                width = max(map(len, rows))
                return [row + [pad] * (width - len(row)) for row in rows]
            """,
        "a condition": """
            def mask_of(self, input_ids):
                if self.config.pad_token_id:
                    return input_ids != self.config.pad_token_id
                return input_ids >= 0
            """,
        "`not`": """
            def prepare(tokenizer, model):
                if not tokenizer.pad_token_id and model is not None:
                    tokenizer.pad_token = tokenizer.eos_token
                return tokenizer
            """,
        "a conditional expression": """
            def pad_of(model):
                return model.pad_id if model.pad_id else model.bos_id
            """,
        "getattr": """
            def pad_of(config):
                return getattr(config, "pad_token_id", None) or getattr(config, "eos_token_id", None)
            """,
        "by key": """
            def prepare(config, batch):
                if config.get("pad_token_id") and batch["mask"] is None:
                    batch["mask"] = batch["ids"] != config["pad_token_id"]
                return batch
            """,
        "`not` in an assignment": """
            def size(self, padding_idx):
                self.without_pads = not padding_idx
                return self
            """,
    },
    check=check,
    fixes=True,
)
