"""The page in a browser: load, type, slide, copy, with the keyboard alone."""

import json

import pytest

from .chromium import CHROMIUM, Browser
from .conftest import TEXT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
]
ATTACK = "<img src=x onerror=alert(1)><b>Ann Lee</b> 😀 in Oslo & 😀 \u202e New York."
COUNT = "document.getElementById('count').textContent"


@pytest.fixture(scope="module")
def browser():
    with Browser() as browser:
        yield browser


def entities(browser, kind=".entity:not(.possible)"):
    """What the page marks: the text, the label and whether it is faded."""
    return browser.run(
        f"[...document.querySelectorAll('#marked {kind}')].map((e) => [e.firstChild.textContent,"
        "e.querySelector('b').textContent, e.classList.contains('faded')])"
    )


def slide(browser, value):
    browser.run(
        f"(() => {{ const t = document.getElementById('threshold'); t.value = '{value}';"
        "t.dispatchEvent(new Event('input')); })()"
    )


def await_text(browser):
    """Wait for the result of TEXT. The example that is there first may have 3 entities too."""
    browser.wait("document.getElementById('marked').textContent.includes('Marit Solheim')")
    browser.wait(f"{COUNT} === '3 entities'")


def write(browser, text):
    browser.run("document.getElementById('text').focus(); document.getElementById('text').select()")
    browser.write(text)


def test_load_type_and_slide(client, browser, tmp_path):
    base = str(client.base_url) + "/"
    for theme in ("light", "dark"):
        for width in (375, 1200):
            browser.show(base, width, theme)
            browser.wait("document.querySelectorAll('.tiles div').length >= 3")
            browser.wait(COUNT)
            assert browser.run("document.documentElement.scrollWidth") <= width
            browser.screenshot(tmp_path / f"{theme}-{width}.png")
    # The text is found without a press of the button.
    write(browser, TEXT)
    await_text(browser)
    expected = [["Marit Solheim", "PER"], ["Fjordverk", "ORG"], ["Oslo", "LOC"]]
    assert [found[:2] for found in entities(browser)] == expected
    slide(browser, 1)
    assert all(faded for *_, faded in entities(browser))
    assert browser.run(COUNT) == "0 of 3 entities"
    slide(browser, 0)
    assert not any(faded for *_, faded in entities(browser))
    # A hidden script, element or handler would run or show now.
    write(browser, ATTACK)
    browser.press("Enter", modifiers=2)
    browser.wait("document.getElementById('marked').textContent.includes('<img src=x')")
    assert browser.run("document.querySelectorAll('#marked img').length") == 0
    # Offsets are right after characters outside of the Basic Multilingual Plane.
    assert ["Oslo", "LOC"] in [found[:2] for found in entities(browser)]
    shown = browser.run(
        "[...document.getElementById('marked').cloneNode(true).childNodes].map((node) =>"
        "node.nodeType === 3 ? node.data : node.firstChild.textContent).join('')"
    )
    assert shown == ATTACK
    browser.show(base + "docs")
    browser.wait("document.querySelectorAll('table').length > 5")
    assert "EntitiesRequest" in browser.run("document.body.textContent")
    assert browser.console == []
    assert browser.requests and all(url.startswith(base) for url in browser.requests)


def test_keyboard_alone(client, browser):
    browser.show(str(client.base_url) + "/")
    browser.wait(f"{COUNT} !== ''")
    write(browser, TEXT)
    browser.press("Enter", modifiers=2)
    await_text(browser)
    focused = []
    for _ in range(6):
        browser.press("Tab")
        focused.append(browser.run("document.activeElement.id || document.activeElement.className"))
    assert focused[:2] == ["find", "threshold"]
    assert focused.count("entity") == 3 and focused[-1] == "copy"
    browser.press("Tab", modifiers=8)
    tip = "document.getElementById('tip')"
    assert not browser.run(f"{tip}.hidden")
    assert "Oslo" in browser.run(f"{tip}.textContent")
    assert browser.run("document.activeElement.getAttribute('aria-describedby')") == "tip"
    browser.press("Escape")
    assert browser.run(f"{tip}.hidden")
    unlabelled = "[...document.querySelectorAll('input:not([hidden]), textarea')]"
    assert browser.run(f"{unlabelled}.every((c) => c.labels.length)")


def test_copy(client, browser):
    browser.show(str(client.base_url) + "/")
    browser.wait(f"{COUNT} !== ''")
    write(browser, TEXT)
    await_text(browser)
    browser.run("navigator.clipboard.writeText = (text) => { window.copied = text; }")
    browser.run("document.getElementById('copy').click()")
    browser.wait("document.getElementById('copied').textContent === 'Copied'")
    copied = json.loads(browser.run("window.copied"))
    expected = client.post("/v1/entities", json={"texts": [TEXT]}).json()
    for result in (copied, expected):
        for entity in result["results"][0]["entities"]:
            entity["score"] = round(entity["score"], 2)
    assert copied == expected


def test_what_goes_wrong_is_said(serve, browser):
    with serve(token="secret") as client:
        browser.show(str(client.base_url) + "/")
        browser.wait("!document.getElementById('authorize').hidden")
        browser.run("document.getElementById('token').focus()")
        browser.write("secret")
        browser.press("Enter")
        browser.wait(f"{COUNT} !== ''")
        assert browser.run("document.getElementById('authorize').hidden")
    write(browser, TEXT)
    browser.wait("document.getElementById('problem').textContent.includes('does not answer')")
