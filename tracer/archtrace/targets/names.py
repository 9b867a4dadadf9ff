"""Targets by name: a checkpoint folder, a model type, an id in the cache, on the Hub or in the bundled table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archtrace.answer.result import ConfigSource, Finding
from archtrace.targets import bundled, configs, hub, library
from archtrace.targets.messages import did_you_mean, refusal
from archtrace.targets.wishes import Wishes


@dataclass(frozen=True)
class Origin:
    """A config's fields (`model_type` among them), where they stand, and where the checkpoint's own code would be."""

    fields: Mapping[str, Any]
    source: ConfigSource
    where: str
    repository: str
    findings: tuple[Finding, ...] = field(default=())


def origin(name: str, wishes: Wishes) -> Origin:
    """What a name stands for; a config that the user gives replaces the name's."""
    if wishes.config is None:
        return _named(name)
    fields, where = configs.read(wishes.config)
    if "model_type" not in fields and not fields.get("auto_map"):
        fields = {**fields, "model_type": _model_type(name)}
    return Origin(fields, "given", where, name)


def _model_type(name: str) -> str:
    known = bundled.lookup(name)
    return known.model_type if known else str(_named(name).fields["model_type"])


def _named(name: str) -> Origin:
    folder = Path(name).expanduser()
    if (folder / hub.FILE).is_file():
        return _file(folder / hub.FILE, "local", str(folder))
    known = bundled.lookup(name)
    if known is None and name in library.model_types():
        return Origin({"model_type": name}, "default", f"the default config of {name}", name)
    if (folder.exists() and known is None) or _is_path(name):
        raise _no_config(folder)
    return _checkpoint(name, known)


def _is_path(name: str) -> bool:
    return name.startswith((".", "/", "~")) or name.endswith("/") or name.count("/") > 1


def _no_config(folder: Path) -> Exception:
    if not folder.exists():
        return refusal(
            f"no folder {folder}",
            where=str(folder.parent.resolve()),
            why="there is no such folder",
            do="correct the path",
        )
    what = "folder" if folder.is_dir() else "file"
    return refusal(
        f"{folder} is no checkpoint",
        where=str(folder.resolve()),
        why=f"the folder has no {hub.FILE}" if what == "folder" else "it is a file, not a folder",
        do=f"name a folder that has a {hub.FILE}, or a class: path/to/file.py:Class",
    )


def _checkpoint(name: str, known: bundled.Bundled | None) -> Origin:
    ids = tuple(dict.fromkeys((name, bundled.full_id(name))))
    found = hub.find(ids, hub.patience(known is not None))
    if isinstance(found, hub.Found):
        return _file(found.path, found.source, found.id)
    if known is None:
        raise _unknown(name, found)
    fields = {**known.fields, "model_type": known.model_type}
    return Origin(fields, "bundled", f"the bundled table's entry of {known.id}", known.id, known.findings())


def _file(path: Path, source: ConfigSource, repository: str) -> Origin:
    fields, where = configs.read(path)
    if "model_type" not in fields and not fields.get("auto_map"):
        fields = {**fields, "model_type": _type_of_architectures(fields, repository, where)}
    return Origin(fields, source, where, repository)


def _type_of_architectures(fields: Mapping[str, Any], name: str, where: str) -> str:
    """Old files have no model_type: the class they name has one, or the table knows the id."""
    known = bundled.lookup(name)
    classifiers = set(library.classifiers().values())
    model = next((model for model in fields.get("architectures") or () if model in classifiers), None)
    if model is not None:
        return str(library.model_class(model).config_class.model_type)
    if known is not None:
        return known.model_type
    raise refusal(
        "the config names no model",
        where=where,
        why="it has no model_type, and no architectures that name a sequence classifier",
        do='add "model_type" to it, such as "bert"',
    )


def _unknown(name: str, missing: hub.Missing) -> Exception:
    known = bundled.known_ids() | frozenset(library.classifiers())
    return refusal(
        f"unknown model {name!r}",
        where="; ".join([f"the folder {name}: not there", *missing.places, "the bundled table: not there"]),
        why="it is neither a folder, nor a model type, nor an id that can be found",
        do=f"{did_you_mean(name, known)}connect to the Hub, give a config (--config file.json with a model type), "
        "or name a folder or a class: path/to/file.py:Class",
    )
