"use strict";
(() => {
  const FIRST = 100;
  const items = Array.from(document.querySelectorAll(".mistake"));
  const [kind, type, text, all] = ["by-kind", "by-type", "by-text", "all"].map((id) =>
    document.getElementById(id)
  );
  const words = items.map((item) => item.textContent.toLowerCase());
  const filter = () => {
    const wanted = text.value.trim().toLowerCase();
    let found = 0;
    let shown = 0;
    items.forEach((item, i) => {
      const fits =
        (!kind.value || item.dataset.kind === kind.value) &&
        (!type.value || [item.dataset.gold, item.dataset.found].includes(type.value)) &&
        (!wanted || words[i].includes(wanted));
      found += fits;
      item.hidden = !(fits && (all.checked || shown < FIRST));
      shown += !item.hidden;
    });
    document.getElementById("shown").textContent = `${shown} of ${found} shown`;
  };
  document.getElementById("filters").addEventListener("submit", (event) => event.preventDefault());
  [kind, type, all].forEach((control) => control.addEventListener("change", filter));
  text.addEventListener("input", filter);
  filter();
})();
