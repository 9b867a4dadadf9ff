"""The house of the formats: the folder is the registry, and text goes out whole."""

from __future__ import annotations

import ast
import io
from pathlib import Path

import pytest
from rich.cells import cell_len

import archtrace
import archtrace_reports
from archtrace_reports import formats
from archtrace_reports.text.files import encodable, replace, why_unwritable, write
from archtrace_reports.text.lines import join, wrap
from archtrace_reports.text.look import Look
from archtrace_reports.text.report import Report
from archtrace_reports.text.untrusted import clean, clean_lines

FOLDER = Path(archtrace_reports.__file__).parent
ANSWER = Path(archtrace.__file__).parent / "answer"


def test_the_folder_is_the_registry() -> None:
    files = {file.stem.removeprefix("to_") for file in (FOLDER / "formats").glob("to_*.py")}
    assert set(formats.names()) == files >= {"terminal", "json", "table"}
    for name in files:
        assert isinstance(formats.load(name).SUFFIXES, tuple)
        assert isinstance(formats.load(name).render(Report(), Look()), str)


def test_suffixes_are_distinct_and_name_their_format() -> None:
    suffixes = [suffix for name in formats.names() for suffix in formats.load(name).SUFFIXES]
    assert len(suffixes) == len(set(suffixes))
    assert formats.named_by(Path("a/REPORT.JSON")) == "json"
    assert formats.named_by(Path("report")) is None


def module_of(package: str, name: str) -> str:
    """The module that `from package import name` takes, whether it is the package or one of its own."""
    inner = ANSWER.parent.parent.joinpath(*package.split("."), f"{name}.py")
    return f"{package}.{name}" if inner.exists() else package


def test_reports_compute_nothing() -> None:
    """No module imports torch, and from the engine only values, errors, rules and the verbs."""
    allowed = {"archtrace", "archtrace.errors", *(f"archtrace.answer.{f.stem}" for f in ANSWER.glob("*.py"))}
    allowed |= {"archtrace_lint", "archtrace_lint.rule"}
    allowed |= {"archtrace_lint.source.import_resolver", "archtrace_lint.source.decode"}
    allowed |= {
        f"archtrace.contract.{name}"
        for name in ("contract", "graph_rule", "rules", "traced_model", "verdict", "verify")
    }
    allowed |= {
        "archtrace.setup.result_with_setup",
        "archtrace.setup.examination",
        "archtrace.setup.serving.served",
        "archtrace.tracing.optional_dependencies",
        "archtrace.targets.bundled",
        "archtrace.targets.candidates",
        "archtrace.targets.depth",
        "archtrace.targets.checkpoint_config",
        "archtrace.targets.head_kinds",
        "archtrace.targets.library",
    }
    for file in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = []
            if isinstance(node, ast.ImportFrom):
                names = [module_of(node.module or "", alias.name) for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            assert {n for n in names if n.split(".")[0] in {"archtrace", "torch"}} <= allowed, file


def test_clean() -> None:
    assert clean("a\x1b[2J\x07b\x9b\u202ec\u200b\ud800\n\td\x7f") == "a[2Jbc  d"
    assert clean_lines("one\x1b\n  two\rthree\n") == "one\n  two three"
    assert clean("漢字 é →") == "漢字 é →"


CASES = [
    ("a bc def", 4, ["a bc", "def"]),
    ("", 4, [""]),
    ("modules.are_long.here", 14, ["modules.", "are_long.here"]),
    ("last_hidden_state[attention_mask]", 20, ["last_hidden_state", "[attention_mask]"]),
    ("x" * 9, 4, ["xxxx", "xxxx", "x"]),
    ("漢" * 5, 4, ["漢漢", "漢漢", "漢"]),
]


@pytest.mark.parametrize(("text", "width", "lines"), CASES)
def test_wrap(text: str, width: int, lines: list[str]) -> None:
    assert wrap(text, width) == lines
    assert all(cell_len(line) <= width for line in lines)


def test_join_breaks_between_units() -> None:
    assert join(["→ a (b)", "→ c (d)", "→ e"], 16) == ["→ a (b) → c (d)", "→ e"]


def test_an_encoding_without_arrows() -> None:
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert encodable("→ a · 漢 ─", ascii_only) == "> a . \\u6f22 -"
    assert encodable("→ a", io.TextIOWrapper(io.BytesIO(), encoding="utf-8")) == "→ a"


def test_replace_writes_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    replace(file, "one\n")
    file.chmod(0o600)
    with pytest.raises(UnicodeEncodeError):
        replace(file, "two\ud800")
    assert file.read_text() == "one\n"
    replace(file, "three\n")
    assert file.read_text() == "three\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [*tmp_path.iterdir()] == [file]


def test_a_link_stays_a_link_and_a_device_a_device(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("old")
    link.symlink_to(file)
    write("new", link)
    write("gone", Path("/dev/null"))
    assert link.is_symlink()
    assert file.read_text() == "new"
    assert Path("/dev/null").is_char_device()


def test_trouble_is_seen_beforehand(tmp_path: Path) -> None:
    assert why_unwritable(tmp_path / "new.json") is None
    assert why_unwritable(tmp_path) == f"{tmp_path} is a folder"
    assert why_unwritable(tmp_path / "no" / "x") == f"there is no folder {tmp_path / 'no'}"
