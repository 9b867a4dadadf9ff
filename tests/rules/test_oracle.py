"""Every rule against what its op really does. A new rule without samples fails here."""

# ruff: noqa: E501 (tables read best a row a line)
from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from rule_cases import CASES
from rule_oracle import FEW, MANY, TAME, Case, bound, drawn, gradients, pin, tried, witness
from rule_samples import all_cases, choices, overloads
from schema_samples import by_schema, ruled_overload

from archtrace.reach.rules import registry
from archtrace.reach.values import Unknown

#: Rules that claim more than can happen, and why. Nothing is ever missed.
LOOSE = {
    "linalg_inv linalg_det linalg_qr linalg_svd linalg_svdvals linalg_eigh linalg_eigvalsh linalg_slogdet inverse det slogdet": "which element of a matrix is not followed",
    "svd qr linalg_matrix_exp matrix_exp linalg_pinv pinverse logdet linalg_solve_triangular": "which element of a matrix is not followed",
    "linalg_solve cholesky_solve matrix_power linalg_matrix_power grid_sampler grid_sampler_2d": "which element of a matrix is not followed",
    "nll_loss nll_loss_nd nll_loss2d": "the class of the target is not followed",
    "cross_entropy_loss": "weights of classes reach through the target alone",
    "bincount histc": "whatever is counted anywhere is taken for counted everywhere",
    "linalg_matrix_norm": "a norm may be that of one row or column",
    "bucketize searchsorted": "the boundaries are sorted, so few of them can be told by a look-up",
    "isin any all logical_and logical_or eq ne": "seldom decided by one element: draws do not find all",
    "view.dtype": "which bytes of the last axis is not followed",
    "hardtanh": "a clamp between equal ends is constant",
    "bitwise_and bitwise_or bitwise_left_shift bitwise_right_shift __and__ __or__": "a known side may leave no bit to change",
    "nextafter": "the other side says which way to step, by one rounding error",
    "heaviside": "a known side that is not zero does not look at the other",
    "prelu": "a known positive element does not look at the weight",
    "median nanmedian argmax argmin": "the index along an axis of length 1 is constant",
    "fft_irfft fft_hfft": "the imaginary part of some coefficients does not count",
    "lstm gru rnn_tanh rnn_relu lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell": "units of a cell are not told apart",
}
REASONS = {f"aten::{name}": reason for names, reason in LOOSE.items() for name in names.split()}
#: What is exact nevertheless: a recurrent net's sequence, when nothing else is unknown.
SEQUENCES = {f"aten::{name}" for name in ("lstm", "gru", "rnn_tanh", "rnn_relu")}

pytestmark = [
    # torch warns of its own samples (beta ops, no degrees of freedom, even kernels with padding "same").
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
every_rule = pytest.mark.parametrize("name", sorted(registry.RULES))


@cache
def samples(name: str) -> list[Case]:
    """The samples of a rule, made by hand and by torch, and by its schema for an overload that has none of these."""
    found = all_cases(name, CASES)
    sampled = {case.op for case in found}
    made = (case for op in asked_of(name) if op not in sampled for case in by_schema(op))
    return [*found, *(choice for case in made for choice in choices(case))]


def asked_of(name: str) -> list[Any]:
    """The overloads that a row of the registry answers for."""
    if not name.startswith("aten::"):
        return []
    listed = [op for op in overloads(name.partition(".")[0]) if ruled_overload(op)]
    return [op for op in listed if registry.rule_of(op) is registry.RULES[name]]


@every_rule
def test_every_overload_has_a_sample(name: str) -> None:
    sampled = {case.op for case in samples(name)}
    lacking = [str(op) for op in asked_of(name) if op not in sampled]
    assert not lacking, f"add samples to rule_cases.py, or put into WITHOUT_RULE in archtrace/ops.py: {lacking}"


@every_rule
def test_rule(name: str) -> None:
    cases = samples(name)
    assert cases, f"{name} has no samples: add some to rule_cases.py, or drop the rule"
    for case in cases:
        step = case.step()
        assert step.narrowed, f"{step.reason}: {case}"
        results = case.run({})
        assert [(tuple(o.shape), o.dtype) for o in step.outputs] == [(tuple(r.shape), r.dtype) for r in results], case
        claimed = bound(case, step)
        loose = name in REASONS and not (name in SEQUENCES and case.unknown == (0,))
        found = witness(case, claimed, FEW if loose else MANY)
        for slot, result, entries in gradients(case):
            assert not (entries & ~claimed[slot, result]).any(), f"gradient beyond the bound: {case}"
        for key, real in found.items():
            assert not (real & ~claimed[key]).any(), f"missed: {case}"
            if not loose and case.tensors[key[0]].numel() > 1:
                assert not (claimed[key] & ~real).any(), f"claims too much: {case}"


@every_rule
def test_rule_beside_certain_zeros(name: str) -> None:
    """Some elements of each unknown operand are certainly zero: still nothing is missed, and what is claimed holds."""
    random = np.random.default_rng(2)
    for case in samples(name)[:3]:
        floating = [s for s in case.unknown if case.tensors[s].is_floating_point()]
        pinned = {s: np.where(random.random(tuple(case.tensors[s].shape)) < 0.4, 0.0, np.nan) for s in floating}
        step = case.step(pinned)
        claimed = bound(case, step)
        for key, real in witness(case, claimed, TAME, pinned).items():
            assert not (real & ~claimed[key]).any(), f"missed: {case}"
        _claims_hold(case, step.outputs, pinned, random)


def _claims_hold(
    case: Case, outputs: tuple[Unknown | torch.Tensor, ...], pinned: dict, random: np.random.Generator
) -> None:
    values = {s: pin(drawn(case.tensors[s], 1, random, case), pinned.get(s)) for s in case.unknown}
    results = tried(case, values)
    for output, real in zip(outputs, results, strict=True) if results is not None else ():
        if isinstance(output, torch.Tensor):
            assert torch.equal(output, real), case
        elif not real.is_complex():
            certain = np.broadcast_to(output.certain, output.shape)
            sure = ~np.isnan(certain)
            assert np.array_equal(certain[sure], real.to(torch.float64).numpy()[sure], equal_nan=True), case


def test_what_is_loose_has_a_rule() -> None:
    assert set(REASONS) <= set(registry.RULES)


def test_hand_made_samples_belong_to_a_rule() -> None:
    assert {registry.qualified(name) for name in CASES} <= set(registry.RULES)
