"""The callback in real Trainers on tiny models: it stops a wrong setup before a step, and changes nothing of a run."""

from __future__ import annotations

import copy
import random
import subprocess
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import peft
import pytest
import torch
import transformers
from checkpoints import FAMILIES
from slopes import heard, shown
from transformers import Trainer, TrainingArguments

from archtrace.errors import ArchtraceError, SetupError
from archtrace.setup.examination import examine
from archtrace.training import SetupCallback, SetupWarning

TEXTS = ("dull", "a fine film and far too long", "a fine film", "the story of a small town")
#: Made once: a vocabulary that is trained anew may differ.
tokenizer_of = cache(lambda family: FAMILIES[family].tokenizer())


def setup(family: str, *, side: str | None = None, **fields: Any) -> tuple[Any, Any]:
    """A live model and its tokenizer: right, but for what is said otherwise."""
    made, tokenizer = FAMILIES[family], copy.deepcopy(tokenizer_of(family))
    tokenizer.padding_side = side or tokenizer.padding_side
    ids = {f"{kind}_token_id": getattr(tokenizer, f"{kind}_token_id") for kind in ("pad", "bos", "eos")}
    torch.manual_seed(0)
    config = made.model.config_class(**made.fields, vocab_size=len(tokenizer), **{**ids, **fields})
    return made.model(config).train(), tokenizer


def trainer(model: Any, tokenizer: Any, folder: Path, *callbacks: Any, **given: Any) -> Trainer:
    """A Trainer of two steps on four texts, in an order of its own."""
    texts = given.pop("texts", TEXTS)
    rows = [{**tokenizer(text), "labels": number % 2} for number, text in enumerate(texts)]
    arguments = TrainingArguments(
        **{"output_dir": str(folder), "max_steps": 2, "per_device_train_batch_size": len(texts), "use_cpu": True,
           "report_to": [], "disable_tqdm": True, "save_strategy": "no", "logging_strategy": "no",
           **given.pop("arguments", {})},
    )  # fmt: skip
    collator = transformers.DataCollatorWithPadding(tokenizer)
    return Trainer(**{"model": model, "args": arguments, "train_dataset": rows, "data_collator": collator,
                      "processing_class": tokenizer, "callbacks": [*callbacks], **given})  # fmt: skip


def trained(model: Any, tokenizer: Any, folder: Path, **given: Any) -> SetupCallback:
    """What the callback found in a run that no warning of it disturbed."""
    callback = SetupCallback()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", SetupWarning)
        run = trainer(model, tokenizer, folder, callback, **given)
        run.train()
    assert run.state.global_step == 2
    return callback


def test_a_right_setup_costs_less_than_a_second(tmp_path: Path) -> None:
    """Once torch is warm; the best of some runs, since other processes take their share of a core."""
    found = [trained(*setup("bert"), tmp_path) for _ in range(3)]
    assert {each.diagnosis.opinion for each in found if each.diagnosis} == {"right"}
    assert min(each.seconds for each in found if each.seconds is not None) < 1


def test_a_wrong_setup_stops_before_a_step(tmp_path: Path) -> None:
    model, tokenizer = setup("bert", side="left")
    before, hooks = copy.deepcopy(model.state_dict()), len(model._forward_pre_hooks)
    run = trainer(model, tokenizer, tmp_path, SetupCallback())
    with pytest.raises(SetupError) as caught:
        run.train()
    what, where, why, do = str(caught.value).split("\n")
    assert (what, do) == ("this setup is wrong: padding-side", "  do: tokenizer.padding_side = 'right'")
    assert where == "  where: the first batch of BertForSequenceClassification, before the first step"
    pads = max(len(tokenizer(text)["input_ids"]) for text in TEXTS) - 3
    assert why == f'  why: read is [PAD] (0) of "[PAD] × {pads} [CLS] dull [SEP]"; meant is [CLS] (0)'
    assert run.state.global_step == 0
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert (model.training, len(model._forward_pre_hooks)) == (True, hooks)
    assert all(parameter.grad is None for parameter in model.parameters())
    exec(do.removeprefix("  do: "), {"tokenizer": tokenizer})  # the line that it names mends it
    assert trained(model, tokenizer, tmp_path).diagnosis.opinion == "right"  # type: ignore[union-attr]


def test_a_pad_id_of_the_config_is_tried_on_the_live_model(tmp_path: Path) -> None:
    """A Trainer that knows the tokenizer gives the config its pad id; one that knows the collator alone does not."""
    model, tokenizer = setup("gpt2", pad_token_id=9)
    with pytest.raises(SetupError, match=f"do: model.config.pad_token_id = {tokenizer.pad_token_id}") as caught:
        trainer(model, tokenizer, tmp_path, SetupCallback(), processing_class=None).train()
    assert model.config.pad_token_id == 9
    exec(str(caught.value).rpartition("do: ")[2], {"model": model})
    found = trained(model, tokenizer, tmp_path, processing_class=None)
    assert found.diagnosis.opinion == "right"  # type: ignore[union-attr]


def test_it_may_warn_and_go_on(tmp_path: Path) -> None:
    run = trainer(*setup("bert", side="left"), tmp_path, SetupCallback("warn"))
    with pytest.warns(SetupWarning, match="this setup is wrong: padding-side"):
        run.train()
    assert run.state.global_step == 2
    with pytest.raises(ArchtraceError, match="on_wrong is 'loud'"):
        SetupCallback("loud")  # type: ignore[arg-type]


@pytest.mark.parametrize("family", ["bert", "llama"])
def test_a_run_with_it_is_the_run_without(family: str, tmp_path: Path) -> None:
    """Dropout and the order of the rows are drawn from generators that all have moved on alike."""
    ends = []
    for callbacks in ([], [SetupCallback()]):
        model, tokenizer = setup(family, **{"attention_dropout": 0.2} if family == "llama" else {})
        random.seed(0)
        run = trainer(model, tokenizer, tmp_path, *callbacks, arguments={"per_device_train_batch_size": 2, "seed": 3})
        run.train()
        drawn = random.random(), np.random.random(), torch.rand(1).item()
        ends.append((model.state_dict(), drawn, vars(model).keys(), dict(model._forward_pre_hooks)))
    (weights, *without), (others, *with_it) = ends
    assert with_it == without
    assert all(torch.equal(value, others[name]) for name, value in weights.items())


TUNED: Mapping[str, Any] = {
    "lora": peft.LoraConfig(task_type="SEQ_CLS", r=2, target_modules=["query", "value"]),
    "prompt": peft.PromptTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=3),
}


@pytest.mark.parametrize("tuner", TUNED)
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_a_model_in_pefts_wrapper(tuner: str, tmp_path: Path) -> None:
    """Of prompt tuning the first position carries no token: the head reads a virtual one, of each text the same."""
    code = {"lora": "padding-side", "prompt": "prompt-read"}[tuner]
    model, tokenizer = setup("bert", side="left")
    run = trainer(peft.get_peft_model(model, TUNED[tuner]), tokenizer, tmp_path, SetupCallback())
    with pytest.raises(SetupError, match=f"this setup is wrong: {code}"):
        run.train()


def test_without_a_tokenizer_ids_are_named(tmp_path: Path) -> None:
    model, tokenizer = setup("bert", side="left")
    pad, first = tokenizer.pad_token_id, tokenizer.cls_token_id
    with pytest.raises(SetupError, match=rf"read is <{pad}> \(0\) of .*; meant is <{first}> \(0\)"):
        trainer(model, tokenizer, tmp_path, SetupCallback(), processing_class=None).train()


@pytest.mark.parametrize("texts", [("a fine film", "a long film"), ("a fine film",)], ids=["one length", "one row"])
def test_rows_without_padding_do_not_show_what_is_read_of_padded_ones(texts: Sequence[str], tmp_path: Path) -> None:
    run = trainer(*setup("bert"), tmp_path, SetupCallback(), texts=texts)
    with pytest.warns(SetupWarning, match="cannot tell whether .* no row of the batch is padded") as caught:
        run.train()
    assert "\n" not in str(next(w.message for w in caught if w.category is SetupWarning))
    assert run.state.global_step == 2


def test_what_is_wrong_of_each_text_is_told_without_padding_too(tmp_path: Path) -> None:
    model, tokenizer = setup("bert")
    rows = [{"input_ids": tokenizer(text, add_special_tokens=False)["input_ids"], "labels": 0} for text in TEXTS[:1]]
    with pytest.raises(SetupError, match="this setup is wrong: no-cls"):
        trainer(model, tokenizer, tmp_path, SetupCallback(), train_dataset=rows).train()


def test_what_cannot_be_examined_goes_on(tmp_path: Path) -> None:
    """A batch of embeddings holds no ids."""
    model, tokenizer = setup("bert")
    rows = [{"inputs_embeds": torch.randn(4, 16), "labels": 0} for _ in TEXTS]
    run = trainer(model, tokenizer, tmp_path, SetupCallback(), train_dataset=rows,
                  data_collator=transformers.default_data_collator)  # fmt: skip
    with pytest.warns(SetupWarning, match="could not examine .* none of its inputs holds rows of ids"):
        run.train()
    assert run.state.global_step == 2


def test_an_evaluation_before_training_is_not_the_first_batch(tmp_path: Path) -> None:
    model, tokenizer = setup("bert")
    left = copy.deepcopy(tokenizer)
    left.padding_side = "left"
    rows = [{**left(text, padding="max_length", max_length=12), "labels": 0} for text in TEXTS]
    evaluated = {"eval_dataset": rows, "arguments": {"eval_on_start": True, "eval_strategy": "no"}}
    assert trained(model, tokenizer, tmp_path, **evaluated).diagnosis.opinion == "right"  # type: ignore[union-attr]


def test_half_precision(tmp_path: Path) -> None:
    found = trained(*setup("bert"), tmp_path, arguments={"bf16": True})
    assert found.diagnosis.opinion == "right"  # type: ignore[union-attr]


def test_a_model_with_an_output_for_each_position_is_not_stopped(tmp_path: Path) -> None:
    """Logits of padding are read of padding, and no loss counts them."""
    tokenizer = tokenizer_of("bert")
    config = transformers.BertConfig(**FAMILIES["bert"].fields, vocab_size=len(tokenizer))
    rows = [{**tokenizer(text), "labels": [0] * len(tokenizer(text)["input_ids"])} for text in TEXTS]
    model = transformers.BertForTokenClassification(config)
    run = trainer(model, tokenizer, tmp_path, SetupCallback(), train_dataset=rows,
                  data_collator=transformers.DataCollatorForTokenClassification(tokenizer))  # fmt: skip
    with pytest.warns(SetupWarning, match="cannot tell whether .* a value for each position"):
        run.train()
    assert run.state.global_step == 2


def test_as_many_labels_as_tokens_are_labels() -> None:
    model, tokenizer = setup("gpt2", num_labels=3)
    batch = {"input_ids": torch.tensor([[5, 6, 7, 0]]), "attention_mask": torch.tensor([[1, 1, 1, 0]])}
    assert examine(model, batch=batch, tokenizer=tokenizer).opinion == "right"


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_small_model_tells_whether_padding_moves_a_large_live_model(side: str) -> None:
    """GPT-2 reads the same token on either side, and has more parameters than are drawn for a run."""
    with torch.device("meta"):
        model = transformers.GPT2ForSequenceClassification(transformers.GPT2Config(pad_token_id=50256))
    text, pads = [11, 12, 13], [50256] * 3
    padded, mask = ([*pads, *text], [0, 0, 0, 1, 1, 1]) if side == "left" else ([*text, *pads], [1, 1, 1, 0, 0, 0])
    batch = {"input_ids": torch.tensor([[5, 6, 7, 8, 9, 10], padded]), "attention_mask": torch.tensor([[1] * 6, mask])}
    found = examine(model, batch=batch)
    assert [fault.code for fault in found.faults] == (["positions-move"] if side == "left" else [])
    assert found.opinion == ("wrong" if side == "left" else "right")


class Pooled(torch.nn.Module):
    """The mean of all states, which a bound alone cannot call wrong; `masked`: of those that are no padding."""

    def __init__(self, masked: bool) -> None:
        super().__init__()
        self.embed, self.classifier, self.masked = torch.nn.Embedding(200, 8), torch.nn.Linear(8, 2), masked

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        states = self.embed(input_ids)
        kept = attention_mask[..., None] if self.masked else torch.ones_like(attention_mask)[..., None]
        found: torch.Tensor = self.classifier((states * kept).sum(1) / kept.sum(1))
        return found


@pytest.mark.parametrize("masked", [True, False])
def test_a_mean_over_padding_is_wrong(masked: bool) -> None:
    batch = tokenizer_of("bert")(list(TEXTS), padding=True, return_tensors="pt")
    assert examine(Pooled(masked), batch=batch).opinion == ("right" if masked else "wrong")


def test_importing_archtrace_imports_no_transformers() -> None:
    code = "import sys, archtrace, archtrace.testing; sys.exit('transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def as_it_is(model: Any, tokenizer: Any) -> None:
    """The right one."""


def other_side(model: Any, tokenizer: Any) -> None:
    """Padding where the family has none."""
    tokenizer.padding_side = "right" if tokenizer.padding_side == "left" else "left"


def other_pad_id(model: Any, tokenizer: Any) -> None:
    """An id of the config that is no padding of the batch."""
    model.config.pad_token_id = 9


def is_alike(model: Any, tokenizer: Any, batch: Mapping[str, torch.Tensor]) -> bool:
    """Whether runs show that of each row of the batch the same token is read as of its text alone, and the logits are
    the same."""
    model = copy.deepcopy(model).eval().double()
    together, logits = _shown(model, batch)
    for row, mask in enumerate(batch["attention_mask"]):
        start = int(mask.argmax())
        (alone,), (expected,) = _shown(model, tokenizer(TEXTS[row], return_tensors="pt"))
        if tuple(p - start for p in together[row]) != alone or not torch.allclose(logits[row], expected, 1e-4, 1e-8):
            return False
    return True


def _shown(model: Any, batch: Mapping[str, torch.Tensor]) -> tuple[tuple[tuple[int, ...], ...], torch.Tensor]:
    with heard({"states": model.base_model}) as kept:
        logits = model(**batch).logits
    return shown(kept["states"], logits), logits.detach()


@pytest.mark.parametrize("changed", [as_it_is, other_side, other_pad_id])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_verdict_on_a_batch_is_what_a_gradient_says(family: str, changed: Callable[[Any, Any], None]) -> None:
    model, tokenizer = setup(family)
    changed(model, tokenizer)
    batch = tokenizer(list(TEXTS), padding=True, return_tensors="pt")
    found = examine(model, batch={**batch, "labels": torch.zeros(len(TEXTS))}, tokenizer=tokenizer)
    assert found.opinion == ("right" if is_alike(model, tokenizer, batch) else "wrong"), found
    assert changed is not other_side or examine(model, batch=batch).opinion == found.opinion
