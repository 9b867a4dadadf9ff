"""Drawings: by each dot program and by none, and nothing of a model's names gets out of its text."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path as File
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archtrace.answer.drawing import Path, PathNode
from archtrace.answer.result import Result
from archtrace_reports import formats
from archtrace_reports.formats.drawing import path_drawing
from archtrace_reports.formats.drawing.dot import dot_source
from archtrace_reports.formats.drawing.safe_svg import ALLOWED
from archtrace_reports.text.look import Look
from archtrace_reports.text.report import report

from . import samples
from .conftest import environment

HOSTILE = ['"];x[label="', "</svg><script>alert(1)</script>", "\\N", "<b>x</b>", "a\\", "&amp;", "{a|b}", "]]>", "<>"]


def path(label: str) -> Path:
    """A path of two nodes with a label of the caller's."""
    first = PathNode("n1", "read", label, label, (2, 19, 8), label)
    return Path((first, PathNode("n2", "module", "classifier", "Linear", (2, 2), "")), (("n1", "n2"),))


def texts(svg: str) -> list[str]:
    """What is written in a drawing."""
    return [element.text or "" for element in ET.fromstring(svg).iter("text")]


def assert_safe(svg: str) -> None:
    """Only what is allowed is in it."""
    for element in ET.fromstring(svg).iter():
        allowed = {"svg": ("class", "viewBox", "width", "height", "role", "aria-label")} | ALLOWED
        assert set(element.attrib) <= set(allowed[element.tag])


@pytest.mark.parametrize("label", HOSTILE)
def test_a_hostile_label_is_text(label: str) -> None:
    drawn = path_drawing(path(label), label)
    assert not drawn.problem
    assert_safe(drawn.svg)
    assert label in texts(drawn.svg)
    assert texts(drawn.svg).count("logits") == 1


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=30))
def test_any_label_is_text(label: str) -> None:
    drawn = path_drawing(path(label), "model")
    assert not drawn.problem
    assert_safe(drawn.svg)
    assert label in texts(drawn.svg)


CHILD = """
import sys
sys.executable = {executable!r}
from archtrace.answer.drawing import Path, PathNode
from archtrace_reports.formats.drawing import path_drawing
drawn = path_drawing(Path((PathNode("n1", "read", "state", "", (2,), ""),)), "model")
print(drawn.problem or drawn.svg)
"""


def draw(path_variable: str, executable: str) -> str:
    """What a process draws that finds programs only there."""
    env = environment() | {"PATH": path_variable}
    code = CHILD.format(executable=executable)
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    return done.stdout


def test_the_wheel_draws_where_no_system_program_does(tmp_path: File) -> None:
    assert shutil.which("graphviz-pure", path=str(File(sys.executable).parent))
    svg = draw(str(tmp_path), sys.executable)
    assert_safe(svg)
    assert "state" in texts(svg)


def test_a_broken_program_is_passed_over(tmp_path: File) -> None:
    broken = tmp_path / "dot"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    assert "state" in texts(draw(f"{tmp_path}{os.pathsep}{os.defpath}", sys.executable))


def test_without_any_program_the_reason_stands_there(tmp_path: File) -> None:
    told = draw(str(tmp_path), str(tmp_path / "python"))
    assert told.startswith("no dot program runs here")
    assert "pip install graphviz-pure" in told


@pytest.mark.parametrize("style", ["svg", "cone", "path"])
def test_svg_files_stand_alone(style: str, real: dict[str, Result]) -> None:
    text = formats.load(style).render(report(list(real.values())), Look())
    root = ET.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert names <= {"svg", "style", "rect", "g", "text", "title", "circle", "path", "polygon", "ellipse", "polyline"}
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    classes = [element.get("class") for element in root.iter("{http://www.w3.org/2000/svg}svg")]
    assert classes.count("cone") == (0 if style == "path" else 5)
    assert classes.count("drawing") == (0 if style == "cone" else 5)


@pytest.mark.parametrize("style", ["svg", "cone", "path", "dot"])
def test_without_an_anatomy_the_file_says_so(style: str) -> None:
    text = formats.load(style).render(report([samples.BERT]), Look())
    if style == "dot":
        assert text.startswith("digraph bert_base_uncased {")
    else:
        assert "there is nothing to draw" in text
        ET.fromstring(text)


def test_the_longest_ending_names_the_format() -> None:
    names = {
        "a.svg": "svg",
        "a.cone.svg": "cone",
        "a.path.SVG": "path",
        "a.gv": "dot",
        "a.html": "html",
        "a.md": "markdown",
    }
    assert {name: formats.named_by(File(name)) for name in names} == names
    assert formats.named_by(File("svg")) is None


def test_dot_is_in_execution_order_and_ends_in_the_logits(real: dict[str, Result]) -> None:
    anatomy = real["gpt2"].anatomy
    assert anatomy is not None
    text = dot_source(anatomy.path, "gpt2")
    places = [text.index(f"\t{node.key} [") for node in anatomy.path.nodes]
    assert places == sorted(places)
    assert text.rstrip().endswith(f"{anatomy.path.nodes[-1].key} -> logits\n}}")


def test_long_details_are_cut() -> None:
    long = replace(path("x").nodes[0], detail="word " * 200)
    lines = texts(path_drawing(Path((long,)), "model").svg)
    assert max(map(len, lines)) <= 46
    assert any(line.endswith("…") for line in lines)
