"""A lab kit for fine-tuning language models. `from labkit import setup` is the handle.

Importing this package imports neither torch nor transformers: they take seconds, and
`labkit fetch` or `labkit doctor` should answer at once.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labkit.errors import LabError
    from labkit.lab import Lab, setup

__all__ = ["Lab", "LabError", "setup"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'labkit' has no attribute {name!r}")
    if name == "LabError":
        from labkit.errors import LabError

        return LabError
    from labkit import lab

    return getattr(lab, name)
