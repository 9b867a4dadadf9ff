"""Every refusal, line by line: what, where, why, what to do."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import transformers

from archtrace.errors import TargetError
from archtrace.targets import resolve

CODE = """import torch

class Classifier(torch.nn.Module):
    def __init__(self, width):
        super().__init__()

class NotAModule:
    pass
"""


@pytest.fixture
def said(offline: Path) -> Callable[..., list[str]]:
    """The lines of the error that a target gives."""

    def lines(target: Any, **wishes: Any) -> list[str]:
        with pytest.raises(TargetError) as caught:
            resolve(target, **wishes)
        assert "Traceback" not in str(caught.value)
        return [line.replace(str(offline), "<here>") for line in str(caught.value).splitlines()]

    return lines


@pytest.fixture
def write(offline: Path) -> Callable[[str, str], Path]:
    def writer(name: str, text: str) -> Path:
        (offline / name).parent.mkdir(exist_ok=True)
        (offline / name).write_text(text)
        return offline / name

    return writer


Said = Callable[..., list[str]]
Write = Callable[[str, str], Path]


def test_unknown_id(said: Said) -> None:
    assert said("bert-base-uncasd") == [
        "unknown model 'bert-base-uncasd'",
        "  where: the folder bert-base-uncasd: not there; the cache <here>/cache: not there; "
        "the Hub: not asked, HF_HUB_OFFLINE is set; the bundled table: not there",
        "  why: it is neither a folder nor a model type, and the Hub, which may know it, was not asked",
        "  do: did you mean bert-base-uncased or bert-base-cased or bert-large-uncased? connect to the Hub, "
        "give a config (--config file.json with a model type), or name a folder or a class: path/to/file.py:Class",
    ]
    assert said("no id")[1].split("; ")[1] == "the Hub: not asked, this is no Hub id"
    assert "did you mean deberta or " in said("debertaa")[3]


def test_model_types_without_a_classifier(said: Said) -> None:
    version = transformers.__version__
    assert said("vit") == [
        "model type 'vit' has no sequence classifier",
        "  where: the default config of vit",
        f"  why: transformers {version} has no ForSequenceClassification class for it",
        "  do: ask about another class of it: archtrace ViTForImageClassification (or ViTForMaskedImageModeling, "
        "ViTModel); or name a class of your own: path/to/file.py:Class",
    ]
    assert said("anything", config={"model_type": "brt"}) == [
        "model type 'brt' is not known",
        "  where: the config given",
        f"  why: transformers {version} has no model of that type",
        "  do: did you mean bert or bart or mbart? install a transformers that has it, "
        "or name a class of your own: path/to/file.py:Class",
    ]


def test_folders(said: Said, offline: Path) -> None:
    (offline / "empty").mkdir()
    assert said("./empty") == [
        "empty is no checkpoint",
        "  where: <here>/empty",
        "  why: the folder has no config.json",
        "  do: name a folder that has a config.json, or a class: path/to/file.py:Class",
    ]
    assert said("empty") == said("./empty")
    assert said("./none") == [
        "no folder none",
        "  where: <here>",
        "  why: there is no such folder",
        "  do: correct the path",
    ]


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        ('{"model_type": "bert",\n}', ":2:1", "Illegal trailing comma before end of object"),
        ("[1]", "", "it holds a list, not an object"),
        ("", ":1:1", "Expecting value"),
    ],
)
def test_a_config_that_is_not_json(said: Said, write: Write, text: str, place: str, why: str) -> None:
    write("mine/config.json", text)
    what, where, reason, do = said("mine")
    assert what == "the config is not JSON"
    assert where.startswith("  where: mine/config.json")
    assert reason.startswith("  why: ")
    assert do == "  do: write it as one JSON object: {...}"
    if "trailing" not in why:  # Python 3.13 says it in other words, at another column
        assert (where, reason) == (f"  where: mine/config.json{place}", f"  why: {why}")


def test_configs_that_name_nothing(said: Said, write: Write) -> None:
    write("mine/config.json", '{"hidden_size": 8}')
    assert said("mine") == [
        "the config names no model",
        "  where: mine/config.json",
        "  why: it has no model_type, and no architectures that name a class of transformers",
        '  do: name the config.json of a model, or add "model_type" to this one, such as "bert"',
    ]
    assert said("bert", config="none.json") == [
        "the config none.json cannot be read",
        "  where: none.json",
        "  why: No such file or directory",
        "  do: name a JSON file",
    ]


ABSURD: Mapping[str, tuple[dict[str, Any], str, str]] = {
    "layers": ({"num_hidden_layers": 10**9}, "num_hidden_layers = 1000000000", "between 0 and 2000"),
    "negative": ({"hidden_size": -768}, "hidden_size = -768", "between 0 and 67108864"),
    "positions": ({"max_position_embeddings": 10**12}, "max_position_embeddings = 1000000000000", "-1 and 67108864"),
    "labels": ({"num_labels": 10**9}, "num_labels = 1000000000", "between 0 and 100000"),
}


@pytest.mark.parametrize("case", ABSURD)
def test_absurd_configs(said: Said, case: str) -> None:
    fields, what, why = ABSURD[case]
    start = time.perf_counter()
    lines = said("bert", overrides=fields)
    assert time.perf_counter() - start < 5
    assert lines[0] == f"the config cannot be built: {what}"
    assert lines[1] == "  where: the default config of bert"
    assert lines[2].startswith("  why: ")
    assert lines[2].endswith(why)
    assert lines[3] == "  do: correct the value"
    assert said("bert", config=fields)[0] == lines[0]


def test_absurd_nested_configs(said: Said) -> None:
    assert said("qwen3_5", overrides={"text_config.num_hidden_layers": 10**9})[0] == (
        "the config cannot be built: text_config.num_hidden_layers = 1000000000"
    )
    assert said("funnel", overrides={"block_sizes": [4, 10**9]})[0] == (
        "the config cannot be built: block_sizes[1] = 1000000000"
    )


def test_fields(said: Said) -> None:
    assert said("answerdotai/ModernBERT-base", overrides={"clasifier_pooling": "mean"}) == [
        "unknown config field 'clasifier_pooling'",
        "  where: the bundled table's entry of answerdotai/ModernBERT-base",
        "  why: ModernBertConfig has no field 'clasifier_pooling'",
        "  do: did you mean classifier_pooling? see the fields of ModernBertConfig",
    ]
    assert said("qwen3_5", overrides={"text_config.hiden_size": 1})[0] == "unknown config field 'hiden_size'"
    wrong = said("bert", overrides={"hidden_size": "wide"})
    assert wrong[:2] == ["the config does not fit BertConfig", "  where: the default config of bert"]
    assert "hidden_size" in wrong[2]


def test_own_code_of_a_checkpoint(said: Said, write: Write) -> None:
    write("mine/config.json", '{"model_type": "mystery", "auto_map": {"AutoModel": "own.Model"}}')
    assert said("mine") == [
        "model type 'mystery' is the checkpoint's own code",
        "  where: mine/config.json",
        "  why: its auto_map points to Python files, which are never run unasked",
        "  do: read that code; if you trust it, say trust_remote_code (--trust-remote-code)",
    ]
    assert said("mine", trust_remote_code=True) == [
        "the checkpoint's own code has no sequence classifier",
        "  where: mine/config.json",
        "  why: its auto_map names AutoModel, but not AutoModelForSequenceClassification",
        "  do: name its class: path/to/file.py:Class",
    ]


def test_classes_that_are_no_model(said: Said, write: Write) -> None:
    write("model.py", CODE)
    assert said("model.py:NotAModule") == [
        "model.py:NotAModule is no model",
        "  where: model.py:NotAModule",
        "  why: it is class NotAModule, not a torch.nn.Module",
        "  do: name a module class",
    ]
    assert said(3)[0] == "a int is no target"


def test_constructors(said: Said, write: Write) -> None:
    write("model.py", CODE)
    assert said("model.py:Classifier") == [
        "model.py:Classifier cannot be built without width",
        "  where: Classifier.__init__",
        "  why: these parameters have no default",
        "  do: set them (--arg width=...), or trace a live module",
    ]
    assert said("model.py:Classifier", num_labels=2) == [
        "model.py:Classifier takes no 'num_labels'",
        "  where: Classifier.__init__",
        "  why: its parameters are width",
        "  do: leave it out, or give it a parameter of that name",
    ]


def test_files(said: Said, write: Write) -> None:
    write("model.py", CODE)
    assert said("model.py:Clasifier") == [
        "no class Clasifier in model.py",
        "  where: <here>/model.py",
        "  why: model.py defines no 'Clasifier'",
        "  do: did you mean Classifier? correct the name",
    ]
    assert said("model.py") == [
        "model.py names no class",
        "  where: model.py",
        "  why: a file may hold several",
        "  do: name one: model.py:Classifier",
    ]
    assert said("modle.py:Classifier") == [
        "no file modle.py",
        "  where: <here>",
        "  why: there is no such file",
        "  do: did you mean model.py? correct the path",
    ]
    assert said("no_such_package.models:Classifier")[0] == "no module no_such_package.models"


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("import torch\nimport no_such_thing\n", 2, "ModuleNotFoundError: No module named 'no_such_thing'"),
        ("x = 1\n\ndef f():\n    return 1 / 0\n\nf()\n", 4, "ZeroDivisionError: division by zero"),
        ("def f(:\n    pass\n", 1, "SyntaxError: invalid syntax"),
        ("import sys\nsys.exit(3)\n", 2, "SystemExit: 3"),
    ],
)
def test_code_that_fails(said: Said, write: Write, text: str, line: int, why: str) -> None:
    write("broken.py", text)
    expected = [
        "broken.py cannot be imported",
        f"  where: <here>/broken.py:{line}",
        f"  why: {why}",
        "  do: correct the code",
    ]
    assert said("broken.py:Model") == expected
    package = f"archtrace_broken_{why.split(':', maxsplit=1)[0]}"
    write(f"{package}/__init__.py", "")
    write(f"{package}/models.py", text)
    said_of_package = said(f"{package}.models:Model")
    assert said_of_package[1:] == [f"  where: <here>/{package}/models.py:{line}", *expected[2:]]


def test_live_modules_and_configs_are_not_changed(said: Said) -> None:
    import torch

    assert said(torch.nn.Linear(2, 2), num_labels=3) == [
        "a live Linear cannot be changed",
        "  where: Linear",
        "  why: num_labels, config, overrides and arguments shape a model while it is built",
        "  do: build it as wanted, or give its class",
    ]
    assert said(transformers.BertConfig(), config={})[0] == "two configs"
