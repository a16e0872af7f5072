"use strict";
(() => {
  const FIRST = 20;
  const filters = document.getElementById("filters");

  // Lists show their first items, and more on demand.
  const lists = Object.fromEntries(
    Array.from(document.querySelectorAll(".more"), (more) => {
      const items = Array.from(document.getElementById(more.dataset.of).children);
      const [some, rest] = more.querySelectorAll("button");
      let limit = FIRST;
      const show = (fits = () => true) => {
        let found = 0;
        items.forEach((item) => {
          item.hidden = !(fits(item) && ++found <= limit);
        });
        some.hidden = rest.hidden = found <= limit;
        rest.textContent = `Show all ${found}`;
        return [Math.min(limit, found), found];
      };
      const list = { show, reset: () => (limit = FIRST), update: show };
      const showMore = (step) => {
        const last = Math.min(limit, items.length);
        limit += step;
        list.update();
        const next = items.filter((item) => !item.hidden)[last];
        if (next) {
          next.tabIndex = -1;
          next.focus({ preventScroll: true });
        }
      };
      some.addEventListener("click", () => showMore(FIRST));
      rest.addEventListener("click", () => showMore(items.length));
      show();
      return [more.dataset.of, list];
    })
  );

  const [kind, type, text] = ["by-kind", "by-type", "by-text"].map((id) =>
    document.getElementById(id)
  );
  const words = new Map(); // the text of a mistake, in lower case
  const has = (item, wanted) => {
    if (!words.has(item)) words.set(item, item.textContent.toLowerCase());
    return words.get(item).includes(wanted);
  };
  const filter = () => {
    const wanted = text.value.trim().toLowerCase();
    const [shown, found] = lists.list.show(
      (item) =>
        (!kind.value || item.dataset.kind === kind.value) &&
        (!type.value || [item.dataset.gold, item.dataset.found].includes(type.value)) &&
        (!wanted || has(item, wanted))
    );
    document.getElementById("shown").textContent = `${shown} of ${found} shown`;
  };
  const refilter = () => {
    lists.list.reset();
    filter();
  };
  lists.list.update = filter;
  filters.addEventListener("submit", (event) => event.preventDefault());
  [kind, type].forEach((control) => control.addEventListener("change", refilter));
  text.addEventListener("input", refilter);
  filter();

  // Say which tables scroll.
  const sized = new ResizeObserver((entries) =>
    entries.forEach(({ target }) =>
      target.classList.toggle("wide", target.scrollWidth > target.clientWidth + 1)
    )
  );
  document.querySelectorAll(".scroll").forEach((table) => sized.observe(table));
})();
