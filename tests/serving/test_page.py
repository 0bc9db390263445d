"""The page of `labkit serve`, in a real browser."""

import re
from urllib.parse import urlsplit

import pytest
import requests
from chromium import MINUTE
from playwright.sync_api import expect
from running_service import LABELS, running, save_classifier

pytestmark = pytest.mark.slow

BACKGROUND = "getComputedStyle(document.body).backgroundColor"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with running(save_classifier(tmp_path_factory.mktemp("saved"))) as service:
        yield service


@pytest.fixture
def errors() -> list[str]:
    """What the page's console and scripts complain of."""
    return []


@pytest.fixture
def page(browser, service, errors):
    hosts = set()

    def heard(kind: str, text: str) -> None:
        if kind == "error" and "status of 422" not in text:  # a refusal is asked for
            errors.append(text)

    with browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(MINUTE)
        page.on("console", lambda said: heard(said.type, said.text))
        page.on("pageerror", lambda error: errors.append(error))
        page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
        page.goto(service.address)
        yield page
    assert not errors
    assert hosts - {None} == {"127.0.0.1"}


def test_a_text_is_typed_and_answered_by_keyboard_alone(page, service):
    page.keyboard.press("Tab")
    box = page.get_by_label("Your text")
    expect(box).to_be_focused()
    page.keyboard.type("w05 w06")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Classify")).to_be_focused()
    page.keyboard.press("Enter")
    (answer,) = service.post("w05 w06").json()["predictions"]
    status = page.get_by_role("status")
    expect(status).to_have_attribute("aria-live", "polite")
    expect(status).to_contain_text(f"Likeliest: {answer['label']}")
    rows = page.locator("td:first-child")
    expect(rows).to_have_count(len(LABELS))
    assert {*rows.all_inner_texts()} == {*LABELS}  # a label's < is shown, not obeyed
    assert page.locator("#answer i").count() == 0
    shown = page.locator("td:last-child").all_inner_texts()
    told = sorted(answer["probabilities"].values(), reverse=True)
    assert shown == [f"{100 * p:.1f} %" for p in told]


def test_it_says_which_model_answers(page, service):
    said = f"{service.classifier.name} tells {len(LABELS)} labels apart."
    expect(page.get_by_text(said)).to_be_visible()


def test_ctrl_and_enter_send_it_and_a_refusal_is_read_out(page):
    box = page.get_by_label("Your text")
    box.fill("   ")
    box.press("Control+Enter")
    expect(page.get_by_role("status")).to_have_text(re.compile(r"is refused: .*\."))


def test_light_and_dark_differ(page):
    seen = set()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        seen.add(page.evaluate(BACKGROUND))
    assert len(seen) == 2


def test_a_script_that_is_not_the_pages_own_is_not_run(page, errors):
    put = "(s) => { s.textContent = 'document.title = 1'; document.body.append(s); }"
    page.evaluate(f"({put})(document.createElement('script'))")
    assert page.title() == "Classify a text"
    (said,) = errors
    assert "Content Security Policy" in said
    errors.clear()


def test_it_forbids_what_it_does_not_need(service):
    policy = requests.get(service.address, timeout=60).headers[
        "Content-Security-Policy"
    ]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
