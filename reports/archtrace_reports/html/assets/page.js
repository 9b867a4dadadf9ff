// What the page does beyond showing: cells tell about themselves, the matrix sorts and filters, one model at a time.
"use strict";
(() => {
  const MEANINGS = {
    y: "reaches the logits",
    n: "does not reach the logits",
    p: "padding, does not reach the logits",
    l: "padding, and reaches the logits",
    m: "may reach the logits (within the bound, without a witness)",
  };
  const tip = document.getElementById("tip");

  // The cone: one cell of each grid is in the tab order, arrow keys move from there.
  const cells = (row) => [...row.querySelectorAll("td:not(.gap)")];

  function place(cell) {
    const all = [...cell.parentElement.children].slice(1);
    const before = all.slice(0, all.indexOf(cell));
    const gaps = before.filter((other) => other.classList.contains("gap"));
    const start = gaps.length ? before.lastIndexOf(gaps.at(-1)) + 1 : 0;
    return { row: gaps.length, position: before.length - start };
  }

  function told(cell) {
    const head = cell.parentElement.firstElementChild;
    const { row, position } = place(cell);
    const what = cell.colSpan > 1 ? head.textContent : `position ${position} of ${head.textContent}`;
    const note = head.title ? ` (${head.title})` : "";
    return `${what}, row ${row}: ${MEANINGS[cell.className] || ""}${note}`;
  }

  let shownCell = null;

  function show(cell) {
    const text = told(cell);
    cell.setAttribute("aria-label", text);
    tip.textContent = text;
    tip.hidden = false;
    shownCell = cell;
    stay();
  }

  // The tip stays beside its cell, wherever the page is scrolled to.
  function stay() {
    if (tip.hidden) return;
    const box = shownCell.getBoundingClientRect();
    const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = `${Math.max(8, Math.min(box.left, room))}px`;
    const above = box.top - tip.offsetHeight - 6;
    tip.style.top = `${above > 0 ? above : box.bottom + 6}px`;
  }

  const hide = () => { tip.hidden = true; };
  const cellOf = (event) => event.target instanceof Element && event.target.closest("table.cone tbody td:not(.gap)");

  const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

  function target(cell, key) {
    const row = cell.parentElement;
    const line = cells(row);
    if (key === "Home") return line[0];
    if (key === "End") return line.at(-1);
    const [down, right] = STEPS[key];
    if (right) return line[line.indexOf(cell) + right];
    const next = down < 0 ? row.previousElementSibling : row.nextElementSibling;
    return next && nearest(cell, cells(next));
  }

  function nearest(cell, others) {
    const middle = (one) => { const box = one.getBoundingClientRect(); return box.left + box.width / 2; };
    const from = middle(cell);
    return others.reduce((a, b) => (Math.abs(middle(b) - from) < Math.abs(middle(a) - from) ? b : a));
  }

  function move(event, cell) {
    if (!(event.key in STEPS) && event.key !== "Home" && event.key !== "End") return;
    event.preventDefault();
    const next = target(cell, event.key);
    if (!next) return;
    cell.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  for (const grid of document.querySelectorAll("table.cone")) {
    const first = grid.querySelector("tbody td");
    if (first) first.tabIndex = 0;
  }
  document.addEventListener("mouseover", (event) => { const cell = cellOf(event); if (cell) show(cell); else hide(); });
  document.addEventListener("focusin", (event) => { const cell = cellOf(event); if (cell) show(cell); else hide(); });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
    const cell = cellOf(event);
    if (cell) move(event, cell);
  });
  document.addEventListener("scroll", stay, { capture: true, passive: true });

  // One model at a time where there are several; without a choice, the matrix alone.
  const models = document.querySelector(".models");
  const matrix = document.getElementById("matrix");

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

  // The matrix: sort by a column, filter by words, move with the keys.
  const table = document.getElementById("models");
  const body = table.tBodies[0];
  const filter = document.getElementById("filter");
  const shown = document.getElementById("shown");
  const text = (row, column) => (row.cells[column] || row.cells[row.cells.length - 1]).textContent;

  function sort(head) {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of head.parentElement.cells) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const order = new Intl.Collator("en", { numeric: true });
    const rows = [...body.rows].sort((a, b) => order.compare(text(a, head.cellIndex), text(b, head.cellIndex)));
    body.append(...(down ? rows.reverse() : rows));
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

  for (const head of table.tHead.rows[0].cells) head.firstElementChild.addEventListener("click", () => sort(head));
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
