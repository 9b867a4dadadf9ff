"""The witness of a bound: which of the positions that may reach the logits numeric runs show to reach them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeAlias

import numpy as np

from archtrace.answer.positions import Positions, Rows
from archtrace.capture.execute import draws
from archtrace.capture.program import NodeKind, Program
from archtrace.reach.bound import Bound, rows_of
from archtrace.reach.dead_work import unused_elements
from archtrace.reach.flops import Flops
from archtrace.reach.marks import Marks
from archtrace.reach.values import drop_certain, shape_of_value
from archtrace.witness import numeric
from archtrace.witness.changes import CHANGES, LARGE, Bench, Change, constant, equal_positions, random_signs
from archtrace.witness.ids import base_ids, ordinary_ids, shift_ids, shifts, smallest_and_largest
from archtrace.witness.numeric import DRAWS, Draw
from archtrace.witness.place_search import (
    MOST_PLACES,
    element_masks,
    missing_places,
    on_other_features,
    places_by_changes,
    places_by_choice,
    places_by_ids,
    with_places,
)
from archtrace.witness.position_sets import inside, is_empty, join, nothing, union
from archtrace.witness.probe import ids_outside, outside
from archtrace.witness.subject import Subject
from archtrace.witness.varying import varying

#: For a program that draws at random: the most draws that are tried, and after how many in a row without a new position
#: the search ends. (An order of 19 positions hides one of them in 64 draws 3 times in 100.) Finite changes cost more
#: and are given up earlier: the third number holds where gradients show nothing, the fourth where they show something.
MOST_DRAWS, PATIENCE, CHANGE_PATIENCE, CHANGE_PATIENCE_BESIDE_GRADIENTS = 192, 64, 24, 6
#: Draws for finite changes alone. Their large parameters overcome a mask of -1e4, however small the features are: the
#: score of a feature within -1 and 1 does so by its weights, or not at all. Several, since a sign may have to be right.
FAR = (Draw(3, 3e5), Draw(4, 3e5), Draw(5, 3e5))
#: Seeds of the random signs that stand at all positions before a change is made.
SIGN_SEEDS = range(12)

#: Per node which elements have a gradient, for each row of the logits: marks.
Slopes: TypeAlias = Mapping[int, Marks]

__all__ = ["Subject", "Witness", "inside", "join"]


class Witness:
    """Runs one program with a few draws of its parameters, kept for all layouts."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._drawn: dict[Draw, numeric.Values] = {}
        self._random = is_random(program)

    def find_positions(self, subject: Subject, bound: Positions, special: frozenset[int]) -> Positions:
        """The positions that some draw shows to reach the logits. The search ends where they contain the bound."""
        subject = replace(subject, varying=varying(subject, special, self._parameters(DRAWS[0])))
        witnessed = nothing(bound)
        for draw in DRAWS:
            witnessed = join(witnessed, self._by_gradient(subject, draw))
            if inside(bound, witnessed):
                return witnessed
        witnessed = self._by_change(subject, bound, witnessed, special)
        return self._by_random_draws(subject, bound, witnessed, special) if self._random else witnessed

    def outside(self, subject: Subject, bound: Positions, special: frozenset[int]) -> Positions:
        """The positions that reach the logits though the bound leaves them out."""
        bench = self._bench(subject, DRAWS[0])
        rows = range(subject.bound.run.shape(subject.program.output)[0])
        missed = outside(subject, bench, bound, special, [slice(row, row + 1) for row in rows])
        return replace(missed, tokens=union(missed.tokens, ids_outside(subject, bench, bound.tokens, special)))

    def find_by_output_position(
        self, subject: Subject, bounds: Sequence[Positions], special: frozenset[int]
    ) -> tuple[Positions, ...]:
        """For each position of an output, the positions that gradients show to reach it.

        The output's rows are pairs of row and position, and there is one bound for each position.
        """
        subject = replace(subject, varying=varying(subject, special, self._parameters(DRAWS[0])))
        witnessed = tuple(map(nothing, bounds))
        for draw in DRAWS:
            slopes = self._slopes(subject, draw, [slice(i, None, len(bounds)) for i in range(len(bounds))])
            shown = (self._positions_of(subject, slopes, slice(i, i + 1)) for i in range(len(bounds)))
            witnessed = tuple(map(join, witnessed, shown))
            if all(map(inside, bounds, witnessed)):
                break
        return witnessed

    def outside_by_output_position(
        self, subject: Subject, bounds: Sequence[Positions], special: frozenset[int]
    ) -> Positions:
        """The positions that reach some position of such an output though its own bound leaves them out."""
        bench, missed = self._bench(subject, DRAWS[0]), nothing(bounds[0])
        for i, bound in enumerate(bounds):
            rows = slice(i, None, len(bounds))
            missed = join(missed, outside(subject, bench, bound, special, [rows]))
            # Ids that are only looked up act through their features, and these were changed already.
            if not subject.only_looks_up:
                ids = ids_outside(subject, bench, bound.tokens, special, rows)
                missed = replace(missed, tokens=union(missed.tokens, ids))
        return missed

    def confirms_dead_work(self, subject: Subject, whole: Bound, flops: Flops) -> bool:
        """Whether no output moves when the products and sums that the analysis calls dead are changed.

        `whole` is the bound of all outputs together.
        """
        nodes = self._program.nodes
        dead = {
            index: np.array(np.broadcast_to(flags, whole.run.shape(index)))
            for index, flags in unused_elements(whole)
            # Which elements parameters select is another question in every run: a flag for each has no place there.
            if not (nodes[index].many or any(nodes[index].selected))
            and whole.run.floating(index)
            and flops.of(nodes[index], whole)
        }
        outputs = {self._program.output, *self._program.returned.values()} if dead else ()
        return not any(self._moves(output, dead, subject) for output in outputs)

    def _moves(self, output: int, dead: Mapping[int, Marks], subject: Subject) -> bool:
        program = replace(self._program, output=output)
        bench = Bench(program, self._parameters(DRAWS[0]), subject.layout, watched=dead, gain=DRAWS[0].gain)
        # Where parameters select elements, a run may have fewer than the analysis allows for.
        masks = {index: mask for index, mask in dead.items() if shape_of_value(bench.values[index]) == mask.shape}
        return bool(bench.rows_moved(masks, LARGE[1]).any()) if masks else False

    def _parameters(self, draw: Draw) -> numeric.Values:
        key = replace(draw, noise=0)
        if key not in self._drawn:
            self._drawn[key] = numeric.parameters(self._program, key)
        return self._drawn[key]

    def _bench(self, subject: Subject, draw: Draw) -> Bench:
        watched = [*(node for node, _ in subject.reads.values()), *subject.comparisons]
        return Bench(self._program, self._parameters(draw), subject.layout, draw.noise, watched, gain=draw.gain)

    # -- gradients -----------------------------------------------------------------------------------------------

    def _by_gradient(self, subject: Subject, draw: Draw) -> Positions:
        """Tokens by all their ways to the logits; of several read tensors each only by its direct way."""
        return self._positions_of(subject, self._slopes(subject, draw), slice(None))

    def _slopes(self, subject: Subject, draw: Draw, rows: Sequence[slice] = ()) -> tuple[Slopes, Slopes]:
        """The gradients at the tokens' features, and at the read tensors, of `rows` of the logits together."""
        entries = subject.entries()
        nodes = [node for node, _ in subject.reads.values()]
        has_one_tensor = len(nodes) < 2
        parameters = self._parameters(draw)
        gradients = partial(numeric.gradients, self._program, parameters, subject.layout, draw=draw, rows=rows)
        marks = gradients([*entries, *nodes] if has_one_tensor else entries, apart=False)
        direct = marks if has_one_tensor else gradients(nodes, apart=True)
        # A constant element of a read tensor is read all the same; a constant feature says nothing of its token.
        values = subject.bound.run.values
        return {e: drop_certain(marks[e], values[e]) for e in entries}, {n: direct[n] for n in nodes}

    @staticmethod
    def _positions_of(subject: Subject, slopes: tuple[Slopes, Slopes], rows: slice) -> Positions:
        """The positions whose gradients show that they reach these rows of the logits."""
        features, read = slopes
        shapes = {node: subject.bound.run.shape(node) for node in read}
        reads = {n: rows_of(read[node][..., rows], shapes[node], axis) for n, (node, axis) in subject.reads.items()}
        return Positions(reads, subject.tokens({e: marks[..., rows] for e, marks in features.items()}))

    def _by_random_draws(
        self, subject: Subject, bound: Positions, witnessed: Positions, special: frozenset[int]
    ) -> Positions:
        """What other random draws of the forward itself show: of a mask, an order of positions, words to be dropped."""
        in_vain, has_gradients = 0, self._has_gradients(subject)
        for noise in range(1, MOST_DRAWS):
            if inside(bound, witnessed) or in_vain > (PATIENCE if has_gradients else CHANGE_PATIENCE):
                break
            draw = _cycled(DRAWS, noise)
            by_gradient, before = self._by_gradient(subject, draw), witnessed
            witnessed = join(witnessed, by_gradient)
            patience = CHANGE_PATIENCE if is_empty(by_gradient) else CHANGE_PATIENCE_BESIDE_GRADIENTS
            # A gradient shows which position is the largest under this mask; a change shows which could be.
            if not has_gradients or (witnessed == before and in_vain < patience):
                # Integers have no gradient: only the far draws overcome a mask of -1e4 in front of them.
                bench = self._bench(subject, draw if has_gradients else _cycled((*DRAWS, *FAR), noise))
                witnessed = self._by_changes_on(bench, subject, bound, witnessed, special)
            in_vain = in_vain + 1 if witnessed == before else 0
        return witnessed

    def _has_gradients(self, subject: Subject) -> bool:
        """Whether tokens become floats at once; integers have no gradient."""
        return all(subject.bound.run.floating(e) for e in subject.entries())

    # -- finite changes ------------------------------------------------------------------------------------------

    def _by_change(
        self, subject: Subject, bound: Positions, witnessed: Positions, special: frozenset[int]
    ) -> Positions:
        """Finite changes for the positions that no gradient showed: of features under every draw, then of ids."""
        for draw in (*DRAWS, *FAR):
            witnessed = self._by_changes_on(self._bench(subject, draw), subject, bound, witnessed, special)
            if inside(bound, witnessed):
                break
        return witnessed if inside(bound, witnessed) else self._by_base(subject, bound, witnessed, special)

    def _by_changes_on(
        self, bench: Bench, subject: Subject, bound: Positions, witnessed: Positions, special: frozenset[int]
    ) -> Positions:
        """Finite changes of features and read tensors, then other ids, all on one bench."""
        witnessed = self._features_and_reads(subject, bench, bound, witnessed)
        return replace(witnessed, tokens=self._ids_by_change(subject, bench, bound.tokens, witnessed.tokens, special))

    def _features_and_reads(
        self,
        subject: Subject,
        bench: Bench,
        bound: Positions,
        witnessed: Positions,
        changes: Sequence[Change] = CHANGES,
    ) -> Positions:
        witnessed = self._reads_by_change(subject, bench, bound, witnessed, changes)
        missing = missing_places(bound.tokens, witnessed.tokens)
        shown = places_by_changes(bench, subject.elements, missing, changes=changes)
        return replace(witnessed, tokens=with_places(witnessed.tokens, shown))

    def _by_base(self, subject: Subject, bound: Positions, witnessed: Positions, special: frozenset[int]) -> Positions:
        """Finite changes from another start: equal features or random signs at all positions, and other choices."""
        for draw in DRAWS:
            bench = self._bench(subject, draw)
            witnessed = self._reads_by_choice(subject, bench, bound, witnessed)
            base = on_other_features(subject, bench, equal_positions)
            witnessed = self._features_and_reads(subject, base, bound, witnessed)
            for seed in SIGN_SEEDS if not inside(bound, witnessed) else ():
                base = on_other_features(subject, bench, random_signs(seed))
                witnessed = self._features_and_reads(subject, base, bound, witnessed, CHANGES[:1])
            tokens = self._ids_by_base(subject, bench, bound.tokens, witnessed.tokens, special)
            witnessed = replace(witnessed, tokens=tokens)
            if inside(bound, witnessed):
                break
        return witnessed

    def _reads_by_change(
        self, subject: Subject, bench: Bench, bound: Positions, witnessed: Positions, changes: Sequence[Change]
    ) -> Positions:
        reads = dict(witnessed.reads)
        read_nodes = [node for node, _ in subject.reads.values()]
        for name, (node, axis) in subject.reads.items():
            masks = partial(element_masks, {node: axis}, subject)
            shown = places_by_changes(bench, masks, missing_places(bound.reads[name], reads[name]), read_nodes, changes)
            reads[name] = with_places(reads[name], shown)
        return replace(witnessed, reads=reads)

    def _reads_by_choice(self, subject: Subject, bench: Bench, bound: Positions, witnessed: Positions) -> Positions:
        """Where one read tensor chooses the position of another, it is made to choose each position in turn."""
        reads = dict(witnessed.reads)
        for name, (node, axis) in subject.reads.items():
            other_axes = {n: a for n, a in subject.reads.values() if n != node}
            missing = missing_places(bound.reads[name], reads[name])[:MOST_PLACES]
            shown = places_by_choice(bench, missing, {node: axis}, other_axes, subject)
            reads[name] = with_places(reads[name], shown)
        return replace(witnessed, reads=reads)

    def _ids_by_change(
        self, subject: Subject, bench: Bench, bound: Rows, witnessed: Rows, special: frozenset[int]
    ) -> Rows:
        """Other ordinary ids: nothing else shows ids that are counted, compared or hashed and never embedded."""
        ordinary, missing = ordinary_ids(subject, special), missing_places(bound, witnessed)
        for shift in shifts(len(ordinary)) if missing and ordinary else ():
            missing = missing_places(bound, witnessed)
            witnessed = with_places(witnessed, places_by_ids(subject, bench, missing, shift_ids(ordinary, shift)))
        return witnessed

    def _ids_by_base(
        self, subject: Subject, bench: Bench, bound: Rows, witnessed: Rows, special: frozenset[int]
    ) -> Rows:
        """The smallest and the largest id on other base ids: they show what is sorted, counted or chosen by size."""
        ordinary = ordinary_ids(subject, special)
        if not ordinary or not subject.has_shared_features or not missing_places(bound, witnessed):
            return witnessed
        by_shift = (shift_ids(ordinary, shift) for shift in (1, len(ordinary) // 2))
        id_maps = (*smallest_and_largest(ordinary), *by_shift)
        for ids in (None, *base_ids(subject, ordinary)):
            base = {} if ids is None else {**bench.keep_fixed(subject.comparisons), subject.ids: constant(ids)}
            based = bench.on(base)
            for id_map in id_maps:
                # One by one: where all ids become the largest, none is larger than the others.
                for place in missing_places(bound, witnessed)[:MOST_PLACES]:
                    witnessed = with_places(witnessed, places_by_ids(subject, based, [place], id_map, ids))
        return witnessed


def _cycled(draws: Sequence[Draw], noise: int) -> Draw:
    """The draws of parameters in turn, each with another seed for what the forward itself draws."""
    return replace(draws[noise % len(draws)], noise=noise)


def is_random(program: Program) -> bool:
    """Whether a program draws random numbers."""
    return any(node.kind is NodeKind.OP and draws(node.operation, node.args, node.kwargs) for node in program.nodes)
