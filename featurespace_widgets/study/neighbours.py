"""Which classes are neighbours, the linear programs of the pairs spread over workers."""

from __future__ import annotations

import copy
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry.adjacency import Adjacency, collect
from ..geometry.arrays import Array
from ..geometry.farkas import Proof
from ..geometry.meeting import Search, some_rows
from ..space import FeatureSpace
from .conduct import Rows, conduct, in_parts
from .images import describe
from .provenance import identity
from .table import Answers, Study

__all__ = ["adjacency", "restore_adjacency"]

PART = 64  # pairs that are decided, and kept, together


def adjacency(
    space: FeatureSpace,
    path: str | os.PathLike[str] | None = None,
    *,
    client: Any = None,
    progress: bool = True,
) -> Study:
    """Decide for all pairs of classes whether they are neighbours; see `geometry.adjacency`.

    Without a limit of time. What points of the domain cannot decide, linear programs do, on the
    workers of the client where there is one.

    Parameters
    ----------
    space : FeatureSpace
        Training features only save time.
    path : path, optional
        Folder of the study. Without one an interrupted study cannot be resumed.
    client : distributed.Client, optional
    progress : bool
        Whether a bar is shown, of the linear programs.

    Returns
    -------
    Study
        A row for each pair first < second: verdict, margin of the witness, bound of the proof, error;
        witnesses and proofs themselves as `restore_adjacency` reads them.

    Raises
    ------
    ValueError
        If the folder holds another study.

    Examples
    --------
    >>> import featurespace_widgets as fsw
    >>> space = fsw.FeatureSpace.from_arrays([[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]], [-1.0, 0.0, -1.0])
    >>> found = fsw.study.adjacency(space, progress=False)
    >>> found["first"].tolist(), found["second"].tolist(), found["verdict"].tolist()
    ([0, 0, 1], [1, 2, 2], ['yes', 'no', 'yes'])
    >>> bool(fsw.study.restore_adjacency(space, found).verify().all())
    True
    """
    data = space.features if space.bank is not None else np.empty((0, space.head.dimension))
    search = Search(space.head, space.domain, np.inf)
    if len(data):
        search.harvest(some_rows(data, space.head.num_classes))
    search.spread()
    pairs = np.column_stack(search.left())
    return conduct(
        identity("adjacency", space, data),
        path,
        in_parts(np.arange(len(pairs)), PART),
        decide,
        search,
        lambda rows: (pairs[rows],),
        finish=lambda answers: _table(_with_answers(search, answers), answers),
        client=client,
        progress=progress,
    )


def decide(search: Search, rows: Rows, pairs: NDArray[np.intp]) -> Answers:
    """The linear programs of some pairs, independent of those of others."""
    own = copy.deepcopy(search)
    signs, errors, points, proofs = [], [], [], []
    for i, j in pairs.tolist():
        error = ""
        try:
            own.program(i, j)
        except (ValueError, RuntimeError, np.linalg.LinAlgError) as trouble:
            error = describe(trouble)
        signs.append(own.signs[i, j])
        errors.append(error)
        points.append(own.points[-1][-1] if own.signs[i, j] > 0 else np.full(own.head.dimension, np.nan))
        proofs.append(own.proofs.get((i, j), _NO_PROOF))
    columns = {
        "first": pairs[:, 0],
        "second": pairs[:, 1],
        "sign": np.array(signs),
        "error": np.array(errors),
    }
    columns |= {"point": np.array(points), **_proof_columns(proofs)}
    return Answers(columns, _proof_arrays(proofs))


_NO_PROOF = Proof(np.empty(0, np.intp), np.empty(0), 0.0, np.nan)


def _proof_columns(proofs: list[Proof]) -> dict[str, NDArray[Any]]:
    return {
        "bound": np.array([proof.bound for proof in proofs], float),
        "proof_tie": np.array([proof.tie for proof in proofs], float),
        "proof_size": np.array([len(proof.classes) for proof in proofs], int),
    }


def _proof_arrays(proofs: list[Proof]) -> dict[str, NDArray[Any]]:
    return {
        "proof_classes": np.concatenate([_NO_PROOF.classes, *(proof.classes for proof in proofs)]),
        "proof_multipliers": np.concatenate(
            [_NO_PROOF.multipliers, *(proof.multipliers for proof in proofs)]
        ),
    }


def _proofs(
    columns: dict[str, NDArray[Any]], arrays: dict[str, NDArray[Any]]
) -> dict[tuple[int, int], Proof]:
    """Proofs by pair, from columns and arrays."""
    ends = np.cumsum(columns["proof_size"])
    found = {}
    for row in np.flatnonzero(np.isfinite(columns["bound"])).tolist():
        own = slice(ends[row] - columns["proof_size"][row], ends[row])
        found[int(columns["first"][row]), int(columns["second"][row])] = Proof(
            arrays["proof_classes"][own],
            arrays["proof_multipliers"][own],
            float(columns["proof_tie"][row]),
            float(columns["bound"][row]),
        )
    return found


def _with_answers(search: Search, answers: Answers) -> Adjacency:
    """Everything that is decided, before and by linear programs."""
    if answers.columns:
        columns = answers.columns
        i, j, signs = columns["first"], columns["second"], columns["sign"]
        search.signs[i, j] = signs
        met = signs > 0
        kept = search.add(columns["point"][met])
        search.firsts[i[met], j[met]] = search.seconds[i[met], j[met]] = kept
        search.proofs.update(_proofs(columns, answers.arrays))
    return collect(search)


def _table(found: Adjacency, answers: Answers) -> Answers:
    first, second = np.triu_indices(found.head.num_classes, 1)
    pairs = list(zip(first.tolist(), second.tolist(), strict=True))
    proofs = [found.proofs.get(pair, _NO_PROOF) for pair in pairs]
    errors = dict.fromkeys(pairs, "")
    if answers.columns:
        asked = zip(answers.columns["first"].tolist(), answers.columns["second"].tolist(), strict=True)
        errors |= dict(zip(asked, answers.columns["error"].tolist(), strict=True))
    columns = {
        "first": first,
        "second": second,
        "verdict": found.verdicts[first, second],
        "margin": _margins(found)[first, second],
        "point_a": found.firsts[first, second],
        "point_b": found.seconds[first, second],
        "share": found.shares[first, second],
        **_proof_columns(proofs),
        "error": np.array([errors[pair] for pair in pairs], str),
    }
    arrays = {"points": found.points, "reach": np.array([found.reach]), **_proof_arrays(proofs)}
    return Answers(columns, arrays)


def _margins(found: Adjacency) -> Array:
    """(K, K) by how much all others are below the tie of two classes; NaN where there is no witness."""
    logits = found.head.logits(found.points) if len(found.points) else np.empty((0, found.head.num_classes))
    margins = np.full(found.signs.shape, np.nan)
    for i in range(len(margins)):
        others = np.flatnonzero(np.triu(found.signs)[i] > 0)
        share = found.shares[i, others][:, None]
        values = (1 - share) * logits[found.firsts[i, others]] + share * logits[found.seconds[i, others]]
        rows = np.arange(len(others))
        own = np.minimum(values[:, i], values[rows, others])
        values[:, i] = values[rows, others] = -np.inf
        margins[i, others] = own - values.max(axis=1, initial=-np.inf)
    return margins


def restore_adjacency(space: FeatureSpace, study: Study) -> Adjacency:
    """The `Adjacency` of a study, with its witnesses and proofs, which ``verify()`` checks again.

    Raises
    ------
    ValueError
        If it is a study of something else.
    """
    if study.kind != "adjacency":
        raise ValueError(f"a study of adjacency is needed, received one of {study.kind}")
    count = space.head.num_classes
    first, second = study["first"], study["second"]
    if len(first) != count * (count - 1) // 2:
        raise ValueError(f"the study is of another head: {len(first)} pairs, this one has {count} classes")
    signs = np.zeros((count, count), np.int8)
    signs[first, second] = (study["verdict"] == "yes").astype(int) - (study["verdict"] == "no")
    firsts, seconds = np.zeros((2, count, count), np.int32)
    shares = np.zeros((count, count))
    for matrix, name in ((firsts, "point_a"), (seconds, "point_b"), (shares, "share")):
        matrix[first, second] = study[name]
    return Adjacency(
        space.head,
        space.domain,
        signs + signs.T,
        study.arrays["points"],
        firsts,
        seconds,
        shares,
        _proofs(study.columns, study.arrays),
        float(study.arrays["reach"][0]),
    )
