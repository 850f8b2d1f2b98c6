"""What torchrun and srun say of a process, what is refused, and who writes."""

from __future__ import annotations

import json

import pytest

from overread.errors import InputError
from overread.processes import Started, started
from overread.run import RunFolder, open_run

SRUN = {
    "SLURM_STEP_NUM_TASKS": "8",
    "SLURM_NTASKS": "8",
    "SLURM_NNODES": "2",
    "SLURM_PROCID": "5",
    "SLURM_LOCALID": "1",
    "SLURM_JOB_NAME": "train",
}


def test_srun_starts_several():
    process = started(SRUN)
    assert process == Started(rank=5, local_rank=1, size=8, nodes=2, launcher="srun")
    assert process.here == 4
    assert not process.is_first
    assert not process.is_first_here
    assert started({**SRUN, "SLURM_PROCID": "4", "SLURM_LOCALID": "0"}).is_first_here


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {**SRUN, "SLURM_NTASKS": "1"},
        {**SRUN, "SLURM_JOB_NAME": "bash"},
        {
            name: value for name, value in SRUN.items() if name != "SLURM_STEP_NUM_TASKS"
        },  # a batch script alone
        {"WORLD_SIZE": "4", "RANK": "3"},  # somebody else's variables
        {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "1", "RANK": "0"},
    ],
)
def test_everything_else_is_one_process(environment):
    assert started(environment) == Started()


def test_torchrun_within_slurm_counts_first():
    torchrun = {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1"}
    assert started({**SRUN, **torchrun}) == Started(1, 1, 2, 1, "torchrun")


def test_what_lightning_could_not_spread_is_refused_in_words(monkeypatch):
    from overread.engine.device import check_spread

    with pytest.raises(InputError, match="7 processes on 2 machines"):
        check_spread("cpu", Started(size=7, nodes=2, launcher="torchrun"))
    monkeypatch.delenv("SLURM_NTASKS_PER_NODE", raising=False)
    with pytest.raises(InputError, match=r"--ntasks 8 .* --ntasks-per-node 4 \(and --nodes 2\)"):
        check_spread("cpu", started(SRUN))
    monkeypatch.setattr("torch.cuda.device_count", lambda: 3)
    with pytest.raises(InputError, match=r"4 processes on a machine where PyTorch sees 3 GPUs.*--device cpu"):
        check_spread("cuda", Started(size=8, nodes=2, launcher="torchrun"))
    check_spread("cuda", Started(size=3, launcher="torchrun"))


def test_only_the_first_process_writes(tmp_path, monkeypatch):
    run = RunFolder(tmp_path, {"seconds": {}})
    for name, value in SRUN.items():
        monkeypatch.setenv(name, value)
    run.log({"epoch": 1})
    with pytest.raises(KeyboardInterrupt), run.running(), run.stage("learn"):
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())
    monkeypatch.setenv("SLURM_PROCID", "0")
    with run.running():
        run.log({"epoch": 1})
    assert {path.name for path in tmp_path.iterdir()} == {"run.json", "log.jsonl"}


def test_a_run_goes_on_with_as_many_processes_as_it_began(tmp_path, monkeypatch):
    about = {"data": "x"}, [], 0, {}
    open_run(tmp_path / "run", "audit", *about).finish("interrupted")
    for name, value in SRUN.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match="a run of 1 processes, and there are 8 here"):
        open_run(tmp_path / "run", "audit", *about)
    file = tmp_path / "run" / "run.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "state": "done"}))
    assert open_run(tmp_path / "run", "audit", *about).is_done
