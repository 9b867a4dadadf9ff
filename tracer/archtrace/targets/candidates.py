"""Candidates: what a target's name could mean (something on disk, a model type or class of the library, an id of the
bundled table or of the Hub), and which files decide between them."""

from __future__ import annotations

from pathlib import Path

from archtrace.targets import bundled, folders, library, reference
from archtrace.targets.tokenized import tokenizer_files


def is_known(name: str) -> bool:
    """Whether a name means something on disk, in the library or in the bundled table, without asking the Hub."""
    return folders.exists(name) or library.canonical_name(name) is not None or name in bundled.known_ids()


def deciding_paths(name: str, folder: Path = Path()) -> list[Path]:
    """The paths that decide what a target or a tokenizer of that name is, whether or not they exist: in a checkpoint's
    folder its files, else a folder of that name and the revision that the Hub's cache has of such an id.

    Relative names start from `folder`, and stay relative where it is relative. Code has none: its imports tell.
    """
    if ":" in name.replace("://", ""):
        return []
    path = folder / Path(name).expanduser()
    return _files_of_checkpoint(path) if path.exists() else [path, *_cached_revisions(name)]


def _files_of_checkpoint(path: Path) -> list[Path]:
    from huggingface_hub import constants

    folder = path.resolve() if path.is_dir() else path.resolve().parent
    # The tokenizer's files are opened by Rust, where no audit hook of Python sees it. An adapter's base model may be
    # looked up in the Hub's cache.
    return [folder, *tokenizer_files(folder), Path(constants.HF_HUB_CACHE)]


def _cached_revisions(name: str) -> list[Path]:
    """Where the Hub's cache keeps which commit a branch or tag is at; of a short id also that of its full id."""
    from huggingface_hub import constants

    wanted = reference.parse(name)
    caches = [f"models--{each.replace('/', '--')}" for each in dict.fromkeys((wanted.id, bundled.full_id(wanted.id)))]
    return [Path(constants.HF_HUB_CACHE, cache, "refs", wanted.revision or "main") for cache in caches]
