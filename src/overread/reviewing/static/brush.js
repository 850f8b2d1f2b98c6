// What the pointer does while a mask is edited: brush, eraser, fill, removing a part.

export const TOOLS = ["pan", "brush", "eraser", "fill", "part"];

export class Brush {
  // changed(box): pixels changed within a box; ended(said): the stroke is over; `said` is a sentence or "".
  constructor(viewer, { changed, ended }) {
    Object.assign(this, { viewer, changed, ended, kind: "brush", size: 24, mask: null, last: null, at: null });
    viewer.layers.push((context, scale) => this.ring(context, scale));
  }

  get value() {
    return this.kind === "brush" || this.kind === "fill" ? 1 : 0;
  }

  resize(factor) {
    this.size = Math.min(400, Math.max(1, factor > 1 ? Math.ceil(this.size * factor) : Math.floor(this.size * factor)));
    this.viewer.later();
  }

  down(at) {
    if (!this.mask) return;
    this.mask.begin();
    if (this.kind === "fill" || this.kind === "part") return this.flood(at);
    this.last = at;
    this.changed(this.mask.line(at, at, this.size / 2, this.value));
  }

  flood(at) {
    const found = this.mask.fill(Math.floor(at.x), Math.floor(at.y), this.value);
    if (found) this.changed(found);
    this.mask.end();
    this.ended(found === false ? "That area is open to the border of the image. Close its outline first." : "");
  }

  move(at) {
    if (!this.last) return;
    this.changed(this.mask.line(this.last, at, this.size / 2, this.value));
    this.last = at;
  }

  up() {
    if (!this.last) return;
    this.last = null;
    this.mask.end();
    this.ended("");
  }

  // A second finger came down: what was drawn so far was not meant.
  cancel() {
    if (!this.last) return;
    this.last = null;
    if (this.mask.end()) this.changed(this.mask.undo());
    this.mask.undone.pop();
    this.ended("");
  }

  hover(at) {
    this.at = at;
    this.viewer.later();
  }

  // The same for places in an image that is `factors()` times as wide and high as the mask.
  scaled(factors) {
    const within = (at) => at && { x: at.x / factors()[0], y: at.y / factors()[1] };
    this.factors = factors;
    return {
      down: (at) => this.down(within(at)),
      move: (at) => this.move(within(at)),
      hover: (at) => this.hover(within(at)),
      up: () => this.up(),
      cancel: () => this.cancel(),
    };
  }

  // The size of the brush at the pointer.
  ring(context, scale) {
    if (!this.at || !this.mask || !["brush", "eraser"].includes(this.kind)) return;
    context.save();
    context.scale(...this.factors());
    scale *= this.factors()[0];
    for (const [width, colour] of [[3, "rgba(0, 0, 0, 0.6)"], [1.2, "#ffffff"]]) {
      context.beginPath();
      context.arc(this.at.x, this.at.y, this.size / 2, 0, 2 * Math.PI);
      context.setLineDash(this.kind === "eraser" ? [4 / scale, 3 / scale] : []);
      context.lineWidth = width / scale;
      context.strokeStyle = colour;
      context.stroke();
    }
    context.restore();
  }
}
