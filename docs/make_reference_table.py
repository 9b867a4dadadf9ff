"""Write ``tracer/archtrace/targets/tables/reference.toml`` from the installed transformers.

Run as ``python docs/make_reference_table.py``. The configuration modules of the
library are parsed, never imported: the reference checkpoint is the ``checkpoint``
argument of the ``auto_docstring`` decorator of a configuration class, the model
type is the class attribute ``model_type`` (its own or one it inherits from a class
of the same module).
"""

from __future__ import annotations

import ast
from pathlib import Path

import transformers
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
)

TARGET = Path(__file__).resolve().parents[1] / "tracer" / "archtrace" / "targets" / "tables" / "reference.toml"
CLASSIFIERS = frozenset(MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES)
HEADER = """\
# Which model type a reference checkpoint has: the Hub id that a configuration class
# of transformers {version} names as its reference checkpoint -> its model type.
# Machine-made by `python docs/make_reference_table.py`: do not edit by hand.
# Where several classes name one id, a model type with a sequence classifier wins,
# then the shortest name: the whole model's type rather than that of one part of it.

[reference]
"""


def literal(node: ast.expr | None) -> str | None:
    """Return the text of a string literal, None for any other expression."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def named_checkpoint(node: ast.ClassDef) -> str | None:
    """Return the id that the class's ``auto_docstring`` decorator names, if any."""
    for decorator in node.decorator_list:
        if (
            isinstance(decorator, ast.Call)
            and isinstance(decorator.func, ast.Name)
            and decorator.func.id == "auto_docstring"
        ):
            for keyword in decorator.keywords:
                if keyword.arg == "checkpoint":
                    return literal(keyword.value)
    return None


def own_model_type(node: ast.ClassDef) -> str | None:
    """Return the ``model_type`` that the class body sets, if any."""
    for statement in node.body:
        if isinstance(statement, ast.Assign):
            targets: list[ast.expr] = statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        else:
            continue
        if any(isinstance(target, ast.Name) and target.id == "model_type" for target in targets):
            return literal(statement.value)
    return None


def named_in(path: Path) -> list[tuple[str, str]]:
    """Return the (checkpoint, model type) pairs that one configuration module names."""
    pairs: list[tuple[str, str]] = []
    types: dict[str, str] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.ClassDef):
            continue
        bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
        inherited = next((types[base] for base in bases if base in types), None)
        model_type = own_model_type(node) or inherited
        if model_type is None:
            continue
        types[node.name] = model_type
        checkpoint = named_checkpoint(node)
        if checkpoint and model_type in CONFIG_MAPPING:
            pairs.append((checkpoint, model_type))
    return pairs


def rank(model_type: str) -> tuple[bool, int, str]:
    """Return the sort key among the model types of one id: the smallest one is kept."""
    return (model_type not in CLASSIFIERS, len(model_type), model_type)


def reference_table(models: Path) -> dict[str, str]:
    """Return every reference checkpoint under ``models`` with its model type, sorted by id."""
    table: dict[str, str] = {}
    for path in sorted(models.glob("*/configuration_*.py")):
        for checkpoint, model_type in named_in(path):
            known = table.get(checkpoint)
            if known is None or rank(model_type) < rank(known):
                table[checkpoint] = model_type
    return dict(sorted(table.items()))


def main() -> None:
    """Write the table."""
    table = reference_table(Path(transformers.__file__).parent / "models")
    lines = [f'"{checkpoint}" = "{model_type}"\n' for checkpoint, model_type in table.items()]
    text = HEADER.format(version=transformers.__version__) + "".join(lines)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
