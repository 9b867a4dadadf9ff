// The page around the models: one at a time where there are several; the matrix sorts and filters.
"use strict";
(() => {
  const models = document.querySelector(".models");
  const matrix = document.getElementById("matrix");

  // Without a choice, the matrix alone.
  function choose() {
    const chosen = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const model = chosen && chosen.closest(".model");
    for (const one of models.children) one.classList.toggle("current", one === model);
    if (model) { model.focus({ preventScroll: true }); model.scrollIntoView(); }
    else if (chosen === matrix) matrix.querySelector("#filter").focus();
  }

  if (!matrix || !models) return;
  if (models.children.length > 1) models.classList.add("chosen-one");
  addEventListener("hashchange", choose);
  choose();

  const table = document.getElementById("models");
  const body = table.tBodies[0];
  const filter = document.getElementById("filter");
  const shown = document.getElementById("shown");

  // What was not answered has nothing to be sorted by, and stays at the end.
  function sort(head) {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of head.parentElement.querySelectorAll("[aria-sort]")) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const order = new Intl.Collator("en", { numeric: true });
    const text = (row) => row.cells[head.cellIndex].textContent;
    const answered = [...body.rows].filter((row) => !row.classList.contains("unanswered"));
    const rows = answered.sort((a, b) => order.compare(text(a), text(b)));
    body.prepend(...(down ? rows.reverse() : rows));
  }

  function sift() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of body.rows) {
      const whole = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => whole.includes(word));
      count += row.hidden ? 0 : 1;
    }
    shown.textContent = `${count} of ${body.rows.length} shown`;
  }

  function step(by) {
    const links = [...body.rows].filter((row) => !row.hidden).map((row) => row.querySelector("a")).filter(Boolean);
    const at = links.indexOf(document.activeElement);
    const next = at < 0 ? links[by > 0 ? 0 : links.length - 1] : links[at + by];
    if (next) next.focus();
  }

  for (const button of table.tHead.querySelectorAll("button")) button.addEventListener("click", () => sort(button.parentElement));
  filter.addEventListener("input", sift);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && document.activeElement !== filter) { event.preventDefault(); filter.focus(); }
    if (event.key === "Escape" && document.activeElement === filter) { filter.value = ""; sift(); }
    if (!matrix.contains(document.activeElement)) return;
    if (event.key === "ArrowDown") { event.preventDefault(); step(1); }
    if (event.key === "ArrowUp") { event.preventDefault(); step(-1); }
  });
})();
