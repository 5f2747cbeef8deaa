// The page of a lab: a turned knob changes the address and begins the experiment anew; its frames come as they are made.

import { all } from "./page.js";

const REST = 120; // ms without a move, before an experiment begins
const bench = document.querySelector("[data-lab]");
const form = bench.querySelector("form");
const frame = bench.querySelector("[data-frame]");
const refused = bench.querySelector("[data-refused]");
const state = bench.querySelector("[data-state]");
const bar = bench.querySelector("progress");
let running = null; // what ends the experiment whose frames come
let waiting = 0;

const fields = () => all("[name][data-default]", form);

// The knobs that are not as they stand in the beginning, as in an address.
function query() {
  const turned = fields().filter((field) => text(field) !== field.dataset.default);
  return new URLSearchParams(turned.map((field) => [field.name, text(field)])).toString();
}

// A browser keeps what is no number to itself.
const text = (field) => (field.validity.badInput ? "no number" : field.value);

function say(words) {
  refused.textContent = words;
  refused.hidden = !words;
}

function show(told) {
  if (told.picture) {
    const open = all("details", frame).map((one) => one.open);
    frame.innerHTML = told.picture;
    all("details", frame).forEach((one, place) => (one.open = open[place] ?? false));
  }
  bar.value = told.progress;
  if (told.trouble) say(told.trouble);
  state.textContent = told.last ? "done" : `${Math.round(told.progress * 100)} %`;
}

async function run() {
  if (running) running.abort();
  const mine = (running = new AbortController());
  const asked = query();
  history.replaceState(null, "", location.pathname + (asked && `?${asked}`));
  bench.dataset.state = "running";
  bar.value = 0;
  state.textContent = "running …";
  say("");
  try {
    const answer = await fetch(`/lab/${bench.dataset.lab}/frames?${asked}`, { signal: mine.signal });
    if (!answer.ok) {
      say(await answer.text());
      state.textContent = "";
    } else {
      await each(answer.body, (told) => mine === running && show(told));
    }
  } catch {
    if (mine === running) say("headtorch view has ended; this page shows what was there.");
  }
  if (mine === running) bench.dataset.state = "ended";
}

// The messages of a stream of server-sent events. EventSource would neither tell why a request was refused nor end.
async function each(body, take) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) take(JSON.parse(part.slice("data: ".length)));
  }
}

function later() {
  clearTimeout(waiting);
  waiting = setTimeout(run, REST);
}

// A slider stands beside the field that holds its number.
function fromSlider(slider, field) {
  const value = "log" in slider.dataset ? 10 ** slider.value : Number(slider.value);
  field.value = "whole" in slider.dataset ? Math.round(value) : Number(value.toPrecision(3));
  field.value = Math.min(Math.max(field.value, field.min), field.max);
}

function toSlider(slider, field) {
  slider.value = "log" in slider.dataset ? Math.log10(field.value) : field.value;
}

function connect(slider) {
  const field = slider.nextElementSibling;
  slider.hidden = false;
  slider.addEventListener("input", () => (fromSlider(slider, field), later()));
  field.addEventListener("input", () => field.value && toSlider(slider, field));
}

if (form) {
  all("input[type=range]", form).forEach(connect);
  form.querySelector("[data-draw]").hidden = true;
  const reset = form.querySelector("[data-reset]");
  reset.hidden = false;
  reset.addEventListener("click", () => {
    for (const field of fields()) {
      field.value = field.dataset.default;
      if (field.type === "number") toSlider(field.previousElementSibling, field);
    }
    run();
  });
  form.addEventListener("input", (event) => event.target.name && later());
  form.addEventListener("submit", (event) => (event.preventDefault(), run()));
  if (refused.hidden && !("whole" in frame.dataset)) run();
}
