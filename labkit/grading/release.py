"""From solutions to exercises, by nbgrader's own preprocessors."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat

from labkit.errors import LabError
from labkit.grading.marking import write_whole
from labkit.grading.problems import ProblemSet

SHORTEST = 15  # characters without spaces: a shorter line says nothing
MARKERS = ("BEGIN SOLUTION", "BEGIN HIDDEN", "BEGIN MARK")


def release(problem_set: ProblemSet, exercises: Path) -> Path:
    """Write a learner's notebook, byte for byte the same each time.

    Args:
        exercises: The folder that holds the sets' folders.

    Raises:
        LabError: nbgrader is missing, or a line of a solution or of the judging would
            leak; then nothing is written.
    """
    path = exercises / problem_set.name / f"{problem_set.name}.ipynb"
    write_whole(path, render(problem_set))
    return path


def render(problem_set: ProblemSet) -> str:
    """The notebook that a learner receives, as JSON.

    Raises:
        LabError: as `release` does.
    """
    notebook = nbformat.from_dict(_clear(problem_set))
    texts = [problem_set.checks, *(cell.source for cell in notebook.cells)]
    _refuse_leaks(problem_set, texts)
    return nbformat.writes(notebook) + "\n"


def _clear(problem_set: ProblemSet) -> nbformat.NotebookNode:
    try:
        from nbgrader import preprocessors as steps
    except ImportError:
        raise LabError(
            "nbgrader is not installed.", "Run `pip install 'labkit[grading]'`."
        ) from None
    path = problem_set.folder / f"{problem_set.name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    quiet = logging.getLogger("labkit.release")
    quiet.setLevel(logging.CRITICAL)
    for step in (  # as nbgrader's generate_assignment, less its database
        steps.LockCells,
        steps.ClearSolutions,
        steps.ClearOutput,
        steps.CheckCellMetadata,
        steps.ClearHiddenTests,
        steps.ClearMarkScheme,
        steps.ComputeChecksums,
        steps.CheckCellMetadata,
    ):
        try:
            notebook, _ = step(log=quiet).preprocess(notebook, {})
        except Exception as error:  # nbgrader's own have no common class
            raise LabError(
                f"nbgrader refuses {problem_set.name}: {error}",
                f"{step.__name__} said so.",
            ) from None
    return notebook


def _refuse_leaks(problem_set: ProblemSet, texts: list[str]) -> None:
    released = [_squeeze(text) for text in texts]
    for line in _secrets(problem_set):
        if any(_squeeze(line) in text for text in released):
            raise LabError(
                f"{problem_set.name} would give this line away: {line.strip()}",
                "It stands in a solution or in judging.py, and in what is released.",
                "Say it in other words in the statement, a given cell or checks.py.",
            )


def _secrets(problem_set: ProblemSet) -> Iterator[str]:
    """The lines that no learner may be handed."""
    yield from MARKERS
    lines = (problem_set.folder / "judging.py").read_text().splitlines()
    for cell in problem_set.notebook.cells:
        regions = re.findall(
            r"### BEGIN SOLUTION(.*?)### END SOLUTION", cell.source, re.DOTALL
        )
        whole = cell.metadata.get("nbgrader", {}).get("solution") and not regions
        for region in [cell.source] if whole else regions:
            lines += region.splitlines()
    for line in lines:
        is_public = re.match(r"\s*(from|import|def|class) ", line)  # as in a stub
        if len(_squeeze(line)) >= SHORTEST and not is_public:
            yield line


def _squeeze(text: str) -> str:
    return re.sub(r"\s+", "", text)
