"""Two processes that train one network: equal in the end, and from equal weights the same as one alone."""

from __future__ import annotations

import json

import numpy as np
import pytest

from overread.methods import METHODS

pytestmark = pytest.mark.timeout(900)  # the first test waits for two processes to do it all

FOR_LABELS = [name for name, entry in METHODS.items() if "classification" in entry.load().tasks]


@pytest.fixture(scope="module")
def found(two):
    """found(name) -> what each of two processes left."""
    return lambda name: [load(two / f"{name}-{rank}.npz") for rank in (0, 1)]


@pytest.fixture(scope="module")
def told(two):
    return [json.loads((two / f"told-{rank}.json").read_text()) for rank in (0, 1)]


def load(path):
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def test_a_sweep_from_equal_weights_is_that_of_one_process(found, alone):
    for values in found("swept"):
        assert values.keys() == alone[1].keys()
        for name, expected in alone[1].items():
            np.testing.assert_allclose(values[name], expected, rtol=1e-5, atol=1e-6, err_msg=name)
    assert alone[1]["probs"].shape == (59, 3)
    assert np.isfinite(alone[1]["ledger.feature"]).all()
    assert np.ptp(alone[1]["ledger.far"][:, 0]) > 0


@pytest.mark.parametrize("name", FOR_LABELS)
def test_networks_and_ledgers_end_bit_for_bit_equal(name, found):
    first, second = found(name)
    assert first.keys() == second.keys()
    assert any(key.startswith("whole.net-0") for key in first)
    for key in first:
        if key not in ("counts", "repeated"):
            np.testing.assert_array_equal(first[key], second[key], err_msg=key)


@pytest.mark.parametrize("name", FOR_LABELS)
def test_each_sample_is_learned_from_once_an_epoch_by_one_process(name, found, worker):
    first, second = (one["counts"] for one in found(name))
    np.testing.assert_array_equal(first + second, np.ones((worker.EPOCHS, worker.COUNT), int))
    assert 0 < first.sum() < first.size
    losses = found(name)[0]["whole.ledger.loss"]
    assert losses.shape == (worker.COUNT, worker.EPOCHS)
    assert np.isfinite(losses).all()


@pytest.mark.parametrize("name", FOR_LABELS)
def test_stopped_and_resumed_with_columns_in_files_ends_bit_for_bit_equal(name, found, worker):
    for one in found(name):
        names = [key.removeprefix("whole.") for key in one if key.startswith("whole.")]
        assert names
        for key in names:
            np.testing.assert_array_equal(one[f"whole.{key}"], one[f"resumed.{key}"], err_msg=key)
        assert one["repeated"].tolist() == list(range(worker.STOP - 1, worker.EPOCHS)), "it began anew"
        assert one["files"][1] == 0, "files of columns are left"


def test_a_method_for_masks_ends_bit_for_bit_equal_in_all_processes(found):
    first, second = found("masks")
    for key in first:
        np.testing.assert_array_equal(first[key], second[key], err_msg=key)
    assert first["probs"].shape == (21, 2, 16, 16)
    assert np.isfinite(first["whole.ledger.loss"]).all()
    assert np.ptp(first["whole.ledger.weight"][:, -1]) > 0


def test_masks_read_from_equal_weights_are_those_of_one_process(found, alone_on_masks):
    for values in found("swept-masks"):
        far = np.abs(values["probs"].astype(int) - alone_on_masks["probs"].astype(int))
        assert far.max() <= 1  # of 256


def test_each_process_has_files_of_its_own_for_large_columns(found):
    assert [one["files"][0] for one in found("co-teaching-vog")] == [2, 2]  # a gradient of each network


def test_batch_norm_sees_its_own_part_and_is_made_equal_after_each_epoch(told):
    assert [one["drift"] for one in told] == [{"before": False, "after": True}] * 2


def test_processes_know_their_place(told):
    assert [(one["rank"], one["size"], one["started"]) for one in told] == [
        (0, 2, [0, 2, 1]),
        (1, 2, [1, 2, 1]),
    ]
    assert [one["part"] for one in told] == [[0, 1, 2, 3], [4, 5, 6]]
    assert [one["own"] for one in told] == ["process-0", "process-1"]


def test_rows_come_a_chunk_at_a_time_in_order_of_the_processes(told):
    for one in told:
        assert one["rows"] == [[0, 1], [2, 3], [4, 5], [6]]
        assert one["values"] == [[0.0, 10.0], [20.0, 30.0], [40.0, 50.0], [60.0]]


def test_what_one_process_has_all_are_told(told):
    for one in told:
        assert one["told"] == ["from 1", "from 0"]
        assert one["together"] == [[0.0], [1.0], [2.0], [3.0], [4.0], [5.0], [6.0]]
        assert one["none"] == [0]
        assert one["mean"] == 1.5
        assert one["all"] == [0, 1]
        assert one["first"] == "made by 0"
    assert [one["each"] for one in told] == [["turn-0"], ["turn-0", "turn-1"]]


def test_what_fails_in_one_process_fails_in_all(told):
    first, second = told
    assert first["fails_first"] == ["no such folder", 2]
    assert second["fails_first"] == ["Process 0 failed: no such folder", 2]
    assert first["fails_second"] == ["Process 1 failed: by zero", 1]
    assert second["fails_second"] == ["by zero", "itself"]
    for one in told:
        assert one["fails_nowhere"] == ["no failure"]
        assert one["agree"] == ["no failure"]
        assert one["differ"][0].startswith("Process 1 read other data than process 0.")
        assert "fewer than two each" in one["small_batches"][0]
        assert "--batch-size" in one["small_batches"][0]
