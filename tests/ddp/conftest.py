"""Several processes started by hand, as srun would, and ended whatever happens."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

SLURM = {"SLURM_NNODES": "1", "SLURM_NODEID": "0", "SLURM_JOB_NAME": "test", "SLURM_JOB_ID": "1"}
LAUNCHERS = ("SLURM", "TORCHELASTIC", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER")


def quiet_environment() -> dict[str, str]:
    """The environment without what another launcher left in it; gloo on this machine alone."""
    own = {key: value for key, value in os.environ.items() if not key.startswith(LAUNCHERS)}
    loopback = {"GLOO_SOCKET_IFNAME": "lo"} if sys.platform.startswith("linux") else {}
    return {**own, **loopback, "OMP_NUM_THREADS": "1"}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def by_srun(rank: int, size: int, port: int) -> dict[str, str]:
    """What srun tells process `rank`."""
    count = dict.fromkeys(("SLURM_NTASKS", "SLURM_NTASKS_PER_NODE", "SLURM_STEP_NUM_TASKS"), str(size))
    number = dict.fromkeys(("SLURM_PROCID", "SLURM_LOCALID"), str(rank))
    return {**SLURM, **count, **number, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}


@pytest.fixture(scope="session")
def together():
    """Runs a command in `size` processes: together([arguments], size, seconds) -> [(exit code, stdout, stderr)]."""

    def run(arguments, size=2, seconds=600.0):
        port, command = free_port(), [sys.executable, *map(str, arguments)]
        processes = [
            subprocess.Popen(
                command,
                env={**quiet_environment(), **by_srun(rank, size, port)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for rank in range(size)
        ]
        return finished(processes, seconds)

    return run


def finished(processes, seconds):
    """Waits for all; none outlives this."""
    until = time.monotonic() + seconds
    try:
        told = [process.communicate(timeout=max(1.0, until - time.monotonic())) for process in processes]
        return [(process.returncode, *texts) for process, texts in zip(processes, told, strict=True)]
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.communicate()


@pytest.fixture(scope="session")
def torchrun():
    """Starts a command of ours in 2 processes: torchrun([arguments], **environment) -> Popen."""
    started = []

    def run(arguments, **environment):
        launcher = ["-m", "torch.distributed.run", "--nproc-per-node=2", "--master-addr=127.0.0.1"]
        command = [
            sys.executable,
            *launcher,
            f"--master-port={free_port()}",
            "-m",
            "overread",
            *map(str, arguments),
        ]
        process = subprocess.Popen(
            command,
            env={**quiet_environment(), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.terminate()  # torchrun then ends its own
            try:
                process.communicate(timeout=40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


def module(path: Path):
    """A file as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture(scope="session")
def worker():
    """The file that each process runs."""
    return module(Path(__file__).with_name("worker.py"))


@pytest.fixture(scope="session")
def alone(worker, tmp_path_factory):
    """A folder with data and trained weights, and what one process sweeps from these."""
    import torch

    from overread.engine.device import make_fabric
    from overread.engine.loop import fit, networks

    folder, fabric = tmp_path_factory.mktemp("ddp"), make_fabric("cpu")
    save_colours(worker.shared().colours(72), folder / "colours")
    run = worker.training(worker.Remembering(), fabric, epochs=3)
    list(fit(run))
    torch.save([net.state_dict() for net in networks(run)], folder / "state.pt")
    drawing = worker.mask_training(fabric)
    list(fit(drawing))
    torch.save([net.state_dict() for net in networks(drawing)], folder / "masks.pt")
    save_shapes(worker.shared().shapes(24), folder / "shapes")
    return folder, worker.swept(fabric, folder)


@pytest.fixture(scope="session")
def alone_on_masks(alone, worker):
    """What one process says of masks from the trained weights."""
    from overread.engine.device import make_fabric

    return worker.swept_masks(make_fabric("cpu"), alone[0])


def save_shapes(samples, folder: Path) -> None:
    """Images and masks as files, and a table."""
    lines = ["image,mask_disk,mask_bar"]
    for number, (pixels, masks) in enumerate(zip(samples.x, samples.y, strict=True)):
        names = [f"{kind}/{number:02d}.png" for kind in ("images", "disk", "bar")]
        for name, plane in zip(names, (pixels, *(255 * masks)), strict=True):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(plane).save(folder / name)
        lines.append(",".join(names))
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")


def save_colours(samples, folder: Path) -> None:
    """The images as files, and a table with some labels wrong and two images a group."""
    (folder / "images").mkdir(parents=True)
    lines = ["image,label,group"]
    for number, (pixels, colour) in enumerate(zip(samples.x, samples.y, strict=True)):
        name = f"images/{number:02d}.png"
        Image.fromarray(pixels).save(folder / name)
        given = (colour + 1) % 3 if number % 12 == 7 else colour
        lines.append(f"{name},{('blue', 'green', 'red')[given]},patient-{number // 2}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="session")
def two(alone, together, worker):
    """The folder where two processes did all that worker.py has, once for all tests."""
    folder, _ = alone
    for code, said, complained in together([worker.__file__, folder], size=2):
        assert (code, said, complained) == (0, "", "")
    return folder
