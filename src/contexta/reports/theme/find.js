"use strict";
const box = document.querySelector(".find");
const query = box.querySelector(".query"), only = box.querySelector(".only"), summary = box.querySelector("output");
const tables = [...document.querySelectorAll("main section > .wide > table")];
const rows = tables.flatMap(table => [...table.tBodies[0].rows]);
const texts = new Map(rows.map(row => [row, row.textContent.toLowerCase()]));
function show() {
  const words = query.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
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
