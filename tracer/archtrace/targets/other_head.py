"""Heads: what a checkpoint says that it has behind its backbone, where that is not what was traced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from archtrace.answer.result import Finding
from archtrace.targets import commands, configs, library, remote


def findings(fields: Mapping[str, object], traced: str, where: str) -> tuple[Finding, ...]:
    """The findings where `traced`, a class of the library, stands for a checkpoint whose config has these fields."""
    return (*_architectures(fields, traced, where), *_own_code(fields, traced, where))


def _architectures(fields: Mapping[str, object], traced: str, where: str) -> Iterator[Finding]:
    architectures = configs.name_list(fields, "architectures", where)
    others = [name for name in architectures if name not in library.bare_classes()]
    if traced in architectures or not others:
        return
    what = "another head" if not others[0].endswith(library.CLASSIFIER) else "another classifier"
    first = next((name for name in others if name in library.class_names()), None)
    instead = commands.of_class(first, where) if first else "the class in its own code, path/to/file.py:Class"
    yield Finding(
        "other-head",
        f"{where} names {' and '.join(others)}, {what}: {traced} was traced, the library's classifier on the same "
        f"backbone, whose head this checkpoint does not hold. To ask about its own: {instead}",
        "architectures",
    )


def _own_code(fields: Mapping[str, object], traced: str, where: str) -> Iterator[Finding]:
    """The library has the model type, but the checkpoint has a model of its own beside it."""
    auto_map = configs.table(fields, "auto_map", where)
    models = {key: name for key, name in auto_map.items() if key.startswith("AutoModel")}
    if not models:
        return
    if remote.MODEL in models:
        do = f"whose {remote.MODEL} was not run: {traced} of the library was traced (--trust-remote-code runs it)"
    else:
        heads = " and ".join(sorted(models))
        do = f"which has {heads} and no {remote.MODEL}: {traced} of the library was traced, which this code is not"
        command = commands.of_code(models, where)
        do = f"{do}. To run it and ask about it: {command}" if command else do
    yield Finding("own-code", f"{where} points to the checkpoint's own code, {do}", "auto_map")
