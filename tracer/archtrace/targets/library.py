"""What transformers knows: its model types, their config classes and their sequence classifiers.

The names are read off its source, so that an unknown name is answered without importing it (3 seconds).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

from archtrace.errors import did_you_mean, one_line, refusal
from archtrace.targets import commands, standins
from archtrace.targets.target import ModelClass, ModelConfig

if TYPE_CHECKING:
    import torch

CLASSIFIER = "ForSequenceClassification"


@cache
def classifiers() -> Mapping[str, str]:
    """Model type -> the name of its sequence classifier (the first where there are several)."""
    return {kind: names[0] for kind, names in mapping("SEQUENCE_CLASSIFICATION").items()}


def mapping(name: str) -> Mapping[str, tuple[str, ...]]:
    """Model type -> its classes in the library's table MODEL_FOR_<name>_MAPPING_NAMES."""
    table = _literal("modeling_auto", f"MODEL_FOR_{name}_MAPPING_NAMES")
    return {kind: (names,) if isinstance(names, str) else tuple(names) for kind, names in table.items()}


@cache
def model_types() -> frozenset[str]:
    """Every model type of the library, with a classifier or without."""
    modules = ("auto_mappings", "configuration_auto")
    return frozenset(classifiers()).union(*(_literal(module, "CONFIG_MAPPING_NAMES") for module in modules))


@cache
def class_names() -> frozenset[str]:
    """Every model class that an auto class of the library may build."""
    return frozenset(re.findall(r'"([A-Z]\w+)"', _text("modeling_auto")))


def classes_of(model_type: str) -> list[str]:
    """The classes that the library has for a model type: classifiers of anything first, those without a head last."""
    tables = re.findall(rf'\("{re.escape(model_type)}", (\(?"[^)]+)\)', _text("modeling_auto"))
    names = dict.fromkeys(name for table in tables for name in re.findall(r'"([A-Z]\w+)"', table))
    return sorted(names, key=lambda name: (name in bare_classes(), "Classification" not in name))


@cache
def bare_classes() -> frozenset[str]:
    """The model classes that have no head."""
    names = _literal("modeling_auto", "MODEL_MAPPING_NAMES").values()
    return frozenset(name for each in names for name in ([each] if isinstance(each, str) else each))


@cache
def _canonical_names() -> Mapping[str, str]:
    return {_folded(name): name for name in sorted({*class_names(), *model_types()})}


def canonical_name(name: str) -> str | None:
    """A model type or class as the library spells it, whatever capitals, hyphens and spaces it came with; else None."""
    return _canonical_names().get(_folded(name))


def _folded(name: str) -> str:
    return re.sub(r"[-_ ]", "", name.casefold())


def type_of(name: str) -> str:
    """The model type of a sequence classifier's class: the one most like its name, where several share it."""
    kinds = [kind for kind, each in classifiers().items() if each == name]
    return next((kind for kind in kinds if _folded(name).startswith(_folded(kind) + "for")), kinds[0])


def _text(module: str) -> str:
    """The source of one of the library's auto modules."""
    spec = find_spec("transformers")
    places = spec.submodule_search_locations if spec else None
    path = Path((places or ["."])[0]) / "models" / "auto" / f"{module}.py"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _literal(module: str, name: str) -> dict[str, str | tuple[str, ...]]:
    """A table `name = OrderedDict([...])` of one of the library's auto modules, with its `name.update({...})`."""
    text = _text(module)
    table: dict[str, str | tuple[str, ...]] = {}
    for call in (statement.value for statement in _statements(text, name) if _fills(statement, name)):
        if isinstance(call, ast.Call) and call.args and isinstance(call.args[0], ast.List | ast.Dict):
            table.update(ast.literal_eval(call.args[0]))
    return table


def _statements(text: str, name: str) -> list[ast.stmt]:
    """The statements at the margin that begin with a name: only these are parsed, a tenth of the file."""
    # Black writes a table's closing bracket at the margin; a file in another style is parsed as a whole.
    blocks = re.findall(rf"^{name}\b(?:.*[\])}}]|(?s:.*?)^[\])}}].*)$", text, re.MULTILINE)
    try:
        return ast.parse("\n".join(blocks)).body
    except SyntaxError:
        return ast.parse(text).body


def _fills(statement: ast.stmt, name: str) -> TypeGuard[ast.Assign | ast.Expr]:
    """Whether a statement reads `name = ...` or `name.update(...)`."""
    if isinstance(statement, ast.Assign):
        return ast.unparse(statement.targets[0]) == name
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and ast.unparse(call.func) == f"{name}.update"


def config_class(model_type: str) -> type[ModelConfig]:
    """The library's config class of a model type that it has."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    kind: type[ModelConfig] = CONFIG_MAPPING[model_type]
    return kind


def model_class(name: str) -> ModelClass:
    """A model class by its name; imports its module."""
    import transformers

    kind: ModelClass = getattr(transformers, name)
    return kind


def classifier_name(model_type: str, architectures: Sequence[str], where: str) -> str:
    """The sequence classifier that the architectures name, else the model type's. TargetError without any."""
    named = next((name for name in architectures if _fits(name, model_type)), None)
    if named is None and model_type not in classifiers():
        raise no_classifier(model_type, where, architectures)
    return named or classifiers()[model_type]


def bare_name(model_type: str, where: str) -> str:
    """The class of a model type without a head; its encoder alone, where the library has one for texts."""
    first, *_ = (*mapping("TEXT_ENCODING").get(model_type, ()), "")
    if first.endswith("EncoderModel"):
        return first
    name = _literal("modeling_auto", "MODEL_MAPPING_NAMES").get(model_type)
    if name is None:
        raise no_classifier(model_type, where)
    return str(name if isinstance(name, str) else name[0])


def _fits(name: str, model_type: str) -> bool:
    if not name.endswith(CLASSIFIER) or name == classifiers().get(model_type):
        return name.endswith(CLASSIFIER)
    import transformers

    kind: object = getattr(getattr(transformers, name, None), "config_class", None)
    return kind is not None and kind is config_class(model_type)


def no_classifier(model_type: str, where: str, architectures: Sequence[str] = ()) -> Exception:
    """The refusal of a model type that the library does not know, or knows without a classifier."""
    if model_type in model_types():
        return refusal(
            f"model type {model_type!r} has no sequence classifier",
            where=where,
            why=f"transformers {version()} has no {CLASSIFIER} class for it",
            do=f"{_classes_instead(model_type, where, architectures)}name a class of your own: path/to/file.py:Class",
        )
    return refusal(
        f"model type {model_type!r} is not known",
        where=where,
        why=f"transformers {version()} has no model of that type",
        do=f"{did_you_mean(model_type, classifiers())}"
        "install a transformers that has it, or name a class of your own: path/to/file.py:Class",
    )


def _classes_instead(model_type: str, where: str, architectures: Sequence[str]) -> str:
    """The class that a checkpoint names itself, else those that the library has."""
    classes = classes_of(model_type)
    first, *others = [*(name for name in architectures if name in classes), *classes][:3] or [""]
    also = f" (or {', '.join(others)})" if others and first not in architectures else ""
    return f"ask about another class of it: {commands.of_class(first, where)}{also}; or " if first else ""


def version() -> str:
    """The version of the library, without importing it."""
    import importlib.metadata

    return importlib.metadata.version("transformers")


def construct(name: str, config: ModelConfig | None) -> torch.nn.Module:
    """Construct the library's class of that name, with a stand-in for a missing package that one can play.

    The model then has it as `archtrace_stand_in`. TargetError where it needs any other package that is missing.
    """
    try:
        return model_class(name)(config)
    except ImportError as error:
        package = standins.missing(error)
        if package is None:
            raise missing_package(name, error) from error
    kind = model_class(name)
    with standins.played(package, kind.__module__, type(config).__module__):
        model = kind(config)
    vars(model)["archtrace_stand_in"] = package
    return model


def missing_package(name: str, error: ImportError) -> Exception:
    """The refusal of a model that needs a package which is not installed."""
    first = str(error).strip().split("\n", 1)[0].split(" but it was not found")[0]
    package = f" {first.split(' requires the ')[1].split(' ')[0]}" if " requires the " in first else " it"
    return refusal(
        f"{name} cannot be built",
        where=f"{name}.__init__",
        why=first if " requires the " in first else one_line(error),
        do=f"install{package} and try again",
    )
