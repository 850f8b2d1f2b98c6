// The reading page: puts viewer, panel, bench and the course of reading together.

import { actions } from "./actions.js";
import { post } from "./api.js";
import { Bench } from "./bench.js";
import { benchSections, furnishBench, tellBench } from "./bench_panel.js";
import { Deck } from "./deck.js";
import { $, $$, counted, make, put, say } from "./dom.js";
import { Gestures } from "./gestures.js";
import { KEYS, listen } from "./keys.js";
import { Look } from "./look.js";
import { Outbox } from "./outbox.js";
import { furnish, me, queue } from "./page.js";
import { Panel } from "./panel.js";
import { Reading } from "./reading.js";
import { Standing } from "./standing.js";
import { Stopwatch } from "./stopwatch.js";
import { Viewer } from "./viewer.js";

const OUTCOMES = { unsure: "unsure", unreadable: "unreadable", "out-of-scope": "out of scope", skip: "later" };
const masks = me.task === "segmentation";

const viewer = new Viewer($("#canvas"), () => look.tell());
const look = new Look(viewer);
const gestures = new Gestures(viewer);
const bench = masks ? new Bench(viewer, gestures, moved) : null;
const panel = new Panel($("#panel"), (state) => (bench ? benchSections(bench, state) : []));
const standing = new Standing(me);
const stopwatch = new Stopwatch();
const deck = new Deck((image) => viewer.fitted(image));
const outbox = new Outbox(`${me.title}/${me.reader}`, (message) => post("/api/answers", message), tellOutbox);
const reading = new Reading({ deck, outbox, queue, display, over, say: tell, warn, brief, answerOf });
let answers = 0; // since the pace was last asked for
let warning = "";

// Shows an item; `still`: the same one, of which more is known now.
function display(state, still = false) {
  $("#over").hidden = true;
  delete document.documentElement.dataset.idle;
  if (!still) {
    const ready = deck.picture(state.item.image);
    if (ready.picture) draw(state, ready.picture);
    else {
      viewer.show(null);
      ready.then((picture) => draw(state, picture), (error) => reading.state === state && cover("No image", error.message));
    }
    stopwatch.restart();
    viewer.canvas.focus({ preventScroll: true });
    viewer.canvas.setAttribute("aria-label", `Image of No. ${state.item.number}`);
  }
  if (bench && (!still || state.shown)) layMasks(state);
  panel.render(state);
  tellAnswers(state);
  for (const item of deck.items) prefetch(item);
}

function draw(state, picture) {
  if (reading.state !== state) return;
  look.renew(picture);
  viewer.show(picture);
  document.documentElement.dataset.shown = state.item.ticket ?? state.item.item; // for who measures
}

function prefetch(item) {
  panel.prefetch(item.shown?.neighbours);
  bench?.prefetch(item);
}

function layMasks(state) {
  const own = state.answer?.mask ?? null;
  bench.load(state.item, state.shown?.masks, own).catch((error) => tell(error.message));
}

// Which buttons there are for this item, and what Enter does.
function tellAnswers(state) {
  const { shown, answer, waiting, revealed } = state;
  for (const button of $$(".choice")) {
    const name = button.dataset.class;
    button.setAttribute("aria-pressed", String(Boolean(answer && spoken(answer, shown) === name)));
    button.classList.toggle("is-given", shown?.given === name);
    button.classList.toggle("is-suggested", shown?.suggested === name);
  }
  const goes = waiting || revealed;
  if (masks) $("#accept").disabled = !bench.ready || !bench.suggested;
  $("#keep").disabled = !goes && !(masks ? bench.ready : shown?.given);
  say($("#keep > span"), goes ? "Go on" : masks ? benchWords() : shown?.given ? `Keep ${shown.given}` : "Keep");
}

function spoken(answer, shown) {
  return answer.label ?? (answer.outcome === "keep" ? shown?.given : null);
}

function benchWords() {
  return bench.ready ? { given: "Keep given", suggested: "Save suggested", drawn: "Save edited" }[bench.stands] : "Reading …";
}

// Something moved on the bench.
function moved(said) {
  if (said) tell(said);
  tellBench(bench);
  if (reading.state) tellAnswers(reading.state);
}

function answerOf({ outcome, label, use, pending, mask }) {
  if (outcome === "keep") return masks ? "the given mask kept" : "given label kept";
  if (outcome !== "label") return OUTCOMES[outcome] ?? outcome;
  return label ?? (use ? "the suggested mask" : "your mask");
}

// Nothing is left, or nothing can be shown now.
function over(title, words) {
  document.documentElement.dataset.idle = "";
  viewer.show(null);
  panel.render(null);
  cover(title, words);
}

// Words in place of the image.
function cover(title, words) {
  say($("#over-title"), title);
  say($("#over-words"), words);
  $("#over").hidden = false;
  tell(`${title}. ${words}`);
}

function tell(words) {
  if (words) say($("#said"), words);
}

function warn(words) {
  warning = words;
  tellOutbox(outbox);
}

// The banner: while the server is away, or when it refused an answer.
function tellOutbox({ away, waiting, reason }) {
  const banner = $("#away");
  document.documentElement.dataset.waiting = waiting.length;
  banner.hidden = !away && !warning;
  if (away) {
    put(
      banner,
      make("strong", {}, reason || "The server cannot be reached."),
      `${counted(waiting.length, "answer")} kept in this browser; sent again by itself.`,
      make("button", { class: "button", type: "button", onclick: () => outbox.retry() }, "Try now"),
    );
  } else if (warning) {
    const dismiss = () => warn("");
    put(banner, make("strong", {}, warning), make("button", { class: "button", type: "button", onclick: dismiss }, "Dismiss"));
  }
}

function brief(progress) {
  standing.take(progress);
  if (answers % 10 === 0) standing.refresh();
  answers += 1;
}

function fillKeys() {
  const mine = KEYS.filter(([, , , , only]) => !only || only === (masks ? "masks" : "labels"));
  put($("#keys"), ...mine.flatMap(([, key, words]) => [make("dt", {}, make("kbd", {}, key)), make("dd", {}, words)]));
}

const act = actions({ reading, viewer, look, bench, panel, stopwatch, masks, tell, classes: me.classes });
listen(masks ? "masks" : "labels", act, (action) => action === "hide" && bench?.hide(false));
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act]");
  if (!button) return;
  act(button.dataset.act, button.dataset.class);
  if (event.detail > 0 && !document.querySelector("dialog[open]")) viewer.canvas.focus({ preventScroll: true });
});
addEventListener("change", (event) => {
  if (event.target.matches('.toolbar input, .toolbar select, .panel input')) viewer.canvas.focus({ preventScroll: true });
});
window.overread = { bench, viewer, reading, outbox }; // for tests and the curious
addEventListener("beforeunload", (event) => outbox.waiting.length && event.preventDefault());
if (bench) {
  furnishBench(bench);
  addEventListener("blur", () => bench.hide(false)); // the release of H goes elsewhere then
}
addEventListener("keydown", (event) => event.key === "Escape" && event.target === panel.field && viewer.canvas.focus());
fillKeys();
furnish();
outbox.open().then(() => {
  for (const { message } of outbox.waiting) deck.answered.add(message.ticket); // said before this visit
  return reading.load();
});
