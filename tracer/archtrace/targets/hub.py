"""A checkpoint's config.json, from the Hugging Face cache or from the Hub, and where it says too little the JSON files
beside it: an adapter's, a sentence encoder's. Nothing else is ever fetched."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from archtrace.answer.result import ConfigSource
from archtrace.capture import older_releases
from archtrace.errors import first_line

FILE, ADAPTER, MODULES = "config.json", "adapter_config.json", "modules.json"

Answer = TypeVar("Answer")

#: Seconds to wait for what a checkpoint may have beside its config.
_SECONDS_BESIDE = 2.0


@dataclass(frozen=True)
class ConfigFile:
    """A config.json on disk: of which id, and whether it lay in the cache or was fetched."""

    path: Path
    source: ConfigSource
    id: str


@dataclass(frozen=True)
class Missing:
    """No config.json: what came of each place. `reached`: the repository exists and has none; `offline`: the Hub was
    not asked; `unanswered`: it was, and gave no answer."""

    places: tuple[str, ...]
    reached: bool = False
    offline: bool = False
    unanswered: bool = False


@dataclass(frozen=True)
class ConfigLocation:
    """The folder, or the repository at a revision, in which a config lies; `source` says how it was reached."""

    name: str
    source: ConfigSource
    revision: str | None = None

    def file(self, name: str) -> Path | None:
        """Another JSON file of the same place; None where there is none, or none that can be had now."""
        if self.source != "local":
            return beside(self.name, name, self.revision)
        path = Path(self.name) / name
        return path if path.is_file() else None


def find(ids: Sequence[str], patience: float, revision: str | None = None) -> ConfigFile | Missing:
    """The first of the ids (names of one repository) whose config.json is in the cache or on the Hub.

    The Hub has `patience` seconds to answer; a connection that fails is not tried again.
    """
    from huggingface_hub import constants
    from huggingface_hub.errors import HFValidationError

    try:
        cached = next(
            (ConfigFile(path, "cache", name) for name in ids if (path := _cached(name, FILE, revision))), None
        )
    except HFValidationError:
        return Missing(("the Hub: not asked, this is no Hub id",))
    cache = f"the cache {constants.HF_HUB_CACHE}: not there"
    if cached or constants.HF_HUB_OFFLINE:
        return cached or Missing((cache, "the Hub: not asked, HF_HUB_OFFLINE is set"), offline=True)
    answer = _within(patience, lambda: _fetch(ids, patience, revision))
    if isinstance(answer, ConfigFile):
        return answer
    places = (cache, f"the Hub {constants.ENDPOINT}: {answer}")
    unanswered = not str(answer).startswith(_HUB_ANSWERS)
    return Missing(places, reached=answer == _NO_FILE, unanswered=unanswered)


def beside(name: str, file: str, revision: str | None = None) -> Path | None:
    """A JSON file of a repository, from the cache or the Hub; None where there is none, or none that can be had."""
    from huggingface_hub import constants, hf_hub_download

    cached = _cached(name, file, revision)
    if cached is not None or constants.HF_HUB_OFFLINE or _known_missing(name, file, revision):
        return cached
    answer = _within(_SECONDS_BESIDE, lambda: _quietly(lambda: hf_hub_download(name, file, revision=revision)))
    return Path(answer) if isinstance(answer, str) and Path(answer).is_file() else None


def _quietly(call: Callable[[], Answer]) -> Answer | None:
    try:
        return call()
    except Exception:  # no such file, no network, a gate: the file cannot be had
        return None


def _cached(name: str, file: str, revision: str | None) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(name, file, revision=revision)
    return Path(path) if isinstance(path, str) else None


def _known_missing(name: str, file: str, revision: str | None) -> bool:
    """Whether the Hub once said that the repository has no such file."""
    from huggingface_hub import _CACHED_NO_EXIST, try_to_load_from_cache

    return try_to_load_from_cache(name, file, revision=revision) is _CACHED_NO_EXIST


def _within(seconds: float, call: Callable[[], Answer]) -> Answer | str:
    """The answer, if it comes in time: resolving a name has no time-out of its own."""
    answers: list[Answer] = []
    thread = threading.Thread(target=lambda: answers.append(call()), daemon=True)
    thread.start()
    thread.join(seconds)
    return answers[0] if answers else f"no answer within {seconds:g} s"


def _fetch(ids: Sequence[str], patience: float, revision: str | None) -> ConfigFile | str:
    """The file, or why there is none. `hf_hub_download` retries for 23 s when offline, so a HEAD goes first."""
    from huggingface_hub import hf_hub_download, hf_hub_url
    from huggingface_hub.errors import RepositoryNotFoundError

    reason = ""
    for name in ids:
        try:
            older_releases.ask_for_file(hf_hub_url(name, FILE, revision=revision), patience)
            path = hf_hub_download(name, FILE, revision=revision, etag_timeout=patience)
            return ConfigFile(Path(path), "hub", name)
        except RepositoryNotFoundError as error:
            reason = reason or _reason(error)
        except Exception as error:
            return _reason(error)
    return reason


_NO_FILE = f"the repository has no {FILE}"
#: How the reasons begin that are answers of the Hub; any other is a failure on the way there.
_HUB_ANSWERS = ("the repository ", "no such repository ")


def _reason(error: Exception) -> str:
    from huggingface_hub import errors

    if older_releases.is_missing_file(error):
        return _NO_FILE
    known = {
        errors.GatedRepoError: "the repository is gated: accept its terms there, then run `hf auth login`",
        errors.RepositoryNotFoundError: "no such repository (a private one needs `hf auth login`)",
        errors.RevisionNotFoundError: "the repository has no such revision",
    }
    return next((text for kind, text in known.items() if isinstance(error, kind)), first_line(error))


def patience(bundled: bool) -> float:
    """Seconds for the Hub to answer: what HF_HUB_ETAG_TIMEOUT says, but few where the bundled table can answer."""
    from huggingface_hub import constants

    chosen = float(constants.HF_HUB_ETAG_TIMEOUT)
    return 2.0 if bundled and chosen == constants.DEFAULT_ETAG_TIMEOUT else chosen
