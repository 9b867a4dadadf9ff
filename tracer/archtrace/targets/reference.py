"""Ids as people paste them: an address of the Hub, `hf://org/name`, `org/name@revision`."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from archtrace.errors import refusal

_HOSTS = frozenset({"huggingface.co", "www.huggingface.co", "hf.co", "www.hf.co"})
#: What stands between a repository and a revision in an address.
_VERBS = frozenset({"tree", "blob", "resolve", "raw", "commit"})
#: What an address begins with when it names something else than a model.
_OTHERS = frozenset({"datasets", "spaces", "papers", "collections", "docs", "blog", "buckets"})
_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")


@dataclass(frozen=True)
class Reference:
    """A repository of the Hub, and the branch, tag or commit that is meant; None is its main branch."""

    id: str
    revision: str | None = None


def parse(text: str) -> Reference:
    """The repository that a text means; a text of no special form is an id. TargetError for another address."""
    scheme, host, path = _split(text)
    if scheme == "hf":
        return _protocol(text, path)
    if host is None:
        return _with_revision(path)
    if host not in _HOSTS | {_endpoint()}:
        raise _elsewhere(text, host)
    return _address(text, [unquote(part) for part in path.split("/") if part])


def _split(text: str) -> tuple[str, str | None, str]:
    """Scheme, host and path; a host is known without its scheme where it is the Hub's."""
    text = text.strip()
    if "://" not in text:
        host, slash, path = text.partition("/")
        return ("https", host.lower(), path) if slash and host.lower() in _HOSTS else ("", None, text)
    if text.lower().startswith("hf://"):
        return "hf", None, text[len("hf://") :]
    parts = urlsplit(text)
    return parts.scheme, parts.netloc.lower(), parts.path


def _endpoint() -> str:
    return urlsplit(os.environ.get("HF_ENDPOINT", "")).netloc.lower()


def _protocol(text: str, path: str) -> Reference:
    """`hf://org/name@revision/file`, as huggingface_hub's file system writes it; a file in it says nothing more."""
    parts = [part for part in path.removeprefix("models/").split("/") if part]
    if not parts or parts[0] in _OTHERS:
        raise _no_model(text)
    # A revision ends the name, so that what follows it is a file; so is all behind the second part.
    until = next((n for n, part in enumerate(parts[:2]) if "@" in part), min(1, len(parts) - 1))
    return _with_revision(unquote("/".join(parts[: until + 1])))


def _with_revision(text: str) -> Reference:
    name, at, revision = text.partition("@")
    return Reference(name, revision) if at and revision and _ID.fullmatch(name) else Reference(text)


def _address(text: str, parts: list[str]) -> Reference:
    parts = parts[1:] if parts[:1] == ["models"] else parts
    if not parts or parts[0] in _OTHERS:
        raise _no_model(text)
    # Old repositories have no owner: `/gpt2/tree/main`.
    length = 1 if len(parts) == 1 or parts[1] in _VERBS else 2
    verb, *rest = parts[length:] or [""]
    return Reference("/".join(parts[:length]), _revision(rest) if verb in _VERBS and rest else None)


def _revision(rest: list[str]) -> str:
    """A pull request's revision is written over three parts: `refs/pr/3`."""
    return "/".join(rest[:3]) if rest[0] == "refs" else rest[0]


def _no_model(text: str) -> Exception:
    return refusal(
        f"{text} is no model",
        why="the address names no model repository of the Hub",
        do="give a model's address, https://huggingface.co/org/name, or its id, org/name",
    )


def _elsewhere(text: str, host: str) -> Exception:
    return refusal(
        f"{text} is no model of the Hub",
        why=f"only addresses of huggingface.co (or of HF_ENDPOINT) are looked up, and this one is of {host}",
        do="give the model's id there, or download it and name the folder, or its code: path/to/file.py:Class",
    )
