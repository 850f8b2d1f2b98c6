"""Where weights come from: `none`, `default`, FILE.safetensors, or hf:OWNER/REPO[:FILE]."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from pathlib import Path

from torch import Tensor

from overread.engine.networks.extras import extra, in_short
from overread.errors import InputError

PICKLES = (".pt", ".pth", ".bin", ".pkl", ".ckpt", ".tar")


def weights_file(weights: str) -> Path | None:
    """The file that `weights` means; None for `default` and `none`. A file of `hf:` that is not here is fetched."""
    if weights in ("default", "none"):
        return None
    if weights.startswith("hf:"):
        return _from_hub(weights)
    path = Path(weights)
    if path.suffix in PICKLES:
        _refuse_pickle(path.name)
    if path.suffix != ".safetensors":
        near = difflib.get_close_matches(weights, ("default", "none"), n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise InputError(
            f"Unknown weights {weights!r}: expected 'default' (ImageNet) or 'none', FILE.safetensors, "
            f"or hf:OWNER/REPO.{hint}"
        )
    if not path.is_file():
        raise InputError(f"There is no file {weights!r} to take weights from.")
    return path


def _refuse_pickle(name: str) -> None:
    stem = name.partition(".")[0]
    raise InputError(
        f"{name} is a pickle, which can run code when it is opened; weights are read from .safetensors only. "
        "If you trust it, convert it once:\n"
        "  import torch; from safetensors.torch import save_file\n"
        f"  save_file(torch.load({name!r}, weights_only=True), '{stem}.safetensors')"
    )


def _from_hub(weights: str) -> Path:
    """The file of `hf:OWNER/REPO[:FILE]`: the copy in the hub's cache, or else a download."""
    found = re.fullmatch(r"hf:([\w.-]+/[\w.-]+)(?::([\w./-]+))?", weights)
    if found is None:
        raise InputError(f"{weights!r} names no repository. Write it as hf:OWNER/REPO or hf:OWNER/REPO:FILE.")
    repo, file = found[1], found[2] or "model.safetensors"
    if not file.endswith(".safetensors"):
        _refuse_pickle(file)
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when the package is imported
    hub = extra("huggingface_hub", "hub", f"--weights {weights}")
    try:
        return Path(hub.hf_hub_download(repo, file, local_files_only=True))
    except Exception:
        pass  # not in the cache
    try:
        return Path(hub.hf_hub_download(repo, file))
    except Exception as error:
        raise InputError(
            f"{weights} cannot be fetched: {in_short(error)}. Is the name right, is there a network? "
            "Else fetch its model.safetensors elsewhere, and give that as --weights FILE.safetensors."
        ) from error


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file by their names."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is not a safetensors file that can be read: {error}.") from None


def fingerprint(network: str, weights: str) -> str:
    """Both names, and hashes of the files behind them: what decides what an untrained network sees."""
    own, _, _ = network.rpartition(":")
    files = [Path(own)] if own.endswith(".py") else []
    path = weights_file(weights)
    return "\n".join([network, weights, *map(_hash, [*files, *([path] if path else [])])])


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return str(hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest())
