// The cone: cells tell about themselves, layers unfold, one position of the output shows what reaches it alone.
"use strict";
(() => {
  const LIT = ["y", "l", "m"];
  const UNLIT = { y: "n", l: "p", m: "n" };

  const cells = (row) => [...row.querySelectorAll("td:not(.gap)")];
  const signOf = (cell) => cell.classList[0];
  const lit = (cell) => LIT.includes(signOf(cell));

  // Where a cell stands, in columns: a vector is as wide as several.
  function middle(cell) {
    let start = 0;
    for (let one = cell.previousElementSibling; one && one.tagName === "TD"; one = one.previousElementSibling) start += one.colSpan;
    return [start, start + cell.colSpan / 2, start + cell.colSpan];
  }

  function live(root) {
    root.dataset.live = "";
    const tip = root.appendChild(document.createElement("div"));
    // In the top layer: within a notebook, "fixed" may not mean the window.
    Object.assign(tip, { className: "tip", popover: "manual" });
    tip.setAttribute("role", "tooltip");
    let shown = null;
    const hide = () => { if (shown) tip.hidePopover(); shown = null; };

    function told(cell) {
      const row = cell.parentElement;
      const head = row.querySelector("th");
      const name = head.querySelector(".name").textContent;
      const many = cells(row).length > 1;
      if (cell.dataset.reach) return `position ${cells(row).indexOf(cell)} of ${name}, ${row.closest("table").dataset.text}: lit is what reaches it`;
      const sign = cell.closest(".cone-box").querySelector(`.legend [data-sign="${signOf(cell)}"]`);
      const what = many ? `position ${cells(row).indexOf(cell)} of ${name}` : name;
      head.title = note(row);
      return `${what}, ${row.closest("table").dataset.text}: ${sign ? sign.lastChild.textContent.trim() : ""} (${head.title})`;
    }

    function show(cell) {
      if (!shown) tip.showPopover();
      shown = cell;
      tip.textContent = told(cell);
      cell.setAttribute("aria-label", tip.textContent);
      stay();
    }

    // The tip stays beside its cell, wherever the page is scrolled to.
    function stay() {
      if (!shown) return;
      const box = shown.getBoundingClientRect();
      const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
      const above = box.top - tip.offsetHeight - 6;
      tip.style.left = `${Math.max(8, Math.min(box.left, room))}px`;
      tip.style.top = `${above > 0 ? above : box.bottom + 6}px`;
    }

    // One position of the output: what reaches it stays lit. The pointer looks, a click or Enter keeps.
    let kept = null;

    function restore(table) {
      for (const cell of table.querySelectorAll("td[data-sign]")) {
        cell.classList.replace(signOf(cell), cell.dataset.sign);
        delete cell.dataset.sign;
      }
      for (const one of table.querySelectorAll("[aria-selected]")) one.removeAttribute("aria-selected");
      for (const row of table.querySelectorAll(".untold")) row.classList.remove("untold");
      draw(table);
    }

    function dim(cell) {
      cell.dataset.sign = signOf(cell);
      cell.classList.replace(signOf(cell), UNLIT[signOf(cell)]);
    }

    function light(chosen) {
      const table = chosen.closest("table");
      relight();
      const reach = Object.fromEntries(chosen.dataset.reach.split(" ").map((part) => part.split(":")));
      for (const row of table.querySelectorAll("tr[data-row]")) {
        const own = row === chosen.parentElement;
        const there = own ? () => false : within(reach[row.dataset.row]);
        if (!own && !(row.dataset.row in reach)) { row.classList.add("untold"); continue; }
        cells(row).forEach((cell, position) => { if (cell !== chosen && lit(cell) && !there(position)) dim(cell); });
      }
      chosen.setAttribute("aria-selected", "true");
      draw(table);
    }

    function within(ranges) {
      const runs = (ranges || "").split(",").filter(Boolean).map((run) => run.split("-").map(Number));
      return (position) => runs.some(([first, last = first]) => first <= position && position <= last);
    }

    // The beams between rows, as the page came with them, for what is lit now.
    function draw(table) {
      const rows = [...table.querySelectorAll("tr[data-row]:not(.untold)")];
      for (const beam of table.querySelectorAll("tr.beam")) {
        const above = rows.findLast((row) => row.compareDocumentPosition(beam) & Node.DOCUMENT_POSITION_FOLLOWING);
        const below = rows.find((row) => row.compareDocumentPosition(beam) & Node.DOCUMENT_POSITION_PRECEDING);
        if (above && below) shape(beam, cells(below).filter(lit).map(middle), cells(above).filter(lit).map(middle));
      }
    }

    function shape(beam, below, above) {
      const [hull, ray] = beam.querySelectorAll("path");
      if (!below.length || !above.length) { hull.setAttribute("d", ""); ray.setAttribute("d", ""); return; }
      hull.setAttribute("d", `M${below[0][0]} 1L${above[0][0]} 0H${above.at(-1)[2]}L${below.at(-1)[2]} 1z`);
      ray.setAttribute("d", above.length > 1 ? "" : below.map((one) => `M${one[1]} 1L${above[0][1]} 0`).join(""));
    }

    const relight = () => root.querySelectorAll("table:has([aria-selected])").forEach(restore);

    function look(cell) {
      const chosen = cell && cell.dataset.reach ? cell : kept;
      if (chosen) light(chosen);
      else relight();
    }

    function keep(cell) {
      kept = cell === kept ? null : cell;
      look(cell);
    }

    // Layers that are alike stand once until they are asked for, in every text and layout at the same time.
    function foldable(row) {
      const times = row.querySelector(".times");
      const button = document.createElement("button");
      button.type = "button";
      button.className = "fold";
      button.textContent = times.textContent;
      button.setAttribute("aria-expanded", "false");
      button.setAttribute("aria-label", `Unfold ${row.querySelector(".name").textContent}: ${times.textContent.slice(1)} that are alike`);
      button.addEventListener("click", () => {
        const box = row.closest(".cone-box");
        const open = button.getAttribute("aria-expanded") === "false";
        for (const other of box.querySelectorAll(".fold")) {
          if (other.getAttribute("aria-label") === button.getAttribute("aria-label")) unfold(other, open);
        }
      });
      times.replaceWith(button);
    }

    function unfold(button, open) {
      const row = button.closest("tr");
      const table = row.closest("table");
      for (const layer of table.querySelectorAll("tr.layer")) if (layer.dataset.row === row.dataset.row) layer.remove();
      button.setAttribute("aria-expanded", String(open));
      if (!open) return;
      const first = Number(row.dataset.row);
      const layers = states(row).slice(first, first + Number(row.dataset.alike)).reverse();
      row.after(...layers.map(([name, note]) => layer(row, name, note)));
    }

    // Name, module and shape of every state, the tokens first.
    const states = (row) => JSON.parse(row.closest(".cone-box").dataset.states);

    // Looked up when it is asked for: a page of many models has thousands of rows.
    function note(row) {
      if (row.dataset.note) return row.dataset.note;
      return row.dataset.alike ? `${row.dataset.alike} alike` : states(row)[row.dataset.row][1];
    }

    function layer(row, name, text) {
      const made = row.cloneNode(true);
      made.classList.add("layer");
      made.removeAttribute("data-alike");
      made.querySelector("button").remove();
      made.querySelector(".name").textContent = name;
      made.dataset.note = text;
      for (const cell of cells(made)) { cell.tabIndex = -1; cell.removeAttribute("aria-label"); }
      return made;
    }

    // One cell of each grid is in the tab order, arrow keys move from there.
    const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

    function target(cell, key) {
      const row = cell.parentElement;
      const line = cells(row);
      if (key === "Home") return line[0];
      if (key === "End") return line.at(-1);
      const [down, right] = STEPS[key];
      if (right) return line[line.indexOf(cell) + right];
      const rows = [...row.closest("table").querySelectorAll("tr[data-row]")];
      const next = rows[rows.indexOf(row) + down];
      return next && nearest(cell, cells(next));
    }

    function nearest(cell, others) {
      const from = middle(cell)[1];
      const away = (one) => Math.abs(middle(one)[1] - from);
      return others.reduce((a, b) => (away(b) < away(a) ? b : a));
    }

    function press(event, cell) {
      const enters = event.key === "Enter" || event.key === " ";
      if (enters && cell.dataset.reach) keep(cell);
      else if (!(event.key in STEPS) && event.key !== "Home" && event.key !== "End") return;
      event.preventDefault();
      event.stopPropagation();
      const next = enters ? null : target(cell, event.key);
      if (!next) return;
      cell.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    }

    const cellOf = (event) => event.target instanceof Element && event.target.closest("table.cone tbody tr[data-row] td:not(.gap)");

    function meet(event) {
      const cell = cellOf(event);
      if (cell) show(cell);
      else hide();
      look(cell);
    }

    for (const row of root.querySelectorAll("tr[data-alike]")) foldable(row);
    for (const hint of root.querySelectorAll(".choose")) hint.hidden = false;
    for (const grid of root.querySelectorAll("table.cone")) {
      const first = grid.querySelector("tbody td:not(.gap)");
      if (first) first.tabIndex = 0;
    }
    root.addEventListener("mouseover", meet);
    root.addEventListener("focusin", meet);
    root.addEventListener("mouseleave", () => { hide(); look(null); });
    root.addEventListener("click", (event) => { const cell = cellOf(event); if (cell && cell.dataset.reach) keep(cell); });
    root.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { hide(); kept = null; look(null); }
      const cell = cellOf(event);
      if (cell) press(event, cell);
    });
    document.addEventListener("scroll", stay, { capture: true, passive: true });
  }

  for (const root of document.querySelectorAll(".archtrace:not([data-live])")) live(root);
})();
