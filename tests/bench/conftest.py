"""A bench small enough for a test: few phantoms, a tiny network, three epochs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """tiny(name): makes the bench of this name small wherever it is looked up, and returns it."""
    from overread.benches import BENCHES, running
    from overread.benches.layouts import lungs_alone
    from overread.benches.phantoms import drawn, labelled

    few = {
        "phantoms": partial(labelled, patients=150),
        "phantoms-binary": partial(labelled, patients=150, binary=True),
        "phantom-masks": partial(drawn, patients=30),
        "phantom-lungs": lambda root: lungs_alone(drawn(root, 30)),
    }

    class Made:
        def __init__(self, plan):
            self.plan = plan

        def load(self):
            return self.plan

    def make(name, cells=None, **learning):
        plan = BENCHES[name].load()
        roles = tuple(
            replace(role, phantoms=replace(role.phantoms, read=few[role.phantoms.folder]))
            for role in plan.roles
        )
        masks = plan.quick.learning.get("effort") is None
        small = {
            "epochs": 3,
            "size": 32 if masks else 16,
            **({} if masks else {"network": "tiny"}),
            **learning,
        }
        quick = replace(plan.quick, limits={}, learning={**plan.quick.learning, **small})
        plan = replace(plan, roles=roles, quick=quick, cells=cells or plan.cells)
        monkeypatch.setattr(running, "BENCHES", {name: Made(plan)})
        return plan

    return make
