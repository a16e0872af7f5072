"""The report in a browser."""

from dataclasses import replace

import pytest

from spacy_transformer_ner.report.page import render

from ..service.chromium import CHROMIUM, Browser
from .test_page import contents  # noqa: F401, a fixture
from .test_page_names import with_types

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
]


def test_in_a_browser(contents, tmp_path):  # noqa: F811
    path = tmp_path / "index.html"
    path.write_text(render(contents), "utf-8")
    n_all = len(contents.mistakes)
    assert n_all > 40
    with Browser() as browser:

        def shown(of=".mistake"):
            return browser.run(
                f"[...document.querySelectorAll({of!r})].filter(m => m.offsetParent).length"
            )

        def choose(control, value):
            browser.run(
                f"{{const c = document.getElementById({control!r}); c.value = {value!r};"
                "c.dispatchEvent(new Event('change')); c.dispatchEvent(new Event('input'));}"
            )

        def click(button, of="list"):
            browser.run(f"document.querySelector('[data-of={of}] .{button}').click()")

        for theme in ("light", "dark"):
            for width in (375, 1200):
                browser.show(path.as_uri(), width, theme)
                assert browser.run("document.documentElement.scrollWidth") <= width
        # The advice comes first, and the corpus before the mistakes.
        order = browser.run("[...document.querySelectorAll('main > section')].map(s => s.id)")
        assert order == browser.run(
            "[...document.querySelectorAll('nav a')].map(a => a.hash.slice(1))"
        )
        assert order[0] == "next" and order.index("corpus") < order.index("mistakes")
        assert shown(".advice > li") == 3
        # Twenty mistakes, then more.
        assert shown() == 20 and browser.run("document.getElementById('shown').textContent") == (
            f"20 of {n_all} shown"
        )
        click("some")
        assert shown() == 40
        # The focus moves to the first of the new ones.
        assert (
            browser.run(
                "[...document.querySelectorAll('.mistake')].indexOf(document.activeElement)"
            )
            == 20
        )
        click("rest")
        assert shown() == n_all and shown("[data-of=list] button") == 0
        assert shown("#suspect-list li") == 20
        click("rest", "suspect-list")
        assert shown("#suspect-list li") == 30 and shown() == n_all
        for kind in ("boundary", "spurious"):
            choose("by-kind", kind)
            assert shown() == min(20, sum(m["kind"] == kind for m in contents.mistakes))
        choose("by-kind", "")
        choose("by-type", "ORG")
        assert 0 < shown() <= 20
        choose("by-type", "")
        choose("by-text", "ANN LEE IN OSLO")
        assert shown() >= 1
        choose("by-text", "nothing of the kind")
        assert shown() == 0
        assert browser.run("document.getElementById('shown').textContent") == "0 of 0 shown"
        assert not browser.run(
            "[...document.querySelectorAll('input, select')].filter(c => !c.labels.length).length"
        )
        # On a phone, the first column stays in view, and the table says that it scrolls.
        browser.show(path.as_uri(), 375)
        wide = "document.querySelector('#types .scroll')"
        browser.wait(f"{wide}.classList.contains('wide')")
        hint = f"getComputedStyle({wide}.querySelector('caption span'), '::after').content"
        assert "scroll sideways" in browser.run(hint)
        name = f"{wide}.querySelector('tbody th').getBoundingClientRect().left"
        before = browser.run(name)
        assert browser.run(f"{wide}.scrollLeft = 150, {wide}.scrollLeft") == 150
        assert browser.run(name) == before
        browser.show(path.as_uri(), 1200)
        narrow = "document.querySelector('#where .scroll')"
        assert not browser.run(f"{narrow}.classList.contains('wide')")
        assert browser.console == [] and set(browser.requests) == {path.as_uri()}


def test_a_large_report_loads_quickly(contents, tmp_path):  # noqa: F811
    """300 types and 2,000 mistakes."""
    path = tmp_path / "index.html"
    path.write_text(render(large(contents)), "utf-8")
    with Browser() as browser:
        browser.show(path.as_uri())
        browser.wait("performance.getEntriesByType('navigation')[0].loadEventEnd > 0")
        assert browser.run("document.querySelectorAll('.mistake').length") == 2000
        took = browser.run("performance.getEntriesByType('navigation')[0].loadEventEnd")
        assert took < 3000


def large(contents):  # noqa: F811
    """A report of 300 types and 2,000 mistakes."""
    labels = [f"TYPE_{i:03}" for i in range(300)]
    many = with_types(contents, labels)
    wrong = [m for m in contents.mistakes if m["kind"] == "spurious"][:1] * 2000
    mistakes = [
        {**m, "predicted": {**m["predicted"], "label": labels[i % 300]}}
        for i, m in enumerate(wrong)
    ]
    kinds = dict.fromkeys(many.evaluation["text"]["error_types"], 0) | {"spurious": 2000}
    many.evaluation["text"]["error_types"] = kinds
    return replace(many, mistakes=mistakes)
