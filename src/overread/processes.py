"""Several processes that one launcher started: how many there are, and which of them this one is.

Read from the environment that torchrun or srun sets, so that who only prints or writes need not load torch.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

INTERACTIVE = ("bash", "interactive")  # names of SLURM jobs in which a person types: nothing was spread there


@dataclass(frozen=True)
class Started:
    """This process among `size` of them on `nodes` machines; alone by default."""

    rank: int = 0
    local_rank: int = 0  # on this machine
    size: int = 1
    nodes: int = 1
    launcher: str = ""

    @property
    def is_first(self) -> bool:
        """Whether this is the one process that writes the run folder and prints the result."""
        return self.rank == 0

    @property
    def is_first_here(self) -> bool:
        """Whether this is the first process of its machine: the one that fills caches, and says what is wrong."""
        return self.local_rank == 0

    @property
    def here(self) -> int:
        """How many processes each machine has."""
        return self.size // self.nodes


def started(environment: Mapping[str, str] = os.environ) -> Started:
    """What torchrun or `srun` says of this process.

    >>> started({"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "4", "RANK": "3", "LOCAL_RANK": "1",
    ...          "GROUP_WORLD_SIZE": "2"})
    Started(rank=3, local_rank=1, size=4, nodes=2, launcher='torchrun')
    >>> started({})
    Started(rank=0, local_rank=0, size=1, nodes=1, launcher='')
    """

    def number(name: str, default: int) -> int:
        return int(environment.get(name) or default)

    if "TORCHELASTIC_RUN_ID" in environment and number("WORLD_SIZE", 1) > 1:
        nodes = number("GROUP_WORLD_SIZE", 1)
        return Started(number("RANK", 0), number("LOCAL_RANK", 0), number("WORLD_SIZE", 1), nodes, "torchrun")
    # a batch script that does not call srun is one process, whatever the job asked for
    by_srun = "SLURM_STEP_NUM_TASKS" in environment and environment.get("SLURM_JOB_NAME") not in INTERACTIVE
    if by_srun and number("SLURM_NTASKS", 1) > 1:
        size, nodes = number("SLURM_NTASKS", 1), number("SLURM_NNODES", 1)
        return Started(number("SLURM_PROCID", 0), number("SLURM_LOCALID", 0), size, nodes, "srun")
    return Started()
