"""AT016: the highest token id, taken for the last token."""

from __future__ import annotations

from collections.abc import Iterator

from archtrace_lint.dataflow.abstract_values import HighestId
from archtrace_lint.dataflow.events import SourceModule
from archtrace_lint.rule import Match, Rule
from archtrace_lint.rules.readouts import abbreviated, index_reads


def check(module: SourceModule) -> Iterator[Match]:
    """`hidden[rows, ids.argmax(-1)]`."""
    # CLIP's first vocabulary has 49,408 ids, the last of which is eos: only there is the highest id the end.
    for index, scope, gather in index_reads(module, HighestId):
        yield Match(
            index,
            scope.function,
            f"`{abbreviated(index)}` is the highest id, not always eos; compare ids with eos first",
            read=gather.node,
        )


RULE = Rule(
    code="AT016",
    name="id-argmax",
    summary="The position of the highest token id is taken for the position of eos.",
    why="""In CLIP's first vocabulary eos has the highest id, so `text.argmax(-1)` finds it. But a token that is
added later (by textual inversion, say) has a higher id, and in another vocabulary eos has another place. Then the
head reads the vector at a wrong token.""",
    real=(
        "huggingface/transformers issue 24650: tokens added to CLIP",
        "mlfoundations/open_clip issue 1151",
    ),
    instead="""```python
eos = (input_ids == eos_token_id).int().argmax(dim=-1)
```""",
    unseen="""Ids under another name than `input_ids`, `text`, `tokens` and the like. The rule also reports a branch
for configs whose eos id is known to be wrong (in transformers' CLIP), because there, too, the highest id is wrong
once a token is added.""",
    valid={
        "eos by its id": """
            import torch


            def forward(self, input_ids, last_hidden_state):
                eos = (input_ids == self.eos_token_id).int().argmax(dim=-1)
                return last_hidden_state[torch.arange(len(eos)), eos]
            """,
        "the most likely token": """
            def greedy(logits, embeddings):
                token = logits[:, -1].argmax(-1)
                return embeddings[token]
            """,
        "the position is not used to read": """
            def highest(input_ids):
                return input_ids.argmax(-1)
            """,
    },
    invalid={
        "in the subscript": """
            import torch


            def forward(self, input_ids, last_hidden_state):
                return last_hidden_state[
                    torch.arange(last_hidden_state.shape[0], device=last_hidden_state.device),
                    input_ids.to(dtype=torch.int, device=last_hidden_state.device).argmax(dim=-1),
                ]
            """,
        "with TensorFlow's gather": """
            import tensorflow as tf


            def call(self, input_ids, sequence_output):
                last = tf.math.argmax(input_ids, axis=-1)
                indices = tf.stack(values=(tf.range(tf.shape(input_ids)[0], dtype=tf.int64), last), axis=1)
                return tf.gather_nd(params=sequence_output, indices=indices)
            """,
        "as in the first CLIP": """
            import torch


            def encode_text(self, text):
                x = self.token_embedding(text).type(self.dtype)
                x = x + self.positional_embedding.type(self.dtype)
                x = self.transformer(x.permute(1, 0, 2)).permute(1, 0, 2)
                x = self.ln_final(x).type(self.dtype)
                return x[torch.arange(x.shape[0]), text.argmax(dim=-1)] @ self.text_projection
            """,
    },
    check=check,
)
