"""The site, built without executing lessons, and visited as a reader does."""

import json
import re
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urldefrag, urljoin

import course
import pytest
from axe_playwright_python.sync_playwright import Axe
from chromium import MINUTE
from lxml import html
from test_public_names import FACES, public

ROOT = Path(__file__).parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SEEN = {  # page -> how it is seen
    "index": "dark",
    "README": "light",
    "notebooks/02_attention": "light",
    "docs/reference/training": "dark",
}
WIDTHS = (1280, 768, 360)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_no_answer_stands_open_below_its_prediction(lesson):
    waiting = set()
    for cell in json.loads(course.fold(lesson.read_text()))["cells"]:
        answered = course.names(cell, "answer")
        if waiting and cell["cell_type"] == "code":
            assert "hide-output" in cell["metadata"]["tags"]
        elif answered:
            assert "".join(cell["source"]).startswith("::::{dropdown}")
        waiting = (waiting - answered) | course.names(cell, "predict")
    assert not waiting


def test_what_follows_an_answer_is_not_folded():
    folded = course.folded_prose("It is 3.\n\n**The claim:** it is 3.")
    assert (
        folded
        == "::::{dropdown} The answer\nIt is 3.\n\n\n::::\n\n**The claim:** it is 3."
    )


def test_every_room_with_public_names_has_a_page():
    pages = {path.stem for path in (ROOT / "docs" / "reference").glob("*.md")}
    rooms = {face.parent.name for face in FACES if public(face)}
    assert rooms <= pages


def test_the_page_of_data_sheets_names_each():
    named = (ROOT / "docs" / "datasheets.md").read_text()
    sheets = (ROOT / "labkit" / "data" / "datasheets").glob("*.md")
    assert not [sheet.stem for sheet in sheets if f"/{sheet.name})" not in named]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """Built whole, but for the cells' outputs."""
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--quiet"]
    command += ["-c", "docs", "-D", "nb_execution_mode=off", ".", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def address(site):
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.mark.slow
def test_every_link_of_the_site_leads_somewhere(site):
    broken = []
    pages = [page for page in site.rglob("*.html") if "_static" not in page.parts]
    trees = {page: html.parse(page).getroot() for page in pages}
    ids = {page: set(tree.xpath("//@id")) for page, tree in trees.items()}
    for page, tree in trees.items():
        for link in tree.xpath("//a/@href | //img/@src | //script/@src | //link/@href"):
            if re.match(r"[a-z]+:", link):
                continue
            target, mark = urldefrag(urljoin(page.as_uri(), link))
            path = Path(target.removeprefix("file://").partition("?")[0])
            exists = path.exists() and (not mark or mark in ids.get(path, {mark}))
            if not exists and page.stem not in ("search", "genindex"):
                broken.append(f"{page.relative_to(site)}: {link}")
    assert not broken


@pytest.mark.slow
class TestInABrowser:
    @pytest.mark.parametrize(("name", "scheme"), SEEN.items())
    def test_a_page_asks_nobody_else_fits_and_is_accessible(
        self, browser, address, name, scheme
    ):
        asked = []
        with browser.new_context(color_scheme=scheme) as context:
            page = context.new_page()
            page.set_default_timeout(3 * MINUTE)
            page.on("request", lambda request: asked.append(request.url))
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                page.goto(f"{address}{name}.html")
                page.evaluate("window.MathJax?.startup?.promise.then(() => true)")
                width_taken = page.evaluate("document.documentElement.scrollWidth")
                assert width_taken <= width
            found = Axe().run(page).response["violations"]
        assert not [url for url in asked if not url.startswith((address, "data:"))]
        grave = [v for v in found if v["impact"] in ("serious", "critical")]
        assert not grave, [(v["id"], v["nodes"][0]["html"][:200]) for v in grave]

    def test_search_finds_padding(self, browser, address):
        page = browser.new_page()
        page.goto(f"{address}search.html?q=padding")
        page.locator("#search-results li").first.wait_for()
        hits = page.locator("#search-results li a").all_inner_texts()
        page.close()
        assert any("Attention" in hit for hit in hits)
