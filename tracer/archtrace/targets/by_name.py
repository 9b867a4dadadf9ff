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


def origin(name: str, wishes: TargetOptions) -> Origin:
    """What a name stands for; a config that the user gives replaces the name's."""
    if wishes.config is None:
        return named(name)
    fields, where = configs.read(wishes.config)
    if "model_type" not in fields and not fields.get("auto_map"):
        fields = {**fields, "model_type": _model_type(name)}
    found = reference.parse(name)
    return Origin(fields, "given", where, found.id, found.revision)


def _model_type(name: str) -> str:
    known = bundled.lookup(name)
    return known.model_type if known else str(named(name).fields["model_type"])


def named(name: str) -> Origin:
    """What a name stands for, with the config that it has of itself."""
    name = name.strip()
    document = folders.document(name)
    if document is not None:
        return _document(document, ConfigLocation(str(document.parent), "local"))
    wanted = reference.parse(name)
    known = bundled.lookup(wanted.id)
    if known is None and name in library.model_types():
        return _default(name)
    if wanted == Reference(name) and ((folders.exists(name) and known is None) or folders.is_path(name)):
        raise folders.no_config(name)
    spelled = library.spelled(name) if known is None else None
    return _default(spelled) if spelled else _checkpoint(name, wanted)


def _default(name: str) -> Origin:
    """The default config of a model type, or of a classifier's class."""
    if name in library.model_types():
        return Origin({"model_type": name}, "default", f"the default config of {name}", name)
    model_type = library.type_of(name)
    fields = {"model_type": model_type, "architectures": [name]}
    return Origin(fields, "default", f"the default config of {model_type}", name)


def _checkpoint(name: str, wanted: Reference) -> Origin:
    known = bundled.lookup(wanted.id)
    ids = tuple(dict.fromkeys((wanted.id, bundled.full_id(wanted.id))))
    found = hub.find(ids, hub.patience(known is not None), wanted.revision)
    if isinstance(found, hub.ConfigFile):
        return _document(found.path, ConfigLocation(found.id, found.source, wanted.revision))
    if known is not None:
        return _bundled(known, wanted.revision)
    # A repository without config.json may still say what it is.
    place = ConfigLocation(wanted.id, "hub" if found.reached else "cache", wanted.revision)
    for file in (hub.ADAPTER, hub.MODULES):
        path = place.file(file) if found.reached or found.offline else None
        if path is not None:
            return _document(path, place)
    raise _unknown(name, found)


def _bundled(known: bundled.Bundled, revision: str | None) -> Origin:
    fields = {**known.fields, "model_type": known.model_type}
    findings = known.findings()
    if revision not in (None, "main"):
        what = f"{known.id} at {revision} was not found: the bundled table's entry was traced, which has no revisions"
        findings = (*findings, Finding("revision-unknown", what))
    where = f"the bundled table's entry of {known.id}"
    encoder = sentence.known(known.encoder, where) if known.encoder else None
    return Origin(fields, "bundled", where, known.id, findings=findings, encoder=encoder)


def _document(path: Path, place: ConfigLocation) -> Origin:
    """What a file of a checkpoint stands for, with the files beside it that change its meaning."""
    if path.name == hub.ADAPTER:
        return _adapted(adapters.read(path))
    if path.name == hub.MODULES:
        path = sentence.transformer(path, place)
    fields, where = configs.read(path)
    own = not _is_classifier(fields, where)
    encoder = sentence.read(place) if own else None
    if "model_type" not in fields and not fields.get("auto_map"):
        fields = {**fields, "model_type": _type_of_architectures(fields, place.name, where)}
    found = Origin(fields, place.source, where, place.name, place.revision, encoder=encoder)
    beside = place.file(hub.ADAPTER) if place.source == "local" else None
    return replace(found, adapter=adapters.read(beside)) if beside else found


def _is_classifier(fields: Mapping[str, object], where: str) -> bool:
    architectures = configs.name_list(fields, "architectures", where)
    return any(name.endswith(library.CLASSIFIER) for name in architectures)


def _adapted(adapter: Adapter) -> Origin:
    """The base model's origin, told with the adapter. TargetError where the base cannot be found."""
    try:
        base = named(adapter.base)
    except Exception as error:
        raise adapters.no_base(adapter, error) from error
    return replace(base, adapter=adapter)


def _type_of_architectures(fields: Mapping[str, object], name: str, where: str) -> str:
    """Old files have no model_type: the class they name has one, or the table knows the id."""
    known = bundled.lookup(name)
    architectures = configs.name_list(fields, "architectures", where)
    model = next((model for model in architectures if model in library.class_names()), None)
    if model is not None:
        return library.model_class(model).config_class.model_type
    if known is not None:
        return known.model_type
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
        why=_nowhere(missing),
        do=f"{_instead(name)}connect to the Hub, give a config (--config file.json with a model type), or name a "
        "folder or a class: path/to/file.py:Class",
    )


def _nowhere(missing: hub.Missing) -> str:
    """Why there is no such model; where the Hub said nothing, there may be one."""
    if missing.offline or missing.unheard:
        silent = "was not asked" if missing.offline else "gave no answer"
        return f"it is neither a folder nor a model type, and the Hub, which may know it, {silent}"
    return "it is neither a folder, nor a model type, nor an id that can be found"


def _instead(name: str) -> str:
    """What is meant by a name that means nothing as it stands."""
    *package, last = name.split(".")
    if package and last[:1].isupper() and all(part.isidentifier() for part in (*package, last)):
        return f"write {'.'.join(package)}:{last} for a class; "
    if "gguf" in name.lower():
        return "name the model that the GGUF file was made from; "
    classes = library.class_names() if name != name.lower() else frozenset()  # who means a class writes capitals
    return did_you_mean(name, bundled.known_ids() | library.model_types() | classes)
