"""Config fields: read from JSON, changed as the user overrides, made into a config object."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import json
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from archtrace.errors import did_you_mean, one_line, refusal
from archtrace.targets import size_limits
from archtrace.targets.target import ModelConfig, is_config

#: Fields of a file that choose a kernel, not a structure; the library may refuse them for want of a package.
_KERNELS = frozenset({"attn_implementation", "_attn_implementation", "quantization_config", "_name_or_path"})

#: The fields of a config by name, as JSON has them.
Fields: TypeAlias = Mapping[str, object]
#: A class of configs; `dict` where a field is a table and no config.
ConfigClass: TypeAlias = type[ModelConfig]
_Kind: TypeAlias = ConfigClass | type[dict[str, object]]


def read(source: str | Path | Fields | ModelConfig) -> tuple[dict[str, object], str]:
    """The fields of a path, a mapping or a config object, and where they stand. TargetError for a file
    that is not a JSON object."""
    if isinstance(source, Mapping):
        return dict(source), "the config given"
    if not isinstance(source, str | Path):
        return dict(source.to_diff_dict()), "the config given"
    path = Path(source)
    try:
        fields: object = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise _not_json(f"{path}:{error.lineno}:{error.colno}", error.msg) from error
    except UnicodeDecodeError as error:
        raise _not_json(str(path), "it is not UTF-8 text") from error
    except OSError as error:
        raise refusal(
            f"the config {path.name} cannot be read",
            where=str(path),
            why=error.strerror or one_line(error),
            do="name a JSON file",
        ) from error
    if not isinstance(fields, dict):
        raise _not_json(str(path), f"it holds a {type(fields).__name__}, not an object")
    return fields, str(path)


def name_list(fields: Fields, field: str, where: str) -> tuple[str, ...]:
    """The names that a field lists; none where it is absent or null. TargetError where it is no list of strings."""
    value = fields.get(field)
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise _malformed(field, value, where, "a list of names", '["...", "..."]')
    return tuple(value)


def table(fields: Fields, field: str, where: str) -> Fields:
    """The table that a field holds; empty where it is absent or null. TargetError where it is no JSON object."""
    value = fields.get(field)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _malformed(field, value, where, "a table", '{"...": "..."}')
    return value


def _malformed(field: str, value: object, where: str, shape: str, example: str) -> Exception:
    return refusal(
        f"the field {field} cannot be read",
        where=where,
        why=f"it must be {shape}, and is {reprlib.repr(value)}",
        do=f"write it as {example}, or leave it out",
    )


def _not_json(where: str, why: str) -> Exception:
    return refusal("the config is not JSON", where=where, why=why, do="write it as one JSON object: {...}")


def construct(kind: ConfigClass, fields: Fields, overrides: Fields, where: str) -> ModelConfig:
    """A config of this class; the overrides are set among the fields first, so that derived fields follow them."""
    plain = {name: value for name, value in fields.items() if name not in _KERNELS}
    merged = _with_overrides(kind, plain, overrides, where)
    size_limits.check(merged, where)
    merged.pop("model_type", None)
    try:
        return kind(**merged)
    except Exception as error:
        table(merged, "id2label", where)  # the library's own error of a malformed one does not name the field
        raise refusal(
            f"the config does not fit {kind.__name__}", where=where, why=one_line(error), do="correct the value"
        ) from error


def _with_overrides(kind: _Kind, fields: dict[str, object], overrides: Fields, where: str) -> dict[str, object]:
    if not overrides:
        return dict(fields)
    default = _default_config(kind)
    result = _essential(kind, fields)
    for path, value in overrides.items():
        name, _, inner = path.partition(".")
        name = _renamed(kind).get(name, name)
        _check_known(name, path, kind, {*_field_names(kind, default), *fields}, where)
        if inner:
            result[name] = _with_inner(getattr(default, name, None), result.get(name), {inner: value}, where)
        else:
            result[name] = value
    if "num_labels" in overrides:
        result = {name: value for name, value in result.items() if name not in ("id2label", "label2id")}
    return result


def _essential(kind: _Kind, fields: dict[str, object]) -> dict[str, object]:
    """The fields without those that the config class derives from the others: these are to follow the overrides."""
    essential = dict(fields)
    for name, value in fields.items() if kind is not dict else ():
        rest = {other: v for other, v in essential.items() if other != name}
        derived: object = getattr(_default_config(kind, rest), name, None)
        if value is not None and type(derived) is type(value) and derived == value:
            essential = rest
    return essential


def _with_inner(default: object, value: object, overrides: Fields, where: str) -> dict[str, object]:
    """The fields of a config inside the config (or of a table), with the overrides among them."""
    kind: _Kind = type(default) if is_config(default) else dict
    fields: object = value or (default.to_diff_dict() if is_config(default) else default) or {}
    return _with_overrides(kind, dict(fields) if isinstance(fields, Mapping) else {}, overrides, where)


def _check_known(name: str, path: str, kind: _Kind, known: set[str], where: str) -> None:
    if kind is dict or name in known:
        return
    raise refusal(
        f"unknown config field {path!r}",
        where=where,
        why=f"{kind.__name__} has no field {name!r}",
        do=f"{did_you_mean(name, known)}see the fields of {kind.__name__}",
    )


def _default_config(kind: _Kind, fields: Fields | None = None) -> object:
    """The config that the class makes of these fields; None where it cannot."""
    with contextlib.suppress(Exception):
        return kind(**(fields or {}))
    return None


def _field_names(kind: _Kind, default: object) -> set[str]:
    """Every field of a config class, by whichever way it declares them."""
    declared = {f.name for f in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else set()
    with contextlib.suppress(TypeError, ValueError):
        declared |= set(inspect.signature(kind.__init__).parameters) - {"self", "kwargs", "args"}
    fields: Fields = getattr(default, "__dict__", {})
    public = {name for name in fields if not name.startswith("_")}
    return declared | public | set(_renamed(kind)) | {"num_labels"}


def _renamed(kind: _Kind) -> Mapping[str, str]:
    """The other names of fields -> the config's own."""
    names: Mapping[str, str] = getattr(kind, "attribute_map", {})
    return names
