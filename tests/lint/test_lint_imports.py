"""Helpers and classes of other files of the tree: followed as if they stood in the file, and told of the call."""

from __future__ import annotations

from pathlib import Path

import pytest

from archtrace_lint import check_source

CALLER = """
def read(hidden_states, attention_mask):
    return hidden_states[range(8), last(attention_mask)]
"""

WRONG = "def last(mask):\n    return mask.sum(1) - 1\n"
RIGHT = "def last(mask):\n    return mask.shape[1] - 1 - mask.flip(1).argmax(1)\n"


@pytest.mark.parametrize(
    ("line", "files"),
    [
        ("from ends import last", ("ends.py",)),
        ("from .ends import last", ("ends.py",)),
        ("from tools.ends import last", ("tools/ends.py",)),
        ("from tools import last", ("tools/__init__.py", "tools/ends.py")),
    ],
)
def test_a_helper_of_another_file_is_followed(tmp_path: Path, line: str, files: tuple[str, ...]) -> None:
    """Beside it, in a package, handed on by a package; and the place that is told is the call, in the caller's file."""
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("from .ends import last\n" if name.endswith("__init__.py") else WRONG)
    (violation,) = check_source(str(tmp_path / "a.py"), f"{line}\n{CALLER}")
    assert (violation.code, violation.line, violation.function, violation.fix) == ("AT001", 4, "read", ())
    (tmp_path / files[-1]).write_text(RIGHT)
    assert check_source(str(tmp_path / "a.py"), f"{line}\n{CALLER}") == []


def test_the_class_of_a_reward_model_says_how_it_reads(tmp_path: Path) -> None:
    """AT003 is of one that looks for the pad id, wherever its class stands."""
    source = "from rewards import PairRewardModel\n\ntok.pad_token = tok.eos_token\nmodel = PairRewardModel('gpt2')\n"
    for read, codes in (("ids == self.PAD_ID", ["AT003"]), ("mask.nonzero()", [])):
        (tmp_path / "rewards.py").write_text(
            f"class PairRewardModel:\n    def f(self, ids, mask):\n        return {read}\n"
        )
        assert [v.code for v in check_source(str(tmp_path / "a.py"), source)] == codes


FACTORY = """
from transformers import AutoModelForCausalLM, {kind}


def grader(name, task="grade"):
    return AutoModelForCausalLM.from_pretrained(name) if task == "causal" else {kind}.from_pretrained(name)
"""

TRAINS = """
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from factory import grader


def train(path, other):
    tokenizer = AutoTokenizer.from_pretrained(path)
    tokenizer.pad_token = tokenizer.eos_token
    policy = AutoModelForCausalLM.from_pretrained(path)
    reward_model = grader({arguments})
    return PairRewardModelTrainer(policy, reward_model, tokenizer)
"""


@pytest.mark.parametrize(
    ("kind", "arguments", "codes"),
    [
        ("AutoModelForSequenceClassification", "path", ["AT003"]),
        ("MistralForSequenceClassification", "path", ["AT003"]),
        ("AutoModelForSequenceClassification", "other", []),  # the policy's tokenizer is not the grader's
        ("AutoModelForSequenceClassification", "path, 'causal'", []),
        ("BertForSequenceClassification", "path", []),
        ("TFGPT2ForSequenceClassification", "path", []),
        ("AutoModelForTokenClassification", "path", []),
    ],
)
def test_a_function_of_another_file_may_make_the_classifier(
    kind: str, arguments: str, codes: list[str], tmp_path: Path
) -> None:
    """AT003 is of what it names there, and of the tokenizer that is loaded by the same name."""
    (tmp_path / "factory.py").write_text(FACTORY.format(kind=kind))
    found = check_source(str(tmp_path / "a.py"), TRAINS.format(arguments=arguments))
    assert [v.code for v in found] == codes
