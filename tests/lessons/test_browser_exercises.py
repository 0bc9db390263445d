"""A learner at a problem set in JupyterLab: a stub, a mistake, a right answer."""

import re
import shutil
from collections.abc import Iterator

import nbformat
import pytest
from chromium import MINUTE
from playwright.sync_api import Locator, Page, expect
from running_lab import ROOT, running_lab

pytestmark = pytest.mark.slow

MISTAKE = "def softmax(scores, dim=-1): return (-scores).softmax(dim)"
RIGHT = (
    "def softmax(scores, dim=-1): "
    "e = (scores - scores.amax(dim, True)).exp(); return e / e.sum(dim, True)"
)


@pytest.fixture(scope="module")
def learner(browser, tmp_path_factory) -> Iterator[Page]:
    """JupyterLab, with the attention set up to its first exercise, all cells run."""
    root = tmp_path_factory.mktemp("root")
    shutil.copytree(ROOT / "exercises" / "attention", root, dirs_exist_ok=True)
    notebook = nbformat.read(root / "attention.ipynb", as_version=4)
    last = [cell.id for cell in notebook.cells].index("softmax-check")
    del notebook.cells[last + 1 :]
    nbformat.write(notebook, root / "attention.ipynb")
    with running_lab(tmp_path_factory.mktemp("home"), root) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 1600})
        page.set_default_timeout(3 * MINUTE)
        page.goto(address("lab/tree/attention.ipynb"))
        page.get_by_text("| Idle").wait_for()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        yield page
        page.close()


def below_the_check(page: Page) -> Locator:
    cell = page.locator(".jp-CodeCell").filter(has_text='check("softmax")')
    return cell.locator(".jp-OutputArea")


def answer(page: Page, source: str) -> None:
    """Write it in the answer's cell, run that, and then the check."""
    cell = page.locator(".jp-CodeCell").filter(has_text="def softmax")
    cell.locator(".cm-content").click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text(source)
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("ControlOrMeta+Enter")


def test_a_stub_a_mistake_and_a_right_answer_are_answered_differently(
    learner, tmp_path
):
    said = below_the_check(learner)
    expect(said).to_contain_text("softmax is still a stub", timeout=3 * MINUTE)
    learner.screenshot(path=tmp_path / "stub.png")

    answer(learner, MISTAKE)
    expect(said).to_contain_text("is the sign of the exponent right?")
    expect(said).to_contain_text("0 of 10 checks passed")
    expect(said).not_to_contain_text("Traceback")
    picture = said.get_by_role("img", name=re.compile("yours: .* expected: "))
    expect(picture).to_be_visible()
    learner.screenshot(path=tmp_path / "mistake.png")

    answer(learner, RIGHT)
    expect(said).to_contain_text("10 of 10 checks passed. The grader draws")
    expect(picture).to_have_count(0)
    learner.screenshot(path=tmp_path / "right.png")
