// The page's script: copying, choosing a layer, dark and light, the loss with zoom and cursor, and what is live.
// Everything that it adds stands on a page that shows all without it.

const root = document.documentElement;
root.classList.add("js");
const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];

// A colour of the sheet as the canvas takes it, with how much of it covers what lies beneath.
const probe = document.createElement("i");
function colour(name, share = 1) {
  probe.style.color = `color-mix(in srgb, var(${name}) ${share * 100}%, transparent)`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

// ---- dark and light ----------------------------------------------------------------------------------------------

const darkSystem = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : darkSystem.matches);
try {
  const kept = localStorage.getItem("headtorch-theme");
  if (kept === "dark" || kept === "light") root.dataset.theme = kept;
} catch {
  // A page from a file may not keep anything.
}

function switchTheme() {
  root.dataset.theme = isDark() ? "light" : "dark";
  try {
    localStorage.setItem("headtorch-theme", root.dataset.theme);
  } catch {
    // As above.
  }
  plots.forEach((plot) => plot.draw());
}

// ---- the loss ------------------------------------------------------------------------------------------------------

const plots = new Map(); // by the element that holds the chart
const short = (value) => {
  if (value == null) return "–";
  const size = Math.abs(value);
  if (value === 0) return "0";
  if (size >= 1e9) return +(value / 1e9).toPrecision(3) + "G";
  if (size >= 1e6) return +(value / 1e6).toPrecision(3) + "M";
  if (size >= 1e4) return +(value / 1e3).toPrecision(3) + "k";
  return size < 1e-3 ? value.toExponential(1).replace(".0e", "e") : String(+value.toPrecision(4));
};

class LossPlot {
  constructor(panel) {
    this.panel = panel;
    this.box = panel.querySelector(".plotted");
    this.address = panel.dataset.curves;
    this.window = null; // the steps that are zoomed to
    this.asked = 0;
    this.charts = [];
    all("input[name=axis]", panel).forEach((input) => input.addEventListener("change", () => this.draw()));
    this.box.tabIndex = 0;
    this.box.setAttribute("role", "group");
    this.box.setAttribute("aria-label", "The loss: arrow keys move the cursor, plus and minus zoom, 0 shows all");
    this.box.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.resize()).observe(panel);
  }

  async load() {
    const inline = this.panel.querySelector("script.curves");
    if (inline) this.data = JSON.parse(inline.textContent);
    else if (this.address) await this.fetch();
    if (this.data) this.draw();
  }

  async fetch() {
    const number = ++this.asked;
    const range = this.window ? `&from=${this.window[0]}&to=${this.window[1]}` : "";
    const answer = await fetch(`${this.address}${this.address.includes("?") ? "&" : "?"}points=900${range}`);
    const data = answer.ok ? await answer.json() : this.data;
    // Of answers that overtake each other the one that was asked for last counts.
    if (number !== this.asked) return false;
    this.data = data;
    return true;
  }

  get log() {
    const chosen = this.panel.querySelector("input[name=axis]:checked");
    return this.data.log && chosen !== null && chosen.value === "log";
  }

  width() {
    return Math.max(this.box.clientWidth, 200);
  }

  draw() {
    const left = this.charts[0] ? this.charts[0].cursor.left : -10;
    this.charts.forEach((chart) => chart.destroy());
    this.box.replaceChildren();
    this.box.hidden = false;
    this.panel.querySelector(".drawn").hidden = true;
    all(":scope > .hint[hidden]", this.panel).forEach((hint) => (hint.hidden = false));
    this.charts = [this.chart(this.data.loss, 320, this.log, true)];
    if (this.data.rates) this.charts.push(this.chart(this.data.rates, 84, this.data.rates.log, false));
    if (left > 0) this.charts[0].setCursor({ left, top: 10 });
  }

  chart(curves, height, log, above) {
    const holder = document.createElement("div");
    holder.className = "plot";
    const label = document.createElement("div");
    label.className = "y-label";
    label.textContent = curves.label + (log ? ", logarithmic" : "");
    holder.append(label);
    this.box.append(holder);
    const tables = [];
    const series = [{ label: "step", value: (_, value) => (value == null ? "–" : Math.round(value).toLocaleString("en")) }];
    const shades = [];
    for (const curve of curves.series) {
      const name = `--c${curve.colour % 6}`;
      const columns = [curve.x, log ? curve.y.map(positive) : curve.y];
      const at = series.length;
      series.push({
        label: curve.name || curves.label,
        stroke: colour(name),
        width: 1.75,
        dash: curve.dashed ? [6, 4] : undefined,
        spanGaps: false,
        points: { show: above && curve.x.length < 40, size: 4 },
        value: (_, value) => short(value),
      });
      if (curve.low.length) {
        columns.push(log ? curve.low.map(positive) : curve.low, log ? curve.high.map(positive) : curve.high);
        series.push({ show: true, width: 0, points: { show: false }, label: "low" }, { width: 0, points: { show: false }, label: "high" });
        shades.push({ series: [at + 2, at + 1], fill: colour(name, 0.16) });
      }
      tables.push(columns);
    }
    const data = window.uPlot.join(tables);
    // uPlot takes a key that is there and undefined for a setting: the key must be missing.
    const labelled = log ? { filter: decades } : {};
    const divided = log ? { splits: (_, axis, low, high) => divisions(low, high) } : {};
    const ticks = { stroke: colour("--line"), size: 4 };
    const axis = { stroke: colour("--muted"), font: "11px system-ui, sans-serif" };
    const options = {
      width: this.width(),
      height,
      padding: [above ? 16 : 6, 6, 0, 0],
      cursor: { sync: { key: "loss" }, drag: { x: true, y: false }, y: false, points: { size: 7 } },
      legend: { show: above },
      select: { over: true },
      scales: {
        x: { time: false, range: (_, low, high) => this.window || [low, high > low ? high : low + 1] },
        y: { distr: log ? 3 : 1, range: (_, low, high) => this.stretch(low, high, log, curves, above) },
      },
      axes: [
        { ...axis, ticks, grid: { show: false }, size: 26, values: (_, values) => values.map(short) },
        { ...axis, ...divided, ticks: { ...ticks, ...labelled }, grid: { stroke: colour("--line"), width: 1, ...labelled }, size: 48, values: (_, values) => values.map((value) => (value == null ? "" : short(value))) },
      ],
      bands: shades,
      series,
      hooks: {
        drawClear: [(plot) => above && this.levels(plot, curves)],
        draw: [(plot) => above && this.words(plot, curves)],
        setSelect: [(plot) => this.select(plot)],
        ready: [(plot) => this.ready(plot)],
      },
    };
    return new window.uPlot(options, data, holder);
  }

  select(plot) {
    const { left, width } = plot.select;
    const ends = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    // Not at once: the chart that is told of it is about to be replaced.
    if (width >= 4) setTimeout(() => this.zoom(...ends));
  }

  ready(plot) {
    plot.over.addEventListener("dblclick", () => this.all());
    all(".u-series", plot.root).forEach((row) => {
      const name = row.querySelector(".u-label").textContent;
      if (name === "low" || name === "high") row.hidden = true;
    });
  }

  stretch(low, high, log, curves, above) {
    if (low == null || high == null) return log ? [0.1, 1] : [0, 1];
    // On a logarithmic axis one batch that was answered by heart would take most of the room: the means set its ends.
    if (log) {
      const means = curves.series.flatMap((curve) => curve.y).filter((value) => value > 0);
      if (!means.length) return [0.1, 1];
      [low, high] = [Math.min(...means), Math.max(...means)];
    }
    for (const band of above ? curves.bands : []) {
      // The level of chance is shown where it is not far away.
      if (band.high <= 3 * high && band.high != null) high = Math.max(high, band.high);
      if (log && band.low > 0 && band.low >= low / 30) low = Math.min(low, band.low);
    }
    if (log) return high > low ? [low / 1.5, high * 1.2] : [low / 3, low * 3];
    // From 0 on, so that a flat curve does not look steep.
    const bottom = low >= 0 ? 0 : low;
    const top = high > bottom ? high + (high - bottom) * 0.04 : bottom + 1;
    return [bottom, Math.max(top, bottom + Math.abs(bottom) * 1e-9)]; // ticks need to differ as numbers do
  }

  levels(plot, curves, named = false) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
    for (const band of curves.bands) {
      const top = plot.valToPos(band.high, "y", true);
      const bottom = plot.valToPos(band.low, "y", true);
      if (bottom < bbox.top || top > bbox.top + bbox.height) continue;
      if (!named) {
        ctx.fillStyle = colour("--good", 0.18);
        ctx.fillRect(bbox.left, top, bbox.width, Math.max(bottom - top, 2));
        continue;
      }
      ctx.fillStyle = colour("--good");
      ctx.textAlign = "right";
      halo(ctx, band.label, bbox.left + bbox.width - 4, top - 4 * devicePixelRatio);
    }
    ctx.restore();
  }

  words(plot, curves) {
    this.panel.dataset.shown = `${Math.round(plot.scales.x.min)} ${Math.round(plot.scales.x.max)}`;
    this.levels(plot, curves, true);
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.strokeStyle = ctx.fillStyle = colour("--mark");
    ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
    for (const marker of curves.markers) {
      const at = plot.valToPos(marker.x, "x", true);
      if (at < bbox.left - 1 || at > bbox.left + bbox.width + 1) continue;
      ctx.beginPath();
      ctx.moveTo(at, bbox.top);
      ctx.lineTo(at, bbox.top + bbox.height);
      ctx.stroke();
      const right = at > bbox.left + bbox.width * 0.7;
      ctx.textAlign = right ? "right" : "left";
      ctx.setLineDash([]);
      halo(ctx, marker.label, at + (right ? -5 : 5) * devicePixelRatio, bbox.top - 3 * devicePixelRatio);
      ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
    }
    ctx.restore();
  }

  extent() {
    const ends = this.data.loss.series.filter((curve) => curve.x.length);
    return [Math.min(...ends.map((curve) => curve.x[0])), Math.max(...ends.map((curve) => curve.x[curve.x.length - 1]))];
  }

  async zoom(from, to) {
    if (!(to - from >= 1)) return; // nothing lies between two steps
    this.whole = this.whole || this.extent();
    this.window = [from, to];
    await this.renew();
  }

  async all() {
    this.window = this.whole = null;
    await this.renew();
  }

  async renew() {
    if (this.address && !(await this.fetch())) return;
    this.draw();
    this.panel.dispatchEvent(new CustomEvent("drawn"));
  }

  key(event) {
    const chart = this.charts[0];
    if (!chart || event.ctrlKey || event.metaKey || event.altKey) return;
    const width = chart.over.clientWidth;
    const left = chart.cursor.left > 0 ? chart.cursor.left : 0;
    const [from, to] = this.window || this.extent();
    const middle = chart.cursor.left > 0 ? chart.posToVal(left, "x") : (from + to) / 2;
    const keys = {
      ArrowLeft: () => chart.setCursor({ left: Math.max(left - width / 60, 0.5), top: 10 }),
      ArrowRight: () => chart.setCursor({ left: Math.min(left + width / 60, width - 0.5), top: 10 }),
      "+": () => this.zoom(Math.max(middle - (to - from) / 4, from), Math.min(middle + (to - from) / 4, to)),
      "=": () => keys["+"](),
      "-": () => this.zoomOut(middle, to - from),
      0: () => this.all(),
      Escape: () => this.all(),
    };
    if (keys[event.key]) {
      event.preventDefault();
      keys[event.key]();
    }
  }

  zoomOut(middle, size) {
    const [first, last] = this.whole || this.extent();
    const from = Math.max(middle - size, first);
    const to = Math.min(middle + size, last);
    return from <= first && to >= last ? this.all() : this.zoom(from, to);
  }

  resize() {
    if (this.charts.length && Math.abs(this.charts[0].width - this.width()) > 1)
      this.charts.forEach((chart) => chart.setSize({ width: this.width(), height: chart.height }));
  }
}

const decades = (_, values) => values.map((value) => (Number.isInteger(+Math.log10(value).toFixed(6)) ? value : null));
// uPlot divides a logarithmic axis that begins just below a power of ten (0.096) into parts without end.
function divisions(low, high) {
  const found = [];
  for (let power = Math.max(Math.floor(Math.log10(low)), -323); power <= Math.log10(high); power++)
    for (let digit = 1; digit < 10; digit++) found.push(Number(`${digit}e${power}`));
  return found.filter((value) => value >= low && value <= high);
}
const positive = (value) => (value > 0 ? value : null);

// Words over lines: the ground shows around them.
function halo(ctx, words, x, y) {
  const { strokeStyle } = ctx;
  ctx.strokeStyle = colour("--surface");
  ctx.lineWidth = 4 * devicePixelRatio;
  ctx.strokeText(words, x, y);
  ctx.strokeStyle = strokeStyle;
  ctx.lineWidth = 1;
  ctx.fillText(words, x, y);
}

function drawLosses() {
  for (const panel of all("[data-chart]")) {
    if (!window.uPlot || plots.has(panel)) continue;
    const plot = new LossPlot(panel);
    plots.set(panel, plot);
    plot.load();
  }
}

// ---- layers --------------------------------------------------------------------------------------------------------

export async function openLayer(key, focus, scroll = true) {
  let section = document.getElementById(`layer-${key}`);
  const holder = section ? section.parentElement : document.querySelector(".histories[data-histories]:not([data-histories=''])");
  if (!section && holder) {
    const answer = await fetch(`${holder.dataset.histories}${encodeURIComponent(key)}`);
    if (!answer.ok) return;
    all(".history", holder).forEach((other) => other.remove());
    holder.insertAdjacentHTML("beforeend", await answer.text());
    section = document.getElementById(`layer-${key}`);
  }
  if (!section) return;
  all(".history.open").forEach((other) => other.classList.remove("open"));
  section.classList.add("open");
  all("svg.strip a").forEach((link) => link.classList.toggle("chosen", link.getAttribute("href") === `#layer-${key}`));
  all(".invite").forEach((hint) => (hint.hidden = true));
  if (focus) section.focus({ preventScroll: true });
  if (scroll) section.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

function walkRows(event) {
  const panel = event.target.closest(".strip-panel");
  if (!panel || event.target !== panel) return;
  const links = all("svg.strip a", panel);
  const chosen = links.findIndex((link) => link.classList.contains("chosen"));
  const move = { ArrowDown: 1, ArrowUp: -1, Home: -links.length, End: links.length }[event.key];
  if (move !== undefined && links.length) {
    event.preventDefault();
    const next = Math.min(Math.max(chosen + move, 0), links.length - 1);
    links.forEach((link, number) => link.classList.toggle("chosen", number === next));
    panel.setAttribute("aria-label", links[next].textContent);
  } else if (event.key === "Enter" && chosen >= 0) {
    event.preventDefault();
    openLayer(links[chosen].getAttribute("href").slice("#layer-".length), true);
  }
}

// ---- what is clicked -----------------------------------------------------------------------------------------------

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Select it to copy";
  }
  setTimeout(() => (button.textContent = "Copy the patch"), 2000);
}

function clicked(event) {
  const button = event.target.closest(".copy");
  if (button) return void copy(button);
  if (event.target.closest("[data-theme-switch]")) return switchTheme();
  const link = event.target.closest("a[href^='#']");
  if (!link) return;
  const target = link.getAttribute("href").slice(1);
  if (target.startsWith("layer-")) {
    event.preventDefault();
    openLayer(target.slice("layer-".length), false);
  } else {
    // What lies in a folded part can only be shown unfolded.
    const place = document.getElementById(target);
    for (let part = place; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
  }
}

export function enhance() {
  all(".copy[hidden], [data-theme-switch][hidden]").forEach((button) => (button.hidden = false));
  drawLosses();
}

export { all, plots };

document.addEventListener("click", clicked);
document.addEventListener("keydown", walkRows);
darkSystem.addEventListener("change", () => plots.forEach((plot) => plot.draw()));
if (location.hash.startsWith("#layer-")) openLayer(location.hash.slice("#layer-".length), true);
enhance();
