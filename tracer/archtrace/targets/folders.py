"""Targets on disk: a checkpoint's folder, its config file, and what to say of a path that is neither."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from archtrace.errors import refusal
from archtrace.targets import hub

#: Files of weights by their ending: what they are, and why they say no structure.
_WEIGHTS: Mapping[str, str] = {
    ".gguf": "GGUF weights for llama.cpp, which has programs of its own and no sequence classifier",
    ".safetensors": "weights alone: names and shapes of tensors, and not the program that uses them",
    ".bin": "pickled weights, which may hold any code and are never opened",
    ".pt": "pickled weights, which may hold any code and are never opened",
    ".pth": "pickled weights, which may hold any code and are never opened",
    ".ckpt": "pickled weights, which may hold any code and are never opened",
    ".pkl": "a pickle, which may hold any code and is never opened",
    ".onnx": "a graph of ONNX, no PyTorch module",
    ".h5": "weights of TensorFlow",
    ".msgpack": "weights of Flax",
}
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "spiece.model")


def document(text: str) -> Path | None:
    """The file that stands for a target on disk: its config.json, or what names one (an adapter's, a sentence
    encoder's); None where there is none. A config file may be named itself."""
    path = Path(text).expanduser()
    if path.is_file() and path.suffix == ".json":
        return path.parent / path.name
    names = (hub.FILE, hub.ADAPTER, hub.MODULES)
    return next((path / name for name in names if (path / name).is_file()), None)


def exists(text: str) -> bool:
    """Whether something of that name is on disk."""
    return Path(text).expanduser().exists()


def has_tokenizer(folder: Path) -> bool:
    """Whether a tokenizer was saved in a folder."""
    return any((folder / name).is_file() for name in _TOKENIZER)


def is_path(name: str) -> bool:
    """Whether a text can only mean a place on disk."""
    weights = Path(name).suffix.lower() in _WEIGHTS and name.count("/") != 1
    return name.startswith((".", "/", "~")) or name.endswith(("/", ".json")) or name.count("/") > 1 or weights


def no_config(text: str) -> Exception:
    """The refusal of a place on disk that holds no model's config, with what to give instead."""
    path = Path(text).expanduser()
    if not path.exists():
        return refusal(
            f"no {'file' if path.suffix == '.json' or path.suffix in _WEIGHTS else 'folder'} {path}",
            where=str(path.parent.resolve()),
            why=f"there is no such {'file' if path.suffix == '.json' or path.suffix in _WEIGHTS else 'folder'}",
            do="correct the path",
        )
    return _no_folder(path) if path.is_dir() else _no_file(path)


def _no_file(path: Path) -> Exception:
    what = _WEIGHTS.get(path.suffix.lower())
    has_config = (path.parent / hub.FILE).is_file()
    other_target = f"name the model's id, or a folder that has a {hub.FILE}"
    instead = f"name its folder, {path.parent}" if has_config else other_target
    return refusal(
        f"{path} is no checkpoint",
        where=str(path.resolve()),
        why=f"it is {what}" if what else "it is a file, not a folder",
        do=f"{instead}, or a class: path/to/file.py:Class",
    )


def _no_folder(path: Path) -> Exception:
    inner = next(iter(sorted(config.parent for config in path.glob(f"*/{hub.FILE}"))), None)
    instead = f"name {inner}" if inner else f"name a folder that has a {hub.FILE}"
    return refusal(
        f"{path} is no checkpoint",
        where=str(path.resolve()),
        why=f"the folder has no {hub.FILE}{''.join(_instead(path))}",
        do=f"{instead}, or a class: path/to/file.py:Class",
    )


def _instead(path: Path) -> Iterator[str]:
    """What the folder holds instead of a config."""
    files = sorted(file.name for file in path.iterdir() if file.is_file())
    if weights := [name for name in files if Path(name).suffix.lower() in _WEIGHTS]:
        yield f"; {weights[0]} is {_WEIGHTS[Path(weights[0]).suffix.lower()]}"
    elif any(name in _TOKENIZER for name in files):
        yield "; it is a tokenizer's"
