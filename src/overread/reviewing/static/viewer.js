// The image on its canvas: fitted, zoomed, moved, through a window; layers (masks) are drawn on top of it.

import { PLAIN, isPlain } from "./picture.js";

const SMALLEST = 0.5; // of the fitting zoom
const LARGEST = 64; // screen pixels a pixel of the image
const PIXELS_SHOW = 12; // from this zoom on pixels are drawn as squares

export class Viewer {
  constructor(canvas, changed = () => {}) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.changed = changed;
    this.picture = null;
    this.look = { ...PLAIN };
    this.layers = []; // functions (context, scale) that draw in pixels of the image
    this.fitting = true;
    this.view = { x: 0, y: 0, scale: 1 }; // screen = image * scale + (x, y), in CSS pixels
    new ResizeObserver(() => this.resize()).observe(canvas);
  }

  // Shows a picture; one of the same size keeps its zoom where `keep` says so.
  show(picture, keep = false) {
    const same = this.picture && picture && picture.width === this.picture.width && picture.height === this.picture.height;
    this.picture = picture;
    if (!this.width) this.resize();
    if (!keep || !same) this.fitting = true;
    if (this.fitting) this.fit();
    this.draw(); // at once: the key was pressed now
    this.deepen();
  }

  // Behind a window of its own a deep image shows all its values, once they have come.
  deepen() {
    if (this.picture && !isPlain(this.look)) this.picture.deepen().then((come) => come && this.later(), () => {});
  }

  resize() {
    const { width, height } = this.canvas.getBoundingClientRect();
    const density = window.devicePixelRatio || 1;
    if (!width || !height) return;
    Object.assign(this, { width, height, density });
    this.canvas.width = Math.round(width * density);
    this.canvas.height = Math.round(height * density);
    if (this.fitting) this.fit();
    this.draw();
  }

  whole() {
    const { picture } = this;
    return picture ? Math.min(this.width / picture.width, this.height / picture.height) : 1;
  }

  // The size in screen pixels at which an image fits; null where it is shown as squares, or nothing is known yet.
  fitted({ width, height }) {
    const scale = Math.min(this.width / width, this.height / height) * this.density;
    if (!(scale > 0 && scale < PIXELS_SHOW)) return null;
    return { width: Math.round(width * scale), height: Math.round(height * scale) };
  }

  // The picture at the very size that is to be drawn, where it was prepared.
  ready() {
    const { picture } = this;
    if (!this.fitting || !picture.fitted || !isPlain(this.look)) return null;
    const size = this.fitted(picture);
    return size && picture.fitted.width === size.width && picture.fitted.height === size.height ? picture.fitted : null;
  }

  fit() {
    this.fitting = true;
    this.place(this.whole());
  }

  actual() {
    this.fitting = false;
    this.place(1 / this.density);
  }

  place(scale) {
    const { width = 0, height = 0 } = this.picture ?? {};
    this.view = { scale, x: (this.width - width * scale) / 2, y: (this.height - height * scale) / 2 };
    this.later();
  }

  // Zooms by a factor about a point of the screen (of the canvas), which stays where it is.
  zoom(factor, at = { x: this.width / 2, y: this.height / 2 }) {
    const { x, y, scale } = this.view;
    const wanted = Math.min(LARGEST, Math.max(this.whole() * SMALLEST, scale * factor));
    const by = wanted / scale;
    this.view = { scale: wanted, x: at.x - (at.x - x) * by, y: at.y - (at.y - y) * by };
    this.fitting = false;
    this.hold();
  }

  pan(dx, dy) {
    this.view.x += dx;
    this.view.y += dy;
    this.fitting = false;
    this.hold();
  }

  // Keeps a part of the image on the screen.
  hold() {
    const { width = 0, height = 0 } = this.picture ?? {};
    const { scale } = this.view;
    const margin = 60;
    this.view.x = Math.min(this.width - margin, Math.max(margin - width * scale, this.view.x));
    this.view.y = Math.min(this.height - margin, Math.max(margin - height * scale, this.view.y));
    this.later();
  }

  setLook(look) {
    const before = JSON.stringify(this.look);
    this.look = within({ ...this.look, ...look });
    if (before === JSON.stringify(this.look)) return;
    this.deepen();
    this.later();
  }

  // A point of the canvas, in CSS pixels, as a place in the image.
  toImage({ x, y }) {
    return { x: (x - this.view.x) / this.view.scale, y: (y - this.view.y) / this.view.scale };
  }

  later() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.waiting);
    this.waiting = 0;
    const { context, view, picture, density } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#000";
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    if (picture) {
      const ready = this.ready();
      if (ready) context.drawImage(ready, Math.round(view.x * density), Math.round(view.y * density));
      context.setTransform(view.scale * density, 0, 0, view.scale * density, view.x * density, view.y * density);
      context.imageSmoothingEnabled = view.scale * density < PIXELS_SHOW;
      context.imageSmoothingQuality = "high";
      if (!ready) context.drawImage(picture.through(this.look), 0, 0);
      for (const layer of this.layers) layer(context, view.scale);
    }
    this.changed(this);
  }
}

// A window that still shows something.
export function within(look) {
  return { ...look, width: Math.min(2, Math.max(1 / 1024, look.width)), level: Math.min(1.5, Math.max(-0.5, look.level)) };
}
