"""Checkpoints: the config that a target has of its own, found without building it, and the small files that say so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from archtrace.targets import by_name, code, folders, hub, library
from archtrace.targets.by_name import Origin

#: Where a config was found that is a checkpoint's own file.
OF_A_FILE = frozenset({"local", "cache", "hub"})


def checkpoint_origin(target: str) -> Origin | None:
    """The config in a checkpoint's file, on disk or on the Hub. None of what has no such file: a class of yours, a
    model type or a class of the library, an id of the bundled table. TargetError where there is no such target."""
    text = target.strip()
    if code.is_code(text) or (library.canonical_name(text) and not folders.exists(text)):
        return None
    origin = by_name.own_origin(text)
    return origin if origin.source in OF_A_FILE else None


def small_files(target: str) -> dict[str, str]:
    """The JSON files of a folder that say which model it holds, by their names in it; {} where it is not on disk. What
    names a config file means the folder that it lies in, with that file as its config.json."""
    document = folders.document(target.strip())
    if document is None:
        return {}
    usual = (hub.FILE, hub.ADAPTER, hub.MODULES)
    named = {} if document.name in usual else {hub.FILE: document}
    beside = {str(file.relative_to(document.parent)): file for file in _beside(document.parent, usual)}
    return {name: file.read_text("utf-8-sig") for name, file in {**beside, **named}.items()}


def _beside(folder: Path, usual: tuple[str, ...]) -> Iterator[Path]:
    yield from (folder / name for name in usual if (folder / name).is_file())
    # The parts of a sentence encoder have a folder each: `1_Pooling/config.json`.
    yield from sorted(folder.glob(f"*/{hub.FILE}"))
