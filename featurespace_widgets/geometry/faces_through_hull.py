"""Which boundary faces pass through the convex hull of points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arrays import Array, Features, blocks
from .head import LinearHead
from .master import Master
from .pricing import PointSet, Rows

__all__ = ["FacesThroughHull", "faces_through_hull"]

TOLERANCE = 1e-9  # relative to the size of the logits
PASSES = 60


@dataclass(frozen=True, eq=False)
class FacesThroughHull:
    """Whether the face ``z_i = z_j >= z_k`` passes through the hull, for each pair of classes.

    Attributes
    ----------
    verdicts : (K, K) array of str
        "yes": a blend of points lies on the face; "no": a proof; else "undecided"; "" on the diagonal.
    weights, support : dicts of arrays by pair (i, j), i < j
        Of each "yes": positive weights that sum to 1, and the rows of `features` that carry them; at
        most K.
    proofs : dict of (K,) arrays by pair (i, j), i < j
        Of each "no": coefficients c with ``c_k <= 0`` for k other than i and j and sum zero, so that
        ``c . z >= 0`` on the face; over all n points its maximum is below zero.
    tolerance : float
        Logit differences up to it count as zero: 1e-9 of the size of the logits.
    """

    head: LinearHead
    features: Features
    verdicts: NDArray[np.str_]
    weights: dict[tuple[int, int], Array]
    support: dict[tuple[int, int], Rows]
    proofs: dict[tuple[int, int], Array]
    tolerance: float

    def verify(self) -> NDArray[np.bool_]:
        """Check every witness, and every proof over all n points, again: (K, K) bool."""
        count = self.head.num_classes
        result = np.zeros((count, count), bool)
        none = [np.empty(0, np.intp)]
        rows = np.unique(np.concatenate([*self.support.values(), *none]))
        logits = _logits(self.head, self.features, rows)
        for (i, j), weights in self.weights.items():
            blend = weights @ logits[np.searchsorted(rows, self.support[i, j])]
            convex = (weights >= 0).all() and abs(weights.sum() - 1.0) <= 1e-12
            holds = convex and _on_face(blend, i, j) <= 1.001 * self.tolerance
            result[i, j] = result[j, i] = holds and self.verdicts[i, j] == self.verdicts[j, i] == "yes"
        for (i, j), proof in self.proofs.items():
            others = np.delete(proof, [i, j])
            size = float(np.abs(proof).sum())
            sound = (others <= 0).all() and abs(proof.sum()) <= 1e-13 * size
            direction, constant = proof @ self.head.weight, float(proof @ self.head.bias)
            highest = max(
                float((self.features[rows].astype(np.float64) @ direction).max())
                for rows in blocks(self.features)
            )
            holds = sound and highest + constant < -self.tolerance * size
            result[i, j] = result[j, i] = holds and self.verdicts[i, j] == self.verdicts[j, i] == "no"
        return result


def faces_through_hull(head: LinearHead, features: ArrayLike | PointSet) -> FacesThroughHull:
    """Which boundary faces pass through the convex hull of points.

    Ties on segments between points are looked at first; each pair of classes left is a linear program
    over the points' logits, by column generation: ``max t : z_i = z_j, z_i - z_k >= t`` for blends z.

    Examples
    --------
    >>> head = LinearHead([[1.0, 0.0], [-1.0, 0.0], [0.0, -1.0]])
    >>> faces = faces_through_hull(head, [[1.0, 2.0], [-1.0, 2.0]])
    >>> faces.verdicts[0].tolist(), str(faces.verdicts[1, 2]), faces.weights[0, 1].tolist()
    (['', 'yes', 'no'], 'no', [0.5, 0.5])
    >>> bool(faces.verify().sum() == 6)
    True
    """
    points = features if isinstance(features, PointSet) else PointSet(features)
    if points.dimension != head.dimension:
        raise ValueError(f"features must have {head.dimension} columns, received {points.dimension}")
    count = head.num_classes
    reach = points.radius + float(np.linalg.norm(points.centre))
    size = float(head.row_lengths.max() * reach + np.abs(head.bias).max())
    tolerance = TOLERANCE * (size or 1.0)
    verdicts = np.full((count, count), "undecided", dtype="<U9")
    np.fill_diagonal(verdicts, "")
    result = FacesThroughHull(head, points.points, verdicts, {}, {}, {}, tolerance)
    rows = _near_ties(head, points.points)
    logits = _logits(head, points.points, rows)
    _between_classes(result, rows, logits)
    top = np.argpartition(logits, range(max(0, count - 3), count), axis=1)[:, ::-1][:, :3]
    for i in range(count):
        for j in range(i + 1, count):
            if (i, j) not in result.weights and not _segments(result, rows, logits, top, (i, j)):
                _program(result, points, rows, logits, (i, j))
    return result


def _logits(head: LinearHead, features: Features, rows: Rows) -> Array:
    logits: Array = features[rows].astype(np.float64) @ head.weight.T + head.bias
    return logits


def _on_face(logits: Array, i: int, j: int) -> float:
    """By how much logits miss the face ``z_i = z_j >= z_k``; at most zero on it."""
    return float(max(abs(logits[i] - logits[j]), logits.max() - min(logits[i], logits[j])))


def _near_ties(head: LinearHead, features: Features) -> Rows:
    """For each first and second class that occur, the points where all other classes are lowest."""
    best: dict[tuple[int, int], tuple[float, int]] = {}
    step = max(1, 2**22 // max(head.num_classes, head.dimension))
    for start in range(0, len(features), step):
        logits = features[start : start + step].astype(np.float64) @ head.weight.T + head.bias
        last = max(0, head.num_classes - 3)
        order = np.argpartition(logits, range(last, head.num_classes), axis=1)[:, ::-1]
        top = np.take_along_axis(logits, order[:, :3], axis=1)
        rise = top[:, 1] - top[:, -1] if head.num_classes > 2 else -top[:, 0]
        code = order[:, 0] * head.num_classes + order[:, 1]
        ranked = np.lexsort((-rise, code))
        for row in ranked[np.unique(code[ranked], return_index=True)[1]]:
            key = (int(order[row, 0]), int(order[row, 1]))
            if key not in best or rise[row] > best[key][0]:
                best[key] = (float(rise[row]), start + int(row))
    return np.unique([row for _, row in best.values()]).astype(np.intp)


def _between_classes(result: FacesThroughHull, rows: Rows, logits: Array) -> None:
    """Look for points of all faces on the segments between one point of each class, the surest."""
    winners = logits.argmax(axis=1)
    sure = logits.max(axis=1) - np.partition(logits, -2, axis=1)[:, -2]
    order = np.lexsort((-sure, winners))
    classes, first = np.unique(winners[order], return_index=True)
    points = order[first]
    for place, i in enumerate(classes):
        others, a, b = classes[place + 1 :], points[place], points[place + 1 :]
        ahead, behind = logits[a, i] - logits[a, others], logits[b, others] - logits[b, i]
        total = ahead + behind
        shares = np.divide(ahead, total, out=np.full(len(total), 0.5), where=total > 0)
        blends = logits[a] + shares[:, None] * (logits[b] - logits[a])
        tie = np.minimum(blends[:, i], blends[np.arange(len(others)), others])
        for k in np.flatnonzero(blends.max(axis=1) - tie <= result.tolerance):
            weights = np.array([1.0 - shares[k], shares[k]])
            _keep(result, (int(i), int(others[k])), rows[[a, b[k]]], weights, logits[[a, b[k]]])


def _segments(result: FacesThroughHull, rows: Rows, logits: Array, top: Rows, pair: tuple[int, int]) -> bool:
    """Look for a point of the face on segments between points where one or the other class is higher.

    `top` holds the three highest classes of each point: the highest other one is among them.
    """
    i, j = pair
    differences = logits[:, i] - logits[:, j]
    rise = -np.abs(differences)
    if logits.shape[1] > 2:
        other = ((top != i) & (top != j)).argmax(axis=1)
        highest = logits[np.arange(len(rows)), top[np.arange(len(rows)), other]]
        rise = np.minimum(logits[:, i], logits[:, j]) - highest
    up, down = np.flatnonzero(differences >= 0), np.flatnonzero(differences <= 0)
    if not len(up) or not len(down):
        return False
    up, down = up[np.argsort(-rise[up])[:4]], down[np.argsort(-rise[down])[:4]]
    for a in up:
        for b in down:
            total = differences[a] - differences[b]
            share = -differences[b] / total if total > 0 else 0.5
            if _keep(result, pair, rows[[a, b]], np.array([share, 1.0 - share]), logits[[a, b]]):
                return True
    return False


def _keep(result: FacesThroughHull, pair: tuple[int, int], rows: Rows, weights: Array, logits: Array) -> bool:
    """Record a witness if it is one."""
    if not _on_face(weights @ logits, *pair) <= result.tolerance:
        return False
    used = weights > 0
    result.weights[pair], result.support[pair] = weights[used], rows[used]
    result.verdicts[pair] = result.verdicts[pair[::-1]] = "yes"
    return True


def _program(
    result: FacesThroughHull, points: PointSet, rows: Rows, logits: Array, pair: tuple[int, int]
) -> None:
    """Column generation of one pair, until a witness or a proof."""
    i, j = pair
    head, count = result.head, result.head.num_classes
    others = np.delete(np.arange(count), [i, j])
    tie = head.weight[i] - head.weight[j]
    rows = np.union1d(rows, points.best(np.array([tie, -tie]), 8).ravel())
    _logits(head, points.points, rows)
    scale = result.tolerance / TOLERANCE
    master = Master(np.concatenate([np.zeros(count - 1), [1.0]]))
    # Slack of the tie, slack of each rival, t; the cost of the tie's slack exceeds any gain of t.
    fixed = np.zeros((2 + len(others) + 1, count))
    fixed[0, 0], fixed[1, 0] = 1.0, -1.0
    fixed[2 + np.arange(len(others)), 1 + np.arange(len(others))] = -1.0
    fixed[-1, 1:-1] = -1.0
    master.add(fixed[:-1])
    master.add(fixed[-1:], free=bool(len(others)))
    added = np.empty(0, np.intp)
    fresh = rows
    for _ in range(PASSES):
        part = _logits(head, points.points, fresh) / scale
        columns = np.column_stack(
            [part[:, i] - part[:, j], part[:, [i]] - part[:, others], np.ones(len(part))]
        )
        master.add(columns)
        added = np.concatenate([added, fresh])
        costs = np.zeros(master.count)
        costs[:2] = -1.0
        costs[len(fixed) - 1] = 0.5 / count if len(others) else 0.0
        found = master.maximise(costs)
        if found is None:
            return
        weights, duals = np.maximum(found[0][len(fixed) :], 0.0), found[1]
        used = np.flatnonzero(weights > 0)
        if len(used):
            part = weights[used] / weights[used].sum()
            if _keep(result, pair, added[used], part, _logits(head, points.points, added[used])):
                return
        proof = np.zeros(count)
        proof[others] = np.minimum(duals[1:-1], 0.0)
        proof[i] = -duals[0]
        proof[j] = duals[0]
        proof[i] -= proof[others].sum()
        size = float(np.abs(proof).sum())
        if size == 0:
            return
        near = points.best((proof @ head.weight)[None], 16)[0]
        highest = float((_logits(head, points.points, near[:1]) @ proof)[0])
        if highest < -1.01 * result.tolerance * size:
            result.proofs[pair] = proof / size
            result.verdicts[i, j] = result.verdicts[j, i] = "no"
            return
        fresh = np.setdiff1d(near, added)
        if near[0] in added or not len(fresh):
            return
