"""The label store: who said what of which sample, and when. Opinions are appended, never changed."""

from overread.store.label_store import LabelStore
from overread.store.opinions import OUTCOMES, Entry, Opinion
from overread.store.queue import Item
from overread.store.rounds import Progress
from overread.store.standing import CLOSED, STATUSES, Current, Standing

__all__ = [
    "CLOSED",
    "OUTCOMES",
    "STATUSES",
    "Current",
    "Entry",
    "Item",
    "LabelStore",
    "Opinion",
    "Progress",
    "Standing",
]
