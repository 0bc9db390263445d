"""The one error a user of the kit is meant to read."""


class LabError(Exception):
    """Something the user can mend: what happened, why, and what to do, in that order.

    A stack trace is for our bugs; a missing network, a full disk or a file with the
    wrong hash is a `LabError`. The first line says what happened; further lines are
    indented by two spaces.
    """

    def __init__(self, what: str, *then: str) -> None:
        super().__init__("\n  ".join([what, *then]))

    def _render_traceback_(self) -> list[str]:
        """In a notebook, show the message alone: IPython calls this hook."""
        return [f"LabError: {self}"]
