"use strict";
(async () => {
  const main = document.getElementById("main");
  const make = (tag, content = "", className = "") => {
    const element = document.createElement(tag);
    element.textContent = content;
    if (className) element.className = className;
    return element;
  };
  const table = (head, rows) => {
    const scroll = make("div", "", "scroll");
    scroll.tabIndex = 0;
    const element = make("table", "", "words");
    const line = element.createTHead().insertRow();
    for (const name of head) {
      const cell = make("th", name);
      cell.scope = "col";
      line.append(cell);
    }
    const body = element.createTBody();
    for (const [name, ...cells] of rows) {
      const row = body.insertRow();
      const first = make("th");
      first.scope = "row";
      first.append(make("code", name));
      row.append(first, ...cells.map((content) => make("td", content)));
    }
    scroll.append(element);
    return scroll;
  };
  const nameOf = (reference) => reference.split("/").pop();
  const typeOf = (schema) => {
    if (schema.$ref) return nameOf(schema.$ref);
    if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
    if (schema.type === "array") return `list of ${typeOf(schema.items || {})}`;
    const ends = [["at least", schema.minimum], ["at most", schema.maximum]];
    const bounds = ends.filter(([, value]) => value !== undefined).map((pair) => pair.join(" "));
    return [schema.type || "any", ...bounds].join(", ");
  };

  let api;
  try {
    const answer = await fetch("openapi.json");
    api = await answer.json();
  } catch {
    document.getElementById("problem").textContent = "The service does not answer. Is it running?";
    return;
  }
  const schemas = api.components?.schemas || {};
  document.title = `API of ${api.info.title}`;
  document.getElementById("title").textContent = `API of ${api.info.title} ${api.info.version}`;
  document.getElementById("description").textContent = api.info.description;

  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const section = make("section");
      const heading = make("h2");
      heading.append(make("span", method.toUpperCase(), "method"), " ", make("code", path));
      section.append(heading, make("p", operation.summary));
      const content = operation.requestBody?.content["application/json"]?.schema;
      const sent = content && schemas[nameOf(content.$ref)];
      const url = new URL(`.${path}`, document.baseURI).href;
      const parts = ["curl"];
      if (operation.security) parts.push('-H "authorization: Bearer $TOKEN"');
      if (sent) {
        parts.push("-H 'content-type: application/json'", `-d '${JSON.stringify(sent.examples[0])}'`);
        section.append(make("p", `Request: ${nameOf(content.$ref)}`));
      }
      section.append(make("pre", [...parts, url].join(" ")));
      section.lastChild.tabIndex = 0;
      const rows = Object.entries(operation.responses).map(([status, response]) => {
        const schema = response.content?.["application/json"]?.schema;
        return [status, response.description, schema ? typeOf(schema) : ""];
      });
      section.append(table(["status", "meaning", "body"], rows));
      main.append(section);
    }
  }
  const types = make("section");
  types.append(make("h2", "Types"));
  for (const [name, schema] of Object.entries(schemas)) {
    if (!schema.properties) continue;
    const required = new Set(schema.required || []);
    const rows = Object.entries(schema.properties).map(([key, value]) => [
      required.has(key) ? key : `${key}?`,
      typeOf(value),
      value.description || "",
    ]);
    types.append(make("h3", name), make("p", schema.description || ""), table(["name", "type", ""], rows));
  }
  main.append(types);
})();
