// What the pages do beyond links and forms: copy, keys, dialogs, theme and live updates.
const SECONDS = 2;
const SINGLE_KEYS = "contexta-single-keys";
const PAGES = { r: "/", c: "/compare", t: "/timeline", b: "/bisect" };

export const find = selector => document.querySelector(selector);
export const click = selector => find(selector)?.click();

// ---------------------------------------------------------------------------------------------------- copy

document.addEventListener("click", async event => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const label = button.querySelector("span") ?? button;
  const text = label.textContent;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    label.textContent = "Copied";
  } catch {
    label.textContent = "Copy it by hand";
  }
  setTimeout(() => { label.textContent = text; }, 2000);
});

export function reveal(part = document) {
  for (const hidden of part.querySelectorAll("button.copy[hidden], .needs-script[hidden]")) hidden.hidden = false;
}
reveal();

// ---------------------------------------------------------------------------------------------------- theme

find("form.theme")?.addEventListener("submit", event => {
  event.preventDefault();
  const button = event.submitter;
  const theme = button.value;
  const body = new URLSearchParams({ theme, back: "/" });
  fetch("/theme", { method: "POST", body, redirect: "manual" });
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  const themes = ["system", "light", "dark"];
  button.value = themes[(themes.indexOf(theme) + 1) % themes.length];
  button.title = `Theme: ${theme}. Change to ${button.value}`;
  button.setAttribute("aria-label", button.title);
  document.dispatchEvent(new CustomEvent("contexta:theme"));
});

// ---------------------------------------------------------------------------------------------------- keys

const handlers = new Map();
// Call the function for a key; a page module adds its own keys.
export function onKey(key, handler) { handlers.set(key, handler); }

const switchBox = find("#single-keys");
if (switchBox) {
  switchBox.checked = localStorage.getItem(SINGLE_KEYS) !== "off";
  switchBox.addEventListener("change", () => localStorage.setItem(SINGLE_KEYS, switchBox.checked ? "on" : "off"));
}
let isAfterG = false;
document.addEventListener("keydown", event => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    click("#go");
    return;
  }
  const isTyping = event.target.closest("input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable]");
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping || find("dialog[open]")) return;
  if (event.key.length === 1 && switchBox && !switchBox.checked) return;
  if (isAfterG && PAGES[event.key]) location.href = PAGES[event.key];
  isAfterG = event.key === "g";
  const handler = handlers.get(event.key);
  if (handler && handler(event) !== false) event.preventDefault();
});
// Escape, or a click elsewhere, closes an open menu.
document.addEventListener("keydown", event => {
  const menu = event.key === "Escape" && find("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);
document.addEventListener("click", event => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
onKey("?", () => find("#keys").showModal());
onKey("/", () => { const box = find("#filter, .find input[type=search]"); box?.focus(); box?.select(); });
onKey("y", () => click("button[data-copy]"));
onKey("[", () => click("a[rel=prev]"));
onKey("]", () => click("a[rel=next]"));

// ---------------------------------------------------------------------------------------------------- go to

let goPlace = 0, goRequest = 0, goAnswer = Promise.resolve();
const goItems = () => [...find("#go-list").children];

async function fillGoTo() {
  const number = ++goRequest;
  const response = await fetch(`/go?${new URLSearchParams({ text: find("#go-text").value })}`).catch(() => null);
  const answer = response?.ok && await response.json().catch(() => null);
  if (!answer || number !== goRequest) return;
  find("#go-list").replaceChildren(...answer.map(([title, address], index) => {
    const item = document.createElement("li");
    item.id = `go-${index}`;
    item.setAttribute("role", "option");
    item.textContent = title;
    item.addEventListener("click", () => { location.href = address; });
    return item;
  }));
  pickGoTo(0);
}

function pickGoTo(place) {
  const items = goItems();
  goPlace = items.length ? (place + items.length) % items.length : 0;
  items.forEach((item, index) => item.setAttribute("aria-selected", String(index === goPlace)));
  items[goPlace]?.scrollIntoView({ block: "nearest" });
  if (items.length) find("#go-text").setAttribute("aria-activedescendant", items[goPlace].id);
}

find("#go")?.addEventListener("click", () => { find("#go-dialog").showModal(); find("#go-text").select(); goAnswer = fillGoTo(); });
find("#go-text")?.addEventListener("input", () => { goAnswer = fillGoTo(); });
find("#go-text")?.addEventListener("keydown", async event => {
  if (!["ArrowDown", "ArrowUp", "Enter"].includes(event.key)) return;
  event.preventDefault();
  await goAnswer;  // the list may still be that of an earlier text
  if (event.key === "Enter") goItems()[goPlace]?.click();
  else pickGoTo(goPlace + (event.key === "ArrowDown" ? 1 : -1));
});

// ---------------------------------------------------------------------------------------------------- live updates

// The parts of a page with data-live are fetched again while their runs are open, and replaced in place. A page module
// may replace a part itself: it cancels the event contexta:fresh.
async function refresh() {
  const parts = document.querySelectorAll("[data-live]");
  if (parts.length && document.visibilityState === "visible") {
    try {
      const response = await fetch(location.href, { headers: { accept: "text/html" } });
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      for (const part of parts) {
        const fresh = page.getElementById(part.id);
        if (response.ok && fresh && fresh.innerHTML !== part.innerHTML) show(part, fresh);
      }
      connected(true);
    } catch {
      connected(false);
    }
  }
  setTimeout(refresh, SECONDS * 1000);
}

function show(part, fresh) {
  const event = new CustomEvent("contexta:fresh", { detail: fresh, cancelable: true, bubbles: true });
  if (!part.dispatchEvent(event)) return;
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  if (focused?.matches("input, select, textarea")) return;
  const places = parent => [...parent.querySelectorAll("a, button, summary, [tabindex]")];
  const place = focused ? places(part).indexOf(focused) : -1;
  const boxes = parent => [...parent.querySelectorAll(".wide, .log")];
  const scrolled = boxes(part).map(box => [box.scrollLeft, box.scrollTop]);
  part.replaceWith(fresh);
  reveal(fresh);
  boxes(fresh).forEach((box, number) => { [box.scrollLeft, box.scrollTop] = scrolled[number] ?? [0, 0]; });
  if (place >= 0) places(fresh)[place]?.focus({ preventScroll: true });
}

let lostAt = null;
export function connected(isConnected) {
  const notice = find("#connection");
  if (isConnected) { lostAt = null; if (notice) notice.hidden = true; return; }
  lostAt ??= new Date().toISOString().slice(11, 19);
  if (notice) {
    notice.hidden = false;
    notice.querySelector("output").textContent = `The server does not answer since ${lostAt} UTC. Trying again.`;
  }
}
if (find("[data-live]")) setTimeout(refresh, SECONDS * 1000);
