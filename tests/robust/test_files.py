"""Damaged and hostile files: a clear ValueError or the right content, nothing executed, nothing huge.

The long mode (``FSW_LONG=1 python -m pytest tests/robust/test_files.py -s``) tries more than 10,000 files.
"""

from __future__ import annotations

import io
import json
import pickle
import resource
import shutil
import zipfile
from collections import Counter

import numpy as np
import pytest
import torch

from featurespace_widgets.models.adapters import saved_model
from featurespace_widgets.models.archives import read_npz
from featurespace_widgets.models.disk_bank import BankPart, DiskBank
from featurespace_widgets.models.store import read_arrays, read_card
from featurespace_widgets.study.table import Study
from robust.scale import tries

HUGE = 2**20  # kilobytes that reading a small file must not take


def damaged(content: bytes, rng) -> bytes:
    """Cut, flipped in up to eight places, with a part overwritten, repeated or left out."""
    data = bytearray(content)
    kind = rng.integers(5)
    first, last = sorted(rng.integers(0, len(data) + 1, 2))
    if kind == 0:
        return bytes(data[:first])
    if kind == 1:
        for place in rng.integers(0, len(data), rng.integers(1, 9)):
            data[place] ^= 1 << rng.integers(8)
    elif kind == 2:
        data[first : first + 8] = rng.bytes(8)
    elif kind == 3:
        data[first:first] = data[first:last]
    else:
        del data[first:last]
    return bytes(data)


class Trap:
    """Unpickling this makes a file."""

    def __init__(self, path) -> None:
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def npz(**arrays) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def outcome(read) -> str:
    """ "read" or "refused"; any other exception than a ValueError that says something fails the test."""
    try:
        read()
    except ValueError as error:
        message = str(error)
    else:
        return "read"
    assert len(message) > 10
    return "refused"


def say(what: str, seen: Counter) -> None:
    print(f"\n{what}: {seen.total()} tried, {dict(seen)}")


@pytest.fixture(autouse=True)
def _no_huge_memory():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < HUGE


ARRAYS = {
    "a": np.arange(60.0).reshape(12, 5),
    "b": np.arange(9, dtype=np.uint8),
    "names": np.array(["x", "yz"]),
}


def same(found) -> bool:
    return found.keys() == ARRAYS.keys() and all((found[k] == ARRAYS[k]).all() for k in ARRAYS)


def test_damaged_archives_are_refused_or_read_rightly(tmp_path):
    rng, seen, path = np.random.default_rng(0), Counter(), tmp_path / "x.npz"
    for content in (npz(**ARRAYS), (s := io.BytesIO(), np.savez(s, **ARRAYS))[0].getvalue()):
        for _ in range(tries(500, 3000)):
            bad = damaged(content, rng)

            def read(bad=bad):
                found = read_npz(path, bad)
                # Names are outside the checksums; arrays are not.
                for name in found.keys() & ARRAYS.keys():
                    np.testing.assert_array_equal(found[name], ARRAYS[name])

            seen[outcome(read)] += 1
    say("archives", seen)
    assert seen["refused"] > 0.8 * seen.total()
    assert same(read_npz(path, content))


def test_huge_declared_sizes_are_refused(tmp_path):
    for shape in ("(1000000000000,)", "(100000, 100000)", "(-1,)", "(9223372036854775807, 9)"):
        header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
        entry = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(64)
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("a.npy", entry)
        with pytest.raises(ValueError, match=r"x\.npz cannot be read"):
            read_npz(tmp_path / "x.npz", stream.getvalue())


def test_pickles_are_never_run(tmp_path):
    trap = tmp_path / "sprung"
    path = tmp_path / "x.npz"
    path.write_bytes(npz(a=np.array([Trap(trap)], dtype=object)))
    with pytest.raises(ValueError, match="cannot be read"):
        read_npz(path)
    (tmp_path / "plain.npz").write_bytes(pickle.dumps(Trap(trap)))
    with pytest.raises(ValueError, match="cannot be read"):
        read_npz(tmp_path / "plain.npz")
    torch.save({"weight": Trap(trap)}, tmp_path / "x.pt")
    with pytest.raises(ValueError, match="cannot be read as weights"):
        saved_model(tmp_path / "x.pt", lambda: torch.nn.Linear(2, 2))
    assert not trap.exists()


def test_damaged_cards_are_refused(tmp_path):
    rng, seen = np.random.default_rng(1), Counter()
    (tmp_path / "m.a.npz").write_bytes(npz(a=np.zeros(3)))
    card = json.dumps({"name": "m", "sha256": {"m.a.npz": "0" * 64}}, indent=2).encode()
    path = tmp_path / "m.card.json"
    odd = [
        b"[" * 100_000,
        b"null",
        b'{"name": "m", "sha256": []}',
        b'{"name": "m", "sha256": null}',
        b"\xff\xfe",
    ]
    for bad in [*odd, *(damaged(card, rng) for _ in range(tries(300, 2000)))]:
        path.write_bytes(bad)
        seen[outcome(lambda: read_arrays(read_card("m", tmp_path), "m.a.npz", tmp_path))] += 1
    say("cards", seen)
    assert set(seen) == {"refused"}


@pytest.mark.filterwarnings("ignore")  # torch warns of some damaged files before it refuses them
def test_damaged_weights_are_refused_or_fit(tmp_path):
    rng, seen = np.random.default_rng(2), Counter()
    from safetensors.torch import save

    model = torch.nn.Linear(3, 2)
    stream = io.BytesIO()
    torch.save(model.state_dict(), stream)
    for suffix, content in ((".pt", stream.getvalue()), (".safetensors", save(model.state_dict()))):
        path = tmp_path / f"w{suffix}"
        for _ in range(tries(150, 1500)):
            path.write_bytes(damaged(content, rng))
            seen[outcome(lambda path=path: saved_model(path, lambda: torch.nn.Linear(3, 2)))] += 1
    say("weights", seen)
    assert seen["refused"]


def test_damaged_studies_are_refused(tmp_path):
    rng, seen = np.random.default_rng(3), Counter()
    rows = np.arange(20)
    Study("margins", {"row": rows}, {"x": np.ones((20, 3))}, {"study": "margins"}).save(tmp_path)
    contents = {name: (tmp_path / name).read_bytes() for name in ("result.npz", "provenance.json")}
    for name, content in contents.items():
        for _ in range(tries(200, 1000)):
            (tmp_path / name).write_bytes(damaged(content, rng))
            seen[outcome(lambda: Study.load(tmp_path))] += 1
        (tmp_path / name).write_bytes(content)
    say("studies", seen)
    assert seen["refused"]
    assert (Study.load(tmp_path).columns["row"] == rows).all()


def test_damaged_banks_are_refused_or_read_rightly(tmp_path):
    rng, seen = np.random.default_rng(4), Counter()
    whole, copy = tmp_path / "whole", tmp_path / "copy"
    features = rng.random((20, 6)).astype(np.float32)
    bank = DiskBank.create(whole, 20, 6, (1, 2, 2), chunk=8)
    for chunk in range(bank.chunks):
        rows = bank.rows_of(chunk)
        count = rows.stop - rows.start
        bank.write(
            chunk, BankPart(features[rows], np.zeros(count, int), np.zeros((count, 1, 2, 2), np.uint8), {})
        )
    shutil.copytree(whole, copy)
    np.testing.assert_array_equal(DiskBank(copy).features, features)
    files = sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file())
    metadata = [file for file in files if file.name == "zarr.json"]
    for number in range(tries(120, 1500)):
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(whole, copy)
        file = copy / rng.choice(metadata if number % 2 else files)
        file.write_bytes(damaged(file.read_bytes(), rng))

        def read(chunk=file.name != "zarr.json"):
            found = DiskBank(copy)
            got, labels = found.features, found.labels
            assert labels is None or len(labels) == len(got)
            if chunk:
                np.testing.assert_array_equal(got, features)

        seen[outcome(read)] += 1
    say("banks", seen)
    assert seen["refused"]


@pytest.mark.parametrize("change", [{"shape": [10**12, 6]}, {"data_type": "float64"}, {"zarr_format": 2}])
def test_banks_that_declare_something_else_are_refused(tmp_path, change):
    DiskBank.create(tmp_path / "bank", 20, 6, (1, 2, 2), chunk=8)
    path = tmp_path / "bank" / "bank.zarr" / "features" / "zarr.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ValueError, match="damaged"):
        DiskBank(tmp_path / "bank")
