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
class LoadedConfig:
    """The config that a constructor gets in place of the weights of an id."""

    name: str
    config: ModelConfig
    source: ConfigSource
    findings: tuple[Finding, ...]


@dataclass(frozen=True, eq=False)
class Loader:
    """Stands for `from_pretrained` while a model is built: it reads configs, and no weights.

    `replacements`: configs by id to use in place of the ids' own. `loaded`: the configs that were read, by id.
    `callers`: of each id whose weights were wanted, the class that wanted them.
    """

    replacements: Mapping[str, ModelConfig | None] = field(default_factory=dict)
    loaded: dict[str, LoadedConfig] = field(default_factory=dict)
    callers: dict[str, str] = field(default_factory=dict)

    def config(self, name: str, revision: str | None, options: dict[str, object]) -> ModelConfig:
        """A copy of an id's config with the `options` that are fields of it, which are removed from `options`."""
        full = f"{name}@{revision}" if revision else name
        if full not in self.loaded:
            self.loaded[full] = _load(full)
        replacement = self.replacements.get(full)
        config = copy.deepcopy(self.loaded[full].config if replacement is None else replacement)
        for key in [key for key in options if key not in _LOADING and hasattr(config, key)]:
            setattr(config, key, options.pop(key))
        return config

    def findings(self) -> tuple[Finding, ...]:
        """Which weights were left out, and what had to be assumed of the configs."""
        left_out = (
            Finding("weights-left-out", f"{caller}.from_pretrained({name!r}) was taken as from_config: the config is "
                    f"that of {name} ({self.loaded[name].source}), and no weights were read")
            for name, caller in self.callers.items() if name in self.loaded
        )  # fmt: skip
        return (*left_out, *(finding for config in self.loaded.values() for finding in config.findings))


def _load(name: str) -> LoadedConfig:
    origin = by_name.own_origin(name)
    model_type = str(origin.fields.get("model_type", ""))
    if model_type not in library.model_types():
        raise remote.untrusted(model_type, origin.where)
    fields = {key: value for key, value in origin.fields.items() if key not in _DTYPES}
    config = configs.construct(library.config_class(model_type), fields, {}, origin.where)
    return LoadedConfig(name, config, origin.source, (*origin.findings, *fills.fill(config)))


def is_mentioned(made: Callable[..., object]) -> bool:
    """Whether `from_pretrained` stands anywhere in the module of a class or a function."""
    try:
        return "from_pretrained" in inspect.getsource(sys.modules[made.__module__])
    except (OSError, TypeError, KeyError, AttributeError):
        return False


@contextmanager
def without_weights(loader: Loader, made: Callable[..., object]) -> Iterator[None]:
    """For a while, `from_pretrained` of the library's models and configs asks the loader; in this thread alone."""
    if "transformers" not in sys.modules and not is_mentioned(made):
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


def _config_and_arguments(
    loader: Loader, caller: str, name: str, options: dict[str, Any]
) -> tuple[ModelConfig, dict[str, object]]:
    """The config of a model, and the arguments that are left for its constructor."""
    revision = _revision(options)
    given: ModelConfig | str | None = options.pop("config", None)
    loader.callers.setdefault(f"{name}@{revision}" if revision else name, caller)
    config = loader.config(name, revision, options) if given is None or isinstance(given, str) else given
    return config, {key: value for key, value in options.items() if key not in _LOADING}


def _revision(options: Mapping[str, object]) -> str | None:
    revision = options.get("revision")
    return None if revision is None else str(revision)


def _model(loader: Loader, cls: ModelClass, name: str, *args: object, **options: object) -> object:
    config, arguments = _config_and_arguments(loader, cls.__name__, name, options)
    return cls(config, *args, **arguments)


class _AutoClass(Protocol):
    __name__: str

    def from_config(self, config: ModelConfig, **options: object) -> object: ...


def _automatic(loader: Loader, cls: _AutoClass, name: str, *_: object, **options: object) -> object:
    config, arguments = _config_and_arguments(loader, cls.__name__, name, options)
    return cls.from_config(config, **arguments)


def _config(loader: Loader, cls: type, name: str, **options: object) -> object:
    unused = options.pop("return_unused_kwargs", False)
    config = loader.config(name, _revision(options), options)
    return (config, options) if unused else config
