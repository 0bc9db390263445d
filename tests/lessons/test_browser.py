"""A reader at the keyboard of the real JupyterLab, in a real browser."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from chromium import MINUTE
from nbconvert import HTMLExporter
from playwright.sync_api import Locator, Page, expect
from running_lab import ROOT, running_lab

pytestmark = pytest.mark.slow

LESSON = ROOT / "notebooks" / "02_attention.ipynb"
STILL = "[class^=labkit-still] img"
IMAGE = r'"labkit-still-\w+"><img'
VIEW = "application/vnd.jupyter.widget-view+json"
EXPLORERS = Path("explorers.ipynb")  # made of these cells
PYTHON = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}}
CELLS = (
    "import torch\n"
    "from labkit.plots import explorers as widgets\n"
    "tokens = '[CLS] the cat saw the other cat . [SEP]'.split()\n"
    "torch.manual_seed(0)\n"
    "weights = torch.randn(2, 3, len(tokens), len(tokens)).mul(2).softmax(-1)\n"
    "widgets.attention_explorer({'cats': (tokens, weights)})",
    "widgets.softmax_explorer()",
    "widgets.mask_explorer()",
    "widgets.span_corruption_explorer('Thank you for inviting me to your party.')",
    "from labkit.course import progress, quiz\n\nquiz('02_attention')",
    "progress()",
)
HAS_RUN = """() => {
  const prompts = [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")];
  const texts = prompts.map((prompt) => prompt.textContent);
  return /[0-9]/.test(texts[0]) && !texts.some((text) => text.includes("*"));
}"""


class Visit:
    """A notebook opened in JupyterLab, run, saved; and what was heard meanwhile."""

    def __init__(self, page: Page, address: str, saved: Path) -> None:
        self.page = page
        self.saved = saved
        self.errors: list[str] = []
        self.hosts: set[str | None] = set()
        page.on("console", lambda said: self.heard(said.type, said.text))
        page.on("pageerror", lambda error: self.heard("error", str(error)))
        page.on("request", lambda request: self.asked(request.url))
        page.on("websocket", lambda socket: self.asked(socket.url))
        page.goto(address)
        page.get_by_text("| Idle").wait_for()  # else Lab asks which kernel to run it in
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.wait_for_function(HAS_RUN, timeout=10 * MINUTE)
        page.keyboard.press("ControlOrMeta+s")
        expect(page.locator(".jp-mod-dirty")).to_have_count(0)

    def heard(self, kind: str, text: str) -> None:
        if kind == "error":
            self.errors.append(text)

    def asked(self, url: str) -> None:
        address = urlsplit(url)
        if address.scheme not in ("blob", "data"):
            self.hosts.add(address.hostname)

    def outputs(self) -> list[nbformat.NotebookNode]:
        cells = nbformat.read(self.saved, as_version=4).cells
        return [output for cell in cells for output in cell.get("outputs", [])]

    def explorers(self) -> list[Locator]:
        found = self.page.locator(".jp-OutputArea-output:has(svg.labkit)")
        expect(found).to_have_count(len(re.findall(IMAGE, str(self.outputs()))))
        assert found.count()
        return found.all()


@pytest.fixture(scope="module", params=[EXPLORERS, LESSON], ids=lambda path: path.stem)
def visit(request, browser, tmp_path_factory) -> Iterator[Visit]:
    root = tmp_path_factory.mktemp("root")
    notebook = root / "notebook.ipynb"
    if request.param == EXPLORERS:
        cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=PYTHON), notebook)
    else:
        shutil.copy(request.param, notebook)
    page = browser.new_page(viewport={"width": 1280, "height": 1600})
    page.set_default_timeout(3 * MINUTE)
    with running_lab(tmp_path_factory.mktemp("home"), root) as address:
        yield Visit(page, address("lab/tree/notebook.ipynb"), notebook)
        page.close()


def test_every_cell_runs_and_none_fails(visit):
    assert not [output for output in visit.outputs() if output.output_type == "error"]
    cells = nbformat.read(visit.saved, as_version=4).cells
    assert all(cell.execution_count for cell in cells if cell.cell_type == "code")


def test_an_arrow_key_on_a_control_changes_the_picture(visit):
    for explorer in visit.explorers():
        picture = explorer.locator("svg.labkit")
        before = picture.get_attribute("aria-label")
        explorer.get_by_role("spinbutton").first.focus()
        for _ in range(3):  # one step of a rate need not cut one token more
            visit.page.keyboard.press("ArrowUp")
        expect(picture).not_to_have_attribute("aria-label", before)


def test_a_token_with_the_focus_or_under_the_mouse_shows_where_it_looks(visit):
    explorer = next(e for e in visit.explorers() if e.locator(".detail").count())
    first, second = explorer.locator(".query").all()[:2]
    expect(first.locator(".detail").first).to_be_hidden()
    explorer.get_by_role("spinbutton").last.focus()
    visit.page.keyboard.press("Tab")
    expect(first).to_be_focused()
    expect(first.locator(".detail").first).to_be_visible()
    second.locator(".frame").hover()
    expect(second.locator(".detail").first).to_be_visible()
    expect(first.locator(".detail").first).to_be_hidden()


def test_the_keyboard_answers_a_question_which_is_explained_and_counted(visit):
    questions = visit.page.locator(".widget-radio")
    expect(questions).to_have_count(5)
    options = questions.first.get_by_role("radio")
    options.first.focus()
    visit.page.keyboard.press("Space")
    said = visit.page.get_by_role("status").filter(has_text=re.compile("Right|Not so"))
    expect(said).to_have_count(1)
    before = said.text_content()
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.press("Space")
    expect(options.nth(1)).to_be_checked()
    expect(said).not_to_have_text(before)
    for text in questions.locator("label").all():  # the whole of it can be read
        assert text.evaluate("e => e.scrollWidth <= e.clientWidth")
    if again := visit.page.get_by_role("button", name="Look again").all():
        again[0].click()
        expect(visit.page.get_by_text("of 1, 4 open")).to_be_visible()


def test_every_control_has_a_name(visit):
    for explorer in visit.explorers():
        for control in explorer.locator("input, select").all():
            expect(control).to_have_accessible_name(re.compile(r"\w"))


def test_the_still_pictures_are_hidden_while_the_widgets_live(visit):
    stills = visit.page.locator(STILL)
    expect(stills).to_have_count(len(visit.explorers()))
    expect(stills.filter(visible=True)).to_have_count(0)


@pytest.mark.parametrize("state", ["without", "with"])
def test_where_no_widget_lives_the_still_pictures_show(visit, browser, tmp_path, state):
    notebook = nbformat.read(visit.saved, as_version=4)
    if state == "with":  # as `nbconvert --execute` leaves it; its code is out of reach
        data = [output.get("data", {}) for output in visit.outputs()]
        views = [bundle[VIEW] for bundle in data if VIEW in bundle]
        models = {"state": {view["model_id"]: {} for view in views}}
        notebook.metadata["widgets"] = {VIEW.replace("view", "state"): models}
    (tmp_path / "page.html").write_text(HTMLExporter().from_notebook_node(notebook)[0])
    with browser.new_context(offline=True) as context:
        page = context.new_page()
        page.goto((tmp_path / "page.html").as_uri())
        stills = page.locator(STILL)
        expect(stills.filter(visible=True)).to_have_count(len(visit.explorers()))
        widths = stills.evaluate_all(
            "stills => stills.map(still => still.naturalWidth)"
        )
    assert min(widths) > 100


def test_the_console_is_free_of_errors_and_only_loopback_is_asked(visit):
    assert visit.errors == []
    assert visit.hosts == {"127.0.0.1"}
