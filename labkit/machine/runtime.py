"""Where am I running: profile, device, native precision, threads, seeds."""

import os
from dataclasses import dataclass
from typing import Any, Literal, get_args

from labkit.errors import LabError

Profile = Literal["quick", "full"]
Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class Runtime:
    """What a lesson runs on, and why each choice was made."""

    profile: Profile  # "quick" (packaged weights and data) or "full" (the Hub's)
    device: str  # a torch device name: "cuda", "mps" or "cpu"
    precision: Precision  # "bf16" only where the hardware computes it natively
    threads: int  # of the CPU, that torch uses
    reasons: dict[str, str]  # by field name

    def __str__(self) -> str:
        several = "s" if self.threads > 1 else ""
        return (
            f"profile {self.profile} · device {self.device} · "
            f"precision {self.precision} · {self.threads} thread{several}"
        )


def detect(profile: Profile | None = None) -> Runtime:
    """Look at the machine and choose.

    Args:
        profile: Overrides `LABKIT_PROFILE`, which overrides the device's default:
            "full" on an accelerator, "quick" without one.

    Raises:
        LabError: if the profile is neither "quick" nor "full".
    """
    device, device_reason = _device()
    precision, precision_reason = native_precision(device)
    profile, profile_reason = _profile(profile, device)
    reasons = {
        "profile": profile_reason,
        "device": device_reason,
        "precision": precision_reason,
    }
    return Runtime(profile, device, precision, _threads(), reasons)


def activate(runtime: Runtime, seed: int) -> None:
    """Seed Python, NumPy and torch, and give torch its threads."""
    import torch
    import transformers

    torch.set_num_threads(runtime.threads)
    if runtime.device == "cpu":  # also where there is a GPU that the canary refused
        os.environ["ACCELERATE_USE_CPU"] = "true"
    torch.set_float32_matmul_precision("high")  # TF32, where a GPU has it
    transformers.set_seed(seed)
    transformers.utils.logging.disable_progress_bar()


def native_precision(device: str) -> tuple[Precision, str]:
    """The precision that `device` computes natively, and the reason for it.

    bfloat16 where there are instructions for it: emulated, it is many times slower
    than float32. float16 is never chosen: T5 overflows in it.
    """
    import torch

    if device == "cuda":
        major, minor = torch.cuda.get_device_capability()
        if major >= 8:
            return "bf16", f"compute capability {major}.{minor} computes bfloat16"
        return "fp32", f"compute capability {major}.{minor} only emulates bfloat16"
    if device == "mps":
        return "fp32", "bfloat16 autocast is incomplete on MPS"
    if torch.backends.cpu.get_cpu_capability() not in ("DEFAULT", "AVX2"):
        found = torch.cpu.get_capabilities()
        for instructions in ("amx_bf16", "avx512_bf16"):
            if found.get(instructions):
                return "bf16", f"this CPU has {instructions}"
    return "fp32", "this CPU has no bfloat16 instructions"


def canary(device: str) -> str:
    """Run a small forward pass on `device` and on the CPU, and compare.

    Drivers, containers and half-broken builds exist that compute nonsense without
    an error; a lesson would then fail to learn for no visible reason.

    Returns:
        "" if the two agree to 1e-2, else a sentence on how they do not.
    """
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(0)
        layer = torch.nn.TransformerEncoderLayer(64, 4, 128, 0.0, batch_first=True)
        inputs = torch.randn(2, 16, 64)
    layer.eval()
    with torch.inference_mode():
        expected = layer(inputs)
        try:
            found = layer.to(device)(inputs.to(device)).cpu()
        except (RuntimeError, NotImplementedError) as error:
            reason = str(error).splitlines()[0]
            return f"{device} failed a small forward pass ({reason})"
    difference = (found - expected).abs().max()
    if not difference < 1e-2:  # NaN is refused too
        return f"{device} computes nonsense (off by {difference:.2g} from the CPU)"
    return ""


def _device() -> tuple[str, str]:
    import torch

    if torch.cuda.is_available():
        device = "cuda"
    elif torch.backends.mps.is_available():
        device = "mps"
    else:
        return "cpu", "no GPU that this torch can use"
    if wrong := canary(device):
        return "cpu", f"{wrong}, so it is not used"
    return device, f"{device} is there and agrees with the CPU"


def _profile(asked: str | None, device: str) -> tuple[Any, str]:
    default = "quick" if device == "cpu" else "full"
    asked_for = {
        "asked for by setup(profile=…)": asked,
        "asked for by LABKIT_PROFILE": os.environ.get("LABKIT_PROFILE"),
        f"the default on {device}": default,
    }
    reason, chosen = next(pair for pair in asked_for.items() if pair[1])
    if chosen not in get_args(Profile):
        raise LabError(
            f"{chosen!r} is not a profile.",
            "There are two: quick (packaged weights and data) and full (the Hub's).",
            'Use setup(profile="quick"), or set LABKIT_PROFILE to one of them.',
        )
    return chosen, reason


def _threads() -> int:
    """As many as there are cores that this process may use, hyper-threads aside."""
    import torch

    if "OMP_NUM_THREADS" in os.environ or not hasattr(os, "sched_getaffinity"):
        return torch.get_num_threads()
    return min(torch.get_num_threads(), len(os.sched_getaffinity(0)))
