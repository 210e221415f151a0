"""The style sheet and the script of an HTML page."""

STYLE = """
.contexta { --good: #18794e; --bad: #c0362c; --warn: #8a6100; --quiet: #667; --line: #7f7f7f55; --accent: #2f6fdb;
  --line2: #c5cbd4; --old: #1d5db6; --new: #ad4a00; --s3: #0b7a6b; --s4: #8a3fb0; --s5: #8b6b00; }
@media (prefers-color-scheme: dark) {
  .contexta { --good: #4cc38a; --bad: #ff8f84; --warn: #e0b252; --quiet: #9aa3b2; --accent: #7aa7f7;
    --line2: #3b4450; --old: #82b4ff; --new: #ffa763; --s3: #4fcab6; --s4: #d6a0f5; --s5: #d8bd5b; }
}
.contexta { line-height: 1.45; font-variant-numeric: tabular-nums; }
.contexta p, .contexta ul { margin: .4em 0; }
.contexta table { border-collapse: collapse; margin: .4em 0; }
.contexta th, .contexta td {
  text-align: left; vertical-align: top; padding: .22em 1.2em .22em 0; border-bottom: 1px solid var(--line);
  overflow-wrap: break-word; max-width: 34em; font-weight: normal; white-space: pre-line;
}
.contexta tbody th { min-width: 7em; }
.contexta thead th { color: var(--quiet); white-space: nowrap; }
.contexta .number { text-align: right; white-space: nowrap; }
.contexta :is(tr.good > :first-child, p.good, ul.good) { color: var(--good); }
.contexta :is(tr.bad > :first-child, p.bad, ul.bad) { color: var(--bad); }
.contexta :is(tr.warn > :first-child, p.warn, ul.warn) { color: var(--warn); }
.contexta .quiet, .contexta tr.same { color: var(--quiet); }
.contexta .wide { overflow-x: auto; }
.contexta pre { overflow-x: auto; padding: .6em .8em; border: 1px solid var(--line); border-radius: 4px; }
.contexta figure { margin: .6em 0; max-width: 48em; overflow-x: auto; }
.contexta svg { width: 100%; min-width: 34rem; height: auto; display: block; }
.contexta svg text { fill: currentColor; font-size: 12px; opacity: .75; }
.contexta .grid { stroke: var(--line); }
.contexta .mark { stroke: var(--warn); stroke-dasharray: 4 3; }
.contexta .level { stroke: var(--accent); stroke-width: 9; opacity: .25; }
.contexta .curve { fill: none; stroke: var(--accent); stroke-width: 2; stroke-linejoin: round; }
.contexta .dot { fill: var(--accent); }
.contexta .dot.bad { fill: var(--bad); }
.contexta .dot.good { fill: var(--good); }
.contexta .dot.warn { fill: var(--warn); }
.contexta .dot.quiet { fill: var(--quiet); }
.contexta .charts {
  display: grid; gap: 24px 40px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr));
}
.contexta .curves { margin: 0; max-width: none; min-width: 0; overflow: visible; font-size: 13px; }
.contexta .curves figcaption { color: inherit; font-weight: 600; }
.contexta .curves th { white-space: nowrap; }
.contexta svg.chart {
  display: block; min-width: 0; overflow: visible; margin: 0 12px 0 52px; width: calc(100% - 64px);
}
.contexta svg.named { margin-right: 96px; width: calc(100% - 148px); }
.contexta svg.chart svg { min-width: 0; width: 100%; height: 168px; }
.contexta svg.chart text { fill: var(--quiet); opacity: 1; }
.contexta svg.chart text.name { fill: currentColor; }
.contexta svg.chart .axis { stroke: var(--line2); }
.contexta svg.sample { display: inline-block; width: 28px; min-width: 28px; height: 12px; vertical-align: middle; }
.contexta .series { fill: none; stroke-width: 1.75; stroke-linejoin: round; stroke: var(--quiet); }
.contexta .series.dot { stroke: none; fill: currentColor; }
.contexta .s1 { stroke: var(--old); } .contexta .s1.dot { fill: var(--old); }
.contexta .s2 { stroke: var(--new); stroke-dasharray: 6 3; } .contexta .s2.dot { fill: var(--new); }
.contexta .s3 { stroke: var(--s3); stroke-dasharray: 2 3; } .contexta .s3.dot { fill: var(--s3); }
.contexta .s4 { stroke: var(--s4); stroke-dasharray: 8 3 2 3; } .contexta .s4.dot { fill: var(--s4); }
.contexta .s5 { stroke: var(--s5); stroke-dasharray: 12 4; } .contexta .s5.dot { fill: var(--s5); }
.contexta .name { stroke: none; }
.contexta .many { stroke-width: 1; }
.contexta figcaption, .contexta summary, .contexta footer { color: var(--quiet); }
"""

PAGE_STYLE = """
:root { color-scheme: light dark; }
body { margin: 0; background: #fff; color: #1d2129; font: 16px/1.45 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1.2rem 3rem; }
h1 { font-size: 1.45rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 1.8em 0 .4em; }
pre, code { font: .92em ui-monospace, monospace; }
footer { margin-top: 3rem; font-size: .85rem; }
.find { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: center; position: sticky; top: 0;
  background: inherit; padding: .6rem 0; border-bottom: 1px solid var(--line); background: Canvas; z-index: 1; }
.find[hidden] { display: none; }
.find input[type=search] { font: inherit; width: 16rem; max-width: 60vw; padding: .2rem .4rem; }
.find output { color: var(--quiet); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
@media (prefers-color-scheme: dark) { body { background: #14171c; color: #e4e7ec; } .find { background: #14171c; } }
@media print { .find { display: none; } main { max-width: none; } }
"""

SCRIPT = """
"use strict";
const box = document.querySelector(".find");
const query = box.querySelector(".query"), only = box.querySelector(".only"), summary = box.querySelector("output");
const tables = [...document.querySelectorAll("main section > .wide > table")];
const rows = tables.flatMap(table => [...table.tBodies[0].rows]);
const texts = new Map(rows.map(row => [row, row.textContent.toLowerCase()]));
function show() {
  const words = query.value.trim().toLowerCase().split(/\\s+/).filter(Boolean);
  let shown = 0, hidden = 0;
  for (const row of rows) {
    const matches = words.every(word => texts.get(row).includes(word));
    const same = only.checked && row.classList.contains("same");
    row.hidden = !matches || same;
    shown += matches && !same;
    hidden += matches && same;
  }
  for (const table of tables) {
    const empty = [...table.tBodies[0].rows].every(row => row.hidden);
    table.parentElement.hidden = empty;
    const note = table.parentElement.nextElementSibling;
    note.hidden = !empty;
    note.textContent = words.length ? "No match." : "Nothing differs.";
  }
  const rest = hidden ? `, ${hidden} without a difference` : "";
  summary.textContent = shown + (shown === 1 ? " row" : " rows") + rest;
}
only.parentElement.hidden = !rows.some(row => row.classList.contains("same"));
box.hidden = false;
query.addEventListener("input", show);
only.addEventListener("input", show);
show();
"""
