"""Checkpoints: whose config stands in a file, on the Hub too, and what else lies beside it; no torch is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from loopback_hub import LoopbackHub

from archtrace.errors import TargetError
from archtrace.targets.checkpoint_config import checkpoint_origin, small_files

ROOT = Path(__file__).parents[2]
LOOK = """
import json, sys
from pathlib import Path
from archtrace_reports.atlas.targets import lines, looked_up
Path("list.txt").write_text(sys.argv[1])
found = [each for _, each in looked_up(lines(Path("list.txt")))]
print(json.dumps([[e.name, e.question.target, e.source, e.where] if hasattr(e, "question") else [e.target, e.reason]
                  for e in found]))
assert not {"torch", "transformers", "numpy"} & {*sys.modules}
"""


def look(text: str, folder: Path, **env: str) -> list[list[str]]:
    """What the lines of a list stand for, looked up at once in a process of its own, whose cache lies in the folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    roots = os.pathsep.join([str(ROOT / "tracer"), str(ROOT / "reports")])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LOOK, text], capture_output=True, text=True, check=True, cwd=folder,
        env={**kept, "PYTHONPATH": roots, "HF_HOME": str(folder / "hf"), **env},
    )  # fmt: skip
    found: list[list[str]] = json.loads(done.stdout)
    return found


def test_many_are_looked_up_at_once(hub: LoopbackHub, tmp_path: Path) -> None:
    """On the Hub, and then in the cache: of one structure they are one question, each with its own file."""
    for number in range(40):
        fields = {"model_type": "bert", "num_hidden_layers": 1 + number % 2, "_name_or_path": f"base-{number}"}
        hub.files[f"org/m{number}"] = json.dumps(fields)
    names = "".join(f"org/m{number}\n" for number in range(40))
    for source, env in (("hub", {"HF_ENDPOINT": hub.url}), ("cache", {"HF_HUB_OFFLINE": "1"})):
        *found, missing = look(names + "org/none", tmp_path, **env)
        assert [each[0] for each in found] == [f"org/m{number}" for number in range(40)]
        assert len({each[1] for each in found}) == 2
        assert {each[2] for each in found} == {source}
        assert all(f"models--org--m{number}/" in each[3] for number, each in enumerate(found))
        assert missing[1].startswith("unknown model 'org/none'")


def write(file: Path, fields: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(fields))


def test_whose_config_stands_in_a_file(offline: Path) -> None:
    write(offline / "a" / "config.json", {"model_type": "bert", "num_hidden_layers": 3})
    write(offline / "b.json", {"architectures": ["BertModel"]})
    for name, fields in (("a", {"num_hidden_layers": 3}), ("a/config.json", {}), ("./b.json ", {})):
        found = checkpoint_origin(name)
        assert found is not None
        assert {**found.fields, **fields, "model_type": "bert"} == found.fields
        assert found.source == "local"
    for name in ("bert", "BERT", "BertForMaskedLM", "gpt2", "bert-base-uncased", "x.py:Y", "x:Y"):
        assert checkpoint_origin(name) is None, name
    for name in ("./none", "org/none", "none.json"):
        with pytest.raises(TargetError):
            checkpoint_origin(name)


def test_what_lies_beside_it(offline: Path) -> None:
    """The small files that say which model it is, and no other."""
    files = {"config.json": {}, "modules.json": [], "1_Pooling/config.json": {"a": 1}, "tokenizer.json": {}}
    for name, fields in files.items():
        write(offline / "encoder" / name, fields)
    (offline / "encoder" / "model.safetensors").write_bytes(b"\xff")
    expected = {name: json.dumps(fields) for name, fields in files.items() if name != "tokenizer.json"}
    assert small_files("encoder") == expected
    write(offline / "encoder" / "small.json", {"b": 2})
    assert small_files("encoder/small.json") == {**expected, "config.json": '{"b": 2}'}
    assert small_files("org/elsewhere") == {}
