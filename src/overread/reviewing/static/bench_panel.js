// The part of the side panel that belongs to masks: what is laid over the image, and how strongly.

import { READERS, drawnBy } from "./bench.js";
import { $, $$, make, say } from "./dom.js";
import { section } from "./panel.js";

const LAYERS = [
  ["drawn", "Your mask"],
  ["given", "Given"],
  ["suggested", "Suggested"],
  ["doubt", "Doubt"],
];
const LARGEST = 400; // pixels of a brush

export function benchSections(bench, { item, shown }) {
  const readers = drawnBy(item).map(({ who }, at) => [READERS[at], who]);
  const there = [...LAYERS.filter(([name]) => name === "drawn" || shown?.masks?.[name]), ...readers];
  const boxes = there.map(([name, words]) =>
    make(
      "label",
      { class: "layer" },
      make("input", { type: "checkbox", "data-layer": name, checked: bench.shown[name], onchange: () => bench.toggle(name) }),
      make("span", { class: `swatch ${name}`, "aria-hidden": "true" }),
      words,
    ),
  );
  return [section("Over the image", make("div", { class: "layers" }, ...boxes), opacity(bench), hold(bench), starts(shown, readers))];
}

function opacity(bench) {
  const input = make("input", { type: "range", min: "5", max: "100", value: String(Math.round(100 * bench.opacity)) });
  input.addEventListener("input", () => {
    bench.opacity = input.value / 100;
    bench.viewer.later();
  });
  return make("label", { class: "opacity" }, "Opacity", input);
}

// Hidden as long as the button, or H, is held.
function hold(bench) {
  const button = make("button", { class: "button", type: "button" }, make("kbd", {}, "H"), "Hold to hide");
  const [hide, show] = [() => bench.hide(true), () => bench.hide(false)];
  button.addEventListener("pointerdown", hide);
  for (const kind of ["pointerup", "pointerleave", "pointercancel", "blur"]) button.addEventListener(kind, show);
  return button;
}

function starts(shown, readers) {
  const choices = [
    ["given", "use-given", "G", "Use given"],
    ["suggested", "use-suggested", "S", "Use suggested"],
  ].filter(([name]) => shown?.masks?.[name]);
  const button = (wanted, ...words) => make("button", { class: "button", type: "button", ...wanted }, ...words);
  return make(
    "div",
    { class: "starts" },
    ...choices.map(([, act, key, words]) => button({ "data-act": act }, make("kbd", {}, key), words)),
    ...readers.map(([name, who]) => button({ "data-act": "use", "data-class": name }, `Use ${who}`)),
  );
}

// Tools, size and layers as they stand.
export function tellBench(bench) {
  for (const button of $$(".tool")) button.setAttribute("aria-pressed", String(button.dataset.act === bench.kind));
  for (const box of $$("[data-layer]")) box.checked = bench.shown[box.dataset.layer];
  const { size } = bench.brush;
  $("#size").value = Math.round((100 * Math.log(size)) / Math.log(LARGEST));
  say($("#size-said"), `${size} px`);
}

// Begins with the brush, and lets the slider set its size: finer steps where it is small.
export function furnishBench(bench) {
  $("#size").addEventListener("input", (event) => {
    bench.brush.size = Math.max(1, Math.round(LARGEST ** (event.target.value / 100)));
    bench.changed("");
  });
  bench.choose("brush");
}
