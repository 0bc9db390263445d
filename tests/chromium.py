"""Find Chromium, or its kin; run as a program, exit with 0 if there is one."""

import os
import shutil
import sys

PLACES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)

MINUTE = 60_000  # milliseconds; machines are shared, so nobody waits for less
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NO_CHROMIUM = (
    "no Chromium. Install it with `sudo apt-get install chromium`, or Google Chrome, "
    "or name one: CHROMIUM=/path/to/it."
)


def find() -> str | None:
    """The path of the program that $CHROMIUM names, or else of the first in PLACES."""
    names = [os.environ.get("CHROMIUM") or "", *PLACES]
    return next((path for name in names if (path := shutil.which(name))), None)


if __name__ == "__main__":
    sys.exit(find() is None)
