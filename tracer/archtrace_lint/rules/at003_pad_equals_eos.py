"""AT003: pad is set to eos where a classifier finds its token by the pad id."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from archtrace_lint.dataflow.abstract_values import AbstractValues, EosId, Model, Tokenizer, has, only
from archtrace_lint.dataflow.architectures import has_pad_token
from archtrace_lint.dataflow.events import AttributeStore, Built, Scope, SourceModule
from archtrace_lint.dataflow.spellings import CLASSIFIERS, PIPELINE, STORED, TOKENIZERS
from archtrace_lint.rule import Match, Rule
from archtrace_lint.rules.cases_at003 import INVALID, VALID
from archtrace_lint.rules.def_use import scope_of
from archtrace_lint.rules.pad_searchers import compares_with_pad, heads_searching_pad, is_pad, target_of
from archtrace_lint.source.syntax import last_word

#: Whose pad token it is, where a module has several tokenizers.
_JUDGE = re.compile(r"reward|score|classif|judge", re.IGNORECASE)

#: Custom classes that may search for the pad id themselves; models that generate.
_OWN_HEADS = re.compile(r"Reward|Classif|Critic|Rank|Scor")
_GENERATES = re.compile(r"CausalLM|LMHead|Seq2Seq|ConditionalGeneration|Generation")
_MODELS = re.compile(r"\w*(model|reward|rm|critic)")
_PAD_IS_NONE = re.compile(r"pad_token(_id)?\b.*(is|==) None|not .*pad_token")


def check(module: SourceModule) -> Iterator[Match]:
    """The first statement of each function that sets pad to eos, in a module that builds a classifier of this kind."""
    stores = [
        s for s in module.events_of(AttributeStore) if s.name in ("pad_token", "pad_token_id") and has(s.value, EosId)
    ]
    heads = heads_searching_pad(module) if stores else []
    stores = [
        s for s in stores if _class_searches_pad(s, module) or any(_share_tokenizer(s, head, module) for head in heads)
    ]
    # These walk over the whole tree, so they come last.
    stores = [s for s in stores if not _never_runs(s, heads, module) and not _belongs_to_other_heads(s, heads, module)]
    if not stores:
        return
    reported: set[str] = set()
    if any(_JUDGE.search(s.owner) for s in stores) or _judge_has_own_tokenizer(module):
        # With two tokenizers, that of a policy may have pad = eos, as it generates (false alarms in PPO scripts).
        stores = [s for s in stores if _JUDGE.search(s.owner) or _load_same_checkpoint(s, heads)]
    for store in stores:
        name = store.scope.function
        # Pad is set on the tokenizer, on the model and on its config, one after the other: one finding.
        if name not in reported:
            reported.add(name)
            yield Match(
                store.node,
                name,
                "pad = eos, and the classifier takes each eos for padding; add a separate pad token",
            )


def _belongs_to_other_heads(store: AttributeStore, heads: list[Built], module: SourceModule) -> bool:
    """The function builds classifiers itself, and none of them looks for the pad id."""
    name = store.scope.function
    classifiers = [
        b for b in module.events_of(Built) if isinstance(b.value, Model) and CLASSIFIERS.fullmatch(b.value.class_name)
    ]
    return name != "" and name in {b.scope.function for b in classifiers} - {h.scope.function for h in heads}


def _class_searches_pad(store: AttributeStore, module: SourceModule) -> bool:
    """The class in which pad becomes eos looks for the pad id; or the id is stored on a model, `model.PAD_ID`."""
    owner = store.scope.owner
    if owner is not None:
        # Any class may compare ids with the pad id, for a mask say; a head of this name does so to find its token.
        return _OWN_HEADS.search(owner.name) is not None and compares_with_pad(owner)
    return any(_stores_pad_id_on_model(node) for node in scope_of(store.node, module.tree).nodes)


def _stores_pad_id_on_model(node: ast.AST) -> bool:
    is_stored = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr not in STORED
    return is_stored and is_pad(node) and bool(_MODELS.fullmatch(last_word(node.value)))  # type: ignore[arg-type, attr-defined]


def _never_runs(store: AttributeStore, heads: list[Built], module: SourceModule) -> bool:
    """`if tokenizer.pad_token is None` does not hold for a checkpoint whose tokenizer has a pad token."""
    checkpoints = {t.checkpoint for t in only(store.holder, Tokenizer)} or {h.value.checkpoint for h in heads}
    # An unknown checkpoint ("") may be that of any decoder.
    if not all(map(has_pad_token, checkpoints)) or not checkpoints:
        return False
    pad_is_none_tests = (
        n for n in ast.walk(module.tree) if isinstance(n, ast.If) and _PAD_IS_NONE.search(ast.unparse(n.test))
    )
    return any(part is store.node for statement in pad_is_none_tests for part in ast.walk(statement))


def _share_tokenizer(store: AttributeStore, head: Built, module: SourceModule) -> bool:
    """The tokenizer or model whose pad becomes eos is, as far as the module shows, the one that the classifier uses."""
    if (isinstance(store.node, ast.Call) and not _is_setup_call(store.node)) or _in_opposite_branches(
        store.node, head.node, module
    ):
        return False
    if isinstance(head.value, Model) and head.value.class_name == PIPELINE:
        # A pipeline pads with its `tokenizer=` argument, or with the tokenizer of its checkpoint.
        return has_pipeline(store.holder) or _tokenizer_argument(head.node) == store.owner
    generators = [
        b for b in module.events_of(Built) if isinstance(b.value, Model) and _GENERATES.search(b.value.class_name)
    ]
    # A generator may pad with eos: after the end any token will do.
    if any(_GENERATES.search(m.class_name) for m in only(store.holder, Model)):
        return False
    # The class or function that makes a generator sets up the generator's tokenizer.
    if {_class_or_function(store.scope)} & {_class_or_function(b.scope) for b in generators} and _class_or_function(
        store.scope
    ) != _class_or_function(head.scope):
        return False
    if _has_own_tokenizer(head, store, module):
        return False
    expressions = {t.checkpoint_expression for t in only(store.holder, Tokenizer) if t.checkpoint_expression}
    return (
        not expressions
        or head.value.checkpoint_expression in expressions
        or not expressions & {b.value.checkpoint_expression for b in generators}
    )


def _load_same_checkpoint(store: AttributeStore, heads: list[Built]) -> bool:
    """The function loads the tokenizer and the classifier from the same checkpoint expression."""
    expressions = {t.checkpoint_expression for t in only(store.holder, Tokenizer) if t.checkpoint_expression}
    of_heads = (h.value.checkpoint_expression for h in heads if h.scope.function == store.scope.function != "")
    return not expressions.isdisjoint(of_heads)


def _in_opposite_branches(store: ast.AST, head: ast.AST, module: SourceModule) -> bool:
    """They are in the two branches of one `if`."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.If) and node.orelse:
            then, orelse = (
                {id(part) for statement in branch for part in ast.walk(statement)}
                for branch in (node.body, node.orelse)
            )
            if (id(store) in then and id(head) in orelse) or (id(store) in orelse and id(head) in then):
                return True
    return False


def _has_own_tokenizer(head: Built, store: AttributeStore, module: SourceModule) -> bool:
    """`judge_model` goes with `judge_tokenizer`, if there is one, and only that one's pad token concerns it."""
    # `judge_tokenizer` for `judge_model`: scripts with several models name them in pairs.
    names = {n.id for n in ast.walk(module.tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    target = target_of(head.node, module)
    own_tokenizer = f"{target.rpartition('_')[0]}_tokenizer"
    return own_tokenizer in names and store.owner.partition(".")[0] not in (own_tokenizer, target)


def _class_or_function(scope: Scope) -> str:
    """The name of the class around, or else of the outermost function."""
    return scope.owner.name if scope.owner else scope.function.partition(".")[0]


def _is_setup_call(call: ast.Call) -> bool:
    """A call that makes a tokenizer, a classifier or a config, or adds tokens; `generate` takes a pad id too."""
    func = call.func
    name = last_word(func)
    class_name = last_word(func.value) if isinstance(func, ast.Attribute) and name.startswith("from_") else name
    if name == "add_special_tokens":
        return True
    is_setup_class = (
        class_name.endswith("Config") or TOKENIZERS.fullmatch(class_name) or CLASSIFIERS.fullmatch(class_name)
    )
    return bool(is_setup_class) and not _GENERATES.search(class_name)


def has_pipeline(values: AbstractValues) -> bool:
    """The values may be a pipeline for classification."""
    return any(m.class_name == PIPELINE for m in only(values, Model))


def _tokenizer_argument(node: ast.AST) -> str:
    """The `tokenizer=` argument of a pipeline, as the source spells it."""
    keywords = node.keywords if isinstance(node, ast.Call) else []
    return next((ast.unparse(k.value) for k in keywords if k.arg == "tokenizer"), "")


def _judge_has_own_tokenizer(module: SourceModule) -> bool:
    """A tokenizer is named after the classifier, so the pad token of any other tokenizer does not concern it."""
    names = {n.id for n in ast.walk(module.tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return any(TOKENIZERS.fullmatch(name) and _JUDGE.search(name) for name in names)


RULE = Rule(
    code="AT003",
    name="pad-equals-eos",
    summary="The pad token is set to eos, and the classifier finds the last token by the pad id.",
    why="""Classifiers on decoders read the last token whose id is not the pad id. With pad = eos, an eos that ends
a text looks like padding to them: they read the token before it, in training and afterwards. Older classifiers
(AT002) also stop at an eos in the middle of a text. If no text contains an eos, this does no harm.""",
    real=(
        "RLHFlow/RLHF-Reward-Modeling issue 49: the reward model reads the token before eos",
        "Still so in transformers 5.23.0: the index of these heads looks at the ids and not at the attention mask",
    ),
    instead="""Add a pad token that is nothing else, and set it in the tokenizer and in the model:

```python
tokenizer.add_special_tokens({"pad_token": "<pad>"})
model.resize_token_embeddings(len(tokenizer))
model.config.pad_token_id = tokenizer.pad_token_id
```""",
    unseen="""A tokenizer that another module prepares; a reward model whose class is not in your files; a pad token
that comes from a config file; `from_pretrained` of a checkpoint that already has pad = eos. The rule says nothing
about checkpoints and classes that are encoders by their names, since these read a fixed token. It also says nothing
about an assignment under `if tokenizer.pad_token is None` if the checkpoint's tokenizer has a pad token, since the
assignment then never runs.""",
    valid=VALID,
    invalid=INVALID,
    check=check,
)
