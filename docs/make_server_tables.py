"""Write tracer/archtrace/setup/serving/servers/: how vLLM, SGLang and llama.cpp pool, read off their own sources.

python docs/make_server_tables.py vllm FOLDER | sglang FOLDER | llama_cpp FOLDER

FOLDER holds the unpacked vllm-*.tar.gz, the unpacked sglang-*.whl, or the unpacked llama_cpp_python-*.tar.gz of PyPI,
which brings llama.cpp along. Nothing of them is imported. What is taken from where stands at the head of each table;
tei.toml is written by hand, since its source is Rust.
"""

from __future__ import annotations

import ast
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "tracer" / "archtrace" / "setup" / "serving" / "servers"

#: (module, class) -> the class with its bases as (module, class), where they are of the package.
Classes = Mapping[tuple[str, str], ast.ClassDef]


def assigned(tree: ast.Module, name: str) -> ast.expr | None:
    """The value of `name = ...` (or `name: type = ...`) at the margin of a module."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return getattr(node, "value", None)
    return None


class Modules:
    """The modules of a folder, with the classes in them and where their names come from."""

    def __init__(self, folder: Path) -> None:
        self.trees = {f.stem if f.name != "__init__.py" else f.parent.name: ast.parse(f.read_text("utf-8"))
                      for f in sorted([*folder.glob("*.py"), *folder.glob("*/__init__.py")])}  # fmt: skip

    def find(self, module: str, name: str) -> tuple[str, ast.ClassDef] | None:
        """A class as a module knows it: its own, or one that it imports from a neighbour."""
        tree = self.trees.get(module)
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.ClassDef) and node.name == name:
                return module, node
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.ImportFrom) and node.module and any(a.name == name for a in node.names):
                neighbour = node.module.split(".")[-1]
                return self.find(neighbour, name) if neighbour != module else None
        return None

    def lineage(self, module: str, name: str) -> Iterator[ast.ClassDef]:
        """A class and those that it inherits from, first come first served."""
        found = self.find(module, name)
        if found is None:
            return
        where, node = found
        yield node
        for base in node.bases:
            if isinstance(base, ast.Name):
                yield from self.lineage(where, base.id)

    def bases(self, module: str, name: str) -> set[str]:
        """The names of everything that a class inherits from, those outside of the folder too."""
        return {ast.unparse(base).split(".")[-1] for node in self.lineage(module, name) for base in node.bases}


# -- vLLM ------------------------------------------------------------------------------------------------------------

#: Architecture -> the field of its config that decides, whatever else is said: models/modernbert.py, ModernBertPooler;
#: models/config.py, LlamaBidirectionalConfig.
FIELDS = {
    "LlamaBidirectionalForSequenceClassification": "pooling",
    "LlamaBidirectionalModel": "pooling",
    "ModernBertForSequenceClassification": "classifier_pooling",
}


def vllm(folder: Path) -> dict[str, Any]:
    """The table of vLLM: which class takes which architecture, and what it pools unless it is told otherwise."""
    models = Modules(folder / "vllm/model_executor/models")
    tables = registry(models.trees["registry"])
    kinds: dict[str, dict[str, list[str]]] = {"pools": {}, "adapted": {}}
    late = {*tables["_LATE_INTERACTION_MODELS"], *tables["_TOKEN_CLASSIFICATION_MODELS"]}
    beside = late | {*tables["_SPECULATIVE_DECODING_MODELS"], *tables["_TRANSFORMERS_BACKEND_MODELS"]}
    for name, (module, kind) in sorted(tables["_VLLM_MODELS"].items()):
        if name not in beside:
            group, pooled = vllm_kind(models, module.split(".")[-1], kind)
            kinds[group].setdefault(pooled, []).append(name)
    aliases = ast.parse((folder / "vllm/transformers_utils/config.py").read_text("utf-8"))
    model = ast.parse((folder / "vllm/config/model.py").read_text("utf-8"))
    suffixes = ast.literal_eval(assigned(model, "_SUFFIX_TO_DEFAULTS") or ast.List([]))
    backend = [name for name in tables["_TRANSFORMERS_BACKEND_MODELS"] if vllm_pools(models, name)]
    return {
        "suffixes": [suffix for suffix, _ in suffixes],
        "experts": list(ast.literal_eval(assigned(aliases, "CONFIG_FIELD_ALIASES") or ast.Dict([]))["num_experts"]),
        "other": sorted(late),
        "backend": {"CLS": backend},
        "fields": FIELDS,
        **kinds,
    }


def registry(tree: ast.Module) -> dict[str, dict[str, Any]]:
    """The tables of registry.py, which are made of one another."""
    found: dict[str, dict[str, Any]] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            name = ast.unparse(node.targets[0])
            if name.endswith("_MODELS"):
                found[name] = eval(compile(ast.Expression(node.value), "registry.py", "eval"), {}, dict(found))
    return found


def vllm_kind(models: Modules, module: str, kind: str) -> tuple[str, str]:
    """What a class of vLLM is, one that pools or one that an adapter lets pool, and what it pools by default."""
    own = any("is_pooling_model = True" in map(ast.unparse, node.body) for node in models.lineage(module, kind))
    made = {ast.unparse(b) for n in models.lineage(module, kind) for b in n.bases}
    adapted = any("Bidirectional" in base or "D3For" in base for base in made)
    pools = own or adapted or "VllmModelForPooling" in models.bases(module, kind)
    return "pools" if pools else "adapted", vllm_default(models, module, kind)


def vllm_default(models: Modules, module: str, kind: str) -> str:
    """`default_seq_pooling_type` of a class, by decorator or attribute, else LAST (interfaces_base.py)."""
    for node in models.lineage(module, kind):
        for decorator in map(ast.unparse, node.decorator_list):
            if decorator.startswith("default_pooling_type("):
                found = re.search(r"seq_pooling_type='(\w+)'", decorator)
                return found[1] if found else "LAST"
        for line in map(ast.unparse, node.body):
            if found := re.match(r"default_seq_pooling_type = '(\w+)'", line):
                return found[1]
    return "LAST"


def vllm_pools(models: Modules, name: str) -> bool:
    """Whether a class of the Transformers backend pools: by either mixin of transformers/pooling.py, both CLS."""
    return bool(models.bases("transformers", name) & {"EmbeddingMixin", "SequenceClassificationMixin"})


# -- SGLang ----------------------------------------------------------------------------------------------------------


def sglang(folder: Path) -> dict[str, Any]:
    """The table of SGLang: every architecture with a class of its own, and what that class pools."""
    models = Modules(folder / "sglang/srt/models")
    pools: dict[str, list[str]] = {"CLS": [], "LAST": [], "MEAN": [], "other": []}
    for module, tree in models.trees.items():
        entry = assigned(tree, "EntryClass")
        for name in [ast.unparse(e) for e in getattr(entry, "elts", [entry] if entry else [])]:
            if module != "transformers":
                pools[sglang_pools(models, module, name)].append(name)
    config = ast.parse((folder / "sglang/srt/configs/model_config.py").read_text("utf-8"))
    rule = next(n for n in config.body if isinstance(n, ast.FunctionDef) and n.name == "is_generation_model")
    words = [n.value for n in ast.walk(rule) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return {
        "embeds_unasked": sorted(words),
        "other": sorted(pools.pop("other")),
        "mean_if": {"gemma3_text": ["use_bidirectional_attention", "EmbeddingGemmaModel"]},
        "pools": {name: sorted(found) for name, found in pools.items()},
    }


def sglang_pools(models: Modules, module: str, name: str) -> str:
    """The pooling of the one Pooler that a class makes. CrossEncodingPooler hands the whole text to a head of BERT's
    kind, which takes index 0 (bert.py, BertPooler.forward; roberta.py, RobertaClassificationHead.forward)."""
    for node in models.lineage(module, name):
        text = ast.unparse(node)
        if "CrossEncodingPooler(" in text:
            return "CLS"
        found = set(re.findall(r"Pooler\((?:pooling_type=)?(?:PoolingType\.(\w+)|pooling_type)", text))
        if len(found) == 1:
            return found.pop() or "CLS"  # BertModel: CLS for an embedding model
    return "other"


# -- llama.cpp -------------------------------------------------------------------------------------------------------


def llama_cpp(folder: Path) -> dict[str, Any]:
    """The table of llama.cpp: the architectures that its converter takes, and what becomes of their pooling."""
    models = Modules(folder / "vendor/llama.cpp/conversion")
    taken: dict[str, list[str]] = {"ranks": [], "reads_modules": [], "other": []}
    for module, tree in models.trees.items():
        for node in (n for n in tree.body if isinstance(n, ast.ClassDef)):
            for name in registered(node):
                taken[llama_kind(models, module, node.name, name)].append(name)
    taken["other"] = [name for name in taken["other"] if name not in taken["reads_modules"]]
    return {name: sorted(set(found)) for name, found in taken.items()}


def registered(node: ast.ClassDef) -> list[str]:
    """The architectures of `@ModelBase.register(...)`."""
    calls = (d for d in node.decorator_list if isinstance(d, ast.Call) and ast.unparse(d.func) == "ModelBase.register")
    return [a.value for call in calls for a in call.args if isinstance(a, ast.Constant)]


def llama_kind(models: Modules, module: str, kind: str, architecture: str) -> str:
    """Whether its classifier is converted, and else whether its converter writes what modules.json says."""
    if architecture.endswith("ForSequenceClassification"):
        return "ranks"
    for node in models.lineage(module, kind):
        own = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "set_gguf_parameters"]
        text = "".join(map(ast.unparse, own))
        if "_try_set_pooling_type()" in text:
            return "reads_modules"
        if own and "super().set_gguf_parameters()" not in text:
            return "other"
    return "other"


# -- writing ---------------------------------------------------------------------------------------------------------

MADE: Mapping[str, tuple[Callable[[Path], dict[str, Any]], str]] = {
    "vllm": (
        vllm,
        """pools: architectures whose class pools, by what it pools without a pooler config (is_pooling_model and
        default_seq_pooling_type of the class that model_executor/models/registry.py names). adapted: the same of
        architectures whose class does not pool of itself (model_executor/models/adapters.py lets it). other: those that
        score each token. fields: architecture -> the field of its config that decides, whatever else is said
        (models/modernbert.py, ModernBertPooler; models/config.py, LlamaBidirectionalConfig). suffixes: config/model.py,
        _SUFFIX_TO_DEFAULTS. backend: model_executor/models/transformers/pooling.py. experts:
        transformers_utils/config.py, CONFIG_FIELD_ALIASES.""",
    ),
    "sglang": (
        sglang,
        """pools: architectures with a class of their own in srt/models/*.py (EntryClass), by the Pooler that it makes.
        other: those with no Pooler, or several. embeds_unasked: srt/configs/model_config.py, is_generation_model: what
        pools without --is-embedding. mean_if: the same file, is_embedding_gemma: a model type, the field that
        decides, and the class that it gets where the field is true.""",
    ),
    "llama_cpp": (
        llama_cpp,
        """The llama.cpp that llama-cpp-python brings along. ranks: classifiers that conversion/*.py takes (BERT's kind,
        attending both ways). reads_modules: other architectures whose converter writes the pooling that
        modules.json names (conversion/base.py, _try_set_pooling_type). other: those whose converter writes none.""",
    ),
}


def toml(value: Any) -> str:
    """A value as TOML: lists in lines of at most 120 columns."""
    if not isinstance(value, list):
        return json.dumps(value)
    lines = ["    "]
    for item in map(json.dumps, value):
        if len(lines[-1]) + len(item) > 116:
            lines.append("    ")
        lines[-1] += f"{item}, "
    return "[\n" + "\n".join(line.rstrip() for line in lines) + "\n]"


def written(name: str, version: str, head: str, table: dict[str, Any]) -> str:
    """A table as TOML, with its sources at the head."""
    flat = [f"{key} = {toml(value)}" for key, value in table.items() if not isinstance(value, dict)]
    deep = [f"\n[{key}]\n" + "\n".join(f"{k} = {toml(v)}" for k, v in value.items())
            for key, value in table.items() if isinstance(value, dict)]  # fmt: skip
    told = textwrap.fill(" ".join(head.split()), 120, initial_indent="# ", subsequent_indent="# ")
    made = f"# Made by `python docs/make_server_tables.py {name} FOLDER`; run it again for another version."
    return "\n".join([made, told, f'version = "{version}"', *flat, *deep]) + "\n"


def main(name: str, folder: str) -> None:
    """Write one table."""
    make, head = MADE[name]
    info = next(Path(folder).glob("PKG-INFO"), None) or next(Path(folder).glob("*.dist-info/METADATA"))
    found = re.search(r"^Version: (\S+)", info.read_text("utf-8"), re.M)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.toml").write_text(
        written(name, found[1] if found else "", head, make(Path(folder))), encoding="utf-8"
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
