"""Magics: IPython's own syntax, turned into Python of as many lines.

IPython looks for it where a statement begins and nowhere else (IPython 9.8.0, core/inputtransformer2.py), so brackets
and strings are followed here: `% size` may begin a line of a longer expression.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

#: A magic or a shell command, which may be assigned; a question behind a name; a question or a call by its sign.
_OWN = re.compile(r"(?P<indent>\s*)(?:(?P<target>[^=\s#][^=]*=\s*)?[%!].*|[^#'\"]*[\w*\]]\?{1,2}\s*|[?,;/].*)")
#: The same without its sign, where the first word is a magic or an alias of IPython's: `pip install x`, `cd ..`.
_AUTOMAGIC = re.compile(
    r"(?P<indent>\s*)(?:autoreload|cat|cd|conda|config|cp|env|hist|history|ldir|lf|lk|ll|load|load_ext|ls|lx|mamba"
    r"|matplotlib|mkdir|mv|notebook|pdb|pip|popd|precision|prun|pushd|pwd|pylab|rehashx|reload_ext|rerun|reset|rm|rmdir"
    r"|run|save|set_env|sx|system|time|timeit|unload_ext|uv|who|whos|xmode)"
    r"\s+(?!(?:and|for|if|in|is|not|or)\b)[^=(\[\s].*"
)
#: Cell magics whose cell is Python still; so is what `%%writefile` writes into a Python file.
_PYTHON = re.compile(r"%%(?:time|timeit|capture|prun|debug|python|python3|memit|mprun|snakeviz|pyinstrument)(?:\s.*)?")
_WRITTEN = re.compile(r"%%(?:write)?file\s.*\.py\s*")

_OPENING = re.compile(r"'''|\"\"\"|['\"]|[([{]|[)\]}]|#.*")
_CLOSING = {quote: re.compile(rf"(?s:\\.|(?!{quote}).)*{quote}") for quote in ("'", '"', "'''", '"""')}


def python(cell: str) -> str:
    """The lines of a cell as Python, as many as they were; empty where the cell is of another language."""
    lines = cell.split("\n")
    first = next((n for n, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")), 0)
    if not lines[first].startswith("%%"):
        return "\n".join(_plain(lines))
    if not _PYTHON.fullmatch(lines[first]) and not _WRITTEN.fullmatch(lines[first]):
        return "\n" * (len(lines) - 1)
    return python("\n".join(["", *[""] * first, *lines[first + 1 :]]))


def _plain(lines: list[str]) -> Iterator[str]:
    """Each line, IPython's own as an empty statement; a line that goes on with such a one is empty."""
    quote, depth, goes_on, dropped = "", 0, False, False
    for line in lines:
        begins = not (quote or depth or goes_on)
        own = _own(line) if begins else None
        dropped = own is not None or (dropped and goes_on)
        if not dropped:
            quote, depth = _after(line, quote, depth)
        goes_on = line.endswith("\\")
        yield line if not dropped else own or ""


def _own(line: str) -> str | None:
    """What stands for a line in IPython's own syntax; None where it is Python."""
    match = _OWN.fullmatch(line)
    if match:
        return f"{match['indent']}{match['target'] or ''}None"
    match = _AUTOMAGIC.fullmatch(line)
    return f"{match['indent']}None" if match else None


def _after(line: str, quote: str, depth: int) -> tuple[str, int]:
    """The string that is open behind a line, and the number of open brackets."""
    at = 0
    while match := (_CLOSING[quote].match(line, at) if quote else _OPENING.search(line, at)):
        mark, at = match[0], match.end()
        if quote:
            quote = ""
        elif mark in _CLOSING:
            quote = mark
        elif mark[0] != "#":
            depth = max(0, depth + (1 if mark in "([{" else -1))
    return (quote if len(quote) == 3 or line.endswith("\\") else ""), depth
