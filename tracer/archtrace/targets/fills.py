"""Fills: what a default config lacks and every real checkpoint has. The facts stand in `tables/fills.toml`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from archtrace.answer.result import Finding
from archtrace.targets.bundled import table
from archtrace.targets.target import ModelConfig, is_config


def fill(config: ModelConfig) -> tuple[Finding, ...]:
    """Set what is missing on the config and on the configs nested in it; each fill gives a finding."""
    return tuple(
        Finding("config-filled", f"{path}{name} = {value!r} was filled in: {why}", f"{path}{name}")
        for path, part in nested("", config)
        for name, value, why in _missing(part)
        if _set(part, name, value)
    )


def nested(path: str, config: ModelConfig) -> Iterator[tuple[str, ModelConfig]]:
    """The config and every config inside it, each with its path (`text_config.`)."""
    yield path, config
    fields: dict[str, object] = vars(config)
    for name, value in list(fields.items()):
        if is_config(value):
            yield from nested(f"{path}{name}.", value)


def _set(config: object, name: str, value: object) -> bool:
    setattr(config, name, value)
    return True


def _missing(config: object) -> Iterator[tuple[str, object, str]]:
    fills: Mapping[str, Mapping[str, object]] = table("fills")["fills"]
    facts = fills.get(getattr(config, "model_type", ""), {})
    for name, value in facts.items():
        if name not in ("why", "source") and getattr(config, name, None) in (None, {}):
            yield name, _value(value, config), str(facts["why"])
    if getattr(config, "vocab_size", None) is None:
        return
    if getattr(config, "pad_token_id", None) is None:
        why = "the config has none, and a classifier must tell padding from tokens"
        yield "pad_token_id", _free_token(config), why
    if getattr(config, "is_encoder_decoder", False) and getattr(config, "decoder_start_token_id", None) is None:
        pad: object = getattr(config, "pad_token_id", None)
        yield "decoder_start_token_id", pad, "the config has none; the decoder starts with padding"


def _value(value: object, config: object) -> object:
    """A fact's value: as it stands, the quotient of two fields, or the first item of one."""
    if isinstance(value, Mapping) and set(value) == {"quotient"}:
        numbers: list[int] = [getattr(config, name) for name in value["quotient"]]
        return numbers[0] // numbers[1]
    if isinstance(value, Mapping) and set(value) == {"first"}:
        items: Iterable[object] = getattr(config, value["first"])
        return next(iter(items))
    return value


def _free_token(config: object) -> int:
    """The first token that is neither the end nor the beginning of a sequence."""
    marks: list[object] = [getattr(config, f"{name}_token_id", None) for name in ("eos", "bos")]
    taken: set[object] = {token for mark in marks for token in (mark if isinstance(mark, list | tuple) else [mark])}
    return next(token for token in range(len(taken) + 1) if token not in taken)
