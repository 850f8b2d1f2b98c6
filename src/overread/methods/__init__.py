"""Methods: losses with memory, one file a paper."""

from overread.registry import Entry

METHODS = {
    "ce": Entry(
        "overread.methods.ce:CE",
        "plain cross-entropy on the given labels, the baseline that is always in the table",
        "baseline; its loss sequences are P3's",
    ),
}
