// What keys and buttons do.

import { $ } from "./dom.js";
import { encodeMask } from "./png.js";

const ZOOM = 1.25;
const TOOL_NAMES = { pan: "Moving the image", brush: "Brush", eraser: "Eraser", fill: "Fill a closed outline", part: "Remove a part" };

// Returns act(action, detail): detail is the key pressed, or the class of a button.
export function actions({ reading, viewer, look, bench, panel, stopwatch, masks, tell, classes }) {
  const say = (told) => reading.answer({ ...told, seconds: stopwatch.seconds, reason: panel.reason });
  const table = {
    class: (name) => sayClass(name),
    digit: (key) => sayClass(classes[Number(key) - 1]),
    keep: () => keep(),
    accept: () => accept(),
    unsure: () => say({ outcome: "unsure" }),
    unreadable: () => say({ outcome: "unreadable" }),
    "out-of-scope": () => say({ outcome: "out-of-scope" }),
    skip: () => say({ outcome: "skip" }),
    undo: () => bench?.step("undo") || reading.undo(),
    "stroke-undo": () => bench?.step("undo") || tell("There is no stroke to take back."),
    redo: () => bench?.step("redo"),
    earlier: () => reading.move(-1),
    forward: () => reading.move(1),
    note: () => panel.field?.focus(),
    "zoom-in": () => viewer.zoom(ZOOM),
    "zoom-out": () => viewer.zoom(1 / ZOOM),
    fit: () => viewer.fit(),
    actual: () => viewer.actual(),
    window: () => tell(`Window: ${look.following()}.`),
    invert: () => look.invert(),
    plain: () => look.plain(),
    levels: () => levels(),
    smaller: () => size(1 / 1.2),
    larger: () => size(1.2),
    use: (name) => bench.use(name),
    "use-given": () => bench.use("given"),
    "use-suggested": () => bench.use("suggested"),
    doubt: () => bench.toggle("doubt"),
    hide: () => bench?.hide(true),
    help: () => $("#help").showModal(),
    ...Object.fromEntries(Object.entries(TOOL_NAMES).map(([kind, name]) => [kind, () => tool(kind, name)])),
  };

  function sayClass(label) {
    if (label === undefined) return false;
    if (label === reading.state?.shown?.given && !reading.state.revealed) return say({ outcome: "keep" });
    return say({ outcome: "label", label });
  }

  function keep() {
    const { state } = reading;
    if (!state) return;
    if (state.waiting || (state.revealed && !(masks && edited()))) return reading.goOn();
    if (masks) return keepMask(state);
    if (state.shown?.given) return say({ outcome: "keep" });
    tell(state.item.blind ? "Blind read: say a class first." : "There is no given label to keep. Say a class.");
  }

  // Whether the mask was changed since it was laid on the bench.
  function edited() {
    return bench.mask.done.length > 0;
  }

  function keepMask(state) {
    if (!bench.ready) return tell("The masks are still being read.");
    const { stands, mask } = bench;
    if (stands === "given" && !state.past && !state.revealed) return say({ outcome: "keep" });
    if (stands === "suggested" && !state.revealed) return say({ outcome: "label", use: "suggested" });
    const pending = encodeMask(mask.pixels.slice(), mask.width, mask.height).then((png) => ({ mask: base64(png) }));
    return say({ outcome: "label", pending });
  }

  function accept() {
    if (!bench.ready || !bench.suggested || !reading.state) return tell("There is no suggested mask to accept.");
    bench.use("suggested");
    return keepMask(reading.state);
  }

  function tool(kind, name) {
    bench.choose(kind);
    tell(`${name}.`);
  }

  function size(factor) {
    bench.brush.resize(factor);
    bench.changed("");
  }

  function levels() {
    const [button, box] = [$('[data-act="levels"]'), $("#levels")];
    box.hidden = !box.hidden;
    button.setAttribute("aria-expanded", String(!box.hidden));
  }

  return (action, detail) => table[action]?.(detail);
}

function base64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}
