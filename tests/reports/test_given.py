"""Inputs from the command line: JSON and files of numbers, in this process and in a child's; never a pickle."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from archtrace.errors import TargetError
from archtrace_reports.asking.typed_inputs import load_input, parse_input

from .conftest import archtrace as run_archtrace

MODEL = """
import torch


class Prompted(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.score = torch.nn.Embedding(99, 8), torch.nn.Linear(8, 2)

    def forward(self, input_ids, attention_mask, mask_pos):
        return self.score(self.embed(input_ids)[torch.arange(len(input_ids)), mask_pos])


class Pixels(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.score = torch.nn.Conv2d(3, 4, 4, 4), torch.nn.Linear(4, 2)

    def forward(self, pixels):
        return self.score(self.conv(pixels).flatten(2)[..., 0])
"""


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A file with a model that asks for a position, and one that asks for pixels."""
    file = tmp_path / "asking.py"
    file.write_text(MODEL)
    return file


def rows(value: object) -> object:
    """Numbers as nested lists, however they came."""
    return value.tolist() if isinstance(value, np.ndarray) else value


def test_numbers_come_as_they_were_saved(tmp_path: Path) -> None:
    numbers = [[1, 2], [3, 4]]
    np.save(tmp_path / "one.npy", numbers)
    np.savez(tmp_path / "named.npz", ids=numbers, more=[0])
    np.savez(tmp_path / "only.npz", whatever=numbers)
    (tmp_path / "list.json").write_text(json.dumps(numbers))
    (tmp_path / "named.json").write_text(json.dumps({"more": 0, "ids": numbers}))
    for value in ("[[1, 2], [3, 4]]", *(str(file) for file in tmp_path.iterdir())):
        assert rows(load_input(*parse_input(f"ids={value}"))) == numbers, value


@pytest.mark.parametrize("text", ["ids", "=3", "ids=what", "ids=[1, 2", "ids=x.pkl", "ids=x.pt"])
def test_what_is_no_input_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not NAME=VALUE|is neither JSON nor a file"):
        parse_input(text)


class Trap:
    """A pickle that leaves a file behind where it is loaded."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.file,)


def test_no_pickle_is_loaded(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    (tmp_path / "trap.npy").write_bytes(pickle.dumps(Trap(sprung)))
    np.save(tmp_path / "objects.npy", np.array([Trap(sprung)], dtype=object), allow_pickle=True)
    for name in ("trap.npy", "objects.npy"):
        with pytest.raises(TargetError, match="the input ids cannot be read"):
            load_input("ids", str(tmp_path / name))
    assert not sprung.exists()


def test_a_file_that_is_not_there_or_holds_another_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "two.npz", a=[1], b=[2])
    (tmp_path / "broken.json").write_text("[1, 2")
    for name, why in (
        ("none.npy", "No such file"),
        ("two.npz", "it holds a, b, and none is called ids"),
        ("broken.json", "Expecting"),
    ):
        with pytest.raises(TargetError, match=why):
            load_input("ids", str(tmp_path / name))


def test_what_is_asked_for_can_be_typed(models: Path) -> None:
    """The message names the input and what to type; typed, it is answered, the other inputs as they are guessed."""
    target = f"{models}:Prompted"
    asked = run_archtrace(target, "-q")
    assert asked.returncode == 2
    assert "unknown: mask_pos" in asked.stderr
    assert "--input mask_pos=" in asked.stderr
    answered = run_archtrace(target, "-q", "--input", "mask_pos=[3, 5]", "--format", "json")
    (result,) = json.loads(answered.stdout)["results"]
    assert result["status"] == "exact"
    assert {tuple(map(tuple, layout["tokens"])) for layout in result["layouts"]} == {((3,), (5,))}
    assert {layout["name"] for layout in result["layouts"]} > {"full", "right_padded"}


def test_a_child_gets_the_same_inputs(models: Path) -> None:
    """From a file whose path is told from here, and as JSON."""
    np.save(models.parent / "pixels.npy", np.zeros((2, 3, 8, 8), "float32"))
    typed_ = ["--input", "pixels=pixels.npy"]
    here, child = (
        run_archtrace(f"{models}:Pixels", "-q", *typed_, "--format", "json", *more, cwd=models.parent)
        for more in ([], ["--isolate"])
    )
    one, other = (json.loads(done.stdout)["results"][0] for done in (here, child))
    assert one["status"] == "exact"
    assert {key: one[key] for key in ("readouts", "layouts")} == {key: other[key] for key in ("readouts", "layouts")}


def test_a_sweep_takes_no_inputs() -> None:
    done = run_archtrace("--all", "--input", "mask_pos=[1]")
    assert done.returncode == 2
    assert "--input is about models of one kind" in done.stderr
