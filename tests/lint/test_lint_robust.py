"""Any file: nothing crashes, what cannot be read is one clear error, prefilter and pruning lose nothing."""

from __future__ import annotations

import ast
import os
import random
import re
import subprocess
import sys
import sysconfig
import warnings
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lint_cases import code

from archtrace_lint import UnreadableError, check_source, fixed, rules
from archtrace_lint.dataflow import follow
from archtrace_lint.dataflow.spellings import word_set
from archtrace_lint.source.parse import parsed
from archtrace_lint.source.pruning import pruned

STDLIB = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
WORDS = sorted(
    word_set(
        "input_ids attention_mask hidden_states logits pad_token_id eos_token_id sum argmax mean gather view argmin "
        "where outputs last_hidden_state padding_side tokenizer model text arange cat prompts zip ne eq max min self "
        "pooler_output"
    )
)


def everything(path: str, text: str) -> None:
    """Follow a text and ask every rule, whatever its words are."""
    module = follow.follow_tree(path, text, parsed(path, text))
    for rule in rules():
        assert all(finding.message for finding in rule.check(module))


def disguised(text: str, seed: int) -> str:
    """The same syntax with names of tensors in it: random flows."""
    choose = random.Random(seed)
    names = {n.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name)}
    names |= {n.attr for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Attribute)}
    table = {name: choose.choice(WORDS) for name in sorted(names) if choose.random() < 0.7}
    return re.sub(r"\b[A-Za-z_]\w*\b", lambda match: table.get(match.group(), match.group()), text)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(path=st.sampled_from(STDLIB), seed=st.integers(0, 2**16))
def test_any_python_is_followed(path: Path, seed: int) -> None:
    """Files of the standard library, as they are and with other names; fixes of them parse again."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if len(text) > 150_000:
        return
    everything(str(path), text)
    other = disguised(text, seed)
    try:
        ast.parse(other)
    except SyntaxError:
        return
    everything(str(path), other)
    ast.parse(fixed(other, check_source(str(path), other)))


@settings(max_examples=150, deadline=None)
@given(lines=st.lists(st.sampled_from([line for r in rules() for c in r.invalid.values() for line in c.split("\n")])))
def test_scraps_are_followed_or_refused(lines: list[str]) -> None:
    """Lines of the cases in any order: either they parse and are followed, or they are refused clearly."""
    with suppress(UnreadableError):
        check_source("scraps.py", "\n".join(line[12:] for line in lines))


@settings(max_examples=150, deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_answered(data: bytes) -> None:
    """A list, or an UnreadableError."""
    with suppress(UnreadableError):
        assert isinstance(check_source("bytes.py", data + b"\nlogits[mask.sum(1) - 1]"), list)


TELLING = b"\ndef f(logits, attention_mask):\n    return logits[:, attention_mask.sum(1) - 1]\n"


@pytest.mark.parametrize(
    ("data", "line", "reason"),
    [
        (b"x = (" + TELLING, 1, "'(' was never closed"),
        (b"x = 1\ny = \0" + TELLING, 2, "null byte"),
        (b"# coding: klingon\n" + TELLING, 1, "unknown encoding"),
        (b"x = '\xff'\n" + TELLING, 1, "byte 0xff is not utf-8; save the file as UTF-8, or declare its coding"),
        (b"x = 1\n\n# \xe9\n" + TELLING, 3, "byte 0xe9 is not utf-8"),
        (b"# coding: ascii\nx = 1\ny = '\xc3\xa9'" + TELLING, 3, "is not ascii"),
        (b"#!/bin/python\n# coding: hex\n" + TELLING, 1, "hex is no coding of text"),
        (b"\xef\xbb\xbf# coding: latin-1\n" + TELLING, 1, "the mark of UTF-8 and declares another coding"),
        (b"\xff\xfe" + TELLING.decode().encode("utf-16-le"), 1, "it is UTF-16, which Python does not read"),
        (b"x = " + b"(" * 5000 + b"1" + b")" * 5000 + TELLING, 1, "too many nested parentheses"),
        (b"x = " + b"-" * 50_000 + b"1" + TELLING, 1, "nested too deeply"),
        (b"x = " + b" + ".join([b"y"] * 20_000) + TELLING, 1, "nested too deeply"),
    ],
)
def test_what_cannot_be_read_is_one_clear_error(data: bytes, line: int, reason: str) -> None:
    """Path, line, and why; whether the file holds the words of a rule or not."""
    for source in (data, data.replace(TELLING, b"")):
        with pytest.raises(UnreadableError, match=re.escape(reason)) as raised:
            check_source("bad.py", source)
        assert (raised.value.path, raised.value.line) == ("bad.py", line)


@pytest.mark.parametrize("first", [b"\xef\xbb\xbf", b"# coding: latin-1\nx = '\xe9'", b"\f", b""])
def test_encodings(first: bytes) -> None:
    """A byte order mark, another coding, a form feed; and the line endings of all systems."""
    data = first + TELLING
    for ending in (b"\n", b"\r\n", b"\r"):
        (violation,) = check_source("ok.py", data.replace(b"\n", ending))
        assert violation.code == "AT001"
        assert violation.line == data[: data.index(b"logits[")].count(b"\n") + 1


QUIET = [
    b"",
    b"\n",
    b"\xef\xbb\xbf",
    b"x = '\\d'\n",
    b"# coding: latin-1\nx = '\xe9'\n",
    b"x = 1\r\ny = 2\r",
    b"1 is 1",
]


@pytest.mark.parametrize("more", [b"", TELLING])
@pytest.mark.parametrize("data", QUIET)
def test_what_python_reads_is_read(data: bytes, more: bytes) -> None:
    """Empty, in other codings, with other line ends; and what Python warns of is not ours to tell."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(check_source("good.py", data + b"\n" + more if data else more)) == bool(more)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.code)
def test_prefilter_and_pruning_lose_nothing(rule: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thinned or whole, among much else or alone: the same is found."""
    filler = "".join(f"\nclass Filler{n}:\n    def size(self):\n\n        return {n}\n" for n in range(3))
    for text in getattr(rule, "invalid").values():  # noqa: B009
        source = code(text) + filler
        pruned = [v[:6] for v in check_source("x.py", source)]
        with monkeypatch.context() as patch:
            patch.setattr(follow, "pruned", lambda source, codes, imported: source)
            assert [v[:6] for v in check_source("x.py", source)] == pruned
        assert pruned


def thinned(source: str) -> str:
    """What is left of a source for AT001."""
    return ast.unparse(ast.parse(pruned(code(source).encode(), ["AT001"])))


def test_what_matters_is_left() -> None:
    """The method that holds the words of a rule, and what stands outside of functions; decorators and all."""
    left = thinned(
        '''
        import torch

        TEXT = "def no_function():"

        @decorated(
            text="class Nor"
        )
        class Head:
            """Says what it is."""

            @property
            def gone(self):
                return 1

            def kept(self, logits, attention_mask):
                return logits[:, attention_mask.sum(1) - 1]

            size: int = 3

        def gone_too(
            x,
        ):
            return x
        '''
    )
    assert "attention_mask.sum(1) - 1" in left
    assert "gone" not in left
    assert all(text in left for text in ("TEXT", "@decorated", "Says what it is.", "size: int"))


@pytest.mark.parametrize("margin", ["def no_function():", "class Nor:", "@nothing", "select"])
@pytest.mark.parametrize(
    "where", ["{}", "def other():\n    return {}", "class Other:\n    text = {}\n\n    def a(self):\n        pass"]
)
def test_a_string_at_the_margin_is_no_statement(where: str, margin: str) -> None:
    """Where a text is cut in a string, the whole is followed: the same is found, and it still parses."""
    text = where.format(f'"""\n{margin}\n"""')
    found = check_source("x.py", f"{text}\n\n{TELLING.decode()}\n\n{text}\n")
    assert [v.code for v in found] == ["AT001"]


def test_a_thinned_file_is_read_in_its_own_coding() -> None:
    """A name beyond ASCII, in a file that declares latin-1 and of which a function is left out."""
    more = "def größe(x):\n    return x\n"
    assert [v.code for v in check_source("x.py", f"# coding: latin-1\n{more}".encode("latin-1") + TELLING)] == ["AT001"]


def test_helpers_stay_with_those_that_call_them() -> None:
    """Also a helper of a helper, whose name may be in any script, and one that makes what the rule is after."""
    left = thinned(
        """
        def größe(x):
            return x

        @cached
        def counted(attention_mask):
            return größe(attention_mask).sum(1)

        def read(logits, attention_mask):
            return logits[:, counted(attention_mask) - 1]

        def other(logits):
            return logits
        """
    )
    assert all(name in left for name in ("größe", "@cached", "counted", "read"))
    assert "other" not in left


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import archtrace_lint", "ast dataclasses torch transformers libcst numpy networkx"),
        ("from archtrace_lint import check_source; check_source('x.py', b'x = 1')", "ast dataclasses torch libcst"),
        (f"from archtrace_lint import check_source; check_source('x.py', {TELLING!r})", "torch transformers libcst"),
    ],
)
def test_nothing_heavy_is_imported_on_the_way(statement: str, absent: str) -> None:
    """Each stage imports what it needs."""
    program = f"import sys; {statement}; print(sorted(set({absent.split()!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "deep",
    [
        "({} if 1 else 2)",
        "(1 if {} else 2)",
        "({} is None)",
        "(a := {})",
        "f({})",
        "[{} for i in y]",
        "x[{}]",
        "not {}",
    ],
)
def test_depth_costs_no_more_than_its_length(deep: str) -> None:
    """Nothing is followed twice at each level: fifty levels would never end."""
    text = "y"
    for _ in range(50):
        text = deep.format(text)
    with suppress(UnreadableError):
        everything("deep.py", f"def f(attention_mask):\n    return {text}\n")


def test_each_run_says_the_same() -> None:
    """Values that hold nodes have another order in a set in each process: no finding may hang on it."""
    script = (
        "from archtrace_lint import check_source, rules\n"
        "import textwrap\n"
        "for rule in rules():\n"
        "    for text in (*rule.invalid.values(), *rule.valid.values()):\n"
        "        print(check_source('example.py', textwrap.dedent(text)))\n"
    )
    command = [sys.executable, "-c", script]
    environments = ({**os.environ, "PYTHONHASHSEED": seed} for seed in ("0", "1", "2"))
    told = {subprocess.run(command, env=e, capture_output=True, check=True).stdout for e in environments}
    assert len(told) == 1
    assert told != {b""}
