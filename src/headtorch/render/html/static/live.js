// What only the live page does: renews its parts when the run grows, and sorts and filters the list of runs.

import { all, enhance, openLayer, plots } from "./page.js";

// ---- one run -------------------------------------------------------------------------------------------------------

const mark = document.querySelector("[data-run]");
const INSIDE_EVERY = 2000; // ms, between two looks at the inside of the network
let told = null; // what the server said last
let shown = { grown: -1, findings: null, looked: null, running: null };
let busy = false;
let insideAt = 0;
let source = null;

async function renew(part) {
  const place = document.querySelector(`[data-part="${part}"]`);
  const answer = await fetch(`/run/${mark.dataset.run}/part/${part}`);
  if (!answer.ok) return;
  const open = new Set(all("details[open] > summary", place).map((summary) => summary.textContent));
  place.innerHTML = await answer.text();
  for (const summary of all("details > summary", place)) if (open.has(summary.textContent)) summary.parentElement.open = true;
  enhance();
}

async function renewLoss() {
  const panel = document.querySelector("[data-part=loss] [data-chart]");
  const plot = panel && plots.get(panel);
  if (plot) await plot.renew();
  else await renew("loss");
}

async function renewInside() {
  const part = document.querySelector("[data-part=inside]");
  const box = part.getBoundingClientRect();
  const seen = box.top < innerHeight && box.bottom > 0;
  // What nobody looks at is renewed once, when the training has ended.
  if ((!seen || part.contains(document.activeElement)) && told.running) return;
  const chosen = document.querySelector(".history.open");
  const key = chosen && chosen.id.slice("layer-".length);
  insideAt = performance.now();
  await renew("inside");
  if (key) await openLayer(key, false, false);
}

async function catchUp() {
  if (busy || !told) return;
  busy = true;
  try {
    while (told && JSON.stringify(told) !== JSON.stringify(shown)) {
      const now = told;
      const start = performance.now();
      const ended = shown.running && !now.running;
      if (now.findings !== shown.findings || now.looked !== shown.looked || ended) {
        await renew("findings");
        await renew("source");
        if (shown.findings !== null) await renewInside();
      }
      if (now.grown !== shown.grown && shown.grown >= 0) {
        await renewLoss();
        if (ended || performance.now() - insideAt > INSIDE_EVERY) await renewInside();
      }
      await renew("header");
      shown = now;
      document.documentElement.dataset.grown = now.grown;
      // A page takes no more than half of its time from the server.
      await new Promise((resolve) => setTimeout(resolve, Math.max(80, performance.now() - start)));
    }
  } catch {
    // The server is gone: the stream says so too.
  } finally {
    busy = false;
  }
}

function banner(words) {
  let box = document.querySelector(".banner");
  if (!words) return box && box.remove();
  if (!box) {
    box = document.createElement("p");
    box.className = "banner";
    box.setAttribute("role", "status");
    document.body.append(box);
  }
  box.textContent = words;
}

function listen() {
  if (source || document.hidden) return;
  source = new EventSource(`/run/${mark.dataset.run}/events`);
  source.onmessage = (event) => {
    told = JSON.parse(event.data);
    if (shown.findings === null) {
      const pending = document.querySelector("[data-pending]") !== null;
      shown = { ...told, looked: told.looked && !pending, findings: pending ? "" : told.findings };
    }
    banner("");
    catchUp();
  };
  source.onerror = () => banner("headtorch view has ended; this page shows what was there.");
}

// A browser keeps six connections to a server: those of tabs that nobody sees are given back.
function hush() {
  if (source) source.close();
  source = null;
}

if (mark) {
  document.addEventListener("visibilitychange", () => (document.hidden ? hush() : listen()));
  for (const place of all("[data-later]")) renew(place.closest("[data-part]").dataset.part);
  listen();
}

// ---- the list of runs ----------------------------------------------------------------------------------------------

function sort(table, header) {
  const column = [...header.parentElement.children].indexOf(header);
  const down = header.getAttribute("aria-sort") !== "descending";
  all("th", table).forEach((other) => other.removeAttribute("aria-sort"));
  header.setAttribute("aria-sort", down ? "descending" : "ascending");
  const value = (row) => {
    const cell = row.children[column];
    if (!cell) return "";
    const text = cell.dataset.sort ?? cell.textContent.trim();
    return text !== "" && !isNaN(text) ? Number(text) : text;
  };
  const rows = all("tbody tr", table);
  rows.sort((one, other) => {
    const live = other.classList.contains("running") - one.classList.contains("running");
    const [a, b] = [value(one), value(other)];
    const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
    return live || (down ? -order : order);
  });
  table.tBodies[0].append(...rows);
}

async function verdicts(table) {
  // One after the other: each makes the server run the rules over a file.
  for (const cell of all("[data-verdict]:not([data-verdict=''])", table)) {
    const answer = await fetch(`/run/${cell.dataset.verdict}/verdict`);
    if (answer.ok) cell.innerHTML = await answer.text();
  }
}

for (const table of all("[data-sortable]")) {
  const filter = document.querySelector("[data-filter]");
  const compare = document.querySelector("[data-compare]");
  table.addEventListener("click", (event) => {
    const header = event.target.closest("th");
    if (header && event.target.closest("button")) sort(table, header);
  });
  table.addEventListener("change", () => {
    compare.disabled = all("input:checked", table).length < 2;
  });
  filter.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/\s+/);
    for (const row of all("tbody tr", table)) row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
  });
  verdicts(table);
}
