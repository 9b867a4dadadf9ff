"""The witness of a bound: which of the positions that may reach the logits are seen to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeAlias

import numpy as np
import torch

from archtrace.answer.positions import Positions, Rows
from archtrace.capture.execute import draws
from archtrace.capture.program import NodeKind, Program
from archtrace.reach.bound import Bound, batch_axis, rows_of
from archtrace.reach.dead_work import unused_elements
from archtrace.reach.flops import Flops
from archtrace.reach.marks import Marks
from archtrace.reach.values import drop_certain, shape_of_value
from archtrace.witness import numeric
from archtrace.witness.changes import CHANGES, LARGE, SPIKES, Bench, Change, at, constant, level, parted
from archtrace.witness.ids import Another, bases, extremes, moved_on, other_ids, put_ids, runs, shifts
from archtrace.witness.numeric import DRAWS, Draw
from archtrace.witness.position_sets import TokenPlaces, any_position, beyond, inside, join, nothing, places, union
from archtrace.witness.probe import ids_outside, moving_singly, outside
from archtrace.witness.subject import Subject
from archtrace.witness.varying import varying

#: Positions that are changed one by one, at most: a bound that shows itself nowhere costs no more.
TRIED = 64
#: Random draws of a forward, at most, and how many of them in a row may show nothing new: an order of 19 positions
#: hides one of them in 64 draws 3 times in 100. Finite changes cost more, and are given up earlier: after so many where
#: ids are no features at once, and after so many where gradients show something.
MOST_NOISE, PATIENCE, TRIES, CHANGED = 192, 64, 24, 6
#: Draws for finite changes alone, whose numbers reach what stands behind a mask of -1e4 however small the features are:
#: the score of a feature within -1 and 1 does so by its weights, or not at all. Several: a sign may have to be right.
FAR = (Draw(3, 3e5), Draw(4, 3e5), Draw(5, 3e5))
#: Beside one value at all positions, -1 or 1 at each, drawn several times.
PARTED = range(12)

#: Per node which elements have a gradient, for each row of the logits: marks.
Slopes: TypeAlias = Mapping[int, Marks]

__all__ = ["Subject", "Witness", "inside", "join"]


class Witness:
    """Runs one program with a few draws of its parameters, kept for all layouts."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._drawn: dict[Draw, numeric.Values] = {}
        self._random = is_random(program)

    def see(self, subject: Subject, bound: Positions, special: frozenset[int]) -> Positions:
        """The positions that some draw shows to reach the logits. Stops as soon as they hold the bound."""
        subject = replace(subject, varying=varying(subject, special, self._parameters(DRAWS[0])))
        seen = nothing(bound)
        for draw in DRAWS:
            seen = join(seen, self._by_gradient(subject, draw))
            if inside(bound, seen):
                return seen
        seen = self._by_change(subject, bound, seen, special)
        return self._by_noise(subject, bound, seen, special) if self._random else seen

    def outside(self, subject: Subject, bound: Positions, special: frozenset[int]) -> Positions:
        """The positions that reach the logits though the bound leaves them out."""
        bench = self._bench(subject, DRAWS[0])
        rows = range(subject.bound.run.shape(subject.program.output)[0])
        missed = outside(subject, bench, bound, special, [slice(row, row + 1) for row in rows])
        return replace(missed, tokens=union(missed.tokens, ids_outside(subject, bench, bound.tokens, special)))

    def see_each(self, subject: Subject, bounds: Sequence[Positions], special: frozenset[int]) -> tuple[Positions, ...]:
        """For each position of an output whose rows are (row, position) what gradients show to reach it."""
        subject = replace(subject, varying=varying(subject, special, self._parameters(DRAWS[0])))
        seen = tuple(map(nothing, bounds))
        for draw in DRAWS:
            slopes = self._slopes(subject, draw, [slice(i, None, len(bounds)) for i in range(len(bounds))])
            shown = (self._reached(subject, slopes, slice(i, i + 1)) for i in range(len(bounds)))
            seen = tuple(map(join, seen, shown))
            if all(map(inside, bounds, seen)):
                break
        return seen

    def outside_each(self, subject: Subject, bounds: Sequence[Positions], special: frozenset[int]) -> Positions:
        """The positions that reach some position of such an output though its own bound leaves them out."""
        bench, missed = self._bench(subject, DRAWS[0]), nothing(bounds[0])
        for i, bound in enumerate(bounds):
            rows = slice(i, None, len(bounds))
            missed = join(missed, outside(subject, bench, bound, special, [rows]))
            # Where ids are only looked up, other ids are other features, and these were changed.
            if not subject.looked_up:
                ids = ids_outside(subject, bench, bound.tokens, special, rows)
                missed = replace(missed, tokens=union(missed.tokens, ids))
        return missed

    def removable(self, subject: Subject, whole: Bound, flops: Flops) -> bool:
        """Whether no output moves when the sums of products that reach none of them are something else.

        `whole` is the bound of all outputs together.
        """
        nodes = self._program.nodes
        dead = {
            index: np.array(np.broadcast_to(flags, whole.run.shape(index)))
            for index, flags in unused_elements(whole)
            if not nodes[index].many and whole.run.floating(index) and flops.of(nodes[index], whole)
        }
        outputs = {self._program.output, *self._program.returned.values()} if dead else ()
        return not any(self._moves(output, dead, subject) for output in outputs)

    def _moves(self, output: int, dead: Mapping[int, Marks], subject: Subject) -> bool:
        program, given = replace(self._program, output=output), self._parameters(DRAWS[0])
        bench = Bench(program, given, subject.layout, watched=dead, gain=DRAWS[0].gain)
        # where parameters select, a run has fewer elements than there could be
        masks = {index: mask for index, mask in dead.items() if shape_of_value(bench.values[index]) == mask.shape}
        return bool(bench.moved(masks, LARGE[1]).any()) if masks else False

    def _parameters(self, draw: Draw) -> numeric.Values:
        key = replace(draw, noise=0)
        if key not in self._drawn:
            self._drawn[key] = numeric.parameters(self._program, key)
        return self._drawn[key]

    def _bench(self, subject: Subject, draw: Draw) -> Bench:
        watched = [*(node for node, _ in subject.reads.values()), *subject.comparisons]
        given = self._parameters(draw)
        return Bench(self._program, given, subject.layout, draw.noise, watched, gain=draw.gain)

    # -- gradients -----------------------------------------------------------------------------------------------

    def _by_gradient(self, subject: Subject, draw: Draw) -> Positions:
        """Tokens with every way to the logits; of several read tensors each for what is read of it directly."""
        return self._reached(subject, self._slopes(subject, draw), slice(None))

    def _slopes(self, subject: Subject, draw: Draw, rows: Sequence[slice] = ()) -> tuple[Slopes, Slopes]:
        """The gradients at the tokens' features, and at the read tensors, of `rows` of the logits together."""
        entries = subject.entries()
        nodes = [node for node, _ in subject.reads.values()]
        together = len(nodes) < 2
        seen = partial(numeric.gradients, self._program, self._parameters(draw), subject.layout, draw=draw, rows=rows)
        marks = seen([*entries, *nodes] if together else entries, apart=False)
        direct = marks if together else seen(nodes, apart=True)
        # a constant of a read tensor is read; one of the tokens' features is nothing that a token changes
        values = subject.bound.run.values
        return {e: drop_certain(marks[e], values[e]) for e in entries}, {n: direct[n] for n in nodes}

    @staticmethod
    def _reached(subject: Subject, slopes: tuple[Slopes, Slopes], rows: slice) -> Positions:
        """The positions that reach some rows of the logits by their gradients."""
        features, read = slopes
        shapes = {node: subject.bound.run.shape(node) for node in read}
        reads = {n: rows_of(read[node][..., rows], shapes[node], axis) for n, (node, axis) in subject.reads.items()}
        return Positions(reads, subject.tokens({e: marks[..., rows] for e, marks in features.items()}))

    def _by_noise(self, subject: Subject, bound: Positions, seen: Positions, special: frozenset[int]) -> Positions:
        """What other random draws of the forward itself show: a mask, an order of positions, words that are dropped."""
        quiet, smooth = 0, self._smooth(subject)
        for noise in range(1, MOST_NOISE):
            if inside(bound, seen) or quiet > (PATIENCE if smooth else TRIES):
                break
            draw = _cycled(DRAWS, noise)
            slopes, before = self._by_gradient(subject, draw), seen
            seen = join(seen, slopes)
            # A gradient shows who is the largest under this mask; a change shows who could be.
            if (quiet < TRIES and not any_position(slopes)) or not smooth or (seen == before and quiet < CHANGED):
                # No gradient tells of integers: what stands behind a mask of -1e4 is seen by the far draws alone.
                bench = self._bench(subject, draw if smooth else _cycled((*DRAWS, *FAR), noise))
                seen = self._changed(subject, bench, bound, seen, special)
            quiet = quiet + 1 if seen == before else 0
        return seen

    def _smooth(self, subject: Subject) -> bool:
        """Whether tokens become floats at once; integers have no gradient."""
        return all(subject.bound.run.floating(e) for e in subject.entries())

    # -- finite changes ------------------------------------------------------------------------------------------

    def _by_change(self, subject: Subject, bound: Positions, seen: Positions, special: frozenset[int]) -> Positions:
        """Finite changes for the positions that no gradient showed: of features under every draw, then of ids."""
        for draw in (*DRAWS, *FAR):
            seen = self._changed(subject, self._bench(subject, draw), bound, seen, special)
            if inside(bound, seen):
                break
        return seen if inside(bound, seen) else self._by_base(subject, bound, seen, special)

    def _changed(
        self, subject: Subject, bench: Bench, bound: Positions, seen: Positions, special: frozenset[int]
    ) -> Positions:
        seen = self._features_and_reads(subject, bench, bound, seen)
        return replace(seen, tokens=self._ids_by_change(subject, bench, bound.tokens, seen.tokens, special))

    def _features_and_reads(
        self, subject: Subject, bench: Bench, bound: Positions, seen: Positions, changes: Sequence[Change] = CHANGES
    ) -> Positions:
        seen = self._reads_by_change(subject, bench, bound, seen, changes)
        shown = _shown(bench, subject.elements, _missing(bound.tokens, seen.tokens), changes=changes)
        return replace(seen, tokens=_with(seen.tokens, shown))

    def _by_base(self, subject: Subject, bound: Positions, seen: Positions, special: frozenset[int]) -> Positions:
        """Finite changes seen from elsewhere: where all positions are alike, and where another one is chosen."""
        for draw in DRAWS:
            bench = self._bench(subject, draw)
            seen = self._reads_by_choice(subject, bench, bound, seen)
            seen = self._features_and_reads(subject, _on(subject, bench, level), bound, seen)
            for seed in PARTED if not inside(bound, seen) else ():
                base = _on(subject, bench, parted(seed))
                seen = self._features_and_reads(subject, base, bound, seen, CHANGES[:1])
            seen = replace(seen, tokens=self._ids_by_base(subject, bench, bound.tokens, seen.tokens, special))
            if inside(bound, seen):
                break
        return seen

    def _reads_by_change(
        self, subject: Subject, bench: Bench, bound: Positions, seen: Positions, changes: Sequence[Change]
    ) -> Positions:
        reads = dict(seen.reads)
        held = [node for node, _ in subject.reads.values()]
        for name, (node, axis) in subject.reads.items():
            masks = partial(_masks, {node: axis}, subject)
            shown = _shown(bench, masks, _missing(bound.reads[name], reads[name]), held, changes)
            reads[name] = _with(reads[name], shown)
        return replace(seen, reads=reads)

    def _reads_by_choice(self, subject: Subject, bench: Bench, bound: Positions, seen: Positions) -> Positions:
        """One read tensor may choose which position of another is read: the choice is made to fall on each in turn."""
        reads = dict(seen.reads)
        for name, (node, axis) in subject.reads.items():
            others = {n: a for n, a in subject.reads.values() if n != node}
            missing = _missing(bound.reads[name], reads[name])[:TRIED]
            reads[name] = _with(reads[name], _chosen(bench, missing, {node: axis}, others, subject))
        return replace(seen, reads=reads)

    def _ids_by_change(self, subject: Subject, bench: Bench, bound: Rows, seen: Rows, special: frozenset[int]) -> Rows:
        """Other ordinary ids: all that shows where ids are counted, compared or hashed and never embedded."""
        ordinary, missing = other_ids(subject, special), _missing(bound, seen)
        for shift in shifts(len(ordinary)) if missing and ordinary else ():
            seen = _with(seen, _other(subject, bench, _missing(bound, seen), moved_on(ordinary, shift)))
        return seen

    def _ids_by_base(self, subject: Subject, bench: Bench, bound: Rows, seen: Rows, special: frozenset[int]) -> Rows:
        """The smallest and the largest id among others: what is sorted, counted or chosen by its size."""
        ordinary = other_ids(subject, special)
        if not ordinary or not subject.shared or not _missing(bound, seen):
            return seen
        for ids in (None, *bases(subject, ordinary)):
            base = {} if ids is None else {**bench.kept(subject.comparisons), subject.ids: constant(ids)}
            stage = bench.on(base)
            for another in (*extremes(ordinary), moved_on(ordinary, 1), moved_on(ordinary, len(ordinary) // 2)):
                # One by one: all of them as the largest, none is larger than before.
                for place in _missing(bound, seen)[:TRIED]:
                    seen = _with(seen, _other(subject, stage, [place], another, ids))
        return seen


def _cycled(draws: Sequence[Draw], noise: int) -> Draw:
    """One of the draws of parameters in turn, with what the forward draws at random."""
    return replace(draws[noise % len(draws)], noise=noise)


def _on(subject: Subject, bench: Bench, change: Change) -> Bench:
    """The bench with other features to begin with."""
    return bench.on({e: at(mask, change) for e, mask in subject.elements(subject.places).items()})


def _other(
    subject: Subject, bench: Bench, missing: TokenPlaces, another: Another, base: torch.Tensor | None = None
) -> Iterator[tuple[int, int]]:
    """The places where another id moves the logits."""

    def moves(some: TokenPlaces) -> bool:
        ids = put_ids(subject, some, another, base)
        # Where the program is another for all of them at once, it may be the same for each alone.
        return bool(bench.put(subject.ids, ids, subject.comparisons).any()) if runs(subject, ids) else len(some) > 1

    yield from moving_singly(missing[:TRIED], moves)


def is_random(program: Program) -> bool:
    """True for a program that draws at random."""
    return any(node.kind is NodeKind.OP and draws(node.operation, node.args, node.kwargs) for node in program.nodes)


def _shown(
    bench: Bench,
    masks: Callable[[TokenPlaces], Mapping[int, Marks]],
    missing: TokenPlaces,
    held: Collection[int] = (),
    changes: Sequence[Change] = CHANGES,
) -> Iterator[tuple[int, int]]:
    """The places that some change shows. A change that shows nothing of all places at once is not tried singly."""
    left = list(missing[:TRIED])
    for change in changes if left else ():
        chosen = masks(left)
        if not chosen or not bench.moved(chosen, change, held).any():
            continue
        for place in list(left):
            if (one := masks([place])) and bench.moved(one, change, held).any():
                left.remove(place)
                yield place
        if not left:
            break


def _chosen(
    bench: Bench,
    missing: TokenPlaces,
    node: Mapping[int, int],
    others: Mapping[int, int],
    subject: Subject,
) -> Iterator[tuple[int, int]]:
    """The places of a node that show once the other read tensors single out each of their own positions in turn."""
    rows = range(subject.bound.run.shape(subject.program.output)[0])
    counts = [subject.bound.run.shape(n)[axis] for n, axis in others.items()]
    left = list(missing)
    for position in range(min([TRIED, *counts]) if others else 0):
        for spike in SPIKES if left else ():
            masks = _masks(others, subject, [(row, position) for row in rows])
            spiked = bench.on({n: at(mask, spike) for n, mask in masks.items()})

            def moves(some: TokenPlaces, spiked: Bench = spiked) -> bool:
                return bool(spiked.moved(_masks(node, subject, some), CHANGES[0], others).any())

            found = list(moving_singly(left, moves))
            left = [place for place in left if place not in found]
            yield from found


def _masks(nodes: Mapping[int, int], subject: Subject, chosen: TokenPlaces) -> dict[int, Marks]:
    """The elements at some rows and positions of nodes, given with their axes of positions."""
    masks: dict[int, Marks] = {}
    for node, axis in nodes.items():
        masks[node] = mask = np.zeros(subject.bound.run.shape(node), dtype=np.bool_)
        for row, position in chosen:
            index: list[int | slice] = [slice(None)] * mask.ndim
            index[batch_axis(axis)], index[axis] = row, position
            mask[tuple(index)] = True
    return masks


def _missing(bound: Rows, seen: Rows) -> list[tuple[int, int]]:
    return places(beyond(Positions({}, bound), Positions({}, seen)).tokens)


def _with(rows: Rows, shown: Iterable[tuple[int, int]]) -> Rows:
    found = list(shown)
    return union(rows, tuple(tuple(p for r, p in found if r == row) for row in range(len(rows))))
