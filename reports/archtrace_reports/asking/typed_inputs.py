"""Typed inputs: `name=JSON` or `name=file.npy` on the command line, and the numbers that they stand for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archtrace.errors import TargetError, message

if TYPE_CHECKING:
    import numpy as np

#: Files of numbers. Pickles are none of them: to load one is to run what it says.
FILES = (".npy", ".npz", ".json")


def parse_input(text: str) -> tuple[str, str]:
    """NAME=VALUE as a name and a file's whole path, or JSON. ValueError where it is neither."""
    name, equals, value = text.partition("=")
    name, value = name.strip(), value.strip()
    if not name or not equals:
        raise ValueError(f"{text!r} is not NAME=VALUE")
    if value.endswith(FILES):
        return name, str(Path(value).expanduser().resolve())
    try:
        json.loads(value)
    except ValueError:
        raise ValueError(f"{value!r} is neither JSON nor a file that ends in {', '.join(FILES)}") from None
    return name, value


def load_input(name: str, value: str) -> Any:
    """The numbers of an input: nested lists, or an array. TargetError with the reason where the file has none."""
    if not value.endswith(FILES):
        return json.loads(value)
    try:
        return _read(name, Path(value))
    except (OSError, ValueError, KeyError) as error:
        why = getattr(error, "strerror", None) or (str(error.args[0]) if error.args else type(error).__name__)
        do = "save numbers with numpy.save, numpy.savez or json.dump"
        raise TargetError(message(f"the input {name} cannot be read", where=value, why=why, do=do)) from None


def _read(name: str, file: Path) -> Any:
    if file.suffix == ".json":
        numbers = json.loads(file.read_text("utf-8"))
        return _array_named(name, numbers) if isinstance(numbers, dict) else numbers
    import numpy as np

    numbers = np.load(file, allow_pickle=False)
    return numbers if isinstance(numbers, np.ndarray) else _array_named(name, dict(numbers))


def _array_named(name: str, arrays: dict[str, np.ndarray[Any, Any]]) -> Any:
    """Of several arrays the one of that name, or the only one."""
    if name in arrays or len(arrays) == 1:
        return arrays.get(name, next(iter(arrays.values())))
    raise ValueError(f"it holds {', '.join(arrays) or 'nothing'}, and none is called {name}")
