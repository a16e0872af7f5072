import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import pytest
import spacy
import srsly
from spacy.tokens import Doc, DocBin, Span

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.evaluation.evaluate import evaluate
from spacy_transformer_ner.provenance import provenance
from spacy_transformer_ner.report.advice import advise
from spacy_transformer_ner.report.page import Contents, render

from ..conftest import make_examples

ATTACK = "</script><script>alert('x')</script>\"'<img src=x onerror=alert(1)>&amp;"


@pytest.fixture(scope="module")
def contents(trained, tmp_path_factory):
    """The evaluation of a pipeline with many mistakes."""
    folder = tmp_path_factory.mktemp("report")
    docs = [example.reference for example in make_examples(trained)] * 8
    attack = Doc(trained.vocab, words=[ATTACK, "met", "Ann", "Lee", "in", "Oslo", ATTACK])
    attack.set_ents(
        [Span(attack, 0, 1, "PER"), Span(attack, 2, 3, "PER"), Span(attack, 5, 6, "ORG")]
    )
    for doc in docs[::2]:
        doc.ents = doc.ents[1:]
    DocBin(docs=[*docs, attack]).to_disk(folder / "test.spacy")
    results = {
        name: evaluate(trained, folder / "test.spacy", tokenization=name, train=docs)
        for name in ("text", "gold")
    }
    evaluation = {
        "model": f"training/{ATTACK}",
        "corpus": f"corpus/{ATTACK}.spacy",
        **{name: result.to_dict() for name, result in results.items()},
    }
    history = [
        {"epoch": i, "step": 50 * i, "words": 900 * i, "seconds": 9.5 * i, "score": i / 10}
        for i in range(8)
    ]
    size = {"documents": 3, "sentences": 9, "tokens": 80, "entities": 20}
    finding = {
        "kind": "x", "severity": "warning", "message": ATTACK, "remedy": ATTACK, "examples": [ATTACK],
    }  # fmt: skip
    return Contents(
        evaluation=srsly.json_loads(srsly.json_dumps(evaluation)),
        mistakes=[mistake.to_dict() for mistake in results["text"].mistakes()],
        check={"splits": {"train": size}, "findings": [finding]},
        calibration={"corpus": "dev", "calibration": {"entities": 100}},
        history=history,
        made=provenance([folder / "test.spacy"], ["spacy project run all", ATTACK]),
        config=f"[nlp]\nlang = {ATTACK}",
    )


class Page(HTMLParser):
    """Collects the tags, ids, links and text of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.ids, self.links, self.text = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.links += [attrs[name] for name in ("href", "src", "xlink:href") if name in attrs]
        assert not any(name.startswith("on") for name in attrs)

    def handle_data(self, data):
        self.text.append(data)


def test_page_is_complete_and_self_contained(contents):
    page = render(contents)
    parsed = Page(page)
    assert parsed.tags.count("script") == parsed.tags.count("h1") == parsed.tags.count("main") == 1
    assert "img" not in parsed.tags and "link" not in parsed.tags
    assert all(link.startswith("#") for link in parsed.links)
    assert not re.search(r"(?:https?:)?//(?!www\.w3\.org)[a-z]", page.replace("</", ""))
    assert len(set(parsed.ids)) == len(parsed.ids)
    assert {link[1:] for link in parsed.links} <= set(parsed.ids)
    assert parsed.tags.count("svg") == 3


def test_texts_are_escaped(contents):
    page = render(contents)
    assert "<script>alert" not in page and "<img" not in page
    assert "".join(Page(page).text).count("alert('x')") > 5


def test_page_has_every_mistake(contents):
    page = render(contents)
    assert page.count('<li class="mistake"') == len(contents.mistakes) > 8
    kinds = {mistake["kind"] for mistake in contents.mistakes}
    assert {"spurious", "boundary", "type"} <= kinds


def test_minimal_report(trained, tmp_path):
    """One document, no mistakes, no scores, nothing else known."""
    docs = [example.reference for example in make_examples(trained)][:1]
    DocBin(docs=docs).to_disk(tmp_path / "test.spacy")
    result = evaluate(trained, tmp_path / "test.spacy").to_dict()
    result["confidence"] = None
    page = render(Contents({"model": "m", "corpus": "c", "text": result, "gold": result}))
    assert "too few documents" in page and "0 of 0" not in page


@pytest.mark.parametrize(
    "other",
    [
        {"evaluation": {"text": {}}},
        {"mistakes": [{"kind": "missed"}]},
        {"check": {"a": 1}},
        {"calibration": {"a": 1}},
        {"history": [{"step": 1}]},
        {"history": [{"step": 1, "words": "x", "seconds": 1, "epoch": 0, "score": 0.5}]},
        {"mistakes": [{"kind": "missed", "gold": None, "predicted": None}]},
    ],
    ids=lambda other: next(iter(other)),
)
def test_invalid_files_raise_error(contents, other):
    with pytest.raises(InputError, match="Run the commands again"):
        render(replace(contents, **other))


def test_mistakes_of_another_evaluation(contents):
    with pytest.raises(InputError, match="from another evaluation"):
        render(replace(contents, mistakes=contents.mistakes[1:]))


@pytest.mark.filterwarnings("error")
def test_unusual_type_names(trained, tmp_path):
    """Evaluates a pipeline without an entity recognizer."""
    labels = [r"$\frac$", "a_$b$", "x  y\n\t", "\u202e\u2028", "\x1b[31m", "日本", ATTACK]
    doc = Doc(trained.vocab, words=["word"] * len(labels))
    doc.set_ents([Span(doc, i, i + 1, label) for i, label in enumerate(labels)])
    DocBin(docs=[doc] * 10).to_disk(tmp_path / "test.spacy")
    result = evaluate(spacy.blank("en"), tmp_path / "test.spacy").to_dict()
    page = render(Contents({"model": "m\udce9", "corpus": "c", "text": result, "gold": result}))
    text = "".join(Page(page).text)
    assert all(label in text for label in labels) and page.encode()


def test_whitespace_entities(trained, tmp_path):
    doc = Doc(trained.vocab, words=["  ", "\n"])
    doc.set_ents([Span(doc, 0, 1, "PER")])
    DocBin(docs=[doc]).to_disk(tmp_path / "test.spacy")
    result = evaluate(trained, tmp_path / "test.spacy").to_dict()
    assert render(Contents({"model": "m", "corpus": "c", "text": result, "gold": result}))


def test_advice(contents):
    lines = advise(contents.evaluation, contents.mistakes, contents.check)
    assert any("corpus check" in line for line in lines)
    assert any("annotation errors" in line for line in lines)


CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture
def browser():
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    if not (CHROMIUM and shutil.which("chromedriver")):
        pytest.skip("needs chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"):
        options.add_argument(argument)
    for argument in ("quic", "background-networking", "component-update", "sync"):
        options.add_argument(f"--disable-{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    yield driver
    driver.quit()


@pytest.mark.slow
def test_in_a_browser(contents, browser, tmp_path):
    path = tmp_path / "index.html"
    path.write_text(render(contents), "utf-8")

    def shown():
        return [m for m in browser.find_elements("class name", "mistake") if m.is_displayed()]

    def choose(control, value):
        browser.execute_script(
            "const c = document.getElementById(arguments[0]); c.value = arguments[1];"
            "c.dispatchEvent(new Event('change')); c.dispatchEvent(new Event('input'));",
            control,
            value,
        )

    for theme in ("light", "dark"):
        for width in (375, 1200):
            browser.execute_cdp_cmd(
                "Emulation.setEmulatedMedia",
                {"features": [{"name": "prefers-color-scheme", "value": theme}]},
            )
            browser.execute_cdp_cmd(
                "Emulation.setDeviceMetricsOverride",
                {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500},
            )
            browser.get(path.as_uri())
            wide = browser.execute_script("return document.documentElement.scrollWidth")
            assert wide <= width
    n_first = min(100, len(contents.mistakes))
    assert len(shown()) == n_first
    for kind in ("boundary", "spurious"):
        choose("by-kind", kind)
        assert len(shown()) == sum(m["kind"] == kind for m in contents.mistakes)
    choose("by-kind", "")
    choose("by-type", "ORG")
    assert 0 < len(shown()) < n_first
    choose("by-type", "")
    choose("by-text", "ANN LEE IN OSLO")
    assert len(shown()) >= 1
    choose("by-text", "nothing of the kind")
    assert not shown() and browser.find_element("id", "shown").text == "0 of 0 shown"
    choose("by-text", "")
    browser.execute_script("document.getElementById('all').click()")
    assert len(shown()) == len(contents.mistakes)
    unlabelled = browser.execute_script(
        "return [...document.querySelectorAll('input, select')].filter(c => !c.labels.length).length"
    )
    assert unlabelled == 0
    assert browser.get_log("browser") == []
    requests = [
        srsly.json_loads(entry["message"])["message"] for entry in browser.get_log("performance")
    ]
    urls = [
        r["params"]["request"]["url"]
        for r in requests
        if r["method"] == "Network.requestWillBeSent"
    ]
    assert urls and set(urls) == {path.as_uri()}
