"""A browser, for the tests that look at pages."""

import os
from collections.abc import Iterator

import chromium
import pytest
from playwright.sync_api import Browser, expect, sync_playwright

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
