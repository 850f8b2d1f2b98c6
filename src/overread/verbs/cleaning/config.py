"""How labels are cleaned: the flags of `overread clean` as values."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import final

from overread.verbs.config import LearningConfig, Problems, TrainConfig, below

STARTS = "none or a method (overread list methods)"
TRUSTS = ("auto", "none", "method", "consensus")
UPDATES = ("clean", "all")
EXPERTS = ("oracle", "queue")
SELECTING = ("co-teaching", "co-teaching-vog")  # methods whose own selection says what they trust


@final
@dataclass(frozen=True)
class CleanConfig(LearningConfig):
    """How to clean. Epochs, of the first phase and where a round trains anew: 20 for a network, 30 for a head."""

    budget: int | None = None  # labels to buy in all; None: a tenth of the training images
    rounds: int = 8
    sampler: str = "suspicion"  # which samples are asked about first
    balanced: bool = False  # the budget is spread over the classes
    start: str = "ce"  # the first phase: what is trained on all labels as they are given; or "none"
    trust: str = "auto"  # what of the given labels is trusted after it, beside what experts verify
    update: str = "clean"  # each round learns from what is trusted; or "all": from everything, robustly
    retrain: bool = False  # each round begins anew; else it goes on with the networks of the one before
    round_epochs: int | None = None  # of a round that goes on; 5 for a network, 10 for a head
    expert: str = "queue"  # people, by the queue; or "oracle": the true labels, for experiments
    expert_error: float = 0.0  # share of wrong answers of the oracle
    expert_confusion: str | None = None  # table of its mistakes, class by class
    readers: int = (
        1  # of the oracle: so many may be asked for a majority; of the queue: so many answer each item
    )
    stop_after: int | None = (
        None  # confirmed labels in a row, asked by suspicion, after which no more are bought
    )
    val_share: float = 0.15
    db: str | None = None  # where the label store is; None: RUN/labels.sqlite

    def _own(self) -> Problems:
        return [
            (below(self.budget, 1), f"--budget must be at least 1 label, not {self.budget}"),
            (self.rounds < 1, f"--rounds must be at least 1, not {self.rounds}"),
            (
                self.budget is not None and 1 <= self.budget < self.rounds,
                f"--budget {self.budget} is less than a label a round (--rounds {self.rounds})",
            ),
            (self.trust not in TRUSTS, f"--trust is {', '.join(TRUSTS)}, not {self.trust!r}"),
            (
                self.start == "none" and self.trust not in ("auto", "none"),
                f"--trust {self.trust} needs a first phase that learns: --start {STARTS}",
            ),
            (self.update not in UPDATES, f"--update is clean or all, not {self.update!r}"),
            (below(self.round_epochs, 1), f"--round-epochs must be at least 1, not {self.round_epochs}"),
            (
                self.retrain and self.round_epochs is not None,
                "--round-epochs is for rounds that go on; with --retrain a round trains as long as --epochs says",
            ),
            (self.expert not in EXPERTS, f"--expert is oracle or queue, not {self.expert!r}"),
            *self._of_oracle(),
            (self.readers < 1, f"--readers must be at least 1, not {self.readers}"),
            (below(self.stop_after, 1), f"--stop-after must be at least 1, not {self.stop_after}"),
            (
                self.stop_after is not None and (self.sampler != "suspicion" or self.balanced),
                "--stop-after counts labels that are confirmed in the order of suspicion: it needs "
                "--sampler suspicion, without --balanced",
            ),
            (not 0.0 < self.val_share < 1.0, f"--val-share is above 0 and below 1, not {self.val_share}"),
        ]

    def _of_oracle(self) -> Problems:
        errs = self.expert_error != 0.0 or self.expert_confusion is not None
        return [
            (
                errs and self.expert != "oracle",
                "--expert-error and --expert-confusion are for --expert oracle: people err by themselves",
            ),
            (
                not 0.0 <= self.expert_error < 1.0,
                f"--expert-error is 0 or more and below 1, not {self.expert_error}",
            ),
        ]

    @property
    def trusts(self) -> str:
        """What `auto` comes to: the method's own selection where it has one, else the consensus of the detectors."""
        if self.trust != "auto":
            return self.trust
        if self.start == "none":
            return "none"
        return "method" if self.start in SELECTING else "consensus"

    def training(self, method: str) -> TrainConfig:
        """As `overread train` would be told to train by `method`."""
        shared = {field.name: getattr(self, field.name) for field in fields(LearningConfig)}
        return TrainConfig(**{**shared, "method": method}, val_share=self.val_share)
