// The bench on which a mask is looked at and edited: given, suggested, doubt, and the reader's own.

import { bytes } from "./api.js";
import { Brush, TOOLS } from "./brush.js";
import { Mask } from "./mask.js";
import { Overlay, Veil } from "./overlay.js";
import { decodeGrey } from "./png.js";

const KEPT = 16; // decoded masks in memory
export const READERS = ["reader0", "reader1", "reader2"]; // masks of those who disagree, at most so many

export class Bench {
  // changed(said): something moved; `said` is a sentence for the reader or "".
  constructor(viewer, gestures, changed) {
    Object.assign(this, { viewer, gestures, changed, opacity: 0.8, hidden: false, mask: null, ready: false });
    this.cache = new Map(); // url: promise of {width, height, values}
    this.shown = { given: true, suggested: true, doubt: false, drawn: true, ...Object.fromEntries(READERS.map((name) => [name, true])) };
    this.overlays = {};
    this.brush = new Brush(viewer, {
      changed: (box) => this.touched(box),
      ended: (said) => this.ended(said),
    });
    viewer.layers.unshift((context, scale) => this.draw(context, scale));
  }

  // Lays an item's masks on the bench; resolves when they are there. `masks`: {given, suggested, doubt} as URLs.
  async load(item, masks, own) {
    const turn = (this.turn = {});
    Object.assign(this, { ready: false, mask: null, overlays: {}, given: null, suggested: null, others: {} });
    this.brush.mask = null;
    const names = ["given", "suggested", "doubt"];
    const others = drawnBy(item).map(({ mask }) => mask);
    const urls = [...names.map((name) => masks?.[name] ?? null), own ?? null, ...others];
    const found = await Promise.all(urls.map((url) => url && this.fetched(url)));
    if (turn !== this.turn) return false;
    this.lay(item, found);
    return true;
  }

  lay(item, [given, suggested, doubt, own, ...others]) {
    const [width, height] = item.mask_size;
    Object.assign(this, { width, height, across: item.image.width / width, down: item.image.height / height });
    [this.given, this.suggested] = [given, suggested].map((one) => one && binary(one));
    this.others = Object.fromEntries(others.map((one, at) => [READERS[at], binary(one)]));
    for (const [name, pixels] of Object.entries(this.others)) this.overlays[name] = this.overlay(`--canvas-${name}`, pixels, { dashed: true });
    if (this.given) this.overlays.given = this.overlay("--canvas-given", this.given, {});
    if (this.suggested) this.overlays.suggested = this.overlay("--canvas-suggested", this.suggested, { dashed: true });
    if (doubt) this.overlays.doubt = new Veil(doubt, colour("--canvas-doubt"));
    const start = own ? binary(own) : this.given;
    this.mask = new Mask(start ?? new Uint8Array(width * height), width, height);
    this.overlays.drawn = this.overlay("--canvas-drawn", this.mask.pixels, { filled: true });
    this.brush.mask = this.mask;
    this.ready = true;
    this.viewer.later();
    this.changed("");
  }

  overlay(name, pixels, how) {
    const overlay = new Overlay(this.width, this.height, colour(name), how);
    overlay.update(pixels);
    overlay.outline(pixels);
    return overlay;
  }

  fetched(url) {
    if (!this.cache.has(url)) {
      const promise = bytes(url).then(decodeGrey);
      promise.catch(() => this.cache.delete(url));
      this.cache.set(url, promise);
      if (this.cache.size > KEPT) this.cache.delete(this.cache.keys().next().value);
    }
    return this.cache.get(url);
  }

  prefetch(item) {
    for (const url of Object.values(item.shown?.masks ?? {})) if (url) this.fetched(url);
  }

  draw(context, scale) {
    if (!this.ready || this.hidden) return;
    context.save();
    context.scale(this.across, this.down);
    for (const name of ["doubt", "drawn", "given", "suggested", ...READERS]) {
      const overlay = this.overlays[name];
      if (!overlay || !this.shown[name]) continue;
      overlay.shown = true;
      overlay.draw(context, scale * this.across, this.opacity, this.width, this.height);
    }
    context.restore();
  }

  // Chooses a tool; "pan" leaves the pointer to moving the image.
  choose(kind) {
    if (!TOOLS.includes(kind)) return;
    this.kind = kind;
    this.brush.kind = kind;
    this.gestures.tool = kind === "pan" ? null : this.brush.scaled(() => [this.across ?? 1, this.down ?? 1]);
    this.changed("");
    this.viewer.later();
  }

  touched(box) {
    if (box) this.overlays.drawn?.update(this.mask.pixels, box);
    this.viewer.later();
  }

  ended(said) {
    this.overlays.drawn?.outline(this.mask.pixels);
    this.viewer.later();
    this.changed(said);
  }

  // One step back or forth; false where there is none.
  step(which) {
    const box = this.mask?.[which]();
    if (!box) return false;
    this.touched(box);
    this.ended("");
    return true;
  }

  // Begins anew from the given mask, the suggested one or a reader's; can be undone.
  use(name) {
    const pixels = this[name] ?? this.others[name];
    if (!this.ready || !pixels) return;
    this.touched(this.mask.replace(pixels));
    this.ended({ given: "The given mask.", suggested: "The suggested mask." }[name] ?? "The mask of this reader.");
  }

  toggle(name) {
    this.shown[name] = !this.shown[name];
    this.viewer.later();
    this.changed("");
  }

  hide(hidden) {
    this.hidden = hidden;
    this.viewer.later();
  }

  // Which mask the drawn one is: "given", "suggested" or "drawn".
  get stands() {
    if (this.given && this.mask.equals(this.given)) return "given";
    return this.suggested && this.mask.equals(this.suggested) ? "suggested" : "drawn";
  }
}

// Those whose masks an adjudicator sees.
export function drawnBy(item) {
  return item.opinions.filter(({ mask }) => mask).slice(0, READERS.length);
}

function binary({ values }) {
  return values.map((value) => (value >= 128 ? 1 : 0));
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
