"""The file of a long run stays small, and nothing that a diagnosis rests on is lost."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from headtorch.record import thinning, writer
from headtorch.record.schedule import LEVELS
from headtorch.store.packing import MOST, last_step, pack, unpack
from headtorch.store.run import Run

STEPS = 60_000
WIDTH = 7
BUDGET = 8_000  # bytes
SPIKE, DIP, NAN, ONSET = 9_991, 20_079, 30_070, 40_061  # looked-at steps: multiples of 97


def measured() -> np.ndarray:
    """What a quantity of seven columns measures at each step."""
    values = np.random.default_rng(0).uniform(1.0, 2.0, (STEPS, WIDTH)).astype(np.float32)
    values[SPIKE, 1], values[DIP, 2] = 1e6, -7.0
    values[NAN : NAN + 5_000, 3] = np.nan
    values[ONSET:, 4] = 9.0
    return values


@pytest.fixture(scope="module")
def losses() -> np.ndarray:
    found = np.random.default_rng(1).uniform(0.0, 1.0, STEPS).astype(np.float32)
    found[12_345] = np.nan
    return found


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory, losses: np.ndarray) -> Iterator[Path]:
    """A long run by the real writer, which packs every 40 commits into very little room."""
    path = tmp_path_factory.mktemp("thinning") / "long.htdb"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "PACK_EVERY", 40)
        patch.setattr(writer, "LOOK_EVERY", 0.001)
        patch.setattr(thinning, "BUDGET", BUDGET)
        written = writer.Writer(path)
        values, known, seen = measured(), None, 0
        for step in range(STEPS):
            written.sample(0, "loss", step, [float(losses[step]), 1.0])
            if LEVELS["default"].looked_at(step):
                written.sample(0, "grad_norm", step, values[step].tolist())
                written.sample(3, "learning_rate", step, [0.1])
            if step % 250 == 0:
                written.step_done(urgent=True)
                while written._queue and written.trouble is None:
                    time.sleep(0.001)
            if step % 1_000 == 0:  # a page that is open keeps what it has read
                known, before = Run(path, known), known
                if before is not None:
                    before.close()
                steps = known.series("loss").steps
                assert np.array_equal(steps, np.arange(len(steps)))
                assert len(steps) >= seen
                seen = len(steps)
        assert known is not None
        known.close()
        written.close()
        assert written.trouble is None
        assert seen > STEPS - 2_000
    yield path


def test_every_loss_is_there(path: Path, losses: np.ndarray) -> None:
    series = Run(path).series("loss")
    assert series.steps.tolist() == list(range(STEPS))
    assert series.column().tobytes() == losses.tobytes()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT SUM(rows) FROM packed WHERE quantity = 'loss'").fetchone()[0] > STEPS * 0.7


def test_old_steps_are_thinned(path: Path) -> None:
    steps = Run(path).series("grad_norm").steps
    looked = [step for step in range(STEPS) if LEVELS["default"].looked_at(step)]
    assert 100 < len(steps) < 0.9 * len(looked)
    assert set(steps.tolist()) <= set(looked)
    assert np.all(np.diff(steps) > 0)
    assert steps[:100].tolist() == list(range(100))
    gaps = np.diff(steps[100:])
    assert gaps[: len(gaps) // 3].mean() > 1.5 * gaps[-len(gaps) // 4 :].mean()  # the older the fewer
    with closing(sqlite3.connect(path)) as db:
        size = "SELECT SUM(LENGTH(steps) + LENGTH(samples)) FROM packed WHERE quantity <> 'loss'"
        assert db.execute(size).fetchone()[0] < 1.6 * BUDGET


def test_extremes_onsets_and_the_first_nan_stay(path: Path) -> None:
    series = Run(path).series("grad_norm")
    values, kept = measured(), set(series.steps.tolist())
    assert {SPIKE, DIP, NAN, ONSET} <= kept
    looked = values[[LEVELS["default"].looked_at(step) for step in range(STEPS)]]
    assert np.array_equal(np.nanmax(series.values, axis=0), np.nanmax(looked, axis=0))
    assert np.array_equal(np.nanmin(series.values, axis=0), np.nanmin(looked, axis=0))
    assert np.array_equal(series.values, values[series.steps], equal_nan=True)


def test_many_columns_keep_the_extremes_of_all() -> None:
    values = np.random.default_rng(0).uniform(0.0, 1.0, (600, 400)).astype(np.float32)
    values[301, 399], values[333, 0] = 5.0, np.nan
    kept = thinning.kept_rows(values)
    assert kept[301] and kept[333]
    assert kept.sum() < 450


@pytest.mark.parametrize("width", [1, 2, 33])
def test_what_is_packed_comes_back(width: int) -> None:
    values = np.random.default_rng(0).standard_normal((100, width)).astype("<f4")
    values[3, 0] = np.nan
    assert unpack(pack(values), "<f4", 100, width).tobytes() == values.tobytes()
    steps = np.arange(-1, 99, dtype="<i8")[:, None]
    assert last_step(pack(steps), 100) == last_step(steps.tobytes(), None) == 98


@pytest.mark.parametrize(("data", "rows"), [(b"nonsense", 3), (pack(np.zeros((9, 1), "<f4")), 8),
                                            (pack(np.zeros((9, 1), "<f4")), 10), (b"", MOST), (b"", -1)])  # fmt: skip
def test_what_was_not_packed_so_is_refused(data: bytes, rows: int) -> None:
    if rows == 8:  # more than is asked for is left where it is
        assert unpack(data, "<f4", rows, 1).shape == (8, 1)
        return
    with pytest.raises(ValueError):
        unpack(data, "<f4", rows, 1)
