"""Texts: what a checkpoint's own tokenizer makes of them is traced, and each answer names the tokens that are read."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from checkpoints import FAMILIES, saved
from slopes import heard, shown

import archtrace
from archtrace.answer.texts import Texts
from archtrace.errors import TargetError
from archtrace_reports.text.account import account
from archtrace_reports.text.wording import headline

TEXTS = ["a fine film", "dull and long, with no story at all"]
#: The special token that a family reads; the others read the last of the text itself.
READ = {"bert": "[CLS]", "roberta": "<s>", "xlnet": "<cls>"}


@pytest.fixture(scope="module", params=FAMILIES)
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of each family."""
    return saved(request.param, tmp_path_factory.mktemp("checkpoints") / request.param)


def texts(result: Any) -> Texts:
    """The texts of the only layout."""
    (layout,) = result.layouts
    assert layout.texts is not None
    return layout.texts


def by_gradient(folder: Path) -> tuple[tuple[int, ...], ...]:
    """Which positions of the last hidden state a real batch reads, by the model's own weights and tokenizer."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval().double()
    batch = tokenizer(TEXTS, padding=True, return_tensors="pt")
    batch = {k: v for k, v in batch.items() if k != "token_type_ids"}
    with heard({"states": model.base_model}) as kept:
        logits = model(**batch).logits
    return shown(kept["states"], logits)


def test_the_tokens_that_are_read_are_those_that_have_a_gradient(checkpoint: Path) -> None:
    found = texts(archtrace.trace(str(checkpoint), text=TEXTS).result)
    assert found.read == by_gradient(checkpoint)
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    rows = tokenizer(TEXTS, padding=True)["input_ids"]
    assert [len(row) for row in found.tokens] == [len(row) for row in rows]
    assert TEXTS[1].replace(" ", "") in re.sub("##|[Ġ▁]", "", "".join(found.tokens[1]))


def test_an_answer_names_the_token(checkpoint: Path) -> None:
    trace = archtrace.trace(str(checkpoint), text=TEXTS)
    for words, text in zip(texts(trace.result).words, TEXTS, strict=True):
        token, _, _ = words.rpartition(" (")
        assert token == READ[checkpoint.name] if checkpoint.name in READ else text.endswith(token), words
    # the view of a model that was traced without texts says the same
    view = archtrace.trace(str(checkpoint)).at(text=TEXTS)
    assert view.texts == texts(trace.result)
    assert all(words in repr(view) for words in texts(trace.result).words)


def command(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """The command line, as a person runs it."""
    line = [sys.executable, "-m", "archtrace_reports.commands.cli", *arguments]
    return subprocess.run(line, input=text, capture_output=True, text=True, check=False)


def test_the_command_line_takes_texts_pairs_and_lines(tmp_path: Path) -> None:
    folder = str(saved("bert", tmp_path / "bert"))
    found = command(folder, "--text", TEXTS[0], "--text", TEXTS[1], "-q")
    assert found.returncode == 0
    assert "[CLS] (0)" in found.stdout
    lines = command(folder, "--text-file", "-", "-q", "--format", "json", text="\n".join(TEXTS))
    (layout,) = json.loads(lines.stdout)["results"][0]["layouts"]
    assert layout["texts"]["read"] == [[0], [0]]
    assert layout["texts"]["tokens"][0][:2] == ["[CLS]", "a"]
    assert layout["texts"]["tokens"][0][-1] == "[PAD]"
    pair = command(folder, "--text", TEXTS[0], "--text-pair", TEXTS[1], "-q", "--format", "json")
    (layout,) = json.loads(pair.stdout)["results"][0]["layouts"]
    assert layout["texts"]["tokens"][0].count("[SEP]") == 2
    assert set(layout["inputs"]["token_type_ids"][0]) == {0, 1}


def test_what_cannot_be_tokenised_is_said_once(tmp_path: Path) -> None:
    folder = saved("gpt2", tmp_path / "gpt2")
    bare = transformers.AutoTokenizer.from_pretrained(folder)
    bare.pad_token = None
    with pytest.raises(TargetError, match="no pad token"):
        archtrace.trace(str(folder), text=TEXTS, tokenizer=bare)
    assert texts(archtrace.trace(str(folder), text=TEXTS[0], tokenizer=bare).result).read
    with pytest.raises(TargetError, match="no tokenizer for bert"):
        archtrace.trace("bert", text=TEXTS)
    live = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    with pytest.raises(TargetError, match="or give it: tokenizer="):
        archtrace.trace(live, text=TEXTS)
    with pytest.raises(TargetError, match="no text"):
        archtrace.trace(str(folder), text=[])
    with pytest.raises(TargetError, match="a int is no text"):
        archtrace.trace(str(folder), text=3)
    blank = command(str(folder), "--text-file", "-", text="\n\n")
    assert (blank.returncode, "it holds no text" in blank.stderr) == (2, True)
    unpaired = command(str(folder), "--text-pair", "b")
    assert (unpaired.returncode, "--text-pair goes with --text" in unpaired.stderr) == (2, True)


class Bag(torch.nn.Module):
    """A forward whose tokens are called text."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.classifier = torch.nn.Embedding(64, 8), torch.nn.Linear(8, 2)

    def forward(self, text: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.classifier(self.embed(text)[:, 0])
        return found


def test_an_input_may_be_called_text() -> None:
    trace = archtrace.trace(Bag(), inputs={"text": [[3, 4, 5]]})
    assert trace.at(text=[[3, 4]]).tokens == ((0,),)
    assert trace.at(text=torch.tensor([[3, 4]])).tokens == ((0,),)


def test_of_given_texts_the_headline_names_what_is_read_of_them_and_no_more(tmp_path: Path) -> None:
    """GPT-2 reads the last index of texts that are padded on the left, and would not of others."""
    tokenizer = FAMILIES["gpt2"].tokenizer()
    tokenizer.padding_side = "left"
    folder = saved("gpt2", tmp_path / "gpt2")
    found = archtrace.trace(str(folder), text=["a fine film", "dull and long"], tokenizer=tokenizer).result
    assert headline(found).endswith("reads only the final hidden state of film (3) and long (3).")
    assert "takes the last index" not in account(found)


def test_a_config_without_a_tokenizer_makes_none(tmp_path: Path) -> None:
    """transformers makes one without a word of it, to which every text is unknown."""
    transformers.BertConfig(num_hidden_layers=1).save_pretrained(tmp_path)
    with pytest.raises(TargetError, match=r"no tokenizer for .*\n.*there are no files of one"):
        archtrace.trace(str(tmp_path), text="a fine film")
