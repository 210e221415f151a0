// Draw the curves of a page with uPlot (loaded before this module). A curve is fetched when it comes into view.
const SECONDS = 2;
const HEIGHT = 206;
const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3], [12, 4]];
const MARKED_POINTS = 30;
const MOST_STYLES = 10;
const NAME_WIDTH = 96;
const THIN = "\u202f";
const figures = [...document.querySelectorAll("figure[data-curves]")];
const charts = new Map();  // figure -> {plot, answer, etag, address}

// ---------------------------------------------------------------------------------------------------- numbers

function amount(value) {
  if (value === null || value === undefined) return "–";
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e9)) return value.toExponential(3).replace("-", "\u2212");
  const [whole, rest] = String(Number(value.toPrecision(6))).split(".");
  return whole.replace(/\B(?=(\d{3})+$)/g, THIN).replace("-", "\u2212") + (rest ? `.${rest}` : "");
}

// Numbers of an axis, all with the same decimals.
function alike(values) {
  const texts = values.map(value => value === null ? "" : amount(value));
  const decimals = Math.max(0, ...texts.map(text => (text.split(".")[1] ?? "").length));
  if (texts.some(text => text.includes("e"))) return texts;
  return texts.map(text => text && decimals ? text + (text.includes(".") ? "" : ".") + "0".repeat(decimals - (text.split(".")[1] ?? "").length) : text);
}

function span(seconds) {
  const rest = Math.abs(seconds);
  const sign = seconds < 0 ? "\u2212" : "";
  if (rest < 60) return `${sign}${Number(rest.toFixed(2))}s`;
  const minutes = Math.floor(rest / 60);
  if (minutes < 60) return `${sign}${minutes}m ${String(Math.round(rest % 60)).padStart(2, "0")}s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${sign}${hours}h ${String(minutes % 60).padStart(2, "0")}m` : `${sign}${Math.floor(hours / 24)}d ${hours % 24}h`;
}

function position(value, axis) {
  if (axis === "relative") return span(value);
  if (axis === "time") return new Date(value * 1000).toISOString().slice(5, 19).replace("T", " ");
  if (axis === "hour") return new Date(value * 1000).toISOString().slice(11, 19);
  return amount(value);
}

// ---------------------------------------------------------------------------------------------------- state

// The address of the page holds how the charts are drawn: x, log, smooth, band.
function scale() {
  const parameters = new URLSearchParams(location.search);
  return {
    x: ["relative", "time"].includes(parameters.get("x")) ? parameters.get("x") : "step",
    log: parameters.get("log") === "1",
    smooth: parameters.get("smooth") ?? "",
    band: parameters.get("band") === "1",
  };
}

function addressOf(figure) {
  const { x, log, smooth } = scale();
  const address = new URL(figure.dataset.curves, location.href);
  address.searchParams.set("columns", Math.max(60, Math.round(width(figure) - 56 - (isNamed(figure) ? NAME_WIDTH : 12))));
  if (x !== "step") address.searchParams.set("x", x);
  if (log) address.searchParams.set("log", "1");
  if (smooth) address.searchParams.set("smooth", smooth);
  return address.href;
}

const place = figure => figure.querySelector(".plot");
const width = figure => Math.floor(place(figure).getBoundingClientRect().width);
const isNamed = figure => Number(figure.dataset.runs) > 1;

// ---------------------------------------------------------------------------------------------------- fetch

const waiting = [];
let active = 0;

// At most four requests at a time, so that what was scrolled past does not hold up what is in view.
function load(figure) {
  if (!waiting.includes(figure)) waiting.push(figure);
  next();
}

async function next() {
  if (active >= 4 || !waiting.length) return;
  active++;
  const figure = waiting.pop();
  try { await update(figure); } finally { active--; next(); }
}

async function update(figure) {
  const address = addressOf(figure);
  const chart = charts.get(figure) ?? {};
  const timer = setTimeout(() => figure.setAttribute("aria-busy", "true"), 300);
  try {
    const response = await fetch(address);
    const etag = response.headers.get("etag");
    const answer = await response.json();
    if (!response.ok) return note(figure, answer.error ?? "The server could not make this chart.");
    const { band } = scale();
    if (chart.address === address && chart.etag === etag && chart.plot && chart.band === band) return;
    if (address !== addressOf(figure)) return load(figure);  // the page was changed meanwhile
    charts.set(figure, { ...chart, answer, etag, address, band });
    draw(figure);
  } catch {
    if (!chart.plot) note(figure, "The server does not answer. The curve is drawn as soon as it does.");
  } finally {
    clearTimeout(timer);
    figure.removeAttribute("aria-busy");
  }
}

function note(figure, text) {
  charts.get(figure)?.plot?.destroy();
  charts.delete(figure);
  place(figure).replaceChildren(Object.assign(document.createElement("p"), { className: "nothing", textContent: text }));
}

// ---------------------------------------------------------------------------------------------------- draw

function colours(figure) {
  const style = getComputedStyle(figure);
  return name => style.getPropertyValue(`--${name}`).trim();
}

function styleOf(number, count, colour) {
  if (count === 1) return { stroke: colour("text2"), width: 1.75, dash: [] };
  if (count > MOST_STYLES) return { stroke: colour("ctl"), width: 1, dash: [] };
  const name = ["old", "new", "s3", "s4", "s5"][number % DASHES.length];
  return { stroke: colour(name), width: 1.75, dash: DASHES[number % DASHES.length] };
}

// The lowest and the highest value of every four pixels, as a band.
function envelope(x, y, low, high, pixels) {
  const columns = Math.max(1, Math.floor(pixels / 4));
  const rows = new Map();
  x.forEach((at, index) => {
    if (y[index] === null) return;
    const column = Math.min(columns - 1, Math.floor((at - low) / (high - low || 1) * columns));
    const row = rows.get(column) ?? rows.set(column, { x: at, low: y[index], high: y[index] }).get(column);
    row.low = Math.min(row.low, y[index]);
    row.high = Math.max(row.high, y[index]);
  });
  const sorted = [...rows.entries()].sort((one, other) => one[0] - other[0]).map(entry => entry[1]);
  return [sorted.map(row => row.x), sorted.map(row => row.low), sorted.map(row => row.high)];
}

function table(answer, figure, colour) {
  const { x: axis, band } = scale();
  const shifted = answer.curves.map(curve => axis === "time" ? curve.x.map(at => at + curve.started) : curve.x);
  const every = shifted.flat();
  const low = every.reduce((least, at) => Math.min(least, at), Infinity);
  const high = every.reduce((most, at) => Math.max(most, at), -Infinity);
  const tables = [];
  const series = [{}];
  const bands = [];
  answer.curves.forEach((curve, number) => {
    const style = styleOf(number, answer.curves.length, colour);
    const smooth = curve.smooth;
    if (band) {
      tables.push(envelope(shifted[number], curve.y, low, high, width(figure)));
      for (let side = 0; side < 2; side++) series.push({ stroke: style.stroke, width: smooth ? 0 : .5, points: { show: false }, label: "", auto: true });
      bands.push({ series: [series.length - 1, series.length - 2], fill: `color-mix(in srgb, ${style.stroke} 22%, transparent)` });
    }
    const main = smooth ? smooth : band ? null : curve;
    if (smooth && !band) {
      tables.push([shifted[number], curve.y]);
      series.push({ stroke: `color-mix(in srgb, ${style.stroke} 35%, transparent)`, width: 1, points: { show: false }, label: "" });
    }
    const x = main && axis === "time" ? main.x.map(at => at + curve.started) : main?.x;
    const isShort = curve.y.length < MARKED_POINTS;
    const isSecondRound = number >= DASHES.length && answer.curves.length <= MOST_STYLES;
    if (main) tables.push([x, main.y]);
    else tables.push([shifted[number], curve.y.map(() => null)]);
    series.push({
      ...style, label: curve.name, curve: number,
      points: { show: isShort || isSecondRound, size: 7, fill: style.stroke, stroke: colour("bg"), width: 1.5,
                ...(isSecondRound && !isShort ? { filter: every10th } : {}) },
    });
  });
  const joined = tables.length === 1 ? tables[0] : uPlot.join(tables);
  return { joined, series, bands };
}

const every10th = (plot, number) => {
  const values = plot.data[number];
  const places = [];
  values.forEach((value, index) => { if (value !== null && value !== undefined) places.push(index); });
  return places.filter((_, index) => index % Math.max(1, Math.floor(places.length / 10)) === 0);
};

function draw(figure) {
  const chart = charts.get(figure);
  const { answer } = chart;
  const hasValue = answer.curves.some(curve => curve.y.some(value => value !== null));
  numbers(figure, answer);
  if (!hasValue) {
    const total = answer.curves.reduce((sum, curve) => sum + curve.points, 0);
    const bad = answer.curves.reduce((sum, curve) => sum + curve.not_finite, 0);
    const why = bad === total ? `No finite value of ${answer.metric}: ${amount(bad)} of ${amount(total)} are NaN or infinite.`
      : `No value of ${answer.metric} is above 0, so none has a place on a logarithmic axis.`;
    return note(figure, why);
  }
  const colour = colours(figure);
  const { joined, series, bands } = table(answer, figure, colour);
  const { x: axis, log } = scale();
  chart.plot?.destroy();
  const font = `12px ${getComputedStyle(figure).fontFamily}`;
  const named = answer.curves.length > 1;
  const ticks = { stroke: colour("text3"), font, ticks: { show: false } };
  const options = {
    width: width(figure), height: HEIGHT, padding: [12, named ? NAME_WIDTH : 12, 0, 0],
    legend: { show: false },
    scales: { x: { time: false }, y: { distr: log ? 3 : 1, range: log ? undefined : (_, low, high) => room(low, high) } },
    axes: [
      { ...ticks, grid: { show: false }, border: { show: true, stroke: colour("line2"), width: 1 }, size: 26, gap: 4, space: 70,
        values: (plot, splits) => splits.map(value => position(value, answer.axis === "point" ? "step" : axisLabels(axis, plot))) },
      { ...ticks, grid: { stroke: colour("line"), width: 1 }, size: 52, gap: 6, space: 32,
        values: (_, splits) => alike(splits) },
    ],
    series, bands,
    cursor: { sync: { key: "contexta" }, y: false, drag: { x: false, y: false }, points: { size: 8 } },
    hooks: { setCursor: [plot => readout(figure, plot)], draw: named ? [plot => names(plot, answer, colour)] : [] },
  };
  const box = place(figure);
  box.replaceChildren();
  chart.plot = new uPlot(options, joined, box);
  box.setAttribute("aria-label", sentence(answer));
  figure.dataset.points = answer.curves.reduce((sum, curve) => sum + curve.points, 0);
}

// Within a day the time alone says it.
const axisLabels = (axis, plot) => axis === "time" && plot.scales.x.max - plot.scales.x.min < 86_400 ? "hour" : axis;

function room(low, high) {
  if (low === null || high === null) return [0, 1];
  const margin = (high - low || Math.abs(high) || 1) * .05;
  return [low - margin, high + margin];
}

// The name of each curve at its end, moved apart where two would overlap.
function names(plot, answer, colour) {
  if (answer.curves.length * 15 > plot.height) return;
  const ratio = devicePixelRatio;
  const ends = [];
  plot.series.forEach((series, index) => {
    if (series.curve === undefined || index === 0) return;
    let last = null;
    const source = plot.data[index].some(value => value != null) ? plot.data[index] : plot.data[index - 1];
    for (let at = source.length - 1; at >= 0 && last === null; at--) if (source[at] != null) last = source[at];
    if (last !== null) ends.push({ y: plot.valToPos(last, "y", true), name: series.label, stroke: styleOf(series.curve, answer.curves.length, colour).stroke });
  });
  ends.sort((one, other) => one.y - other.y);
  const gap = 15 * ratio;
  for (let index = 1; index < ends.length; index++) ends[index].y = Math.max(ends[index].y, ends[index - 1].y + gap);
  let bottom = plot.bbox.top + plot.bbox.height;
  for (let index = ends.length - 1; index >= 0; index--) { ends[index].y = Math.min(ends[index].y, bottom); bottom = ends[index].y - gap; }
  const context = plot.ctx;
  context.save();
  context.font = `600 ${12 * ratio}px ${getComputedStyle(plot.root).fontFamily}`;
  context.textBaseline = "middle";
  context.textAlign = "left";
  for (const end of ends) {
    context.fillStyle = end.stroke;
    const short = end.name.length > 13 ? `${end.name.slice(0, 5)}…${end.name.slice(-7)}` : end.name;
    context.fillText(short, plot.bbox.left + plot.bbox.width + 8 * ratio, end.y);
  }
  context.restore();
}

function sentence(answer) {
  const parts = answer.curves.map(curve => `${curve.name} has ${amount(curve.points)} points from ${amount(curve.low)} to ${amount(curve.high)}, last ${amount(curve.last)}`);
  return `${answer.metric} by ${scale().x}: ${parts.join("; ")}`;
}

function numbers(figure, answer) {
  const body = figure.querySelector("details tbody");
  if (!body) return;
  body.replaceChildren(...answer.curves.map(curve => {
    const row = document.createElement("tr");
    row.append(...[curve.name, amount(curve.points), amount(curve.low), amount(curve.high), amount(curve.last)].map((text, index) => {
      const cell = document.createElement(index ? "td" : "th");
      cell.textContent = text;
      if (index) cell.className = "number"; else cell.scope = "row";
      return cell;
    }));
    return row;
  }));
  const last = figure.querySelector("[data-last]");
  if (last && answer.curves.length === 1) last.textContent = amount(answer.curves[0].last);
}

// ---------------------------------------------------------------------------------------------------- cursor

let spokenAt = 0;

function readout(figure, plot) {
  const line = figure.querySelector(".readout");
  const index = plot.cursor.idx;
  if (!line) return;
  if (index === null || index === undefined) { line.textContent = ""; return; }
  const { x: axis } = scale();
  const values = [];
  plot.series.forEach((series, number) => {
    if (series.curve === undefined) return;
    const near = nearest(plot.data[number], index) ?? nearest(plot.data[number - 1] ?? [], index);
    values.push(near);
  });
  const texts = values.map(amount);
  if (values.length === 2 && values.every(value => value !== null)) texts.push((values[1] >= values[0] ? "+" : "") + amount(values[1] - values[0]));
  const name = charts.get(figure)?.answer.axis === "point" ? "point" : axis === "step" ? "step" : "";
  const text = [`${name} ${position(plot.data[0][index], axis)}`.trim(), ...texts].join(" · ");
  line.textContent = text;
  const spoken = figure.querySelector("[aria-live]");
  if (spoken && Date.now() - spokenAt > 1000 && document.activeElement === place(figure)) { spokenAt = Date.now(); spoken.textContent = text; }
}

function nearest(values, index) {
  for (let distance = 0; distance < values.length; distance++) {
    for (const at of [index - distance, index + distance]) if (values[at] !== null && values[at] !== undefined) return values[at];
    if (distance > 200) break;
  }
  return null;
}

document.addEventListener("keydown", event => {
  const figure = event.target.closest?.("figure[data-curves]");
  const plot = figure && charts.get(figure)?.plot;
  if (!plot || event.target !== place(figure) || !["ArrowLeft", "ArrowRight"].includes(event.key)) return;
  const step = (event.shiftKey ? 10 : 1) * (event.key === "ArrowLeft" ? -1 : 1);
  const index = Math.max(0, Math.min(plot.data[0].length - 1, (plot.cursor.idx ?? (step > 0 ? -1 : plot.data[0].length)) + step));
  plot.setCursor({ left: plot.valToPos(plot.data[0][index], "x"), top: 10 });
  event.preventDefault();
});

// ---------------------------------------------------------------------------------------------------- when

const isVisible = new Set();
const observer = new IntersectionObserver(entries => {
  for (const entry of entries) {
    if (entry.isIntersecting) isVisible.add(entry.target); else isVisible.delete(entry.target);
    if (entry.isIntersecting && !charts.get(entry.target)?.plot) load(entry.target);
    else if (entry.isIntersecting) load(entry.target);  // its axes may have changed; else the server says so at no cost
  }
});
for (const figure of figures) observer.observe(figure);

// A live run: its visible curves are fetched again; the server answers with the same tag while nothing was added.
setInterval(() => {
  if (document.visibilityState !== "visible") return;
  for (const figure of figures) if (figure.dataset.open && isVisible.has(figure)) load(figure);
}, SECONDS * 1000);

// A switch of the axes changes one parameter of the address, and the charts in place.
document.addEventListener("click", event => {
  const link = event.target.closest(".scale a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  history.pushState(null, "", withParameter(link));
  restate();
});
addEventListener("popstate", restate);

function withParameter(link) {
  const [name, value] = link.dataset.set.split("=");
  const address = new URL(location.href);
  if (value) address.searchParams.set(name, value); else address.searchParams.delete(name);
  return address;
}

function restate() {
  for (const link of document.querySelectorAll(".scale a")) {
    const [name, value] = link.dataset.set.split("=");
    link.href = withParameter(link);
    const isCurrent = (new URLSearchParams(location.search).get(name) ?? "") === value;
    if (isCurrent) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
  }
  for (const figure of isVisible) load(figure);
}

let resizing = 0;
addEventListener("resize", () => {
  clearTimeout(resizing);
  resizing = setTimeout(() => { for (const figure of isVisible) load(figure); }, 200);
});
function repaint() { for (const [figure, chart] of charts) if (chart.plot) draw(figure); }
document.addEventListener("contexta:theme", repaint);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
