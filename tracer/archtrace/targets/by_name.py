"""Targets by name: a checkpoint folder, a model type, an id in the cache, on the Hub or in the bundled table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from archtrace.answer.result import ConfigSource, Finding
from archtrace.errors import did_you_mean, refusal
from archtrace.targets import adapters, bundled, configs, folders, hub, library, reference, sentence
from archtrace.targets.adapters import Adapter
from archtrace.targets.hub import ConfigLocation
from archtrace.targets.reference import Reference
from archtrace.targets.sentence import Encoder
from archtrace.targets.target_options import TargetOptions


@dataclass(frozen=True)
class Origin:
    """A config's fields (`model_type` among them), where they stand, and where the checkpoint's own code would be.

    `encoder`: what sentence-transformers puts behind the model; `adapter`: what PEFT puts into it.
    """

    fields: Mapping[str, object]
    source: ConfigSource
    where: str
    repository: str
    revision: str | None = None
    findings: tuple[Finding, ...] = field(default=())
    encoder: Encoder | None = None
    adapter: Adapter | None = None


def origin(name: str, options: TargetOptions) -> Origin:
    """The config that a name stands for; one that the user gives takes its place."""
    if options.config is None:
        return own_origin(name)
    fields, where = configs.read(options.config)
    if "model_type" not in fields and not fields.get("auto_map"):
        fields = {**fields, "model_type": _model_type(name)}
    repository = reference.parse(name)
    return Origin(fields, "given", where, repository.id, repository.revision)


def _model_type(name: str) -> str:
    entry = bundled.lookup(name)
    return entry.model_type if entry else str(own_origin(name).fields["model_type"])


def own_origin(name: str) -> Origin:
    """The config that a name stands for by itself. TargetError for a name that stands for none."""
    name = name.strip()
    document = folders.document(name)
    if document is not None:
        return _document(document, ConfigLocation(str(document.parent), "local"))
    repository = reference.parse(name)
    is_bundled = bundled.lookup(repository.id) is not None
    if not is_bundled and name in library.model_types():
        return _default(name)
    if repository == Reference(name) and ((folders.exists(name) and not is_bundled) or folders.is_path(name)):
        raise folders.no_config(name)
    canonical = None if is_bundled else library.canonical_name(name)
    return _default(canonical) if canonical else _checkpoint(name, repository)


def _default(name: str) -> Origin:
    """The default config of a model type, or of a classifier's class."""
    if name in library.model_types():
        return Origin({"model_type": name}, "default", f"the default config of {name}", name)
    model_type = library.type_of(name)
    fields = {"model_type": model_type, "architectures": [name]}
    return Origin(fields, "default", f"the default config of {model_type}", name)


def _checkpoint(name: str, repository: Reference) -> Origin:
    entry = bundled.lookup(repository.id)
    ids = tuple(dict.fromkeys((repository.id, bundled.full_id(repository.id))))
    config = hub.find(ids, hub.patience(entry is not None), repository.revision)
    if isinstance(config, hub.ConfigFile):
        return _document(config.path, ConfigLocation(config.id, config.source, repository.revision))
    if entry is not None:
        return _bundled(entry, repository.revision)
    # A repository without config.json may still say what it is.
    location = ConfigLocation(repository.id, "hub" if config.reached else "cache", repository.revision)
    for file in (hub.ADAPTER, hub.MODULES):
        path = location.file(file) if config.reached or config.offline else None
        if path is not None:
            return _document(path, location)
    raise _unknown(name, config)


def _bundled(entry: bundled.Bundled, revision: str | None) -> Origin:
    fields = {**entry.fields, "model_type": entry.model_type}
    findings = entry.findings()
    if revision not in (None, "main"):
        what = f"{entry.id} at {revision} was not found: the bundled table's entry was traced, which has no revisions"
        findings = (*findings, Finding("revision-unknown", what))
    where = f"the bundled table's entry of {entry.id}"
    encoder = sentence.from_table(entry.encoder, where) if entry.encoder else None
    return Origin(fields, "bundled", where, entry.id, findings=findings, encoder=encoder)


def _document(path: Path, location: ConfigLocation) -> Origin:
    """What a file of a checkpoint stands for, with the files beside it that change its meaning."""
    if path.name == hub.ADAPTER:
        return _adapted(adapters.read(path))
    if path.name == hub.MODULES:
        path = sentence.transformer(path, location)
    fields, where = configs.read(path)
    encoder = None if _is_classifier(fields, where) else sentence.read(location)
    if "model_type" not in fields and not fields.get("auto_map"):
        fields = {**fields, "model_type": _type_of_architectures(fields, location.name, where)}
    origin = Origin(fields, location.source, where, location.name, location.revision, encoder=encoder)
    adapter_file = location.file(hub.ADAPTER) if location.source == "local" else None
    return replace(origin, adapter=adapters.read(adapter_file)) if adapter_file else origin


def _is_classifier(fields: Mapping[str, object], where: str) -> bool:
    architectures = configs.name_list(fields, "architectures", where)
    return any(name.endswith(library.CLASSIFIER) for name in architectures)


def _adapted(adapter: Adapter) -> Origin:
    """The origin of an adapter's base model, with the adapter. TargetError where the base cannot be found."""
    try:
        base = own_origin(adapter.base)
    except Exception as error:
        raise adapters.no_base(adapter, error) from error
    return replace(base, adapter=adapter)


def _type_of_architectures(fields: Mapping[str, object], name: str, where: str) -> str:
    """Old files have no model_type: the class they name has one, or the table knows the id."""
    entry = bundled.lookup(name)
    architectures = configs.name_list(fields, "architectures", where)
    model = next((model for model in architectures if model in library.class_names()), None)
    if model is not None:
        return library.model_class(model).config_class.model_type
    if entry is not None:
        return entry.model_type
    raise refusal(
        "the config names no model",
        where=where,
        why="it has no model_type, and no architectures that name a class of transformers",
        do='name the config.json of a model, or add "model_type" to this one, such as "bert"',
    )


def _unknown(name: str, missing: hub.Missing) -> Exception:
    return refusal(
        f"unknown model {name!r}",
        where="; ".join([f"the folder {name}: not there", *missing.places, "the bundled table: not there"]),
        why=_why_unknown(missing),
        do=f"{_instead(name)}connect to the Hub, give a config (--config file.json with a model type), or name a "
        "folder or a class: path/to/file.py:Class",
    )


def _why_unknown(missing: hub.Missing) -> str:
    """Why no such model is known; where the Hub gave no answer there may be one."""
    if missing.offline or missing.unanswered:
        silent = "was not asked" if missing.offline else "gave no answer"
        return f"it is neither a folder nor a model type, and the Hub, which may know it, {silent}"
    return "it is neither a folder, nor a model type, nor an id that can be found"


def _instead(name: str) -> str:
    """What to write instead of a name that stands for nothing."""
    *package, last = name.split(".")
    if package and last[:1].isupper() and all(part.isidentifier() for part in (*package, last)):
        return f"write {'.'.join(package)}:{last} for a class; "
    if "gguf" in name.lower():
        return "name the model that the GGUF file was made from; "
    classes = library.class_names() if name != name.lower() else frozenset()  # a class has capitals in its name
    return did_you_mean(name, bundled.known_ids() | library.model_types() | classes)
