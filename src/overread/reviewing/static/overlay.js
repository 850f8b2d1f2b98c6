// Masks and the doubt map as they are laid over the image.

import { contour } from "./contour.js";
import { sheet } from "./picture.js";

// A mask in one colour: its area lightly filled, its border as a line of even width at any zoom.
export class Overlay {
  constructor(width, height, colour, { dashed = false, filled = false } = {}) {
    Object.assign(this, { width, height, colour, dashed, filled, shown: true, path: null });
    if (filled) this.area = sheet(width, height);
  }

  // Takes over what changed within a box; the border follows with `outline`.
  update(pixels, box = { x: 0, y: 0, w: this.width, h: this.height }) {
    if (!this.filled || !box.w || !box.h) return;
    const [red, green, blue] = channels(this.colour);
    const part = new ImageData(box.w, box.h);
    for (let y = 0; y < box.h; y += 1) {
      for (let x = 0; x < box.w; x += 1) {
        if (pixels[(box.y + y) * this.width + box.x + x]) part.data.set([red, green, blue, 255], 4 * (y * box.w + x));
      }
    }
    this.area.getContext("2d").putImageData(part, box.x, box.y);
  }

  outline(pixels) {
    this.path = contour(pixels, this.width, this.height);
  }

  draw(context, scale, opacity) {
    if (!this.shown) return;
    context.save();
    context.globalAlpha = opacity * 0.12;
    context.imageSmoothingEnabled = false;
    if (this.filled) context.drawImage(this.area, 0, 0);
    if (this.path) this.border(context, scale, opacity);
    context.restore();
  }

  border(context, scale, opacity) {
    context.globalAlpha = opacity;
    context.lineCap = "round";
    context.setLineDash(this.dashed ? [5 / scale, 5 / scale] : []);
    context.lineWidth = 3 / scale; // a dark edge keeps the line visible on bright bone
    context.strokeStyle = "rgba(0, 0, 0, 0.4)";
    if (!this.dashed) context.stroke(this.path);
    context.lineWidth = 1.7 / scale;
    context.strokeStyle = this.colour;
    context.stroke(this.path);
  }
}

// Where the model doubts the given mask, 0 to 255, as a veil that is the denser the greater the doubt.
export class Veil {
  constructor({ values, width, height }, colour) {
    this.shown = false;
    this.area = sheet(width, height);
    const [red, green, blue] = channels(colour);
    const veil = new ImageData(width, height);
    for (let at = 0; at < values.length; at += 1) veil.data.set([red, green, blue, values[at]], 4 * at);
    this.area.getContext("2d").putImageData(veil, 0, 0);
  }

  draw(context, scale, opacity, width, height) {
    if (!this.shown) return;
    context.save();
    context.globalAlpha = opacity * 0.7;
    context.drawImage(this.area, 0, 0, width, height);
    context.restore();
  }
}

// "#rrggbb" as numbers.
export function channels(colour) {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}
