"""One call of a method's loss on logits made by hand, and a training run on labels of which some are wrong."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch


@pytest.fixture
def once():
    """once(method, z, y, epoch=, prior=, run=, **of the run): one loss, and what it left.

    The network is the identity: the batch's x are its logits `z` [B, C]. Further networks are the method's own.
    """
    from overread.engine.ledger import Ledger
    from overread.engine.method import Batch, Run
    from overread.engine.task import Classification

    class Identity(torch.nn.Module):
        def forward(self, x):
            return x, x

    def call(method, z, y, epoch=0, epochs=3, prior=None, weights=None, run=None, nets=None):
        z = torch.tensor(z).float().requires_grad_()
        y = torch.tensor(y)
        task = Classification(tuple("abcdefgh"[: z.shape[1]]), weights)
        nets = nets or method.networks(Identity, task)
        run = run or Run(task, Ledger(len(z), epochs, method.columns(task)), epochs, prior=prior)
        run.epoch = run.ledger.epoch = epoch
        ids = torch.arange(len(z))
        for net in nets:
            net.zero_grad()
        loss = method.loss(nets, Batch(ids, z, y), run)
        loss.backward()

        def column(name):
            return run.ledger.get(name, ids)

        return SimpleNamespace(loss=loss.item(), grad=z.grad, run=run, nets=nets, column=column)

    return call


@pytest.fixture
def flipped(train):
    """flipped(method): trains on colours of which every fifth label is wrong; the run, and which are [N]."""
    from overread.engine.loop import fit
    from overread.engine.samples import Samples

    def make(method, **recipe):
        clean = train(method).data.samples
        wrong = np.arange(len(clean)) % 5 == 0
        samples = Samples(clean.x, np.where(wrong, (clean.y + 1) % 3, clean.y))
        run = train(method, samples=samples, **{"epochs": 12, **recipe})
        list(fit(run))
        return run, wrong

    return make


@pytest.fixture
def distrusts_wrong_labels(flipped):
    """Trust lies in 0..1 and, as a mean over epochs and samples, lower for wrong labels."""

    def check(method, **recipe):
        run, wrong = flipped(method, **recipe)
        trust = run.run.ledger.history("trust").numpy()
        assert trust.shape[:1] == wrong.shape
        assert trust.min() >= 0
        assert trust.max() <= 1
        trust = trust.mean(1)
        assert trust[wrong].mean() < trust[~wrong].mean() - 0.1, (trust[wrong].mean(), trust[~wrong].mean())

    return check


@pytest.fixture
def same_training(train):
    """same_training(one, two): whole runs under two methods end with equal weights, to 1e-6."""
    from overread.engine.loop import fit

    def check(one, two, **recipe):
        runs = [train(method, epochs=6, **recipe) for method in (one, two)]
        for run in runs:
            list(fit(run))
        pairs = zip(*(run.nets[0].state_dict().items() for run in runs), strict=True)
        for (name, a), (_, b) in pairs:
            torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6, msg=name)

    return check
