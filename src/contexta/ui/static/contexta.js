// What the pages do beyond links and forms. Without this script everything but copying and live updates works.
const SECONDS = 2;

for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
  });
}

document.addEventListener("keydown", event => {
  const isTyping = event.target.closest("input:not([type=checkbox]), select, textarea");
  if (event.key === "/" && !isTyping) {
    const filter = document.querySelector("#filter");
    if (filter) { filter.focus(); event.preventDefault(); }
  }
});

// A part of a page with data-live is fetched again while its runs are open, and replaced in place.
async function refresh() {
  const part = document.querySelector("[data-live]");
  if (part && document.visibilityState === "visible" && !part.contains(document.activeElement)) {
    try {
      const response = await fetch(location.href, { headers: { accept: "text/html" } });
      const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById(part.id);
      if (response.ok && fresh && fresh.innerHTML !== part.innerHTML) {
        const selected = [...part.querySelectorAll("input:checked")].map(box => box.value);
        part.replaceWith(fresh);
        for (const box of fresh.querySelectorAll("input[name=run]")) box.checked = selected.includes(box.value);
      }
    } catch { /* the server was stopped; the page keeps what it shows */ }
  }
  setTimeout(refresh, SECONDS * 1000);
}
if (document.querySelector("[data-live]")) setTimeout(refresh, SECONDS * 1000);
