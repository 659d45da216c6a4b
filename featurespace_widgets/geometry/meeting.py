"""The search for common faces: segments between points of the domain, then a linear program a pair.

Segments stay in the convex domain, and the logits on them are blends of those at their ends, so deciding
a pair needs no product with the weights. What they leave open goes to a linear program over few rivals, to
which others are added as they matter.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import Bounds

from .arrays import Array, Features
from .farkas import TOLERANCE, Proof, logit_size, tie_bound
from .head import LinearHead
from .linear_program import Program, attempts

__all__ = ["TIE", "Search", "some_rows"]

TIE = 1e-10  # relative size of a difference that is zero
SAMPLES = 8  # training points a class that are looked at
ROUNDS = 4  # of segments between them
FAR = 1e3  # times the reach: beyond it a tie of all classes is not looked for
RIVALS = 24  # in the first linear program of a pair
BLOCK = 2**20  # logits compared at a time


class Search:
    """Pairs decided so far."""

    def __init__(self, head: LinearHead, domain: Bounds | None, end: float) -> None:
        self.head, self.domain, self.end = head, domain, end
        count, d = head.num_classes, head.dimension
        free = np.full(d, np.inf)
        self.lower: Array
        self.upper: Array
        self.lower, self.upper = (-free, free) if domain is None else (domain.lb, domain.ub)
        self.signs = np.zeros((count, count), np.int8)
        self.firsts, self.seconds = np.zeros((2, count, count), np.int32)
        self.shares = np.zeros((count, count))
        self.points: list[Array] = []
        self.count = 0
        self.logits = np.empty((0, count))
        self.proofs: dict[tuple[int, int], Proof] = {}
        self.reach = self._scale()

    def _scale(self) -> float:
        """Norm of the points that matter before any is known: bounds and boundaries."""
        differences = self.head.bias - self.head.bias[0]
        lengths = np.linalg.norm(self.head.weight - self.head.weight[0], axis=1)
        apart = np.abs(differences[lengths > 0]) / lengths[lengths > 0]
        sides = [np.abs(side[np.isfinite(side)]) for side in (self.lower, self.upper)]
        scale = float(np.concatenate([apart, *sides]).max(initial=0.0))
        return scale if scale > 0 else 1.0

    def left(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Pairs i < j that are still undecided."""
        i, j = np.nonzero(np.triu(self.signs == 0, 1))
        return i, j

    def add(self, points: Array) -> NDArray[np.intp]:
        """Keep points of the domain; their indices."""
        self.points.append(points)
        self.logits = np.vstack([self.logits, points @ self.head.weight.T + self.head.bias])
        self.count += len(points)
        return np.arange(self.count - len(points), self.count)

    def harvest(self, points: Array) -> None:
        """Tie points of segments between representatives of the classes."""
        logits = points @ self.head.weight.T + self.head.bias
        self.reach = float(np.linalg.norm(points, axis=1).max(initial=self.reach))
        for chosen in _representatives(points, logits):
            kept = self.add(chosen)
            winners = self.logits[kept].argmax(axis=1)
            of_class = np.full(self.head.num_classes, -1)
            of_class[winners] = kept
            i, j = self.left()
            there = (of_class[i] >= 0) & (of_class[j] >= 0)
            self.segments(i[there], j[there], of_class)
            if not len(self.left()[0]):
                return

    def segments(self, i: NDArray[np.intp], j: NDArray[np.intp], of_class: NDArray[np.intp]) -> None:
        """Decide pairs whose classes tie above all others between their representatives."""
        kept = of_class[of_class >= 0]
        slack = 2 * TOLERANCE * logit_size(self.head, self.reach)
        # The second best logit of each point bounds the others on a segment without a look at all K.
        own = self.logits[kept].copy()
        rest = np.full(self.count, np.inf)
        own[np.arange(len(kept)), own.argmax(axis=1)] = -np.inf
        rest[kept] = own.max(axis=1)
        step = max(1, BLOCK // self.head.num_classes)
        for start in range(0, len(i), step):
            p, q = i[start : start + step], j[start : start + step]
            a, b = of_class[p], of_class[q]
            lead, trail = self.logits[a, p] - self.logits[a, q], self.logits[b, q] - self.logits[b, p]
            with np.errstate(invalid="ignore", divide="ignore"):
                t = lead / (lead + trail)
            top = (1 - t) * self.logits[a, p] + t * self.logits[b, p]
            margin = top - ((1 - t) * rest[a] + t * rest[b])
            hard = np.flatnonzero(~(margin > slack) & (lead + trail > 0))
            values = (1 - t[hard])[:, None] * self.logits[a[hard]] + t[hard][:, None] * self.logits[b[hard]]
            rows = np.arange(len(hard))
            values[rows, p[hard]] = values[rows, q[hard]] = -np.inf
            margin[hard] = top[hard] - values.max(axis=1, initial=-np.inf)
            found = (margin > slack) & (t >= 0) & (t <= 1)
            p, q = p[found], q[found]
            self.signs[p, q] = 1
            self.firsts[p, q], self.seconds[p, q], self.shares[p, q] = a[found], b[found], t[found]

    def all_tie(self) -> None:
        """A point inside the domain where all classes tie: around it, independent classes all meet."""
        head = self.head
        rows, offsets = head.weight[1:] - head.weight[0], head.bias[1:] - head.bias[0]
        if len(rows) > head.dimension:
            return
        gram = rows @ rows.T
        if np.linalg.cond(gram) > 1e12 if len(gram) <= 200 else not _definite(gram):
            return
        inverse = cho_solve(cho_factor(gram), rows).T  # columns raise one class alone
        centre = self._centre()
        point = centre - inverse @ (rows @ centre + offsets)
        if self.domain is not None and not self._room(point) > 0:
            found = self._deepest_tie(rows, offsets)
            if found is None:
                return
            point = found
        if np.linalg.norm(point) > FAR * self.reach:
            return
        moves = np.column_stack([-inverse.sum(axis=1), inverse])
        moves /= np.linalg.norm(moves, axis=0)
        length = np.full(moves.shape[1], max(self.reach, float(np.linalg.norm(point))))
        if self.domain is not None:
            with np.errstate(divide="ignore", invalid="ignore"):
                room = np.where(
                    moves < 0, point[:, None] - self.lower[:, None], self.upper[:, None] - point[:, None]
                )
                length = np.minimum(
                    length, 0.9 * np.where(moves != 0, room / np.abs(moves), np.inf).min(axis=0)
                )
        self.harvest_one((point[:, None] + length * moves).T)

    def harvest_one(self, points: Array) -> None:
        """Segments between points of which the k-th is for class k."""
        kept = self.add(points)
        i, j = self.left()
        self.segments(i, j, kept)

    def _centre(self) -> Array:
        if self.points and self.count:
            centre: Array = np.concatenate(self.points).mean(axis=0)
            return centre
        low = np.where(
            np.isfinite(self.lower), self.lower, np.minimum(self.upper - 2 * self.reach, -self.reach)
        )
        low = np.where(np.isfinite(low), low, -self.reach)
        return (low + np.where(np.isfinite(self.upper), self.upper, low + 2 * self.reach)) / 2

    def _room(self, point: Array) -> float:
        """Least distance from the bounds, beyond rounding."""
        room = np.minimum(point - self.lower, self.upper - point).min()
        return float(room) - TOLERANCE * self.reach

    def _deepest_tie(self, rows: Array, offsets: Array) -> Array | None:
        if (self.lower == self.upper).any():
            return None
        lengths = np.linalg.norm(rows, axis=1)
        count = len(rows)
        program = Program(
            np.vstack([rows / lengths[:, None], np.zeros((1, rows.shape[1]))]),
            np.append(offsets / lengths, self.reach),
            np.append(np.zeros(count), 1.0),
            self.lower,
            self.upper,
            equal=count,
            shrink=True,
        )
        found = next(iter(attempts(program, self.reach, loose=True)))
        return found.point if self._room(found.point) > 0 else None

    def directions(self) -> Array:
        """Points along each class's own direction, cut off at the domain, at several lengths."""
        centred = self.head.weight - self.head.weight.mean(axis=0)
        lengths = np.linalg.norm(centred, axis=1, keepdims=True)
        heading = centred / np.where(lengths > 0, lengths, 1.0)
        centre = self._centre()
        reach = self.reach * np.sqrt(self.head.dimension)
        points = [np.clip(centre + reach * s * heading, self.lower, self.upper) for s in (0.3, 1.0, 3.0)]
        return np.concatenate(points)

    def program(self, i: int, j: int) -> None:
        """The linear program of one pair, over the rivals that matter."""
        none = np.empty(0, dtype=np.intp)
        if any(self._apart((i, j), none, np.array([tie, 1.0])) for tie in (1.0, -1.0)):
            return  # one is above the other in the whole domain
        head, pair = self.head, (i, j)
        size = logit_size(head, self.reach)
        others = np.setdiff1d(np.arange(head.num_classes), pair)
        active = others if len(others) <= 2 * RIVALS else others[self._order(i, j, others)[:RIVALS]]
        fixed = self.lower == self.upper
        while True:
            rows = np.vstack([head.weight[i] - head.weight[[j, *active]], np.zeros(head.dimension)])
            offsets = np.append(head.bias[i] - head.bias[[j, *active]], size)
            offsets = offsets + rows[:, fixed] @ self.lower[fixed]
            unit = float(np.linalg.norm(rows, axis=1).max())
            unit = unit if unit > 0 else 1.0
            rises = np.ones(len(rows))
            rises[0] = 0.0
            flat = not np.any(rows[0, ~fixed])  # the two tie everywhere
            program = Program(
                rows[flat:, ~fixed] / unit,
                offsets[flat:] / unit,
                rises[flat:],
                self.lower[~fixed],
                self.upper[~fixed],
                equal=1 - flat,
            )
            added = False
            for found in attempts(program, self.reach, loose=True):
                point = np.where(fixed, self.lower, 0.0)
                point[~fixed] = np.clip(found.point, self.lower[~fixed], self.upper[~fixed])
                if self._meets(pair, point):
                    return
                if self._apart(pair, active, np.append(np.zeros(int(flat)), found.multipliers)):
                    return
                logits = head.weight @ point + head.bias
                above = np.setdiff1d(others[logits[others] >= min(logits[i], logits[j])], active)
                if len(above) and found.level > 0:
                    worst = above[np.argsort(-logits[above])[:RIVALS]]
                    active, added = np.concatenate([active, worst]), True
                    break
            if not added or time.perf_counter() > self.end:
                return

    def _order(self, i: int, j: int, others: NDArray[np.intp]) -> NDArray[np.intp]:
        """Rivals, the highest at the best known tie first."""
        centre = self._centre()
        logits = self.head.weight @ centre + self.head.bias
        if self.count:
            logits = self.logits[self.logits[:, [i, j]].min(axis=1).argmax()]
        order: NDArray[np.intp] = np.argsort(-logits[others])
        return order

    def _meets(self, pair: tuple[int, int], point: Array) -> bool:
        """Keep a point as the pair's witness if it is one."""
        i, j = pair
        logits = self.head.weight @ point + self.head.bias
        size = logit_size(self.head, self.reach)
        margin = min(logits[i], logits[j]) - np.delete(logits, pair).max(initial=-np.inf)
        if not (margin > 2 * TOLERANCE * size and abs(logits[i] - logits[j]) <= TIE / 2 * size):
            return False
        (kept,) = self.add(point[None])
        self.signs[i, j], self.firsts[i, j], self.seconds[i, j] = 1, kept, kept
        return True

    def _apart(self, pair: tuple[int, int], active: NDArray[np.intp], multipliers: Array) -> bool:
        """Keep multipliers of a pair's program as its proof if they are one."""
        weights, tie = np.maximum(multipliers[1:-1], 0.0), float(multipliers[0])
        largest = weights.max(initial=0.0)
        weights = np.where(weights > 1e-13 * largest, weights, 0.0)
        total = float(weights.sum())
        total = total if total > 1e-9 * abs(tie) else max(abs(tie), 1e-300)
        kept = weights > 0
        proof = Proof(active[kept], weights[kept] / total, tie / total, 0.0)
        scale = logit_size(self.head, self.reach)
        bound = tie_bound(self.head, self.domain, pair, proof, scale)
        if not bound <= TOLERANCE / 2 * scale:
            return False
        self.signs[pair] = -1
        self.proofs[pair] = Proof(proof.classes, proof.multipliers, proof.tie, bound)
        return True

    def spread(self) -> None:
        """Decide what points made for the purpose can, without a linear program."""
        if len(self.left()[0]):
            self.all_tie()
        if len(self.left()[0]):
            self.harvest(self.directions())

    def finish(self) -> None:
        """Decide what the features left open, while there is time."""
        self.spread()
        for i, j in zip(*self.left(), strict=True):
            if time.perf_counter() > self.end:
                break
            self.program(int(i), int(j))

    def all_points(self) -> Array:
        """(P, d) the points kept."""
        return np.concatenate([np.empty((0, self.head.dimension)), *self.points])


def _definite(gram: Array) -> bool:
    """Whether a Gram matrix is safely invertible, by its Cholesky pivots."""
    try:
        pivots = np.diag(np.linalg.cholesky(gram))
    except np.linalg.LinAlgError:
        return False
    return bool(pivots.min() > 1e-6 * pivots.max())


def some_rows(features: Features, classes: int) -> Array:
    """Evenly spaced rows, enough for each class to have some."""
    step = max(1, len(features) // max(1000, SAMPLES * classes))
    return np.asarray(features[::step], dtype=np.float64)


def _representatives(points: Array, logits: Array) -> list[Array]:
    """For several rounds, one point of each class that has any: the deepest, the mean, and others."""
    winners = logits.argmax(axis=1)
    top = logits[np.arange(len(logits)), winners]
    second = np.partition(logits, -2, axis=1)[:, -2]
    order = np.lexsort((second - top, winners))
    classes, starts, counts = np.unique(winners[order], return_index=True, return_counts=True)
    if not len(classes):
        return []
    rounds = [points[order[starts]]]
    means = np.add.reduceat(points[order], starts, axis=0) / counts[:, None]
    rounds.append(means)
    for k in range(1, ROUNDS - 1):
        rounds.append(points[order[starts + (counts - 1) * k // (ROUNDS - 2)]])
    return rounds
