// The search box of a comparison: its parts are fetched again while somebody types. The address has the whole state.
import { find, onKey } from "/static/contexta.js";

const form = find(".compare-controls form");
let newest = 0;

async function search() {
  const address = new URL(location.href);
  const query = find("#filter").value.trim();
  if (query) address.searchParams.set("q", query); else address.searchParams.delete("q");
  if (find("#regex").checked) address.searchParams.set("regex", "1"); else address.searchParams.delete("regex");
  history.replaceState(null, "", address);
  await show(address);
}

async function show(address) {
  const number = ++newest;
  const response = await fetch(address);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  if (number !== newest) return;
  for (const part of document.querySelectorAll("[data-filtered], #differences, #query-message")) {
    const fresh = page.getElementById(part.id);
    if (fresh) part.replaceWith(fresh);
  }
  find("#filter").setAttribute("aria-invalid", page.querySelector("#filter")?.getAttribute("aria-invalid") ?? "false");
}

let waiting = 0;
form?.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(search, 120); });
form?.addEventListener("submit", event => { event.preventDefault(); search(); });
document.addEventListener("click", event => {
  const link = event.target.closest("#differences a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  history.pushState(null, "", link.href);
  show(link.href);
});
addEventListener("popstate", () => {
  const parameters = new URLSearchParams(location.search);
  find("#filter").value = parameters.get("q") ?? "";
  find("#regex").checked = parameters.get("regex") === "1";
  show(location.href);
});

document.addEventListener("click", async event => {
  const link = event.target.closest("a[data-fetch-copy]");
  if (!link || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const label = link.querySelector("span");
  const text = label.textContent;
  try {
    await navigator.clipboard.writeText(await (await fetch(link.href)).text());
    label.textContent = "Copied";
  } catch {
    location.href = link.href;
  }
  setTimeout(() => { label.textContent = text; }, 2000);
});

onKey("d", () => find("#differences a:not([aria-current])")?.click());
onKey("r", () => find("#regex")?.click());
