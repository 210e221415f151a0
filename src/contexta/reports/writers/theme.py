"""The style sheet and the script of an HTML page."""

STYLE = """
.contexta {
  --bg: #ffffff; --sunk: #f5f6f8; --tint: #eef1f5; --line: #e1e4e9; --line2: #c5cbd4; --ctl: #7b8491;
  --text: #14181f; --text2: #444c58; --text3: #5c6572; --old: #1d5db6; --new: #ad4a00; --better: #14703a;
  --betterbg: #e3f4e9; --worse: #b4153e; --worsebg: #fce8ed; --warn: #7a5200; --focus: #1f5fd0; --s3: #0b7a6b;
  --s4: #8a3fb0; --s5: #8b6b00;
}
@media (prefers-color-scheme: dark) {
  .contexta {
    --bg: #101317; --sunk: #171b21; --tint: #1e242c; --line: #272d36; --line2: #3b4450; --ctl: #717c8b;
    --text: #e8ebef; --text2: #b6bec9; --text3: #949eab; --old: #82b4ff; --new: #ffa763; --better: #62d18c;
    --betterbg: #11301e; --worse: #ff91a6; --worsebg: #401823; --warn: #edc55f; --focus: #86b4ff; --s3: #4fcab6;
    --s4: #d6a0f5; --s5: #d8bd5b;
  }
}
.contexta {
  color: var(--text); background: var(--bg); font-size: 14px; line-height: 20px; font-variant-numeric: tabular-nums;
}
.contexta p, .contexta ul, .contexta ol { margin: 6px 0; max-width: 84ch; overflow-wrap: anywhere; }
.contexta ul, .contexta ol { padding-left: 20px; }
.contexta :is(pre, code) {
  font-family: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "Noto Sans Mono", "Liberation Mono",
    monospace;
}
.contexta a { color: inherit; text-decoration: underline var(--ctl) 1px; text-underline-offset: 3px; }
.contexta a:hover { text-decoration: underline currentColor 2px; }
.contexta nav { display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 6px 0; }
.contexta .quiet, .contexta tr.same, .contexta :is(figcaption, summary, footer) { color: var(--text3); }
.contexta :is(tr.good > :first-child, p.good, ul.good) { color: var(--better); }
.contexta :is(tr.bad > :first-child, p.bad, ul.bad) { color: var(--worse); }
.contexta :is(tr.warn > :first-child, p.warn, ul.warn) { color: var(--warn); }

.contexta .wide { overflow-x: auto; }
.contexta table { border-collapse: collapse; margin: 6px 0; font-size: 13px; line-height: 18px; }
.contexta th, .contexta td {
  text-align: left; vertical-align: top; padding: 5px 20px 6px 0; border-bottom: 1px solid var(--line);
  font-weight: 400; white-space: pre-line; min-width: 1em; max-width: 40em; overflow-wrap: break-word;
}
.contexta :is(th, td):last-child { padding-right: 0; }
.contexta tbody th { font-weight: 500; }
.contexta thead th {
  color: var(--text3); font-size: 12px; line-height: 16px; white-space: nowrap; border-bottom-color: var(--line2);
}
.contexta .number { text-align: right; white-space: nowrap; }
.contexta .short { white-space: nowrap; }
.contexta .phrase { min-width: 13em; }
.contexta .prose { min-width: min(24em, 60vw); }
.contexta pre {
  overflow: auto; max-height: 70vh; margin: 6px 0; padding: 8px 12px; background: var(--sunk); border-radius: 6px;
  font-size: 12.5px; line-height: 18px;
}
.contexta pre .added { color: var(--better); background: var(--betterbg); }
.contexta pre .removed { color: var(--worse); background: var(--worsebg); }
.contexta pre .hunk { color: var(--text3); }
.contexta pre .file { font-weight: 600; }

.contexta figure { margin: 12px 0; max-width: 768px; overflow-x: auto; }
.contexta svg { width: 100%; min-width: 544px; height: auto; display: block; }
.contexta svg text { fill: var(--text3); font-size: 12px; }
.contexta .grid { stroke: var(--line); }
.contexta .axis { stroke: var(--line2); }
.contexta .mark { stroke: var(--text); stroke-dasharray: 3 3; }
.contexta .level { stroke: var(--line2); stroke-width: 9; }
.contexta .curve { fill: none; stroke: var(--text2); stroke-width: 1.75; stroke-linejoin: round; }
.contexta .dot { fill: var(--text2); }
.contexta .dot.bad { fill: var(--worse); }
.contexta .dot.good { fill: var(--better); }
.contexta .dot.warn { fill: var(--warn); }
.contexta .dot.quiet { fill: var(--text3); }

.contexta .charts {
  display: grid; gap: 24px 40px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 290px), 1fr));
}
.contexta .charts.overlaid { grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); }
.contexta .curves { margin: 0; max-width: none; min-width: 0; overflow: visible; font-size: 13px; }
.contexta .curves figcaption { display: flex; gap: 12px; justify-content: space-between; }
.contexta .curves figcaption b { font-weight: 600; color: var(--text); }
.contexta .curves th { white-space: nowrap; }
.contexta svg.chart {
  display: block; min-width: 0; overflow: visible; margin: 0 12px 0 52px; width: calc(100% - 64px);
}
.contexta svg.named { margin-right: 96px; width: calc(100% - 148px); }
.contexta svg.chart svg { min-width: 0; width: 100%; height: 168px; }
.contexta svg.chart text.name { fill: var(--text); }
.contexta svg.sample { display: inline-block; width: 28px; min-width: 28px; height: 12px; vertical-align: middle; }
.contexta .series { fill: none; stroke: var(--text2); stroke-width: 1.75; stroke-linejoin: round; }
.contexta .series.many { stroke: var(--ctl); stroke-width: 1; }
.contexta .series.s1 { stroke: var(--old); }
.contexta .series.s2 { stroke: var(--new); stroke-dasharray: 6 3; }
.contexta .series.s3 { stroke: var(--s3); stroke-dasharray: 2 3; }
.contexta .series.s4 { stroke: var(--s4); stroke-dasharray: 8 3 2 3; }
.contexta .series.s5 { stroke: var(--s5); stroke-dasharray: 12 4; }
.contexta .series.dot { stroke: none; fill: var(--text2); }
.contexta .series.dot.s1 { fill: var(--old); }
.contexta .series.dot.s2 { fill: var(--new); }
.contexta .series.dot.s3 { fill: var(--s3); }
.contexta .series.dot.s4 { fill: var(--s4); }
.contexta .series.dot.s5 { fill: var(--s5); }
"""

PAGE_STYLE = """
:root { color-scheme: light dark; }
body {
  margin: 0; background: #ffffff; color: #14181f;
  font: 14px/20px -apple-system, "Segoe UI", "Adwaita Sans", Inter, "Noto Sans", "Liberation Sans", system-ui,
    sans-serif;
}
main { max-width: 1080px; margin: 0 auto; padding: 24px 24px 40px; }
h1 {
  font-size: 24px; line-height: 32px; font-weight: 650; letter-spacing: -.015em; overflow-wrap: anywhere;
  margin: 0 0 12px; padding-bottom: 8px; border-bottom: 2px solid var(--text);
}
h2 { font-size: 15px; line-height: 20px; font-weight: 650; margin: 28px 0 6px; overflow-wrap: anywhere; }
footer { margin-top: 40px; font-size: 12px; line-height: 16px; }
.find {
  display: flex; flex-wrap: wrap; gap: 8px 24px; align-items: center; position: sticky; top: 0; z-index: 1;
  padding: 8px 0; border-bottom: 1px solid var(--line); background: var(--bg);
}
.find[hidden] { display: none; }
.find input[type=search] {
  font: inherit; width: 256px; max-width: 60vw; height: 28px; padding: 0 8px; box-sizing: border-box;
  color: inherit; background: var(--bg); border: 1px solid var(--ctl); border-radius: 5px;
}
.find output { color: var(--text3); }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; }
@media (prefers-color-scheme: dark) { body { background: #101317; color: #e8ebef; } }
@media (max-width: 699px) {
  main { padding: 12px 12px 40px; }
  h1 { font-size: 20px; line-height: 26px; }
  .contexta svg.named { margin-right: 84px; width: calc(100% - 136px); }
  .contexta :is(th, td) { padding-right: 12px; }
  .contexta :is(.prose, .phrase) { min-width: 12em; }
}
@media print {
  .find { display: none; }
  main { max-width: none; }
  .contexta pre { max-height: none; white-space: pre-wrap; }
  .contexta :is(tr, figure) { break-inside: avoid; }
}
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
