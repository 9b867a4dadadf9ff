// The tables of the atlas: search, filter, sort, keys; what is chosen stands in the address, so that it can be linked.
"use strict";
(() => {
  const table = document.querySelector("table.rows");
  if (!table) return;
  const search = document.getElementById("search");
  const shown = document.getElementById("shown");
  const clear = document.getElementById("clear");
  const choices = [...document.querySelectorAll(".choices select")];
  const heads = [...table.tHead.rows[0].cells];
  const bodies = [...table.querySelectorAll("tbody.family")];
  const flat = table.querySelector("tbody.flat");
  const lines = bodies.flatMap((home) => [...home.querySelectorAll("tr.line")].map((row) => ({ row, home, words: "" })));
  const order = new Intl.Collator("en", { numeric: true });
  // The column that is asked for, and that in whose order the rows stand.
  let sorted = "";
  let placed = "";

  // Type, class, head, kind and what is read. Gathered when somebody searches: most readers of a link do not.
  function words({ row }) {
    const [name, reads] = row.cells;
    return `${name.textContent} ${reads.textContent} ${row.dataset.kind.replaceAll("_", " ")}`.toLowerCase();
  }

  function sift() {
    const asked = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = choices.filter((one) => one.value);
    const counts = new Map(bodies.map((body) => [body, 0]));
    let count = 0;
    for (const line of lines) {
      const fits = chosen.every((one) => (line.row.dataset[one.name] || "").split(" ").includes(one.value));
      const shows = fits && (!asked.length || asked.every((word) => (line.words ||= words(line)).includes(word)));
      line.row.hidden = !shows;
      if (!shows) continue;
      count += 1;
      counts.set(line.home, counts.get(line.home) + 1);
    }
    for (const [body, own] of counts) {
      const head = body.querySelector(".head");
      if (!head) continue;
      head.hidden = Boolean(sorted) || own === 0;
      head.querySelector(".many").textContent = own;
    }
    shown.textContent = `${count.toLocaleString("en")} of ${lines.length.toLocaleString("en")} shown`;
    clear.hidden = !asked.length && !chosen.length && !sorted;
  }

  // By a column all rows stand in one body; by none each stands in that of its family.
  function sort() {
    if (placed === sorted) return;
    placed = sorted;
    const name = sorted.replace(/^-/, "");
    const head = heads.find((one) => one.dataset.name === name);
    for (const one of heads) one.setAttribute("aria-sort", "none");
    if (!head) {
      for (const line of lines) line.home.append(line.row);
      return;
    }
    head.setAttribute("aria-sort", sorted === name ? "ascending" : "descending");
    const cell = (row) => row.cells[head.cellIndex] || row.cells[row.cells.length - 1];
    const key = (cell) => cell.dataset.key || cell.textContent;
    const keyed = lines.map((line) => [key(cell(line.row)), line]).sort((a, b) => order.compare(a[0], b[0]));
    if (sorted !== name) keyed.reverse();
    flat.append(...keyed.map(([, line]) => line.row));
  }

  function read() {
    const state = new URLSearchParams(location.hash.slice(1));
    search.value = state.get("q") || "";
    for (const one of choices) {
      one.value = state.get(one.name) || "";
      if (one.selectedIndex < 0) one.value = "";
    }
    const asked = state.get("sort") || "";
    sorted = heads.some((one) => one.dataset.name === asked.replace(/^-/, "")) ? asked : "";
  }

  function write() {
    const state = new URLSearchParams();
    if (search.value) state.set("q", search.value);
    for (const one of choices) if (one.value) state.set(one.name, one.value);
    if (sorted) state.set("sort", sorted);
    const text = state.toString();
    history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  }

  function show() {
    sort();
    sift();
  }

  function step(by) {
    const links = [...table.querySelectorAll("tr.line:not([hidden]) th a")];
    const at = links.indexOf(document.activeElement);
    const next = at < 0 ? links[by > 0 ? 0 : links.length - 1] : links[at + by];
    if (next) next.focus();
  }

  function reset() {
    search.value = "";
    for (const one of choices) one.value = "";
    sorted = "";
    write();
    show();
  }

  for (const head of heads) {
    head.firstElementChild.addEventListener("click", () => {
      const name = head.dataset.name;
      sorted = sorted === name ? `-${name}` : sorted === `-${name}` ? "" : name;
      write();
      show();
    });
  }
  search.addEventListener("input", () => { sift(); write(); });
  for (const one of choices) one.addEventListener("change", () => { sift(); write(); });
  clear.addEventListener("click", () => { reset(); search.focus(); });
  search.form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", () => { read(); show(); });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = document.activeElement;
    if (event.key === "/" && at !== search) { event.preventDefault(); search.focus(); search.select(); }
    if (event.key === "Escape" && at === search) { search.value = ""; sift(); write(); }
    if (at !== search && !table.contains(at)) return;
    if (event.key === "ArrowDown") { event.preventDefault(); step(1); }
    if (event.key === "ArrowUp") { event.preventDefault(); step(-1); }
  });
  if (location.hash.length > 1) { read(); show(); }
})();
