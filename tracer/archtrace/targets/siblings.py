"""A file of the user's, imported under a private name so that it takes no other module's, with its relative imports.

`from .parts import Head` needs a package. The file's folders become private ones: as many as have an `__init__.py`
(which then runs, as Python would have it), and at least as many as its relative imports climb.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

_PREFIX = "_archtrace_user"


def name_of(path: Path) -> str:
    """The private name of a file: of its packages, where its imports need any, and of itself."""
    levels = _levels(path)
    folders = list(path.parents)[:levels][::-1]
    top = folders[0] if folders else path
    root = f"{_PREFIX}_{path.stem}_{hashlib.sha256(str(top).encode()).hexdigest()[:12]}"
    return ".".join([root, *(folder.name for folder in folders[1:]), path.stem]) if folders else root


def _levels(path: Path) -> int:
    """How many folders above the file are its packages; none where it imports nothing relatively."""
    # Neighbours are read only where they matter: a stored answer depends on every file that was read.
    if not any(_relative(path)):
        return 0
    climbed = max(level for each in _neighbours(path) for level in _relative(each))
    return max(climbed, next(n for n, folder in enumerate(path.parents) if not (folder / "__init__.py").is_file()))


def _neighbours(path: Path) -> list[Path]:
    """The file, and what it imports relatively may climb as well."""
    return [path, *(each for each in path.parent.glob("*.py") if each != path)]


def _relative(path: Path) -> list[int]:
    """The levels of a file's relative imports: 1 for `from .parts import Head`."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, OSError):
        return []
    return [node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]


def import_file(name: str, path: Path) -> ModuleType:
    """The file as a module of that name, its packages first."""
    *packages, _ = name.split(".")
    folders = list(path.parents)[: len(packages)][::-1]
    for depth, folder in enumerate(folders):
        package = ".".join(packages[: depth + 1])
        if package not in sys.modules:
            _run(_package(package, folder), package)
    spec = importlib.util.spec_from_file_location(name, path)
    return _run(spec, name)


def _package(name: str, folder: Path) -> ModuleSpec:
    """A folder as a package: its `__init__.py` where it has one."""
    first = folder / "__init__.py"
    if first.is_file():
        spec = importlib.util.spec_from_file_location(name, first, submodule_search_locations=[str(folder)])
        if spec is not None:
            return spec
    bare = ModuleSpec(name, None, is_package=True)
    bare.submodule_search_locations = [str(folder)]
    return bare


def _run(spec: ModuleSpec | None, name: str) -> ModuleType:
    if spec is None:
        raise ImportError(f"{name} is no Python file")
    importlib.invalidate_caches()
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    if spec.loader is not None:
        spec.loader.exec_module(module)
    return module


def forget(name: str) -> None:
    """Take a file, its packages and what these imported out of the process: the next try begins anew."""
    root = name.split(".", 1)[0]
    for each in [each for each in sys.modules if each == root or each.startswith(f"{root}.")]:
        del sys.modules[each]
