"""What this machine is: its profile, device and precision."""

from labkit.machine.runtime import (
    Precision,
    Profile,
    Runtime,
    activate,
    detect,
    native_precision,
)

__all__ = ["Precision", "Profile", "Runtime", "activate", "detect", "native_precision"]
