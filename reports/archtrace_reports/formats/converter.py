"""Converter: the frozen values as plain dicts and lists, and back, by cattrs.

The classes are the format; here stands only where the two differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from archtrace.answer.diagnosis import Diagnosis
from archtrace.answer.fields import Fields
from archtrace.answer.relations import Relation
from archtrace.answer.result import LayoutResult, Result
from archtrace.answer.texts import SpecialTokens
from archtrace.answer.work import Work
from archtrace_reports.formats import from_json
from archtrace_reports.text.tokens import nested

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")
Plain = dict[str, Any]

#: An input of more numbers than this is given by its shape: no text has so many tokens.
MOST = 100_000
#: Result's fields that differ from run to run; in JSON they stand together under "run".
RUN = ("traced", "seconds", "kept")
#: The sequences of these stay tuples, which the document keeps on one line: they are short, or too many to read.
ON_ONE_LINE = (Diagnosis, Fields, SpecialTokens, Work)


def encode(value: object) -> Any:
    """A value of archtrace as plain dicts and lists; `decode` undoes it."""
    return _converter().unstructure(value)


def decode(value: Any, kind: type[T]) -> T:
    """The value of a class again. ValueError where it is none."""
    try:
        return _converter().structure(value, kind)
    except Exception as error:  # whatever a wrong value makes a hook raise, or a class
        raise ValueError(f"this is no {kind.__name__} ({type(error).__name__}: {error})") from error


@cache
def _converter() -> Converter:
    """Made when it is first needed: `check` reads this module, and runs without cattrs."""
    from cattrs import Converter
    from cattrs.gen import make_dict_unstructure_fn, override

    made = Converter(unstruct_collection_overrides={tuple: list}, detailed_validation=False)
    for kind in ON_ONE_LINE:
        made.register_unstructure_hook(kind, asdict)
    # The anatomy travels apart from the rest: few who read an answer draw it, and it is the larger half.
    named, apart = override(rename="class"), override(omit=True)
    # The innermost first: what is made for a class asks for the hooks of its fields at once.
    relation = make_dict_unstructure_fn(Relation, made)
    made.register_unstructure_hook(Relation, _with_words(relation))
    layout = make_dict_unstructure_fn(LayoutResult, made, inputs=override(unstruct_hook=_inputs))
    made.register_unstructure_hook(LayoutResult, _flat(layout))
    result = make_dict_unstructure_fn(Result, made, class_name=named, anatomy=apart)
    made.register_unstructure_hook(Result, _with_run(result))
    made.register_structure_hook(Result, lambda value, kind: from_json.decode(value))
    return made


def _with_words(plain: Callable[[Relation], Plain]) -> Callable[[Relation], Plain]:
    return lambda relation: plain(relation) | {"words": relation.words}


def _flat(plain: Callable[[LayoutResult], Plain]) -> Callable[[LayoutResult], Plain]:
    """The positions of the bound stand in the layout itself."""

    def flat(layout: LayoutResult) -> Plain:
        fields = plain(layout)
        return {"name": fields.pop("name"), "inputs": fields.pop("inputs"), **fields.pop("bound"), **fields}

    return flat


def _with_run(plain: Callable[[Result], Plain]) -> Callable[[Result], Plain]:
    def whole(result: Result) -> Plain:
        fields = plain(result)
        run = {name: fields.pop(name) for name in RUN}
        first = {name: fields.pop(name) for name in ("target", "class", "model_type", "config_source")}
        # A result that forgot its run has none.
        return {**first, "status": result.status, **fields, **({"run": run} if any(run.values()) else {})}

    return whole


def _inputs(inputs: Mapping[str, Any]) -> Plain:
    return {name: _input(nested(value)) for name, value in inputs.items()}


def _input(value: Any) -> Any:
    """An input; of pixels and sound, whose values stand for any, the shape alone."""
    shape = tuple(_lengths(value))
    return {"shape": list(shape)} if math.prod(shape) > MOST else _finite(value)


def _lengths(value: Any) -> Iterator[int]:
    while isinstance(value, list | tuple) and value:
        yield len(value)
        value = value[0]


def _finite(value: Any) -> Any:
    """An input as JSON can hold it: it knows no infinity."""
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, bool | int | float | str | None) else str(value)
