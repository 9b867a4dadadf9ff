"""The words without which a rule cannot match in a file: at least one of each group must occur.

They are kept apart from the rules, so that a file without them costs no import of a rule. For a rule with
`per_function`, the first group makes the index or pooling that the rule looks for, and may occur in a helper instead.
Within a group, patterns come last, since they are slow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple, TypeAlias


class BytePattern:
    """A regular expression over bytes, compiled on first use."""

    def __init__(self, pattern: bytes) -> None:
        self._pattern = pattern

    def find(self, source: bytes, start: int = 0) -> int:
        """The offset of the first match from `start` on; -1 if there is none."""
        match = re.compile(self._pattern).search(source, start)
        return match.start() if match else -1


Group: TypeAlias = "tuple[bytes | BytePattern, ...]"


class Prefilter(NamedTuple):
    """The words of a rule. `per_function`: a match lies within one function and the helpers that it calls.

    `context`: words for which another function, such as the constructor of the class, is followed as well.
    """

    groups: tuple[Group, ...]
    per_function: bool = True
    context: Group = ()


#: `x - 1`, however it is written: what makes an index out of a count.
MINUS_ONE: Group = (
    *(b"- 1", b"-= 1", b")-1", b"]-1", b"-1 +", b"-1+", b"+ -1", b"+-1", b"-=1", b"sub(", b"sub_(", b"subtract("),
    *(b"add(-1", b"add_(-1"),
    BytePattern(rb"-1(?<=\w-1)\b"),
)

#: torch.cat of prompts and something after them.
PROMPTS_FIRST = BytePattern(rb"cat(enate)?\(\s*(tensors=)?[\[(]\s*(self\.)?\w*(prompt|soft|prefix|virtual)")

#: `torch.sum(mask)` and `tf.reduce_sum(mask)`, of a name, an attribute or an item.
WHOLE_SUM = BytePattern(rb"sum\((?<=[._]sum\()[A-Za-z_][\w.]*(\[[^\]()]*\])?\)")

#: A layer that pools is called on a transposed tensor.
POOLS_TRANSPOSED = BytePattern(rb"pool\w*\(\s*\w+\.(transpose|permute|swapaxes|mT)")

#: `outputs[1]` and `model(...)[1]`.
SECOND_OUTPUT = BytePattern(rb"\[1\](?:(?<=outputs\[1\])|(?<=output\[1\])|(?<=out\[1\])|(?<=\)\[1\]))")

#: A maximum or a softmax along the second axis; a softmax followed by a sum.
POOLED = BytePattern(
    rb"max\((?:(?:dim=|axis=)?-?[12]\b|(?=[^\n]{0,120}(?:dim=|axis=|, ?)(?:1|-2)\b)"
    rb"|(?<=oftmax\()(?=(?s:.{0,400}?)(?:sum|bmm)\())"
)

#: A sum of weighted states, for weights that a module made.
WEIGHTED_SUM = BytePattern(
    rb"sum\((?:(?:self\.)?(?:w|weight|att|alpha|score)\w* ?\*|[^\n)]*\* ?(?:w|weight|att|alpha|score)\w*\b)"
)

#: A model called on something, up to whose first closing bracket nothing speaks of a mask, and nothing is spread.
CALL_WITHOUT_MASK: Group = tuple(
    BytePattern(name + rb"\((?![^)]{0,300}(?:mask|\*|config))(?=[^)]{0,80}(?:ids|input|text|token|context|ind))")
    for name in (b"bert", b"model", b"encoder", b"lectra")
)

#: The larger of two names.
LARGER_END = BytePattern(rb"= (?:torch\.|np\.)?(?:max|maximum)\([A-Za-z_][\w.\[\]()]*, ?[A-Za-z_][\w.\[\]()]*\)\n")

#: A mask that fills, or that torch's attention is given, and that does not begin by turning it round.
FILLS_BY_MASK = BytePattern(rb"(?:masked_fill_?\(|padding_mask=|where\()(?!\s*(?:~|\(?1 ?-|[^\n,]*== ?0))")

#: Spellings of minus infinity; `key_padding_mask=` needs none.
MINUS_INFINITY: Group = (
    *(b"-inf", b".inf", b"'inf", b'"inf', b"finfo", b"-1e", b"- 1e", b"-1000", b"neg_inf"),
    b"padding_mask=",
)

#: A pad id, or an item of that name, followed by `or`, `and`, `else` or the colon of a condition.
PAD_ID_ASKED = BytePattern(
    rb"""pad(?:ding)?(?:_token)?_(?:id|idx|index)_?\b(?:["'][\w, ]*[\])])?(?:\s+(?:or|and|else)\b|:\s*(?:#|\n))""",
)

#: `not pad_token_id`, of an attribute and of an item too.
NOT_PAD_ID = BytePattern(rb"not [\w.]*(?:[\[(][\w., ]*[\"'])?[\w]*pad(?:ding)?(?:_token)?_(?:id|idx|index)")

#: A checkpoint is loaded, and not in an example of a docstring.
LOADS_CHECKPOINT = BytePattern(rb"(?:\A|\n)(?![ \t]*(?:>>>|\.\.\.|#))[^\n]*from_pretrained\(")

#: A pad token is set, as an attribute, an argument or an item.
PAD_SET = BytePattern(rb"pad_token(?:_id)?(?:[ \t]*=(?!=|[ \t]?None)|[\"'](?:\][ \t]*=(?!=)|[ \t]*:))")

#: Transformers is imported, and not in an example of a docstring.
IMPORTS_TRANSFORMERS = BytePattern(rb"(?:\A|\n)[ \t]*(?:from|import) transformers")

#: Not the end of `videos`.
EOS = BytePattern(rb"eos(?<!videos)")

#: `[:, 0]` and `[:, -1`.
FIXED_INDEX = BytePattern(rb"\[ ?: ?, ?(?:0|-1)\b")

PREFILTERS: dict[str, Prefilter] = {
    "AT001": Prefilter(((b"sum", b"count_nonzero"), (b"pad", b"mask"), MINUS_ONE)),
    "AT002": Prefilter(
        ((b"argmax", b"argmin", b"min(", b"max(", b"nonzero", b"where(", b".index("), (b"pad", b"mask"), MINUS_ONE),
        context=(b"PAD_ID = ", b"pad_id = "),
    ),
    # What a script sets at its margin, or in one function for another, counts: the whole file is followed.
    "AT003": Prefilter(
        (
            (PAD_SET,),
            (b"pad_token",),
            (b"eos_token",),
            (b"ForSequenceClassification", b"RewardModel", b"text-classification", b"sentiment-analysis", b"PAD_ID"),
        ),
        per_function=False,
    ),
    "AT004": Prefilter(((b"padding_side",), (FIXED_INDEX,), (b"left", b"right")), per_function=False),
    "AT006": Prefilter(
        (
            (
                *(b"mean(", b".sum()", b', "mean"', b", 'mean'", b"avg_pool1d(", b"AveragePooling1D(", b"AvgPool1D("),
                *(WHOLE_SUM, POOLS_TRANSPOSED),
            ),
            (b"mask", b"padding", b"seg"),
            (
                *(b"hidden", b"output", b"logits", b"embed", b"bert", b"enc", b"model(", b"feat"),
                *(b"h.mean(", b"query.mean("),
            ),
        ),
        context=(b"AvgPool1d(", b"AveragePooling1D("),
    ),
    "AT008": Prefilter(
        (
            (b"SEQ_CLS",),
            (b"Config(",),
            (b"ForSequenceClassification",),
            (b"get_peft_model", b"peft_config", b"add_adapter("),
        ),
        per_function=False,
    ),
    "AT009": Prefilter(
        (
            (b"inputs_embeds", b"SEQ_CLS"),
            (b"prompt", b"Prompt", b"virtual", b"soft"),
            (b"PromptTuningConfig", b"PromptEncoderConfig", b"CPTConfig", PROMPTS_FIRST),
        ),
        per_function=False,
    ),
    "AT010": Prefilter(
        (
            (b"pooler_output", SECOND_OUTPUT),
            (b"from_pretrained",),
            (b"oberta", b"xlm-r", b"amembert", b"phobert", b"bertweet", b"mpnet"),
            (LOADS_CHECKPOINT,),
        ),
        per_function=False,
    ),
    "AT011": Prefilter(
        ((EOS, b"eot"), (b"view(", b"reshape("), (b"-1", b"0"), (b"hidden", b"output", b"embed")),
    ),
    "AT015": Prefilter(
        (
            (
                *(b"def _update_causal_mask", b"def _prepare_d", b"def _prepare_attn_mask"),
                *(b"def _expand_mask", b"def _make_causal_mask"),
            ),
            (b"class ",),
            (IMPORTS_TRANSFORMERS,),
        ),
        per_function=False,
    ),
    "AT016": Prefilter(
        (
            (b"argmax(", b"ids.max(", b"text.max(", b"tokens.max("),
            (b"ids", b"text", b"tokens", b"caption"),
        )
    ),
    "AT017": Prefilter(
        (
            CALL_WITHOUT_MASK,
            (b"mask", b"padding=", b"!= 0"),
            (b"bert", b"oberta", b"ncoder", b"lectra", b"last_hidden_state", b"pooler_output"),
        ),
    ),
    "AT018": Prefilter(((b"argm", b".max("), (b"gather(", b"range(", b"select(", b"zip("), (b"pad", b"PAD", b"mask"))),
    "AT019": Prefilter(
        ((POOLED, WEIGHTED_SUM), (b"mask", b"padding"), (b"hidden", b"output", b"embed", b"state")),
        context=(b"Softmax(",),
    ),
    "AT020": Prefilter(((b"masked_fill", b"padding_mask=", b"where("), MINUS_INFINITY, (FILLS_BY_MASK,))),
    # The constructor makes the net, another method calls it.
    "AT021": Prefilter(
        (
            (b"LSTM(", b"GRU(", b"RNN("),
            (b"torch",),
            (b"-1", b"squeeze(", b"cat("),
            (b"mask", b"padding", b"pad_sequence"),
        ),
        per_function=False,
    ),
    "AT022": Prefilter(
        ((LARGER_END,), (b"[-1]", b"- 1", b"-1]"), (b"rewards", b"scores", b"values", b"logits", b"states", b"outputs"))
    ),
    "AT023": Prefilter(((PAD_ID_ASKED, NOT_PAD_ID), (b"pad_", b"padding_"))),
}


def rules_to_run(source: bytes, prefilters: Mapping[str, Prefilter]) -> list[str]:
    """The codes of the rules whose words a source contains; each word is searched only once."""
    occurs: dict[bytes | BytePattern, bool] = {}

    def any_occurs(group: Group) -> bool:
        for word in group:
            if word not in occurs:
                occurs[word] = _contains_any(source, (word,))
            if occurs[word]:
                return True
        return False

    return [code for code, prefilter in prefilters.items() if all(map(any_occurs, _cheapest_first(prefilter)))]


@cache
def _cheapest_first(prefilter: Prefilter) -> list[Group]:
    """The groups ordered by their number of patterns: plain words are fast, and rule out most files."""
    return sorted(prefilter.groups, key=lambda group: sum(not isinstance(word, bytes) for word in group))


def contains_each(source: bytes, groups: tuple[Group, ...]) -> bool:
    """True when at least one word of each group occurs."""
    return all(_contains_any(source, group) for group in groups)


def _contains_any(source: bytes, group: Group) -> bool:
    """True when a word of the group occurs. A loop, as this runs for every function: `any` takes twice as long."""
    for word in group:  # noqa: SIM110
        # `in` is a search in C; a pattern is left to the end of its group.
        if word in source if isinstance(word, bytes) else word.find(source) >= 0:
            return True
    return False
