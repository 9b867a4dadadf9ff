"""`from_pretrained` in a user's constructor: for a while it is `from_config` of the same id, and reads no weights."""

from __future__ import annotations

import copy
import functools
import inspect
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from archtrace.answer.result import ConfigSource, Finding
from archtrace.targets import by_name, configs, fills, library, remote
from archtrace.targets.target import ModelClass, ModelConfig

#: Arguments of from_pretrained that say where weights lie and how they are read: there are none to read.
_LOADING = frozenset({
    *("adapter_kwargs", "attn_implementation", "cache_dir", "code_revision", "device_map"),
    *("dtype", "experts_implementation", "force_download", "from_flax", "from_tf"),
    *("gguf_file", "ignore_mismatched_sizes", "key_mapping", "local_files_only", "low_cpu_mem_usage"),
    *("max_memory", "offload_buffers", "offload_folder", "offload_state_dict", "output_loading_info"),
    *("proxies", "quantization_config", "resume_download", "revision", "state_dict"),
    *("subfolder", "token", "torch_dtype", "tp_plan", "tp_size"),
    *("trust_remote_code", "use_auth_token", "use_kernels", "use_safetensors", "variant"),
    *("weights_only",),
})  # fmt: skip
_DTYPES = frozenset({"dtype", "torch_dtype"})


@dataclass(frozen=True, eq=False)
class Taken:
    """A config that stands for the weights of an id."""

    name: str
    config: ModelConfig
    source: ConfigSource
    findings: tuple[Finding, ...]


@dataclass(frozen=True, eq=False)
class Loader:
    """What `from_pretrained` gives while a model is built: `given` configs by id, else those that the ids have.

    `taken` are the configs by id that were asked for, `loaded` the ids whose weights were.
    """

    given: Mapping[str, ModelConfig | None] = field(default_factory=dict)
    taken: dict[str, Taken] = field(default_factory=dict)
    loaded: dict[str, str] = field(default_factory=dict)

    def config(self, name: str, revision: str | None, options: dict[str, object]) -> ModelConfig:
        """A config of its own for each caller, with what the options set on it; these are taken out of `options`."""
        full = f"{name}@{revision}" if revision else name
        if full not in self.taken:
            self.taken[full] = _taken(full)
        given = self.given.get(full)
        config = copy.deepcopy(self.taken[full].config if given is None else given)
        for key in [key for key in options if key not in _LOADING and hasattr(config, key)]:
            setattr(config, key, options.pop(key))
        return config

    def findings(self) -> tuple[Finding, ...]:
        """What was left out, and what had to be assumed of the configs."""
        left = (
            Finding("weights-left-out", f"{caller}.from_pretrained({name!r}) was taken as from_config: the config is "
                    f"that of {name} ({self.taken[name].source}), and no weights were read")
            for name, caller in self.loaded.items() if name in self.taken
        )  # fmt: skip
        return (*left, *(finding for taken in self.taken.values() for finding in taken.findings))


def _taken(name: str) -> Taken:
    origin = by_name.named(name)
    model_type = str(origin.fields.get("model_type", ""))
    if model_type not in library.model_types():
        raise remote.untrusted(model_type, origin.where)
    fields = {key: value for key, value in origin.fields.items() if key not in _DTYPES}
    config = configs.construct(library.config_class(model_type), fields, {}, origin.where)
    return Taken(name, config, origin.source, (*origin.findings, *fills.fill(config)))


def mentioned(made: Callable[..., object]) -> bool:
    """Whether the code of a class or a function says `from_pretrained` anywhere."""
    try:
        return "from_pretrained" in inspect.getsource(sys.modules[made.__module__])
    except (OSError, TypeError, KeyError, AttributeError):
        return False


@contextmanager
def without_weights(loader: Loader, made: Callable[..., object]) -> Iterator[None]:
    """For a while, `from_pretrained` of the library's models and configs asks the loader; in this thread alone."""
    if "transformers" not in sys.modules and not mentioned(made):
        yield
        return
    from transformers import AutoConfig, PretrainedConfig, PreTrainedModel
    from transformers.models.auto.auto_factory import _BaseAutoModelClass

    with ExitStack() as stack:
        stack.enter_context(_replaced(PreTrainedModel, functools.partial(_model, loader)))
        for auto in _family(_BaseAutoModelClass):
            stack.enter_context(_replaced(auto, functools.partial(_automatic, loader)))
        for kind in (AutoConfig, PretrainedConfig):
            stack.enter_context(_replaced(kind, functools.partial(_config, loader)))
        yield


def _family(kind: type[object]) -> Iterator[type[object]]:
    """An auto class and those below it that have a `from_pretrained` of their own: the library gives each a copy."""
    if "from_pretrained" in vars(kind):
        yield kind
    for below in kind.__subclasses__():
        yield from _family(below)


@contextmanager
def _replaced(owner: Any, function: Callable[..., object]) -> Iterator[None]:
    before: classmethod[object, ..., object] = vars(owner)["from_pretrained"]
    thread = threading.get_ident()

    def from_pretrained(cls: type[Any], /, name: object, *args: object, **kwargs: object) -> object:
        if threading.get_ident() != thread:
            return before.__get__(None, cls)(name, *args, **kwargs)
        return function(cls, str(name), *args, **kwargs)

    owner.from_pretrained = classmethod(from_pretrained)
    try:
        yield
    finally:
        owner.from_pretrained = before


def _wanted(loader: Loader, caller: str, name: str, options: dict[str, Any]) -> tuple[ModelConfig, dict[str, object]]:
    """The config of a model, and the arguments that are left for its constructor."""
    revision = _revision(options)
    given: ModelConfig | str | None = options.pop("config", None)
    loader.loaded.setdefault(f"{name}@{revision}" if revision else name, caller)
    config = loader.config(name, revision, options) if given is None or isinstance(given, str) else given
    return config, {key: value for key, value in options.items() if key not in _LOADING}


def _revision(options: Mapping[str, object]) -> str | None:
    revision = options.get("revision")
    return None if revision is None else str(revision)


def _model(loader: Loader, cls: ModelClass, name: str, *args: object, **options: object) -> object:
    config, rest = _wanted(loader, cls.__name__, name, options)
    return cls(config, *args, **rest)


class _AutoClass(Protocol):
    __name__: str

    def from_config(self, config: ModelConfig, **options: object) -> object: ...


def _automatic(loader: Loader, cls: _AutoClass, name: str, *_: object, **options: object) -> object:
    config, rest = _wanted(loader, cls.__name__, name, options)
    return cls.from_config(config, **rest)


def _config(loader: Loader, cls: type, name: str, **options: object) -> object:
    unused = options.pop("return_unused_kwargs", False)
    config = loader.config(name, _revision(options), options)
    return (config, options) if unused else config
