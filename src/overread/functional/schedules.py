"""Numbers that change over the epochs."""

from __future__ import annotations


def ramp(epoch: int, length: float, value: float) -> float:
    """Rises in a straight line from 0 to `value`: value * min(epoch / length, 1); `epoch` counts from 0.

    Length 0 means at once. P4's forget rate, tau * min(e / 10, 1), is `ramp(e, 10, tau)`.

    >>> ramp(0, 10, 0.4), ramp(5, 10, 0.4), ramp(50, 10, 0.4)
    (0.0, 0.2, 0.4)
    """
    return value * min(epoch / length, 1.0) if length > 0 else value
