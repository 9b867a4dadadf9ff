"""Hand-made results of every kind that a report must be able to show, as the engine would give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from archtrace.answer.positions import Positions, Rows
from archtrace.answer.result import Finding, Index, LayoutResult, Padding, PathStep, Readout, Result, Source

Flags = Sequence[Sequence[int]]
N = 11
FULL = ((1,) * N, (1,) * N)
MASKS: Mapping[str, Flags] = {
    "full": FULL,
    "right_padded": ((1,) * 9 + (0,) * 2, (1,) * 8 + (0,) * 3),
    "left_padded": ((0,) * 2 + (1,) * 9, (0,) * 3 + (1,) * 8),
    "padded_inside": ((1, 1, 0, 0) + (1,) * 7, (1, 1, 1, 0, 0) + (1,) * 6),
}
CONSTANT = Index("0", ())


def on(flags: Flags) -> Rows:
    """The positions where a mask is not 0."""
    return tuple(tuple(i for i, flag in enumerate(row) if flag) for row in flags)


def layout(name: str, mask: Flags, reads: Mapping[str, Rows], tokens: Rows, **more: Any) -> LayoutResult:
    """A layout whose witness is its bound, unless told otherwise."""
    ids = [[3 + i if flag else 0 for i, flag in enumerate(row)] for row in mask]
    found = Positions(reads, tokens)
    inputs = {"input_ids": ids, "attention_mask": [list(row) for row in mask]}
    padding = dict.fromkeys(
        ("input_ids", *reads), tuple(tuple(i for i, flag in enumerate(row) if not flag) for row in mask)
    )
    witness, status = more.pop("witness", found), more.pop("status", "exact")
    return LayoutResult(name, inputs, found, witness, status, padding=padding, **more)


def layouts(
    pick: Callable[[Sequence[int]], tuple[int, ...]], tensor: str = "last_hidden_state"
) -> tuple[LayoutResult, ...]:
    """All layouts of a readout that picks positions by the mask; every attended token reaches it."""
    return tuple(
        layout(name, mask, {"last_hidden_state": tuple(map(pick, mask))}, _with(on(mask), tuple(map(pick, mask))))
        for name, mask in MASKS.items()
    )


def _with(rows: Rows, others: Rows) -> Rows:
    return tuple(tuple(sorted({*a, *b})) for a, b in zip(rows, others, strict=True))


def last_on(row: Sequence[int]) -> tuple[int, ...]:
    """The last position that is not padding."""
    return (max(i for i, flag in enumerate(row) if flag),)


def all_on(row: Sequence[int]) -> tuple[int, ...]:
    """Every position that is not padding."""
    return tuple(i for i, flag in enumerate(row) if flag)


def readout(kind: str, slice_: str, function: str, steps: Sequence[tuple[str, str]], **more: Any) -> Readout:
    """A readout of last_hidden_state, unless told otherwise."""
    file = more.pop("file", "transformers/models/bert/modeling_bert.py")
    source = Source(file, more.pop("line", 460), more.pop("expression", "hidden_states[:, 0]"), function)
    given: dict[str, Any] = {
        "tensor": "last_hidden_state",
        "module": "bert",
        "kind": kind,
        "slice": slice_,
        "index": CONSTANT,
        "status": "exact",
        "source": source,
        "path": tuple(module for module, _ in steps if module),
        "steps": tuple(PathStep(*step) for step in steps),
    }
    return Readout(**(given | more))


def result(name: str, kind: str, readouts: Sequence[Readout], found: Sequence[LayoutResult], **more: Any) -> Result:
    """A result of a model of the library."""
    given: dict[str, Any] = {
        "target": kind,
        "class_name": name,
        "model_type": kind,
        "config_source": "bundled",
        "readouts": tuple(readouts),
        "layouts": tuple(found),
        "padding": Padding(False, ()),
        "parameters": 201,
        "dead_parameters": (),
        "dead_modules": (),
        "findings": (),
        "seconds": {"import": 2.0, "capture": 0.8, "analysis": 0.03, "witness": 0.2},
        "versions": {"archtrace": "0.1.0", "torch": "2.13.0", "transformers": "5.23.0"},
    }
    return Result(**(given | more))


BERT = result(
    "BertForSequenceClassification",
    "bert",
    [
        readout(
            "first",
            "last_hidden_state[:, 0]",
            "BertPooler.forward",
            [
                ("bert.pooler.dense", "linear"),
                ("bert.pooler.activation", "tanh"),
                ("dropout", ""),
                ("classifier", "linear"),
            ],
        )
    ],
    layouts(lambda row: (0,)),
    target="bert-base-uncased",
    padding=Padding(False, ("left_padded",)),
)

GPT2 = result(
    "GPT2ForSequenceClassification",
    "gpt2",
    [
        readout(
            "last_non_pad",
            "last_hidden_state[:, argmax(arange(s) * (input_ids != pad_token_id))]",
            "GPT2ForSequenceClassification.forward",
            [("score", "linear"), ("", "index")],
            module="transformer",
            index=Index("argmax(arange(s) * (input_ids != pad_token_id))", ("input_ids",)),
            file="transformers/models/gpt2/modeling_gpt2.py",
            line=1203,
            expression="logits[torch.arange(batch_size, device=logits.device), last_non_pad_token]",
        )
    ],
    (
        *layouts(last_on),
        layout(
            "masked_tail",
            MASKS["right_padded"],
            {"last_hidden_state": ((10,), (10,))},
            _with(on(MASKS["right_padded"]), ((10,), (10,))),
        ),
    ),
    padding=Padding(False, ("masked_tail",)),
    parameters=149,
    config_source="default",
    findings=(Finding("pad-token-filled", "the config names no pad token; pad_token_id = 0 was filled in"),),
)

BART = result(
    "BartForSequenceClassification",
    "bart",
    [
        readout(
            "last_eos",
            "last_hidden_state[input_ids == eos_token_id][:, -1]",
            "BartForSequenceClassification.forward",
            [
                ("classification_head.dropout", ""),
                ("classification_head.dense", "linear"),
                ("", "tanh"),
                ("classification_head.out_proj", "linear"),
            ],
            module="model",
            index=Index("input_ids == eos_token_id", ("input_ids",)),
            file="transformers/models/bart/modeling_bart.py",
            line=1112,
            expression="hidden_states[eos_mask, :].view(hidden_states.size(0), -1, hidden_states.size(-1))[:, -1, :]",
        )
    ],
    (
        *layouts(last_on),
        layout(
            "no_eos",
            FULL,
            {},
            (),
            refused="RuntimeError: All examples must have the same number of <eos> tokens.",
            witness=None,
        ),
    ),
    target="facebook/bart-base",
    dead_parameters=tuple(f"model.encoder.layers.{i}.self_attn.k_proj.bias" for i in range(6)),
    dead_modules=tuple(f"model.encoder.layers.{i}.self_attn.k_proj" for i in range(6)),
)

XLNET = result(
    "XLNetForSequenceClassification",
    "xlnet",
    [
        readout(
            "last",
            "last_hidden_state[:, -1]",
            "XLNetSequenceSummary.forward",
            [
                ("sequence_summary.summary", "linear"),
                ("sequence_summary.activation", "tanh"),
                ("logits_proj", "linear"),
            ],
            module="transformer",
            index=Index("-1", ()),
            file="transformers/models/xlnet/modeling_xlnet.py",
            line=700,
            expression="hidden_states[:, -1]",
        )
    ],
    layouts(lambda row: (N - 1,)),
    target="xlnet-base-cased",
    padding=Padding(False, ("right_padded",)),
    config_source="hub",
)

MODERNBERT = result(
    "ModernBertForSequenceClassification",
    "modernbert",
    [
        readout(
            "masked_mean",
            "last_hidden_state[attention_mask].mean(1)",
            "ModernBertForSequenceClassification.forward",
            [("head.dense", "linear"), ("head.act", "gelu"), ("head.norm", ""), ("drop", ""), ("classifier", "linear")],
            module="model",
            index=Index("attention_mask", ("attention_mask",)),
            file="transformers/models/modernbert/modeling_modernbert.py",
            line=1011,
            expression="(last_hidden_state * attention_mask.unsqueeze(-1)).sum(dim=1)",
        )
    ],
    layouts(all_on),
    target="answerdotai/ModernBERT-base",
    config_source="cache",
)

FNET = result(
    "FNetForSequenceClassification",
    "fnet",
    [
        readout(
            "first",
            "last_hidden_state[:, 0]",
            "FNetPooler.forward",
            [("fnet.pooler.dense", "linear"), ("classifier", "linear")],
        )
    ],
    [layout(name, mask, {"last_hidden_state": ((0,), (0,))}, on(FULL)) for name, mask in MASKS.items()],
    target="google/fnet-base",
    padding=Padding(True, ("left_padded",)),
    findings=(Finding("pad-leak", "masked positions reach the logits: this model takes no attention_mask"),),
)

BOUND = result(
    "OddForSequenceClassification",
    "odd",
    [
        readout(
            "other", "last_hidden_state[:, topk(scores)]", "OddHead.forward", [("classifier", "linear")], status="bound"
        )
    ],
    [
        layout(
            "full",
            FULL,
            {"last_hidden_state": ((0, 1, 2, 3), (0, 1, 2, 3))},
            on(FULL),
            witness=Positions({"last_hidden_state": ((0, 1), (0, 2))}, on(FULL)),
            status="bound",
        )
    ],
    config_source="local",
    target="./odd",
    findings=(Finding("no-rule", "no rule for aten::_weird: every element was taken to reach every other"),),
)

SEVERAL = result(
    "FirstAndMean",
    "several",
    [
        readout(
            "first", "last_hidden_state[:, 0]", "FirstAndMean.forward", [("out", "linear")], file="heads.py", line=9
        ),
        readout(
            "mean", "hidden_states[3].mean(1)", "FirstAndMean.forward", [("out", "linear")], tensor="hidden_states[3]"
        ),
    ],
    [
        layout(name, mask, {"last_hidden_state": ((0,), (0,)), "hidden_states[3]": on(FULL)}, on(FULL))
        for name, mask in MASKS.items()
    ],
    model_type=None,
    config_source="given",
    target="heads.py:FirstAndMean",
    padding=Padding(False, ("right_padded", "left_padded", "padded_inside")),
)

EVIL = "\x1b[31m[bold]x[/bold]\x07\u202e\x9b2J<script>"
HOSTILE = replace(
    BERT,
    target=f"{EVIL}\nnext",
    class_name=f"{EVIL}For\r\nSequenceClassification",
    readouts=(
        replace(
            BERT.readouts[0],
            slice=f"{EVIL}[:, 0]",
            source=Source(f"{EVIL}.py", 1, f"{EVIL}[:, 0]", EVIL),
            steps=(PathStep(f"layer.{EVIL}" + ".deeply_nested_module" * 8, EVIL), PathStep("\u6f22\u5b57" * 60, "")),
        ),
    ),
    findings=(Finding("odd", EVIL + "word " * 30 + "\ud800"),),
    dead_parameters=(EVIL,),
)

NOTHING = result(
    "Blind", "blind", [], [layout("full", FULL, {}, ((), ()))], parameters=0, model_type=None, config_source="given"
)

SAMPLES: Mapping[str, Result] = {
    "bert": BERT, "gpt2": GPT2, "bart": BART, "xlnet": XLNET, "modernbert": MODERNBERT, "fnet": FNET, "bound": BOUND,
    "several": SEVERAL, "hostile": HOSTILE, "nothing": NOTHING,
}  # fmt: skip
