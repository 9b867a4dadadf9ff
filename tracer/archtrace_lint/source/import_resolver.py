"""What a file imports from files of its own tree: read on demand, and recorded, since the findings depend on it."""

from __future__ import annotations

import ast
import os
import re
import sys
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from stat import S_ISDIR, S_ISREG
from typing import TypeAlias

from archtrace_lint.source.parse import parsed

#: How many folders above its own a file's packages are looked for.
PARENT_FOLDERS = 4
#: Re-exports of a name that are followed, from one module to the next.
MAX_REEXPORTS = 3
#: Endings of files with code.
CODE_ENDINGS = (".py", ".ipynb")
#: Largest size in bytes of an imported file that is read.
MAX_BYTES = 300_000
#: Most lines of a helper that is still followed.
MAX_HELPER_LINES = 60

#: Installed packages, which are never a part of the checked tree.
INSTALLED = sys.stdlib_module_names | frozenset(
    ("torch", "transformers", "numpy", "pandas", "peft", "trl", "datasets", "sklearn", "tqdm", "accelerate", "scipy")
)

_IMPORT = re.compile(rb"\nfrom[ \t]+([.\w]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n(]+)")
#: An unindented statement; an unindented bracket closes the statement above.
_MARGIN = re.compile(rb"^(?=[A-Za-z@])", re.MULTILINE)
_NAME = re.compile(rb"\b([a-z_]\w*)(?:\s+as\s+(\w+))?")


FileStamp: TypeAlias = tuple[int, int]
FileStamps: TypeAlias = dict[str, FileStamp | None]


@dataclass(frozen=True)
class ImportedSource:
    """The source of an imported module, in UTF-8."""

    path: str
    text: bytes
    _outlines: dict[bytes, bytes] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def names(self) -> dict[str, ast.stmt]:
        """Its statements by the names that they bind; parsed on first use."""
        return {name: node for node in self._body for name in _bound_names(node)}

    @cached_property
    def reexports(self) -> dict[bytes, tuple[str, bytes]]:
        """Lower-case names that it imports from its tree -> module, and name there."""
        return {local: (module, name) for local, module, name in _imported(self.text)}

    @cached_property
    def star_imports(self) -> list[str]:
        """The modules of which it imports all names."""
        star_imports = [n for n in self._body if isinstance(n, ast.ImportFrom) and n.names[0].name == "*"]
        return [f"{'.' * n.level}{n.module or ''}" for n in star_imports]

    @cached_property
    def _body(self) -> list[ast.stmt]:
        try:
            return parsed(self.path, self.text.decode()).body
        except ValueError:
            return []

    def lines(self, node: ast.stmt) -> bytes:
        """The lines of a statement."""
        return b"\n".join(self.text.split(b"\n")[node.lineno - 1 : node.end_lineno])

    def outline(self, name: bytes) -> bytes:
        """The text of a function at the margin, without a tree: up to the next statement there."""
        if name not in self._outlines:
            self._outlines[name] = self._cut_outline(name)
        return self._outlines[name]

    def _cut_outline(self, name: bytes) -> bytes:
        start = self.text.find(b"\ndef " + name + b"(")
        end = _MARGIN.search(self.text, start + 5) if start >= 0 else None
        return self.text[start : end.start() if end else len(self.text)] if start >= 0 else b""


@dataclass
class ImportResolver:
    """Resolves the imports of one file within its tree.

    `files`: every path looked for so far, with its `file_stamp` at that time, None if there was no file.
    """

    path: str
    files: FileStamps = field(default_factory=dict)
    _helpers: dict[bytes, bytes] | None = None

    def definition(self, dotted: str) -> tuple[ImportedSource, ast.stmt] | None:
        """The module and the statement that bind a dotted name: a function, a class or an assignment."""
        return self._definition(self.path, dotted, MAX_REEXPORTS)

    def _definition(self, path: str, dotted: str, reexports_left: int) -> tuple[ImportedSource, ast.stmt] | None:
        module, name = _module_and_name(dotted)
        source = self._module(path, module)
        # The limit also ends a circle of packages that re-export from each other.
        if source is None or not reexports_left:
            return None
        statement = source.names.get(name)
        if isinstance(statement, ast.ImportFrom):
            return self._definition(source.path, _imported_from(statement, name), reexports_left - 1)
        if statement is not None:
            return source, statement
        from_star_imports = (
            self._definition(source.path, f"{star}.{name}", reexports_left - 1) for star in source.star_imports
        )
        return next(filter(None, from_star_imports), None)

    def function(self, dotted: str) -> tuple[ImportedSource, ast.FunctionDef] | None:
        """A function that is small enough to be followed."""
        source, node = self.definition(dotted) or (None, None)
        if source is None or not isinstance(node, ast.FunctionDef):
            return None
        return (source, node) if (node.end_lineno or 0) - node.body[0].lineno <= MAX_HELPER_LINES else None

    def helpers(self, data: bytes) -> dict[bytes, bytes]:
        """Local name -> source text of the small functions that a file imports from its tree and calls."""
        if self._helpers is None:
            # By the text: parsing each imported module would take longer than the file itself.
            outlines = {
                local: self._outline(self.path, module, name, MAX_REEXPORTS)
                for local, module, name in _imported(b"\n" + data)
                if local + b"(" in data
            }
            self._helpers = {
                local: text for local, text in outlines.items() if 0 < text.count(b"\n") <= MAX_HELPER_LINES + 10
            }
        return self._helpers

    def _outline(self, path: str, module: str, name: bytes, reexports_left: int) -> bytes:
        source = self._module(path, module) if reexports_left else None
        if source is None:
            return b""
        if text := source.outline(name):
            return text
        reexports = source.reexports.get(name)
        return self._outline(source.path, *reexports, reexports_left - 1) if reexports else b""

    def _module(self, path: str, module: str) -> ImportedSource | None:
        for candidate in _candidates(os.path.dirname(path), module):
            stamp = self.files[candidate] = file_stamp(candidate)
            # `import tools` in tools.py means another file.
            if stamp and stamp[1] <= MAX_BYTES and candidate != self.path:
                return _read(candidate, *stamp)
        return None


def _module_and_name(dotted: str) -> tuple[str, str]:
    """Module and name: `.` and `f` of `.f`."""
    module, _, name = dotted.rpartition(".")
    return (module, name) if module.strip(".") else (module + ".", name)


def _imported(data: bytes) -> Iterator[tuple[bytes, str, bytes]]:
    """What a source imports by lower-case names, not from installed packages: local name, module, name there."""
    for match in _IMPORT.finditer(data):
        module = match[1].decode("utf-8", "replace")
        if module.split(".")[0] in INSTALLED:
            continue
        for name in _NAME.finditer(match[2]):
            yield name[2] or name[1], module, name[1]


def _imported_from(node: ast.ImportFrom, name: str) -> str:
    """The dotted name behind a name that an import binds."""
    source_name = next(a.name for a in node.names if (a.asname or a.name) == name)
    return f"{'.' * node.level}{node.module or ''}.{source_name}" if node.module else f"{'.' * node.level}{source_name}"


@lru_cache(maxsize=4096)
def _candidates(folder: str, module: str) -> tuple[str, ...]:
    """The files that a module may be, as a file in a folder imports it."""
    parts = module.strip(".").split(".")
    if not module.startswith("."):
        return () if parts[0] in INSTALLED else tuple(_absolute(folder, parts))
    for _ in range(len(module) - len(module.lstrip(".")) - 1):
        folder = os.path.dirname(folder)
    return tuple(_files(folder, parts))


def _absolute(folder: str, parts: list[str]) -> Iterator[str]:
    """Candidates in the file's folder and in those above it that contain the first word; also in their `src`.

    The own folder always counts: a file added there later would change the findings.
    """
    yield from _files(folder, parts)
    for _ in range(PARENT_FOLDERS):
        for place in (folder, os.path.join(folder, "src")):
            first = os.path.join(place, parts[0])
            if os.path.isdir(first) or os.path.isfile(f"{first}.py"):
                yield from _files(place, parts)
        if os.path.isdir(os.path.join(folder, ".git")):
            return
        folder = os.path.dirname(folder)


def _files(folder: str, parts: list[str]) -> Iterator[str]:
    base = os.path.join(folder, *parts)
    yield f"{base}.py"
    yield os.path.join(base, "__init__.py")


def file_stamp(path: str) -> FileStamp | None:
    """A value that changes with a file, or with the modules in a folder; None if there is neither."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    if S_ISDIR(status.st_mode):
        # The time of a folder changes with any cache or log in it; only its list of modules matters.
        return zlib.crc32(b" ".join(sorted(map(os.fsencode, _code_names(path))))), 0
    return (status.st_mtime_ns, status.st_size) if S_ISREG(status.st_mode) else None


def _code_names(folder: str) -> Iterator[str]:
    """The names of the code files and the subfolders of a folder."""
    with suppress(OSError), os.scandir(folder) as entries:
        yield from (
            e.name
            for e in entries
            if e.name.endswith(CODE_ENDINGS) or (e.name != "__pycache__" and e.name[0] != "." and e.is_dir())
        )


@lru_cache(maxsize=512)
def _read(path: str, modified_ns: int, size: int) -> ImportedSource | None:
    """The module; time and size are part of the cache key, so that a changed file is read again."""
    try:
        with open(path, "rb") as file:
            return ImportedSource(path, b"\n" + file.read())
    except OSError:
        return None


def _bound_names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.ImportFrom):
        return [a.asname or a.name for a in node.names]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [t.id for t in targets if isinstance(t, ast.Name)]
