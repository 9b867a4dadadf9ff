"""What is said of a readout is true: kinds, slices and formulas of heads as people write them."""

from __future__ import annotations

import pytest
import torch
import written
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

import archtrace
from archtrace.readout.expression import at_any_length

#: model -> kind, slice and index of each readout.
TRUE: dict[type[nn.Module], set[tuple[str, str, str]]] = {
    written.AtCue: {("other", "mix[:, argmax(input_ids == 77)]", "argmax(input_ids == 77)")},
    written.MaskIsNoId: {("attention", "attention over mix[attention_mask != 0]", "attention_mask == 0")},
    written.FromTheEnd: {
        ("last_non_pad", "mix[:, s - 1 - argmax(flip(attention_mask))]", "s - 1 - argmax(flip(attention_mask))")
    },
    written.BeforeTheMiddle: {
        (
            "other",
            "mix[:, min(sum(attention_mask), s // 2) - 1]",
            "min(sum(attention_mask), s // 2) - 1",
        )
    },
    written.MaximumOfWindows: {("max", "conv.amax(2)", "arange(s)")},
    written.OverLatents: {("masked_mean", "mix.mean(1, where=attention_mask)", "attention_mask")},
    written.ByBranch: {
        ("last_non_pad", "mix[:, argmax(arange(s) * attention_mask)]", "argmax(arange(s) * attention_mask)")
    },
    written.ByKeys: {("masked_mean", "mix.mean(1, where=~key_padding_mask)", "~key_padding_mask")},
    written.ByLengths: {
        ("masked_mean", "mix.mean(1, where=arange(s) < lengths[:, None])", "arange(s) < lengths[:, None]")
    },
    written.MaximumPastPads: {("max", "mix.amax(1)", "arange(s)")},
    written.SecondToLast: {("other", "mix[:, -2]", "-2")},
    written.ByTable: {("other", "some of mix", "table[sum(attention_mask)]")},
    written.MaximumByKeys: {("max", "mix.amax(1, where=~key_padding_mask)", "key_padding_mask")},
    written.FirstBesideMean: {
        ("first", "mix[:, 0]", "0"),
        ("masked_mean", "mix.mean(1, where=attention_mask)", "attention_mask"),
    },
    written.Concatenated: {
        ("last", "mix[:, -1]", "-1"),
        ("mean", "mix.mean(1)", "arange(s)"),
        ("max", "mix.amax(1)", "arange(s)"),
    },
    written.CalledTwice: {
        ("first", "mix (call 1)[:, 0]", "0"),
        ("masked_mean", "mix (call 2).mean(1, where=attention_mask)", "attention_mask"),
    },
    written.LastBesideCue: {
        ("other", "mix[:, sum(attention_mask) - 1]", "sum(attention_mask) - 1"),
        ("other", "mix[:, argmax(input_ids == 77)]", "argmax(input_ids == 77)"),
    },
}


@pytest.mark.parametrize("model", TRUE, ids=lambda model: model.__name__)
def test_words_are_true(model: type[nn.Module]) -> None:
    trace = archtrace.trace(model())
    assert {(r.kind, r.slice, r.index.expression) for r in trace.readouts} == TRUE[model]
    assert trace.result.status == "exact"


def test_outputs_of_one_module_are_read_where_their_gradients_are() -> None:
    """Both calls count, of few tokens too."""
    torch.manual_seed(0)
    model, mask = written.CalledTwice().eval(), [[1, 1, 0], [1, 0, 1]]
    leaves: list[torch.Tensor] = []
    model.mix.register_forward_hook(lambda _, __, output: leaves.append(output.detach().requires_grad_()) or leaves[-1])
    ids = torch.tensor([[5, 6, 8], [9, 10, 11]])
    model(ids, torch.tensor(mask)).sum().backward()
    shown = [
        tuple(tuple(row.nonzero().flatten().tolist()) for row in leaf.grad.abs().sum(-1))
        for leaf in leaves
        if leaf.grad is not None
    ]
    trace = archtrace.trace(written.CalledTwice())
    assert [*trace.at(input_ids=ids, attention_mask=mask).reads.values()] == shown
    assert list(trace.at(input_ids=[[5]]).reads) == ["mix (call 1)", "mix (call 2)"]


def test_a_way_names_its_own_line_and_path() -> None:
    """The sources of two ways are two lines, and what follows both is the same."""
    readouts = archtrace.trace(written.FirstBesideMean()).readouts
    assert {r.source.function for r in readouts if r.source} == {"FirstBesideMean.forward", "mean_of"}
    assert {r.path for r in readouts} == {("score",)}


class TextTower(nn.Module):
    """CLIP's text model with a score; its eos id decides by which rule it pools."""

    def __init__(self, eos: int) -> None:
        super().__init__()
        sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
        self.clip = CLIPTextModel(
            CLIPTextConfig(**sizes, vocab_size=120, bos_token_id=98, eos_token_id=eos, pad_token_id=0)
        )
        self.score = nn.Linear(16, 2)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        pooled = self.clip(input_ids, attention_mask=attention_mask).pooler_output
        logits: torch.Tensor = self.score(pooled)
        return logits


@pytest.mark.parametrize(("eos", "index"), [(2, "argmax(input_ids)"), (99, "argmax(input_ids == eos_token_id)")])
def test_the_position_of_the_highest_id_or_of_eos(eos: int, index: str) -> None:
    trace = archtrace.trace(TextTower(eos))
    (readout,) = trace.readouts
    assert (readout.slice, readout.status) == (f"clip.last_hidden_state[:, {index}]", "exact")
    view = trace.at(input_ids=[[5, 99, 7, 8], [5, 6, 7, 99]])
    assert view.reads == {"clip.last_hidden_state": ((1,), (3,))}


def test_a_sum_that_is_spread_again_is_no_way_of_its_own() -> None:
    assert len(archtrace.trace(written.FirstThatSums()).readouts) == 1


def test_of_given_inputs_numbers_that_follow_the_length_are_told_by_one_more_token() -> None:
    ids = {"input_ids": [[5, 6, 7, 8], [9, 10, 11, 12]], "attention_mask": [[1, 1, 1, 0], [1, 1, 1, 1]]}
    (readout,) = archtrace.trace(written.FromTheEnd(), inputs=ids).readouts
    assert readout.slice == "mix[:, s - 1 - argmax(flip(attention_mask))]"


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (("18 - i", "12 - i"), "s - 1 - i"),
        (("i - 18", "i - 12"), "i - (s - 1)"),
        (("x[:19]", "x[:13]"), "x[:s]"),
        (("min(i, 9)", "min(i, 6)"), "min(i, s // 2)"),
        (("i + 20 * j", "i + 14 * j"), "i + (s + 1) * j"),
        (("i == 77", "i == 77"), "i == 77"),
        (("i + 19", "i + 19"), "i + 19"),
        (("x19[7]", "x13[7]"), "x19[7]"),
    ],
)
def test_numbers_that_follow_the_length_are_written_by_it(texts: tuple[str, str], said: str) -> None:
    assert at_any_length(texts, (19, 13)) == said
    for text, length in zip(texts, (19, 13), strict=True):
        names = {"i": 3, "j": 5, "s": length, "x": list(range(40)), "min": min, f"x{length}": range(9)}
        if "x19" not in said:
            assert eval(said, names) == eval(text, names)
