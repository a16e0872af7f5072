"use strict";
(() => {
  // The lowest probability of an alternative.
  const CANDIDATES = 0.05;
  // After this pause in typing, the entities of a short text are found without the button.
  const PAUSE = 600;
  const SHORT = 5000;
  const EXAMPLE =
    "Ada Lovelace wrote to Charles Babbage from London. The Analytical Engine was shown at " +
    "King's College in June, and Washington asked for one.";

  const $ = (id) => document.getElementById(id);
  const [text, threshold, marked, tip, result] = ["text", "threshold", "marked", "tip", "result"].map($);
  let model = null;
  let token = "";
  let running = null;
  let timer = 0;
  let moved = false;
  let response = null;
  let spans = [];

  // Everything from the service or the text is inserted as text, never as HTML.
  const make = (tag, content = "", className = "") => {
    const element = document.createElement(tag);
    element.textContent = content;
    if (className) element.className = className;
    return element;
  };
  const isolated = (tag, content, className) => {
    const element = make(tag, "", className);
    element.append(make("bdi", content));
    return element;
  };
  const score = (value) => (value === null ? "–" : value.toFixed(2));
  const tint = (element, label) => {
    const place = Math.max(model.labels.indexOf(label), 0);
    element.style.setProperty("--hue", String(Math.round(210 + 137.5 * place) % 360));
    return element;
  };

  const call = async (path, options = {}) => {
    const headers = { ...(options.headers || {}) };
    if (token) headers.authorization = `Bearer ${token}`;
    const answer = await fetch(path, { ...options, headers });
    if (answer.ok) return answer.json();
    if (answer.status === 401) $("authorize").hidden = false;
    const after = answer.headers.get("retry-after");
    const detail = await answer.json().then((body) => body.detail, () => "");
    throw new Error(`${detail || `Error ${answer.status}.`}${after ? ` Try again in ${after} s.` : ""}`);
  };

  const own = (span) => {
    if (moved) return Number(threshold.value);
    return model.label_thresholds[span.label] ?? model.threshold;
  };
  const passes = (span) => span.score === null || span.score >= own(span);

  const update = () => {
    const differ = !moved && Object.keys(model.label_thresholds).length;
    $("shown").textContent = differ ? "by type" : Number(threshold.value).toFixed(2);
    for (const { span, element } of spans) element.classList.toggle("faded", !passes(span));
    if (!response) return;
    const entities = spans.filter(({ possible }) => !possible);
    const kept = entities.filter(({ span }) => passes(span)).length;
    $("count").textContent =
      kept === entities.length
        ? `${kept} ${kept === 1 ? "entity" : "entities"}`
        : `${kept} of ${entities.length} entities`;
  };

  const hide = () => {
    tip.hidden = true;
    for (const { element } of spans) element.removeAttribute("aria-describedby");
  };
  const show = ({ span, element }) => {
    hide();
    const others = response.candidates.filter((c) => c.start < span.end && span.start < c.end);
    const is = (c) => c.start === span.start && c.end === span.end && c.label === span.label;
    const list = make("ul");
    const shown = others.some(is) ? others : [span, ...others];
    for (const candidate of shown) {
      const item = make("li", "", is(candidate) ? "own" : "");
      const what = isolated("span", candidate.text);
      what.append(" ", isolated("b", candidate.label));
      item.append(make("span", score(candidate.score), "score"), what);
      list.append(item);
    }
    tip.replaceChildren(make("p", shown.length > 1 ? "Alternatives" : "No likely alternative"), list);
    tip.hidden = false;
    const box = Array.from(element.getClientRects()).pop();
    const room = document.documentElement.clientWidth - tip.offsetWidth - 16;
    tip.style.left = `${Math.max(16, Math.min(box.left, room)) + window.scrollX}px`;
    tip.style.top = `${box.bottom + window.scrollY + 6}px`;
    element.setAttribute("aria-describedby", "tip");
  };

  const markOf = (span, possible) => {
    const element = tint(make("mark", "", possible ? "entity possible" : "entity"), span.label);
    element.tabIndex = 0;
    element.append(span.text, make("b", span.label), make("i", score(span.score)));
    const entry = { span, element, possible };
    for (const event of ["pointerenter", "focus", "click"]) {
      element.addEventListener(event, () => show(entry));
    }
    for (const event of ["pointerleave", "blur"]) element.addEventListener(event, hide);
    return entry;
  };

  const render = (content) => {
    hide();
    // Offsets count characters (code points); strings of JavaScript count UTF-16 units.
    const characters = Array.from(content);
    const taken = [...response.entities];
    const possible = new Set();
    for (const candidate of response.candidates) {
      if (taken.every((span) => candidate.end <= span.start || span.end <= candidate.start)) {
        taken.push(candidate);
        possible.add(candidate);
      }
    }
    taken.sort((a, b) => a.start - b.start);
    spans = taken.map((span) => markOf(span, possible.has(span)));
    marked.replaceChildren();
    let at = 0;
    for (const { span, element } of spans) {
      marked.append(characters.slice(at, span.start).join(""), element);
      at = span.end;
    }
    marked.append(characters.slice(at).join(""));
    $("key").hidden = !spans.length;
    $("copy").disabled = false;
    $("copied").textContent = "";
    update();
  };

  const find = async () => {
    clearTimeout(timer);
    if (running) running.abort();
    const content = text.value;
    if (!model || !content.trim()) return;
    const mine = (running = new AbortController());
    result.classList.add("busy");
    try {
      const body = JSON.stringify({ texts: [content], threshold: 0, candidates: CANDIDATES });
      const headers = { "content-type": "application/json" };
      const found = await call("v1/entities", { method: "POST", body, headers, signal: mine.signal });
      const [answer] = found.results;
      if (answer.error) throw new Error(answer.error);
      response = { ...answer, version: found.version, pipeline: found.pipeline };
      $("problem").textContent = "";
      render(content);
    } catch (error) {
      if (error.name !== "AbortError") {
        $("problem").textContent =
          error instanceof TypeError ? "The service does not answer. Is it running?" : error.message;
      }
    } finally {
      if (running === mine) result.classList.remove("busy");
    }
  };

  const asJson = () => {
    const { version, pipeline, entities } = response;
    return JSON.stringify({ version, pipeline, results: [{ entities: entities.filter(passes) }] }, null, 2);
  };
  const copy = async () => {
    let done = true;
    try {
      await navigator.clipboard.writeText(asJson());
    } catch {
      // Browsers only give access to the clipboard on localhost and with https.
      const area = make("textarea", asJson());
      document.body.append(area);
      area.select();
      done = document.execCommand("copy");
      area.remove();
      $("copy").focus();
    }
    $("copied").textContent = done ? "Copied" : "The browser does not allow copying";
  };

  const describe = () => {
    const { pipeline, performance, labels } = model;
    document.title = `${pipeline.name}: named entities`;
    $("name").replaceChildren(make("bdi", pipeline.name));
    $("description").textContent = model.description;
    $("description").hidden = !model.description;
    $("legend").replaceChildren(...labels.map((label) => tint(isolated("li", label), label)));
    const tiles = [["Version", pipeline.version], ["Language", model.lang], ["Types", labels.length]];
    const named = { ents_f: "F1", ents_p: "Precision", ents_r: "Recall" };
    for (const [key, name] of Object.entries(named)) {
      if (key in performance) tiles.push([name, performance[key].toFixed(3)]);
    }
    $("tiles").replaceChildren(
      ...tiles.map(([name, value]) => {
        const tile = make("div");
        tile.append(make("dt", name), isolated("dd", String(value)));
        return tile;
      })
    );
    const rows = Object.entries(performance.ents_per_type || {}).sort(([a], [b]) => (a < b ? -1 : 1));
    const head = make("thead");
    head.append(make("tr"));
    for (const name of ["type", "precision", "recall", "F1"]) {
      const cell = make("th", name);
      cell.scope = "col";
      head.firstChild.append(cell);
    }
    const body = make("tbody");
    for (const [label, row] of rows) {
      const line = make("tr");
      const cell = isolated("th", label);
      cell.scope = "row";
      line.append(cell, ...["p", "r", "f"].map((key) => make("td", row[key].toFixed(3))));
      body.append(line);
    }
    $("figures").replaceChildren(...(rows.length ? [head, body] : []));
    $("measured").textContent =
      "ents_f" in performance
        ? "The figures are in the pipeline's meta.json. On other texts they may be lower."
        : "The pipeline's meta.json has no figures.";
    text.maxLength = model.limits.text;
    threshold.value = String(model.threshold);
    update();
  };

  const start = async () => {
    try {
      model = await call("v1/model");
    } catch (error) {
      $("problem").textContent =
        error instanceof TypeError ? "The service does not answer. Is it running?" : error.message;
      return;
    }
    $("authorize").hidden = true;
    $("problem").textContent = "";
    describe();
    if (!text.value && model.lang === "en") text.value = EXAMPLE;
    find();
  };

  $("form").addEventListener("submit", (event) => {
    event.preventDefault();
    find();
  });
  $("authorize").addEventListener("submit", (event) => {
    event.preventDefault();
    token = $("token").value.trim();
    start();
  });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      find();
    }
  });
  text.addEventListener("input", () => {
    clearTimeout(timer);
    if (text.value.length <= SHORT) timer = setTimeout(find, PAUSE);
  });
  threshold.addEventListener("input", () => {
    moved = true;
    if (model) update();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
  });
  $("copy").addEventListener("click", copy);
  start();
})();
