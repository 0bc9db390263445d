"""pytest on a notebook that a test has written, with the course's own settings."""

import subprocess
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]


def run(
    notebook: nbformat.NotebookNode, folder: Path, *options: str
) -> tuple[int, str]:
    """The exit code, and what was printed."""
    made = nbformat.from_dict(notebook)
    made.metadata.setdefault("labkit", {"minutes": {"quick": 2}})
    nbformat.write(made, folder / "lesson.ipynb")
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "-c"]
    command += [str(ROOT / "pyproject.toml"), str(folder / "lesson.ipynb"), *options]
    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    return ended.returncode, ended.stdout
