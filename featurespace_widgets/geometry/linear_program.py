"""Linear programs over half-spaces and a box by a dense interior point.

Mehrotra's predictor-corrector method. The box makes the normal matrix diagonal plus a term of the rank
of the other constraints, so a step costs one m x m Cholesky factor, m rows, instead of one in d features.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotrs

from .arrays import Array

__all__ = ["Optimum", "Program", "attempts", "maximise"]

ITERATIONS = 80
STEP = 0.99  # of the way to the boundary, at least
COARSE = 1e-2  # relative gap above which a factor is made from single precision
CORRECTORS, CORRECTED = 4, 200  # at most so many a step, in programs with so many rows
FAR = 1e4  # sides of the working box of a feature without bounds, in units of the data
EARLY, LATE = 1e-2, 5e-10  # relative gaps at which the interior point stops
SMALL = 2**12  # numbers in the rows of a program that begins with a simplex method
SECONDS = 20.0  # for a simplex method


_Residuals = tuple[Array, Array, Array, Array, float]
_Move = tuple[Array, float, Array, Array, Array, Array, Array, Array]


@dataclass(frozen=True, eq=False)
class Program:
    """Maximise ``f . y + q t`` subject to ``A y + c >= n t`` and ``lower + e t <= y <= upper - e t``.

    Attributes
    ----------
    rows, offsets, rises : (m, d), (m,), (m,) arrays
        A, c and n. The first `equal` rows hold with equality, their n is 0.
    lower, upper : (d,) arrays
        With lower < upper; infinite where a feature has no bound.
    shrink : bool
        Whether t also counts from the box: e = 1, otherwise 0.
    objective, gain : (d,) array or None, float
        f (0 where None) and q.
    """

    rows: Array
    offsets: Array
    rises: Array
    lower: Array
    upper: Array
    equal: int = 0
    shrink: bool = False
    objective: Array | None = None
    gain: float = 1.0


@dataclass(frozen=True, eq=False)
class Optimum:
    """Where the iteration ended: point and multipliers, to be certified by whoever asked."""

    point: Array
    level: float
    multipliers: Array
    lower: Array
    upper: Array
    iterations: int


class _Iterate:
    """The state of the interior point of one program."""

    def __init__(self, program: Program, start: Array) -> None:
        self.p, self.e = program, float(program.shrink)
        self.eq = program.equal
        self.has_low, self.has_up = np.isfinite(program.lower), np.isfinite(program.upper)
        self.low = np.where(self.has_low, program.lower, 0.0)
        self.up = np.where(self.has_up, program.upper, 0.0)
        d = program.rows.shape[1]
        self.f = np.zeros(d) if program.objective is None else program.objective
        self.y = start.copy()
        values = program.rows @ start + program.offsets
        free = program.rises[self.eq :] > 0
        least = [values[self.eq :][free]]
        if program.shrink:
            least += [(start - self.low)[self.has_low], (self.up - start)[self.has_up]]
        levels = np.concatenate(least)
        spread = max(float(np.abs(levels).mean()), 1e-300) if len(levels) else 1.0
        self.t = float(levels.min()) - spread if program.gain and len(levels) else 0.0
        floor = 1e-3 * max(spread, float(np.abs(values).mean()))
        self.s = np.maximum((values - program.rises * self.t)[self.eq :], floor)
        self.sl = np.where(self.has_low, start - self.low - self.e * self.t, 1.0)
        self.su = np.where(self.has_up, self.up - start - self.e * self.t, 1.0)
        weight = program.rises[self.eq :] / self.s
        total = weight.sum() + self.e * ((self.has_low / self.sl).sum() + (self.has_up / self.su).sum())
        size = program.gain / total if program.gain and total > 0 else float(np.abs(self.f).mean()) * spread
        size = max(size, 1e-12)
        self.l = np.concatenate([np.zeros(self.eq), size / self.s])
        self.zl, self.zu = size * self.has_low / self.sl, size * self.has_up / self.su
        self.count = len(self.s) + int(self.has_low.sum() + self.has_up.sum())

    def residuals(self) -> _Residuals:
        p, e = self.p, self.e
        rows = p.rows @ self.y + p.offsets - p.rises * self.t
        rows[self.eq :] -= self.s
        low = np.where(self.has_low, self.y - self.low - e * self.t - self.sl, 0.0)
        up = np.where(self.has_up, self.up - self.y - e * self.t - self.su, 0.0)
        dual = self.f + self.l @ p.rows + self.zl - self.zu
        top = p.gain - p.rises @ self.l - e * (self.zl.sum() + self.zu.sum())
        return rows, low, up, dual, float(top)

    def mean(self) -> float:
        """Mean complementarity."""
        inner = self.l[self.eq :] @ self.s + self.zl @ self.sl + self.zu @ self.su
        return float(inner) / max(self.count, 1)

    def factor(self, coarse: bool) -> bool:
        """Factor ``diag(s / l) + A H^-1 A'`` with the box's diagonal H."""
        p = self.p
        self.tl, self.tu = self.zl / self.sl, self.zu / self.su
        self.h = self.tl + self.tu
        if coarse:  # half the time; steps far from the end need no more digits
            scaled32 = p.rows.astype(np.float32) * (1.0 / np.sqrt(self.h)).astype(np.float32)
            normal = (scaled32 @ scaled32.T).astype(np.float64)
        else:
            scaled = p.rows / np.sqrt(self.h)
            normal = scaled @ scaled.T
        diagonal = np.einsum("ii->i", normal)
        tiny = 1e-14 * max(float(diagonal.max(initial=0.0)), 1e-300)
        diagonal[self.eq :] += self.s / self.l[self.eq :]
        diagonal += tiny
        for _ in range(4):
            self.root, info = dpotrf(normal, lower=0, clean=0)
            if info == 0:
                break
            tiny *= 1e3
            diagonal += tiny
        delta = self.tl - self.tu
        self.tilt = self.e * delta / self.h
        self.border = p.rises - p.rows @ self.tilt
        self.corner = self.e**2 * float((4.0 * self.tl * self.tu / self.h).sum())
        self.pressed = self._solve(self.border) if info == 0 else self.border
        return bool(info == 0 and np.isfinite(self.pressed).all())

    def _solve(self, right: Array) -> Array:
        solution: Array = dpotrs(self.root, right, lower=0)[0]
        return solution

    def direction(self, residuals: _Residuals, target: tuple[Array, ...]) -> _Move:
        """Newton direction towards products `target` of slacks and multipliers."""
        p, e = self.p, self.e
        rows, low, up, dual, top = residuals
        products, low_products, up_products = target
        k_rows = -rows
        k_rows[self.eq :] += products / self.l[self.eq :]
        kl, ku = (low_products - self.zl * low) / self.sl, (up_products - self.zu * up) / self.su
        pull = (kl - ku + dual) / self.h
        first = k_rows - p.rows @ pull
        second = top - e * float((kl + ku).sum()) + float(self.tilt @ (pull * self.h))
        solved = self._solve(first)
        pivot = float(self.border @ self.pressed) + self.corner
        dt = (second - float(self.border @ solved)) / pivot if pivot > 0 and p.gain else 0.0
        dl = solved + self.pressed * dt
        dy = (dl @ p.rows) / self.h + self.tilt * dt + pull
        ds = (p.rows @ dy - p.rises * dt + rows)[self.eq :]
        dsl, dsu = dy - e * dt + low, -dy - e * dt + up
        dzl, dzu = kl - self.tl * (dy - e * dt), ku - self.tu * (-dy - e * dt)
        return dy, dt, ds, dl, dsl * self.has_low, dzl, dsu * self.has_up, dzu

    def centred(
        self, residuals: _Residuals, target: tuple[Array, ...], aim: float
    ) -> tuple[_Move, tuple[float, float]]:
        """Newton direction, corrected while that lengthens the step: products far from `aim` are pulled in.

        Gondzio's centrality correctors: each costs two triangular solves, a factor costs K of them.
        """
        move = self.direction(residuals, target)
        steps = self.reach(move)
        if len(self.p.rows) < CORRECTED:
            return move, steps
        for _ in range(CORRECTORS):
            primal, dual = (min(1.0, 1.08 * step + 0.08) for step in steps)
            slacks = ((self.s, move[2]), (self.sl, move[4]), (self.su, move[6]))
            forces = ((self.l[self.eq :], move[3][self.eq :]), (self.zl, move[5]), (self.zu, move[7]))
            there = (np.ones(len(self.s)), self.has_low, self.has_up)
            pulled = []
            for (s, ds), (z, dz), aims, used in zip(slacks, forces, target, there, strict=True):
                product = (s + primal * ds) * (z + dual * dz)
                pull = np.clip(product, 0.1 * aim, 10.0 * aim) - product
                pulled.append(aims + np.maximum(pull, -10.0 * aim) * used)
            corrected = self.direction(residuals, tuple(pulled))
            longer = self.reach(corrected)
            if sum(min(1.0, r) for r in longer) < sum(min(1.0, r) for r in steps) + 0.02:
                break
            move, steps, target = corrected, longer, tuple(pulled)
        return move, steps

    def reach(self, move: _Move) -> tuple[float, float]:
        """Largest primal and dual steps up to 1 that keep slacks and multipliers positive."""
        _, _, ds, dl, dsl, dzl, dsu, dzu = move
        primal = min(_ratio(self.s, ds), _ratio(self.sl, dsl), _ratio(self.su, dsu))
        dual = min(
            _ratio(self.l[self.eq :], dl[self.eq :]),
            _ratio(self.zl, dzl, self.has_low),
            _ratio(self.zu, dzu, self.has_up),
        )
        return primal, dual

    def step(self, move: _Move, primal: float, dual: float) -> None:
        dy, dt, ds, dl, dsl, dzl, dsu, dzu = move
        self.y, self.t, self.s = self.y + primal * dy, self.t + primal * dt, self.s + primal * ds
        self.sl, self.su = self.sl + primal * dsl, self.su + primal * dsu
        self.l, self.zl, self.zu = self.l + dual * dl, self.zl + dual * dzl, self.zu + dual * dzu


def _ratio(values: Array, moves: Array, among: NDArray[np.bool_] | None = None) -> float:
    down = moves < 0
    if among is not None:
        down &= among
    return float((values[down] / -moves[down]).min(initial=np.inf))


def maximise(program: Program, start: Array, tolerance: float = LATE) -> Optimum:
    """Solve a program from a point strictly inside its box; the optimum must be finite.

    Every feature needs at least one finite bound. Nothing is promised about the result: the caller
    recomputes what it certifies from the point and the multipliers.
    """
    if not len(program.rows):  # one that always holds
        zero = replace(program, rows=np.zeros((1, len(start))), offsets=np.ones(1), rises=np.zeros(1))
        found = maximise(zero, start, tolerance)
        return replace(found, multipliers=np.empty(0))
    state = _Iterate(program, start)
    iteration, stalled = 0, 0
    with np.errstate(all="ignore"):
        while iteration < ITERATIONS:
            iteration += 1
            before = (state.y, state.t, state.l, state.zl, state.zu)
            residuals = state.residuals()
            mean = state.mean()
            value = abs(float(state.f @ state.y) + program.gain * state.t)
            off = max(float(np.abs(r).max(initial=0.0)) for r in residuals[:3])
            gap = mean * state.count / max(value, 1e-3 * off, 1e-300)
            if gap <= tolerance or not state.factor(gap > COARSE and len(program.rows) >= CORRECTED):
                break
            products = (state.l[state.eq :] * state.s, state.zl * state.sl, state.zu * state.su)
            guess = state.direction(residuals, tuple(-product for product in products))
            primal, dual = (min(1.0, r) for r in state.reach(guess))
            after = (
                (state.l + dual * guess[3])[state.eq :] @ (state.s + primal * guess[2])
                + (state.zl + dual * guess[5]) @ (state.sl + primal * guess[4])
                + (state.zu + dual * guess[7]) @ (state.su + primal * guess[6])
            ) / max(state.count, 1)
            aim = float(mean * min(max(after / mean, 0.0), 1.0) ** 3)
            second = (guess[2] * guess[3][state.eq :], guess[4] * guess[5], guess[6] * guess[7])
            there = (np.ones(len(state.s)), state.has_low, state.has_up)
            target = tuple((aim - a - b) * c for a, b, c in zip(products, second, there, strict=True))
            move, (primal, dual) = state.centred(residuals, target, aim)
            primal, dual = (min(1.0, max(STEP, 1.0 - mean) * r) for r in (primal, dual))
            state.step(move, primal, dual)
            if not (np.isfinite(state.y).all() and np.isfinite(state.l).all()):
                state.y, state.t, state.l, state.zl, state.zu = before
                break
            stalled = stalled + 1 if state.mean() > 0.9 * mean else 0
            if max(primal, dual) < 1e-8 or stalled > 3:
                break
    return Optimum(state.y, state.t, state.l, state.zl, state.zu, iteration)


def attempts(program: Program, unit: float, loose: bool = False) -> Iterator[Optimum]:
    """Solutions to be certified in turn: interior point, then, for what that leaves open, simplex.

    Small programs begin with the simplex method: its few steps are quicker there.

    Parameters
    ----------
    program : Program
        Feasible, with a finite optimum.
    unit : float
        Scale of the points that matter; a feature without bounds gets sides far beyond it.
    loose : bool
        Begin with one that stops early: enough where only a sign is asked for.
    """
    lower, upper = program.lower / unit, program.upper / unit
    one = replace(program, offsets=program.offsets / unit, lower=lower, upper=upper)
    open_ends = ~np.isfinite(one.lower) & ~np.isfinite(one.upper)
    low, up = np.where(open_ends, -FAR, one.lower), np.where(open_ends, FAR, one.upper)
    near_low = np.where(np.isfinite(low), low, up - 2.0)
    near_up = np.where(np.isfinite(up), up, near_low + 2.0)
    boxed, start = replace(one, lower=low, upper=up), (near_low + near_up) / 2
    small = one.rows.size <= SMALL
    vertex = _vertex(one) if small else None
    if vertex is not None:
        yield _scaled(vertex, unit)
    for tolerance in (EARLY, LATE) if loose and not small else (LATE,):
        yield _scaled(maximise(boxed, start, tolerance), unit)
    vertex = None if small else _vertex(one)
    if vertex is not None:
        yield _scaled(vertex, unit)


def _scaled(found: Optimum, unit: float) -> Optimum:
    return replace(found, point=found.point * unit, level=found.level * unit)


def _vertex(program: Program) -> Optimum | None:
    """A basic solution from the simplex method, whose multipliers cancel to the last digit."""
    import highspy

    m, d = program.rows.shape
    low = np.flatnonzero(np.isfinite(program.lower) & program.shrink)
    up = np.flatnonzero(np.isfinite(program.upper) & program.shrink)
    sides, infinity = np.concatenate([low, up]), np.inf
    rows = np.column_stack([program.rows, -program.rises])
    ends = np.repeat([-1.0, 1.0], [len(low), len(up)])
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = d + 1, m + len(sides)
    objective = np.zeros(d) if program.objective is None else program.objective
    model.col_cost_ = -np.append(objective, program.gain)
    box = (np.full(d, -infinity), np.full(d, infinity)) if program.shrink else (program.lower, program.upper)
    reach = infinity if program.gain else 0.0
    model.col_lower_, model.col_upper_ = np.append(box[0], -reach), np.append(box[1], reach)
    above = np.where(np.arange(m) < program.equal, -program.offsets, infinity)
    model.row_lower_ = np.concatenate([-program.offsets, program.lower[low], np.full(len(up), -infinity)])
    model.row_upper_ = np.concatenate([above, np.full(len(low), infinity), program.upper[up]])
    matrix = model.a_matrix_
    matrix.format_ = highspy.MatrixFormat.kRowwise
    matrix.start_ = np.append(np.arange(m) * (d + 1), m * (d + 1) + 2 * np.arange(len(sides) + 1))
    pairs = np.column_stack([sides, np.full(len(sides), d)])
    matrix.index_ = np.concatenate([np.tile(np.arange(d + 1), m), pairs.ravel()])
    matrix.value_ = np.concatenate([rows.ravel(), np.column_stack([np.ones(len(sides)), ends]).ravel()])
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    for name, value in {"output_flag": False, "threads": 1, "time_limit": SECONDS}.items():
        solver.setOptionValue(name, value)
    solver.passModel(model)
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    solution = solver.getSolution()
    point, forces = np.array(solution.col_value), np.array(solution.row_dual)
    lower, upper = np.zeros(d), np.zeros(d)
    if program.shrink:
        lower[low], upper[up] = forces[m : m + len(low)], -forces[m + len(low) :]
    else:
        pull = np.array(solution.col_dual)[:d]
        lower, upper = np.maximum(pull, 0.0), np.maximum(-pull, 0.0)
    steps = int(solver.getInfo().simplex_iteration_count)
    return Optimum(point[:d], float(point[d]), forces[:m], lower, upper, steps)
