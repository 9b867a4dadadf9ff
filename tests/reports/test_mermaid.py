"""Mermaid: every node, edge and label of the path is there, whatever it holds, and nothing else."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archtrace.answer.result import PathStep, Result
from archtrace_reports.formats.to_mermaid import SHAPES, render
from archtrace_reports.text.look import Look
from archtrace_reports.text.report import report
from archtrace_reports.text.untrusted import clean

from . import samples

#: A node, and an edge, as Mermaid's grammar has them: a label in quotes holds no quote.
NODE = re.compile(r'  +(t\d+\w+)(\(\[|\[\[|\{\{|\[|\(\(|\()"([^"]*)"(\]\)|\]\]|\}\}|\]|\)\)|\))')
EDGE = re.compile(r"  +(\w+) (-->|-\.->) (\w+)")
SUBGRAPH = re.compile(r'  (subgraph s\d+\["[^"]*"\]|end)')


def read(text: str) -> tuple[dict[str, list[str]], list[tuple[str, str, str]]]:
    """The nodes with the lines of their labels, and the edges; every line must be one of these."""
    first, *lines = text.splitlines()
    assert first == "flowchart TD"
    nodes, edges = {}, []
    for line in lines:
        if node := NODE.fullmatch(line):
            assert (node[2], node[4]) in {*SHAPES.values(), ("((", "))")}
            nodes[node[1]] = [unescaped(part) for part in node[3].split("<br>")]
        elif edge := EDGE.fullmatch(line):
            edges.append((edge[1], edge[2], edge[3]))
        else:
            assert SUBGRAPH.fullmatch(line), line
    return nodes, edges


def unescaped(label: str) -> str:
    """What Mermaid shows of a label."""
    assert not set(label) & set("<>&`*~[](){}|\\@"), label
    return re.sub(r"#(\d+);", lambda found: chr(int(found[1])), label)


@pytest.mark.parametrize("name", ["bert", "gpt2", "bart", "modernbert", "fnet"])
def test_the_path_of_a_real_answer(name: str, real: dict[str, Result]) -> None:
    result = real[name]
    assert result.anatomy is not None
    nodes, edges = read(render(report([result]), Look()))
    path = result.anatomy.path
    assert [lines[0] for lines in nodes.values()] == [*(node.label for node in path.nodes), "logits"]
    assert len(edges) == len(path.edges) + 1
    assert edges[-1][2] == [*nodes][-1]
    dashed = {start for start, arrow, _ in edges if arrow == "-.->"}
    roles = dict(zip(nodes, (node.role for node in path.nodes), strict=False))
    assert dashed == {key for key, role in roles.items() if role in ("index", "input")}


def test_an_answer_without_drawings_has_its_slices_and_steps() -> None:
    nodes, edges = read(render(report([samples.BERT]), Look()))
    labels = [lines[0] for lines in nodes.values()]
    assert labels == ["last_hidden_state[:, 0]", *samples.BERT.readouts[0].path, "logits"]
    assert [nodes[start][0] for start, _, _ in edges] == labels[:-1]


def test_readouts_meet_in_the_steps_that_they_share() -> None:
    nodes, edges = read(render(report([samples.SEVERAL]), Look()))
    labels = {key: lines[0] for key, lines in nodes.items()}
    assert sorted(labels.values()) == sorted(["last_hidden_state[:, 0]", "hidden_states[3].mean(1)", "out", "logits"])
    assert sorted(labels[end] for _, _, end in edges) == ["logits", "out", "out"]


def test_targets_stand_apart() -> None:
    text = render(report([samples.BERT, samples.HOSTILE, samples.NOTHING]), Look())
    _, edges = read(text)
    assert text.count("subgraph") == text.count("\n  end\n") == 3
    assert all(start[:2] == end[:2] for start, _, end in edges)


@given(st.text(min_size=1).map(clean).filter(bool))
def test_a_label_is_text_whatever_it_holds(text: str) -> None:
    (readout,) = samples.BERT.readouts
    hostile = replace(
        samples.BERT, target=text, readouts=(replace(readout, steps=(PathStep(text, ""), PathStep("", text))),)
    )
    nodes, _ = read(render(report([hostile, hostile]), Look()))
    assert [lines for lines in nodes.values() if lines == [text]] == [[text]] * 4
