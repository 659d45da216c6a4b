"""Linear programs whose unknowns arrive in turn, on a warm simplex basis."""

from __future__ import annotations

import numpy as np

from .arrays import Array

__all__ = ["Master"]


class Master:
    """The linear program ``max c . a : M a = b, a >= 0``, warm while columns and costs change."""

    def __init__(self, right: Array) -> None:
        import highspy

        self.count = 0
        self._infinity = highspy.kHighsInf
        self._optimal = highspy.HighsModelStatus.kOptimal
        self._solver = solver = highspy.Highs()  # type: ignore[no-untyped-call]
        options: dict[str, bool | float | str] = {
            "output_flag": False, "log_to_console": False, "threads": 1, "presolve": "off",
            "simplex_strategy": 4, "primal_feasibility_tolerance": 1e-10,
            "dual_feasibility_tolerance": 1e-10, "primal_simplex_bound_perturbation_multiplier": 0.0,
        }  # fmt: skip
        for name, value in options.items():
            solver.setOptionValue(name, value)
        solver.changeObjectiveSense(highspy.ObjSense.kMaximize)
        nothing = np.empty(0, np.int32)
        solver.addRows(
            len(right), right, right, 0, np.zeros(len(right), np.int32), nothing, np.empty(0)
        )  # fmt: skip

    def add(self, columns: Array, free: bool = False) -> None:
        """New unknowns, one for each row of (k, m); `free` ones have no sign."""
        owner, index = np.nonzero(columns)
        count = len(columns)
        starts = np.searchsorted(owner, np.arange(count)).astype(np.int32)
        lower = np.full(count, -self._infinity if free else 0.0)
        self._solver.addCols(
            count, np.zeros(count), lower, np.full(count, self._infinity),
            len(index), starts, index.astype(np.int32), np.ascontiguousarray(columns[owner, index]),
        )  # fmt: skip
        self.count += count

    def limit(self, upper: Array) -> None:
        """Upper bounds of the first unknowns."""
        indices = np.arange(len(upper), dtype=np.int32)
        self._solver.changeColsBounds(len(upper), indices, np.zeros(len(upper)), upper)

    def maximise(self, costs: Array) -> tuple[Array, Array] | None:
        """Unknowns and duals at the optimum, or None where the solver finds none."""
        self._solver.changeColsCost(self.count, np.arange(self.count, dtype=np.int32), costs)
        self._solver.run()
        if self._solver.getModelStatus() != self._optimal:
            self._solver.clearSolver()
            self._solver.run()
            if self._solver.getModelStatus() != self._optimal:
                return None
        solution = self._solver.getSolution()
        return np.array(solution.col_value), np.array(solution.row_dual)
