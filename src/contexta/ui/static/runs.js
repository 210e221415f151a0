// The page Runs: navigation in place, completion of the filter, selection, keys, live rows and small curves.
import { click, connected, find, onKey, reveal } from "./contexta.js";

const all = selector => [...document.querySelectorAll(selector)];
const rows = () => all("table.runs tbody tr[data-row]");

// ------------------------------------------------------------------------------------------ navigation in place

// Links and forms that lead to another state of the list replace the content, and the address tells the state.
async function show(address, options = {}) {
  const slow = setTimeout(() => find("main").setAttribute("aria-busy", "true"), 300);
  try {
    await replaceContent(address, options);
    connected(true);
  } catch {
    connected(false);  // the page keeps what it shows
  } finally {
    clearTimeout(slow);
    find("main").removeAttribute("aria-busy");
  }
}

async function replaceContent(address, { push = true, focus = null }) {
  const response = await fetch(address, { headers: { accept: "text/html" } });
  const target = new URL(response.url);
  if (target.pathname !== "/") { location.href = response.url; return; }
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  if (response.status === 400) {  // the last good result stays
    find("#query-message").replaceWith(page.querySelector("#query-message"));
    find("#filter").setAttribute("aria-invalid", "true");
    if (rows().length) find("#query-message").append(` The last result is still shown.`);
    return;
  }
  if (push) history.pushState(null, "", target);
  const old = find("main"), fresh = page.querySelector("main");
  const scroll = find(".tall")?.scrollLeft ?? 0;
  const isMenuOpen = find("#columns-menu")?.open;
  old.replaceWith(fresh);
  if (isMenuOpen && find("#columns-menu")) find("#columns-menu").open = true;
  if (find(".tall")) find(".tall").scrollLeft = scroll;
  prepare();
  const focused = find("main [autofocus]") ?? (focus && find(focus));
  if (focused) focused.focus();
  else if (focus) { find("h1").tabIndex = -1; find("h1").focus(); }
}

const isList = address => address.origin === location.origin && address.pathname === "/";
document.addEventListener("click", event => {
  const link = event.target.closest("main a[href]");
  if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const address = new URL(link.href);
  if (!isList(address)) return;
  event.preventDefault();
  show(withSelection(address), { focus: link.id ? `#${link.id}` : selectorOf(link) });
});
document.addEventListener("submit", event => {
  const form = event.target;
  const button = event.submitter;
  const action = new URL(button?.getAttribute("formaction") ?? form.getAttribute("action"), location.href);
  if (!form.closest("main") || (button?.getAttribute("formmethod") ?? form.method) !== "get" || !isList(action)) return;
  event.preventDefault();
  const parameters = [...new FormData(form)].filter(([, value]) => value);
  show(withSelection(new URL(`/?${new URLSearchParams(parameters)}`, location.href)), { focus: "#filter" });
});
addEventListener("popstate", () => show(location.href, { push: false }));
document.addEventListener("change", event => {
  if (event.target.matches(`#runs-filter select, select[form=runs-filter]`)) find("#runs-filter").requestSubmit();
});

// The same link in the next state of the page, by its label.
function selectorOf(link) {
  const label = link.getAttribute("aria-label");
  const column = link.closest("th[data-column]")?.dataset.column;
  if (column) return `th[data-column=${CSS.escape(column)}] a`;
  const row = link.closest("tr[data-row]")?.dataset.row;
  if (row && link.classList.contains("chevron")) return `tr[data-row="${CSS.escape(row)}"] .chevron`;
  return label ? `[aria-label="${CSS.escape(label)}"]` : null;
}

// ------------------------------------------------------------------------------------------ selection

const boxes = () => all("table.runs input[name=run]");
const chosen = () => boxes().filter(box => box.checked);

function withSelection(address) {
  if (address.pathname !== "/") return address;
  if (!address.searchParams.has("run")) for (const box of chosen()) address.searchParams.append("run", box.value);
  return address;
}

function showSelection() {
  const selected = chosen();
  const names = selected.map(box => box.closest("tr").querySelector(".label").textContent);
  const output = find("#selection .what");
  if (output) {
    const shown = names.length > 3 ? `${names.slice(0, 3).join(", ")} …` : names.join(", ");
    output.textContent = `${names.length} selected  ${shown}`;
  }
  const everything = find("#select-all");
  if (everything) {
    everything.disabled = false;
    everything.checked = names.length > 0 && names.length === boxes().length;
    everything.indeterminate = names.length > 0 && !everything.checked;
  }
}

function keepSelection() {
  const address = new URL(location.href);
  address.searchParams.delete("run");
  for (const box of chosen()) address.searchParams.append("run", box.value);
  history.replaceState(null, "", address);
  showSelection();
}

document.addEventListener("change", event => {
  if (event.target.id === "select-all") for (const box of boxes()) box.checked = event.target.checked;
  if (event.target.matches("#select-all, table.runs input[name=run]")) keepSelection();
});
document.addEventListener("click", event => {
  if (!event.target.closest("#clear")) return;
  event.preventDefault();
  for (const box of boxes()) box.checked = false;
  keepSelection();
}, true);

// ------------------------------------------------------------------------------------------ keys

let current = null;  // the data-row of the current row
const currentRow = () => rows().find(row => row.dataset.row === current);
function move(step) {
  const list = rows();
  const place = list.indexOf(currentRow());
  const next = list[Math.max(0, Math.min(list.length - 1, place + step))];
  if (!next) return;
  current = next.dataset.row;
  mark();
  next.scrollIntoView({ block: "nearest" });
  next.querySelector("a.label, .chevron").focus({ preventScroll: true });
}
function mark() {
  for (const row of rows()) row.classList.toggle("current", row.dataset.row === current);
}
document.addEventListener("focusin", event => {
  const row = event.target.closest("table.runs tr[data-row]");
  if (row) { current = row.dataset.row; mark(); }
});
onKey("j", () => move(currentRow() ? 1 : 1));
onKey("k", () => move(-1));
onKey("x", () => currentRow()?.querySelector("input[name=run]").click());
onKey(" ", () => { const chevron = currentRow()?.querySelector(".chevron"); if (!chevron) return false; chevron.click(); });
onKey("b", () => currentRow()?.querySelector(".make").click());
onKey("c", () => chosen().length && click("#compare"));
onKey("e", () => chosen().length && click("#export"));
onKey("d", () => click(`#only-differences:not([aria-current]), #all-columns:not([aria-current])`));
onKey("Escape", () => chosen().length ? click("#clear") : false);

// ------------------------------------------------------------------------------------------ completion

let suggestions = [], start = 0, place = -1, request = 0;
const list = () => find("#completions");

function close() {
  list()?.remove();
  place = -1;
  const box = find("#filter");
  box?.setAttribute("aria-expanded", "false");
  box?.removeAttribute("aria-activedescendant");
}

async function suggest() {
  const box = find("#filter"), number = ++request;
  const text = box.value.slice(0, box.selectionStart);
  const response = await fetch(`/complete?${new URLSearchParams({ text })}`).catch(() => null);
  const answer = response?.ok && await response.json().catch(() => null);
  if (!answer || number !== request || document.activeElement !== box) return;
  const picked = suggestions[place];
  ({ start, suggestions } = answer);
  close();
  if (!suggestions.length) return;
  const options = document.createElement("ul");
  options.id = "completions";
  options.className = "completions choices";
  options.setAttribute("role", "listbox");
  options.setAttribute("aria-label", "Suggestions");
  suggestions.forEach((suggestion, index) => {
    const option = document.createElement("li");
    option.id = `completion-${index}`;
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", "false");
    option.textContent = suggestion;
    option.addEventListener("mousedown", event => { event.preventDefault(); take(index); });
    options.append(option);
  });
  box.parentElement.append(options);
  box.setAttribute("aria-expanded", "true");
  // An answer that arrives after the user picked a suggestion keeps the pick, so that Enter takes it.
  if (suggestions.includes(picked)) pick(suggestions.indexOf(picked) + 1);
}

function pick(step) {
  const options = [...list().children];
  place = (place + step + options.length) % options.length;
  options.forEach((option, index) => option.setAttribute("aria-selected", String(index === place)));
  options[place].scrollIntoView({ block: "nearest" });
  find("#filter").setAttribute("aria-activedescendant", options[place].id);
}

function take(index) {
  const box = find("#filter"), text = suggestions[index], end = box.selectionStart;
  box.setRangeText(text, start, end, "end");
  close();
  suggest();
}

document.addEventListener("input", event => { if (event.target.id === "filter") suggest(); });
document.addEventListener("focusout", event => { if (event.target.id === "filter") close(); });
document.addEventListener("keydown", event => {
  if (event.target.id !== "filter") return;
  if (event.key === "ArrowDown" && !list()) suggest();
  else if (!list()) return;
  else if (event.key === "ArrowDown") pick(1);
  else if (event.key === "ArrowUp") pick(-1);
  else if (event.key === "Enter" && place >= 0) take(place);
  else if (event.key === "Tab" && !event.shiftKey && place >= 0) take(place);
  else if (event.key === "Escape") close();
  else { if (event.key === "Enter") close(); return; }
  event.preventDefault();
});

// ------------------------------------------------------------------------------------------ live rows

// Cells of listed runs are replaced in place. New runs wait behind a button, because rows never move under the pointer.
document.addEventListener("contexta:fresh", event => {
  const part = event.target, fresh = event.detail;
  if (part.id !== "runs") return;
  event.preventDefault();
  const old = new Map([...part.querySelectorAll("tr[data-row]")].map(row => [row.dataset.row, row]));
  const added = [...fresh.querySelectorAll("tr[data-row]")].filter(row => !old.has(row.dataset.row));
  const columns = section => [...section.querySelectorAll("th[data-column]")].map(title => title.dataset.column).join();
  const isSame = columns(part) === columns(fresh);
  if (!old.size || !isSame && !added.length) {
    if (part.contains(document.activeElement) || find("#columns-menu")?.open) return;
    part.replaceWith(fresh);
    prepare();
    return;
  }
  for (const row of fresh.querySelectorAll("tr[data-row]")) {
    const before = old.get(row.dataset.row);
    if (!before || !isSame) continue;
    [...row.cells].forEach((cell, index) => {
      const target = before.cells[index];
      if (cell.matches(".box, .name") || !target || target.contains(document.activeElement)) return;
      if (cell.classList.contains("curve")) { if (target.dataset.live) target.dataset.stale = "yes"; }
      else if (cell.outerHTML !== target.outerHTML) target.replaceWith(cell);
    });
  }
  announce(added.length);
  placePinned();
  drawCurves();
});

function announce(number) {
  let notice = find("#new-runs");
  if (!number) { notice?.remove(); return; }
  if (!notice) {
    notice = document.createElement("p");
    notice.id = "new-runs";
    notice.className = "notice";
    notice.setAttribute("role", "status");
    notice.innerHTML = "<span></span> <button type=button>Show</button>";
    notice.querySelector("button").addEventListener("click", () => show(withSelection(new URL(location.href)), { push: false }));
    find("#runs").prepend(notice);
  }
  notice.querySelector("span").textContent = number === 1 ? "1 new run." : `${number} new runs.`;
}

// ------------------------------------------------------------------------------------------ small curves

const WIDTH = 84, HEIGHT = 22, EDGE = 3;
const curves = new Map();  // metric and run -> [places, values]

async function drawCurves() {
  const cells = all("td.curve[data-run]");
  const metric = find("th[data-metric]")?.dataset.metric;
  if (!cells.length || !metric) return;
  const key = cell => `${metric}\n${cell.dataset.run}`;
  let missing = cells.filter(cell => !curves.has(key(cell)) || cell.dataset.stale);
  while (missing.length) {
    const parameters = new URLSearchParams([["metric", metric], ...missing.map(cell => ["run", cell.dataset.run])]);
    const response = await fetch(`/sparks?${parameters}`).catch(() => null);
    if (!response?.ok) return;
    const found = await response.json();
    for (const cell of missing) if (cell.dataset.run in found) { curves.set(key(cell), found[cell.dataset.run]); delete cell.dataset.stale; }
    const rest = missing.filter(cell => !(cell.dataset.run in found));
    if (rest.length === missing.length) return;
    missing = rest;
    paint(cells, key);
  }
  paint(cells, key);
}

function paint(cells, key) {
  const known = cells.map(cell => curves.get(key(cell))).filter(Boolean);
  const values = known.flatMap(([, ys]) => ys).filter(value => value !== null);
  const places = known.flatMap(([xs]) => xs);
  const low = Math.min(...values), high = Math.max(...values), first = Math.min(...places), last = Math.max(...places);
  const x = value => EDGE + (WIDTH - 2 * EDGE) * (last > first ? (value - first) / (last - first) : 1);
  const y = value => HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * (high > low ? (value - low) / (high - low) : .5);
  const baseline = find("tr.baseline td.curve[data-run]");
  const level = baseline && curves.get(key(baseline))?.[1].filter(value => value !== null).at(-1);
  for (const cell of cells) {
    const curve = curves.get(key(cell));
    if (!curve) continue;
    const points = curve[0].map((place, index) => [place, curve[1][index]]).filter(([, value]) => value !== null);
    if (!points.length) continue;
    const svg = shape("svg", { class: cell.closest("tr").querySelector(".running") ? "spark live" : "spark", role: "img" });
    svg.setAttribute("aria-label", `curve from ${points[0][1]} to ${points.at(-1)[1]}`);
    if (level !== undefined && level !== null) svg.append(shape("line", { x1: 0, x2: WIDTH, y1: y(level), y2: y(level) }));
    if (points.length > 1) svg.append(shape("path", { d: `M${points.map(([px, py]) => `${x(px).toFixed(1)} ${y(py).toFixed(1)}`).join("L")}` }));
    svg.append(shape("circle", { cx: x(points.at(-1)[0]), cy: y(points.at(-1)[1]), r: 2 }));
    cell.replaceChildren(svg);
    if (svg.classList.contains("live")) cell.dataset.live = "yes"; else delete cell.dataset.live;
  }
}

function shape(name, attributes) {
  const created = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) created.setAttribute(key, value);
  return created;
}

// ------------------------------------------------------------------------------------------ pinned columns

// Pinned columns stay beside the name: their offsets depend on the widths of the columns before them.
function placePinned() {
  const titles = all("table.runs thead tr:last-child th");
  let left = 34 + (titles[1]?.offsetWidth ?? 0);
  const pins = new Set(new URLSearchParams(location.search).getAll("pin"));
  if (!pins.size || matchMedia("(max-width: 699px)").matches) return;
  titles.forEach((title, index) => {
    if (!pins.has(title.dataset.column)) return;
    for (const row of [title.parentElement, ...rows()]) {
      const cell = row.cells[index];
      if (cell) { cell.classList.add("kept"); cell.style.left = `${left}px`; }
    }
    left += title.offsetWidth;
  });
}

function prepare() {
  reveal();
  const box = find("#filter");
  if (box) for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": "completions" })) box.setAttribute(name, value);
  showSelection();
  mark();
  placePinned();
  drawCurves();
}
prepare();
