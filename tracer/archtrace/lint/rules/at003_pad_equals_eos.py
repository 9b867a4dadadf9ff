"""AT003: pad is set to eos where a classifier finds its token by the pad id."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from archtrace.lint.architectures import is_encoder
from archtrace.lint.events import Module, Store
from archtrace.lint.facts import CLASSIFIERS, TOKENIZERS
from archtrace.lint.rule import Finding, Rule
from archtrace.lint.values import EosId, has

#: Whose pad token it is, where a module has several tokenizers.
_JUDGE = re.compile(r"reward|score|classif|judge", re.IGNORECASE)


def check(module: Module) -> Iterator[Finding]:
    """The first place of each function that sets pad to eos, in a module that builds such a classifier."""
    heads = [m for m in module.models if CLASSIFIERS.fullmatch(m.kind)]
    if all(map(is_encoder, heads)):
        return
    stores = [s for s in module.each(Store) if s.name in ("pad_token", "pad_token_id") and has(s.value, EosId)]
    told: set[str] = set()
    judges = [s for s in stores if _JUDGE.search(s.owner)]
    for store in judges if judges or _judge_has_its_own(module) else stores:
        name = store.scope.function
        if name not in told:
            told.add(name)
            yield Finding(
                store.node,
                name,
                "pad = eos, and the classifier takes each eos for padding; add a pad token of its own",
            )


def _judge_has_its_own(module: Module) -> bool:
    """A tokenizer that is named after the classifier: another one's pad token is not its concern."""
    names = {n.id for n in ast.walk(module.tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return any(TOKENIZERS.fullmatch(name) and _JUDGE.search(name) for name in names)


RULE = Rule(
    code="AT003",
    name="pad-equals-eos",
    summary="The pad token is set to eos, and a classifier looks for its token by the pad id.",
    why="""The sequence classifiers of decoders look for the last token whose id is not the pad id. With pad = eos
an eos that belongs to the text is a pad to them: they read the token before it, in training and in use, and a text
in which eos stands in the middle is cut there by heads of the older kind (AT002).""",
    real=(
        "RLHFlow/RLHF-Reward-Modeling issue 49: the reward model reads the token before eos",
        "Still so in transformers 5.23.0: the index of these heads looks at the ids and not at the attention mask",
    ),
    instead="""A pad token of its own, known to tokenizer and model:

```python
tokenizer.add_special_tokens({"pad_token": "<pad>"})
model.resize_token_embeddings(len(tokenizer))
model.config.pad_token_id = tokenizer.pad_token_id
```""",
    unseen="""A tokenizer that is prepared in another module than the model; a pad token that comes from a config
file; `from_pretrained` of a checkpoint that has pad = eos already. Checkpoints and classes whose names are an
encoder's are left alone: they read a fixed token.""",
    valid={
        "an encoder reads a fixed token": """
            from transformers import AutoModelForSequenceClassification, AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained("bert-base-uncased")
            tokenizer.pad_token = tokenizer.eos_token
            model = AutoModelForSequenceClassification.from_pretrained("bert-base-uncased")
            """,
        "a pad token of its own": """
            from transformers import AutoModelForSequenceClassification, AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained("gpt2")
            tokenizer.add_special_tokens({"pad_token": "<pad>"})
            model = AutoModelForSequenceClassification.from_pretrained("gpt2")
            model.config.pad_token_id = tokenizer.pad_token_id
            """,
        "the tokenizer of the policy, beside that of the reward model": """
            from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained(policy_name)
            tokenizer.pad_token = tokenizer.eos_token
            policy = AutoModelForCausalLM.from_pretrained(policy_name)
            reward_tokenizer = AutoTokenizer.from_pretrained(reward_name)
            reward_model = AutoModelForSequenceClassification.from_pretrained(reward_name)
            """,
        "a model that generates": """
            from transformers import AutoModelForCausalLM, AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained("gpt2")
            tokenizer.pad_token = tokenizer.eos_token
            model = AutoModelForCausalLM.from_pretrained("gpt2")
            """,
    },
    invalid={
        "the token of the tokenizer": """
            from transformers import AutoModelForSequenceClassification, AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained("gpt2")
            if tokenizer.pad_token is None:
                tokenizer.pad_token = tokenizer.eos_token
            model = AutoModelForSequenceClassification.from_pretrained("gpt2", num_labels=1)
            """,
        "the id in the config": """
            from transformers import LlamaForSequenceClassification


            def load(path, tokenizer):
                model = LlamaForSequenceClassification.from_pretrained(path)
                model.config.pad_token_id = model.config.eos_token_id
                return model
            """,
        "a keyword": """
            from transformers import AutoModelForSequenceClassification, AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained("gpt2")
            model = AutoModelForSequenceClassification.from_pretrained("gpt2", pad_token_id=tokenizer.eos_token_id)
            """,
    },
    check=check,
)
