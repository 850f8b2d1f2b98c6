#!/usr/bin/env python3
"""nnU-Net's own integrity check of raw data sets: python scripts/nnunet_integrity.py FOLDER...

Runs in an environment that has nnunetv2, and needs nothing of Overread. nnunetv2 installs beside our torch, but
brings torchvision along, which does not import beside a CPU build of torch: so it is in no extra of ours. Give it
its own environment: `python -m venv nnunet; nnunet/bin/pip install nnunetv2`. With the variable below the tests of
`--to nnunet` run this on each data set that they export:

    OVERREAD_NNUNET=nnunet/bin/python python -m pytest tests/exporting/test_nnunet.py tests/exporting/test_story.py
"""

import contextlib
import io
import os
import sys

for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
    os.environ.setdefault(name, "/nonexistent")  # else it warns


def check(folder):
    """What is wrong with a data set in nnU-Net's words, or ""."""
    from nnunetv2.experiment_planning.verify_dataset_integrity import verify_dataset_integrity

    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            verify_dataset_integrity(folder, num_processes=1)
    except Exception as error:
        return f"{said.getvalue()}{type(error).__name__}: {error}"
    text = said.getvalue()
    return text if "error:" in text.lower() or "warning" in text.lower() else ""


if __name__ == "__main__":
    wrong = {folder: text for folder in sys.argv[1:] if (text := check(folder))}
    for folder, text in wrong.items():
        print(f"{folder}: {text}")
    print(f"{len(sys.argv) - 1 - len(wrong)} of {len(sys.argv) - 1} pass nnU-Net's own integrity check")
    sys.exit(bool(wrong))
