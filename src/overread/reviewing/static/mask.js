// A mask that is being drawn: pixels of 0 and 1 row by row, never a canvas, and its strokes, to undo and redo.

const STROKES = 200; // that can be undone

export class Mask {
  constructor(pixels, width, height) {
    this.pixels = Uint8Array.from(pixels, (value) => (value ? 1 : 0));
    this.width = width;
    this.height = height;
    this.done = []; // patches {x, y, w, h, before, after}
    this.undone = [];
    this.stroke = null;
  }

  // Each change happens between begin and end, which keeps what it changed as one stroke.
  begin() {
    this.stroke = { before: this.pixels.slice(), box: null };
  }

  end() {
    const { before, box } = this.stroke ?? {};
    this.stroke = null;
    if (!box) return null;
    const patch = { ...box, before: cut(before, this.width, box), after: cut(this.pixels, this.width, box) };
    if (same(patch.before, patch.after)) return null;
    this.done = [...this.done.slice(1 - STROKES), patch];
    this.undone = [];
    return box;
  }

  // Sets all pixels whose centre lies within `radius` of the line between two points; 0.5 is one pixel.
  line(from, to, radius, value) {
    const box = this.clip({
      x: Math.floor(Math.min(from.x, to.x) - radius),
      y: Math.floor(Math.min(from.y, to.y) - radius),
      right: Math.ceil(Math.max(from.x, to.x) + radius) + 1,
      bottom: Math.ceil(Math.max(from.y, to.y) + radius) + 1,
    });
    const [dx, dy] = [to.x - from.x, to.y - from.y];
    const length = dx * dx + dy * dy;
    for (let y = box.y; y < box.y + box.h; y += 1) {
      for (let x = box.x; x < box.x + box.w; x += 1) {
        const [px, py] = [x + 0.5 - from.x, y + 0.5 - from.y];
        const t = length ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
        if ((px - t * dx) ** 2 + (py - t * dy) ** 2 <= radius * radius) this.pixels[y * this.width + x] = value;
      }
    }
    this.one(Math.floor(to.x), Math.floor(to.y), value);
    return this.touch(box);
  }

  // The pixel under the pointer is always drawn, however small the brush.
  one(x, y, value) {
    if (this.holds(x, y)) this.pixels[y * this.width + x] = value;
  }

  // Gives `value` to the connected area (4 neighbours) of other value around a pixel. An empty area that reaches
  // the border of the image is not closed: then nothing happens and the answer is false.
  fill(x, y, value) {
    if (!this.holds(x, y) || this.pixels[y * this.width + x] === value) return null;
    const { area, open, box } = this.area(x, y);
    if (value === 1 && open) return false;
    for (const at of area) this.pixels[at] = value;
    return this.touch(box);
  }

  area(x, y) {
    const { width, height, pixels } = this;
    const wanted = pixels[y * width + x];
    const seen = new Uint8Array(pixels.length);
    const area = [y * width + x];
    let [left, top, right, bottom] = [x, y, x, y];
    seen[area[0]] = 1;
    for (let at = 0; at < area.length; at += 1) {
      const [px, py] = [area[at] % width, Math.floor(area[at] / width)];
      [left, right] = [Math.min(left, px), Math.max(right, px)];
      [top, bottom] = [Math.min(top, py), Math.max(bottom, py)];
      for (const [nx, ny] of [[px - 1, py], [px + 1, py], [px, py - 1], [px, py + 1]]) {
        const next = ny * width + nx;
        if (!this.holds(nx, ny) || seen[next] || pixels[next] !== wanted) continue;
        seen[next] = 1;
        area.push(next);
      }
    }
    const open = left === 0 || top === 0 || right === width - 1 || bottom === height - 1;
    return { area, open, box: { x: left, y: top, w: right - left + 1, h: bottom - top + 1 } };
  }

  // Replaces the whole mask, as one stroke.
  replace(pixels) {
    this.begin();
    for (let at = 0; at < this.pixels.length; at += 1) this.pixels[at] = pixels && pixels[at] ? 1 : 0;
    this.touch({ x: 0, y: 0, w: this.width, h: this.height });
    return this.end();
  }

  undo() {
    return this.paste(this.done.pop(), "before", this.undone);
  }

  redo() {
    return this.paste(this.undone.pop(), "after", this.done);
  }

  paste(patch, which, onto) {
    if (!patch) return null;
    for (let y = 0; y < patch.h; y += 1) {
      const row = patch[which].subarray(y * patch.w, (y + 1) * patch.w);
      this.pixels.set(row, (patch.y + y) * this.width + patch.x);
    }
    onto.push(patch);
    return { x: patch.x, y: patch.y, w: patch.w, h: patch.h };
  }

  equals(pixels) {
    return pixels ? same(this.pixels, pixels) : this.pixels.every((value) => !value);
  }

  holds(x, y) {
    return x >= 0 && y >= 0 && x < this.width && y < this.height;
  }

  clip({ x, y, right, bottom }) {
    const [left, top] = [Math.max(0, x), Math.max(0, y)];
    return {
      x: left,
      y: top,
      w: Math.max(0, Math.min(this.width, right) - left),
      h: Math.max(0, Math.min(this.height, bottom) - top),
    };
  }

  touch(box) {
    if (this.stroke && box.w && box.h) this.stroke.box = union(this.stroke.box, box);
    return box;
  }
}

function union(one, other) {
  if (!one) return { ...other };
  const [x, y] = [Math.min(one.x, other.x), Math.min(one.y, other.y)];
  const right = Math.max(one.x + one.w, other.x + other.w);
  const bottom = Math.max(one.y + one.h, other.y + other.h);
  return { x, y, w: right - x, h: bottom - y };
}

function cut(pixels, width, { x, y, w, h }) {
  const out = new Uint8Array(w * h);
  for (let row = 0; row < h; row += 1) {
    out.set(pixels.subarray((y + row) * width + x, (y + row) * width + x + w), row * w);
  }
  return out;
}

function same(one, other) {
  return one.length === other.length && one.every((value, at) => !value === !other[at]);
}
