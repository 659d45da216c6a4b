"""Projections onto half-spaces inside a box, many at once, by Newton's method on their duals.

The Lagrangian of ``min |p - y|^2 / 2 : R p + c >= 0, lower <= p <= upper`` is separable, so the box drops
out: its least point is ``p = clip(y + R' x)``. What is left is a concave, piecewise quadratic function of the
few multipliers x, for which a Newton step is a small non-negative quadratic program.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds

from .arrays import Array

__all__ = ["Dual", "clip", "maximise_duals"]

NEWTON = 60
HALVINGS = 40
PATIENCE = 5  # steps after which the dual is asked whether it is unbounded
EXACT = 1e-13  # slacks relative to what they are sums of
FLAT = 1e-6  # curvature added far from the end, relative to a row whose features may be at their bounds
RIDGE = 1e-15  # more of it for dependent rows
NEAR = 1e-4  # violation from which on it is worth sharpening
DUALITY, LOOSE = 1e-12, 1e-10  # relative gaps where a problem is done, and above which it is sharpened


class Dual(NamedTuple):
    """Multipliers of F problems, the least points of their Lagrangians, and what follows from them.

    ``slack = R p + c`` (F, m); ``half = |p - y|^2 / 2`` and the dual value (F,).
    """

    multipliers: Array
    raw: Array
    point: Array
    slack: Array
    half: Array
    value: Array


def clip(points: Array, domain: Bounds | None) -> Array:
    """Nearest points of the domain."""
    return points if domain is None else np.minimum(np.maximum(points, domain.lb), domain.ub)


def _evaluate(rows: Array, offsets: Array, y: Array, domain: Bounds | None, x: Array) -> Dual:
    raw = (x[:, None] @ rows)[:, 0] + y
    point = clip(raw, domain)
    slack = (rows @ point[:, :, None])[:, :, 0] + offsets
    away = point - y
    half = 0.5 * np.einsum("fd,fd->f", away, away)
    return Dual(x, raw, point, slack, half, half - np.einsum("fm,fm->f", x, slack))


def maximise_duals(
    rows: Array, offsets: Array, free: int, y: Array, domain: Bounds | None, start: Array, size: float
) -> Dual:
    """Project y onto F sets of m half-spaces, the first `free` of each held with equality.

    Parameters
    ----------
    rows, offsets : (F, m, d), (F, m) arrays
        R and c of each problem; zero rows fill up the shorter ones.
    start : (F, m) array
        Multipliers to begin with, >= 0 but for the free ones.
    size : float
        What slacks are sums of; a problem is done at 1e-13 of it, if its relative gap is at most 1e-12.
    """
    found = _ascend(rows, offsets, free, y, domain, start, size)
    with np.errstate(invalid="ignore"):
        loose = np.abs(found.half - found.value) > LOOSE * found.half
    for f in np.flatnonzero(loose & (_violation(found, free) <= NEAR * size)):  # others may have no point
        one = _sharpened(rows[[f]], offsets[[f]], free, y, domain, Dual(*(part[[f]] for part in found)))
        for whole, part in zip(found, one, strict=True):
            whole[f] = part[0]
    return found


def _ascend(
    rows: Array, offsets: Array, free: int, y: Array, domain: Bounds | None, start: Array, size: float
) -> Dual:
    """Newton steps of all problems together; those that are done leave."""
    state = _evaluate(rows, offsets, y, domain, start)
    result = Dual(*(part.copy() for part in state))
    place, stuck = np.arange(len(rows)), np.zeros(len(rows), bool)
    for iteration in range(NEWTON):
        wrong = _violation(state, free)
        done = stuck | (wrong <= EXACT * size) & (np.abs(state.half - state.value) <= DUALITY * state.half)
        if domain is not None and iteration >= PATIENCE:
            done |= _unbounded(rows, offsets, y, domain, state)
        if done.any():
            for whole, part in zip(result, state, strict=True):
                whole[place[done]] = part[done]
            if done.all():
                return result
            rows, offsets, wrong = (part[~done] for part in (rows, offsets, wrong))
            place = place[~done]
            state = Dual(*(part[~done] for part in state))
        step = _newton(rows, free, domain, state, FLAT * np.minimum(wrong / size, 1.0))
        state, stuck = _search(rows, offsets, y, domain, state, step, free)
    for whole, part in zip(result, state, strict=True):
        whole[place] = part
    return result


def _sharpened(rows: Array, offsets: Array, free: int, y: Array, domain: Bounds | None, found: Dual) -> Dual:
    """Corrections by orthogonal factors where normals are nearly parallel: a Gram matrix squares that."""
    best = found
    for _ in range(3):
        used = np.flatnonzero(best.multipliers[0])
        live = np.full(len(y), True)
        if domain is not None:
            live = (best.raw[0] > domain.lb) & (best.raw[0] < domain.ub)
        normals = rows[0, used][:, live]
        move = np.linalg.lstsq(normals, -best.slack[0, used], rcond=None)[0]
        x = best.multipliers.copy()
        x[0, used] += np.linalg.lstsq(normals.T, move, rcond=None)[0]
        if not np.isfinite(x).all() or (x[0, free:] < 0).any():
            break
        new = _evaluate(rows, offsets, y, domain, x)
        if abs(new.half - new.value)[0] * best.half[0] >= abs(best.half - best.value)[0] * new.half[0]:
            break
        best = new
    return best


def _violation(state: Dual, free: int) -> Array:
    """How far the equations are from holding, inequalities too, and multipliers from being of tight ones."""
    x, slack = state.multipliers, state.slack
    wrong = np.where(x > 0, np.abs(slack), -slack)
    wrong[:, :free] = np.abs(slack[:, :free])
    largest: Array = wrong.max(axis=1, initial=0.0)
    return largest


def _unbounded(rows: Array, offsets: Array, y: Array, domain: Bounds, state: Dual) -> NDArray[np.bool_]:
    """Whether ``x . (R p + c)`` is negative in the whole domain: no p is in all half-spaces."""
    x, slopes = state.multipliers, state.raw - y
    lower, upper = (np.where(np.isfinite(side), side, 0.0) for side in (domain.lb, domain.ub))
    largest = np.maximum(slopes, 0.0) @ upper + np.minimum(slopes, 0.0) @ lower
    largest += np.einsum("fm,fm->f", x, offsets)
    size = np.abs(rows) @ np.maximum(np.abs(lower), np.abs(upper)) + np.abs(offsets)
    open_ends = ((slopes > 0) & np.isposinf(domain.ub)) | ((slopes < 0) & np.isneginf(domain.lb))
    never: NDArray[np.bool_] = ~open_ends.any(axis=1)
    never &= largest < -1e-8 * np.einsum("fm,fm->f", np.abs(x), size)
    return never


def _newton(rows: Array, free: int, domain: Bounds | None, state: Dual, flat: Array) -> Array:
    """Step to the maximum of the quadratic that fits the dual around the multipliers."""
    live = rows
    if domain is not None:
        live = rows * ((state.raw > domain.lb) & (state.raw < domain.ub))[:, None]
    gram = live @ rows.transpose(0, 2, 1)
    diagonal = np.einsum("fmm->fm", gram)
    if domain is not None:
        diagonal += flat[:, None] * np.einsum("fmd,fmd->fm", rows, rows)
    diagonal *= 1.0 + RIDGE * (rows.shape[1] > 1)
    x = state.multipliers
    right = (gram @ x[:, :, None])[:, :, 0] - state.slack
    return _quadratic(gram, right, x, free) - x


def _search(
    rows: Array, offsets: Array, y: Array, domain: Bounds | None, state: Dual, step: Array, free: int
) -> tuple[Dual, NDArray[np.bool_]]:
    """Go along the steps, halved until the dual rises; and which problems can rise no more."""
    slope, length = -np.einsum("fm,fm->f", state.slack, step), np.ones(len(step))
    trial = state
    tried = np.arange(len(step))
    for _ in range(HALVINGS):
        x = state.multipliers[tried] + length[tried, None] * step[tried]
        x[:, free:] = np.maximum(x[:, free:], 0.0)
        every = len(tried) == len(step)
        new = _evaluate(rows if every else rows[tried], offsets[tried], y, domain, x)
        if every:
            trial = new
        else:
            for whole, part in zip(trial, new, strict=True):
                whole[tried] = part
        gain, before, rise = length[tried] * slope[tried], state.value[tried], slope[tried]
        good = new.value >= before + 1e-4 * gain
        # Near the end values are rounding, but the slope still tells (approximate Wolfe condition).
        after = -np.einsum("fm,fm->f", new.slack, step[tried])
        good |= (np.abs(after) <= 0.5 * rise) & (new.value >= before - 1e-10 * np.abs(before))
        tried = tried[~(good | (np.abs(gain) <= 1e-15 * np.abs(before)))]
        if not len(tried):
            break
        length[tried] /= 2
    return trial, ~np.isfinite(trial.value) | (slope <= 0)


def _quadratic(gram: Array, right: Array, start: Array, free: int) -> Array:
    """Maximise ``right . x - x . gram x / 2`` with x[:, free:] >= 0, by active sets from a feasible start.

    Each round solves for the passive multipliers: those that would fall below zero stop there and leave,
    else all that would gain join. The value rises each time, so no set comes back.
    """
    result = start.copy()
    busy = np.arange(len(start))
    passive = start > 0
    passive[:, :free] = True
    pull = np.abs(right).max(axis=1, initial=0.0) + np.abs(gram @ start[:, :, None]).max(
        axis=(1, 2), initial=0.0
    )
    for _ in range(3 * start.shape[1] + 10):
        x = result[busy]
        aim = _solve(gram, right, passive)
        falls = passive & (aim <= 0)
        falls[:, :free] = False
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = np.where(falls, np.where(x > 0, x / (x - aim), 0.0), np.inf)
        least = shares.min(axis=1, initial=np.inf)
        x += np.minimum(least, 1.0)[:, None] * (aim - x)
        gone = falls & (shares <= least[:, None])
        x[gone], passive[gone] = 0.0, False
        gains = right - (gram @ x[:, :, None])[:, :, 0]
        joins = (gains > 1e-13 * pull[:, None]) & ~passive & ~np.isfinite(least)[:, None]
        passive |= joins
        result[busy] = x
        left = np.isfinite(least) | joins.any(axis=1)
        if not left.any():
            break
        busy, gram, right, passive, pull = (part[left] for part in (busy, gram, right, passive, pull))
    return result


def _solve(gram: Array, right: Array, passive: NDArray[np.bool_]) -> Array:
    """``gram x = right`` among the passive, zero elsewhere."""
    among = passive[:, :, None] & passive[:, None]
    system = np.where(among, gram, 0.0)
    diagonal = np.einsum("fmm->fm", system)
    diagonal[diagonal <= 0] = 1.0
    solution: Array = np.linalg.solve(system, np.where(passive, right, 0.0)[:, :, None])[:, :, 0]
    return solution
