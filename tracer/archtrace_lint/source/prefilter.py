"""The words without which a rule has nothing to say of a file: of each group, one must occur.

They stand apart from the rules so that a file that the search passes over costs no import of them. The first group of
a local rule is what makes the thing that the rule is after: a helper may hold it. Patterns come last: they are slow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias


class Spelling:
    """A pattern of bytes that is compiled when it is searched for."""

    def __init__(self, pattern: bytes) -> None:
        self._pattern = pattern

    def find(self, source: bytes, start: int = 0) -> int:
        """Where it occurs first from `start` on; -1 where it does not."""
        found = re.compile(self._pattern).search(source, start)
        return found.start() if found else -1


Group: TypeAlias = "tuple[bytes | Spelling, ...]"


class Needs(NamedTuple):
    """What a rule needs. `local`: it speaks of what stands in one function, and in helpers that this calls.

    `said`: words of what another function may say for it, a constructor of its class say; that one is followed too.
    """

    groups: tuple[Group, ...]
    local: bool = True
    said: Group = ()


#: `x - 1`, however it is written: what makes an index out of a count.
LESS_ONE: Group = (
    *(b"- 1", b"-= 1", b")-1", b"]-1", b"-1 +", b"-1+", b"+ -1", b"+-1", b"-=1", b"sub(", b"sub_(", b"subtract("),
    *(b"add(-1", b"add_(-1"),
    Spelling(rb"-1(?<=\w-1)\b"),
)

#: torch.cat of prompts and something behind them.
PROMPTS_FIRST = Spelling(rb"cat(enate)?\(\s*(tensors=)?[\[(]\s*(self\.)?\w*(prompt|soft|prefix|virtual)")

#: `torch.sum(mask)` and `tf.reduce_sum(mask)`, of a name, an attribute or an item.
WHOLE_SUM = Spelling(rb"sum\((?<=[._]sum\()[A-Za-z_][\w.]*(\[[^\]()]*\])?\)")

#: A layer that pools is called on a transposed tensor.
AVERAGED = Spelling(rb"pool\w*\(\s*\w+\.(transpose|permute|swapaxes|mT)")

#: `outputs[1]` and `model(...)[1]`.
SECOND = Spelling(rb"\[1\](?:(?<=outputs\[1\])|(?<=output\[1\])|(?<=out\[1\])|(?<=\)\[1\]))")

#: A maximum or a softmax along the second axis; a softmax with a sum behind it.
POOLED = Spelling(
    rb"max\((?:(?:dim=|axis=)?-?[12]\b|(?=[^\n]{0,120}(?:dim=|axis=|, ?)(?:1|-2)\b)"
    rb"|(?<=oftmax\()(?=(?s:.{0,400}?)(?:sum|bmm)\())"
)

#: A sum of weighted states, for weights that a module made.
WEIGHED = Spelling(
    rb"sum\((?:(?:self\.)?(?:w|weight|att|alpha|score)\w* ?\*|[^\n)]*\* ?(?:w|weight|att|alpha|score)\w*\b)"
)

#: A model called on something, up to whose first closing bracket nothing speaks of a mask, and nothing is spread.
MASKLESS: Group = tuple(
    Spelling(name + rb"\((?![^)]{0,300}(?:mask|\*|config))(?=[^)]{0,80}(?:ids|input|text|token|context|ind))")
    for name in (b"bert", b"model", b"encoder", b"lectra")
)

#: The larger of two names.
LONGER = Spelling(rb"= (?:torch\.|np\.)?(?:max|maximum)\([A-Za-z_][\w.\[\]()]*, ?[A-Za-z_][\w.\[\]()]*\)\n")

#: A mask that fills, or that torch's attention is given, and that does not begin by turning it round.
INVERTIBLE = Spelling(rb"(?:masked_fill_?\(|padding_mask=|where\()(?!\s*(?:~|\(?1 ?-|[^\n,]*== ?0))")

#: What stands for minus infinity; `key_padding_mask=` needs none.
LOW: Group = (b"-inf", b".inf", b"'inf", b'"inf', b"finfo", b"-1e", b"- 1e", b"-1000", b"neg_inf", b"padding_mask=")

#: A pad id, or an item of that name, behind which `or`, `and`, `else` or the colon of a condition stands.
PAD_ID_ASKED = Spelling(
    rb"""pad(?:ding)?(?:_token)?_(?:id|idx|index)_?\b(?:["'][\w, ]*[\])])?(?:\s+(?:or|and|else)\b|:\s*(?:#|\n))""",
)

#: `not pad_token_id`, of an attribute and of an item too.
NOT_PAD_ID = Spelling(rb"not [\w.]*(?:[\[(][\w., ]*[\"'])?[\w]*pad(?:ding)?(?:_token)?_(?:id|idx|index)")

#: A checkpoint is loaded, and not in an example of a docstring.
LOADED = Spelling(rb"(?:\A|\n)(?![ \t]*(?:>>>|\.\.\.|#))[^\n]*from_pretrained\(")

#: A pad token is set, as an attribute, an argument or an item.
PAD_SET = Spelling(rb"pad_token(?:_id)?(?:[ \t]*=(?!=|[ \t]?None)|[\"'](?:\][ \t]*=(?!=)|[ \t]*:))")

#: Transformers is imported, and not in an example of a docstring.
LIBRARY = Spelling(rb"(?:\A|\n)[ \t]*(?:from|import) transformers")

#: Not the end of `videos`.
EOS = Spelling(rb"eos(?<!videos)")

#: `[:, 0]` and `[:, -1`.
FIXED = Spelling(rb"\[ ?: ?, ?(?:0|-1)\b")

NEEDS: dict[str, Needs] = {
    "AT001": Needs(((b"sum", b"count_nonzero"), (b"pad", b"mask"), LESS_ONE)),
    "AT002": Needs(
        ((b"argmax", b"argmin", b"min(", b"max(", b"nonzero", b"where(", b".index("), (b"pad", b"mask"), LESS_ONE),
        said=(b"PAD_ID = ", b"pad_id = "),
    ),
    "AT003": Needs(
        (
            (PAD_SET,),
            (b"pad_token",),
            (b"eos_token",),
            (b"ForSequenceClassification", b"RewardModel", b"text-classification", b"sentiment-analysis", b"PAD_ID"),
        ),
        local=False,
    ),
    "AT004": Needs(((b"padding_side",), (FIXED,), (b"left", b"right")), local=False),
    "AT006": Needs(
        (
            (
                *(b"mean(", b".sum()", b', "mean"', b", 'mean'", b"avg_pool1d(", b"AveragePooling1D(", b"AvgPool1D("),
                *(WHOLE_SUM, AVERAGED),
            ),
            (b"mask", b"padding", b"seg"),
            (
                *(b"hidden", b"output", b"logits", b"embed", b"bert", b"enc", b"model(", b"feat"),
                *(b"h.mean(", b"query.mean("),
            ),
        ),
        said=(b"AvgPool1d(", b"AveragePooling1D("),
    ),
    "AT008": Needs(
        (
            (b"SEQ_CLS",),
            (b"Config(",),
            (b"ForSequenceClassification",),
            (b"get_peft_model", b"peft_config", b"add_adapter("),
        ),
        local=False,
    ),
    "AT009": Needs(
        (
            (b"inputs_embeds", b"SEQ_CLS"),
            (b"prompt", b"Prompt", b"virtual", b"soft"),
            (b"PromptTuningConfig", b"PromptEncoderConfig", b"CPTConfig", PROMPTS_FIRST),
        ),
        local=False,
    ),
    "AT010": Needs(
        (
            (b"pooler_output", SECOND),
            (b"from_pretrained",),
            (b"oberta", b"xlm-r", b"amembert", b"phobert", b"bertweet", b"mpnet"),
            (LOADED,),
        ),
        local=False,
    ),
    "AT011": Needs(
        ((EOS, b"eot"), (b"view(", b"reshape("), (b"-1", b"0"), (b"hidden", b"output", b"embed")),
    ),
    "AT015": Needs(
        (
            (
                *(b"def _update_causal_mask", b"def _prepare_d", b"def _prepare_attn_mask"),
                *(b"def _expand_mask", b"def _make_causal_mask"),
            ),
            (b"class ",),
            (LIBRARY,),
        ),
        local=False,
    ),
    "AT016": Needs(
        (
            (b"argmax(", b"ids.max(", b"text.max(", b"tokens.max("),
            (b"ids", b"text", b"tokens", b"caption"),
        )
    ),
    "AT017": Needs(
        (
            MASKLESS,
            (b"mask", b"padding=", b"!= 0"),
            (b"bert", b"oberta", b"ncoder", b"lectra", b"last_hidden_state", b"pooler_output"),
        ),
    ),
    "AT018": Needs(((b"argm", b".max("), (b"gather(", b"range(", b"select(", b"zip("), (b"pad", b"PAD", b"mask"))),
    "AT019": Needs(
        ((POOLED, WEIGHED), (b"mask", b"padding"), (b"hidden", b"output", b"embed", b"state")), said=(b"Softmax(",)
    ),
    "AT020": Needs(((b"masked_fill", b"padding_mask=", b"where("), LOW, (INVERTIBLE,))),
    "AT021": Needs(
        (
            (b"LSTM(", b"GRU(", b"RNN("),
            (b"torch",),
            (b"-1", b"squeeze(", b"cat("),
            (b"mask", b"padding", b"pad_sequence"),
        ),
        local=False,
    ),
    "AT022": Needs(
        ((LONGER,), (b"[-1]", b"- 1", b"-1]"), (b"rewards", b"scores", b"values", b"logits", b"states", b"outputs"))
    ),
    "AT023": Needs(((PAD_ID_ASKED, NOT_PAD_ID), (b"pad_", b"padding_"))),
}


def wanted(source: bytes, known: Mapping[str, Needs]) -> list[str]:
    """The codes of these rules of which a source holds the words; each word is looked for once, however many ask."""
    met: dict[bytes | Spelling, bool] = {}

    def met_in(group: Group) -> bool:
        for word in group:
            if word not in met:
                met[word] = _any(source, (word,))
            if met[word]:
                return True
        return False

    return [code for code, needs in known.items() if all(map(met_in, sorted(needs.groups, key=_patterns)))]


def _patterns(group: Group) -> int:
    """How many patterns a group may search for. Words alone are fast, and most files fail them: they go first."""
    return sum(not isinstance(word, bytes) for word in group)


def holds(source: bytes, groups: tuple[Group, ...]) -> bool:
    """True when of each group a word occurs."""
    return all(_any(source, group) for group in groups)


def _any(source: bytes, group: Group) -> bool:
    """A loop, as this is asked of every function: `any` would take twice as long."""
    for word in group:  # noqa: SIM110
        if word in source if isinstance(word, bytes) else word.find(source) >= 0:
            return True
    return False
