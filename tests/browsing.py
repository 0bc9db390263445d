"""A browser, for the tests that look at pages."""

import os
from collections.abc import Iterator

import chromium
import pytest
from chromium import FLAGS, MINUTE, NO_CHROMIUM
from playwright.sync_api import Browser, expect, sync_playwright


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = chromium.find()
    if program is None:
        give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        give_up(NO_CHROMIUM)
    expect.set_options(timeout=MINUTE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()
