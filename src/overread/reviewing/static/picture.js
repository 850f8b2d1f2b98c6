// An image as it came from the server, and as it looks through a window (level and width) or inverted.
// Level and width are shares of the range of values: 0.5 and 1 show everything.

export const PLAIN = { level: 0.5, width: 1, invert: false };

const AS_IT_IS = { colorSpaceConversion: "none" };

// Fetches and decodes the image of an item, ready to draw: {url, raw, low, high}; also at the size {width, height} in
// screen pixels in which it will be seen first, so that showing it is only copying.
export async function loadPicture(image, size) {
  const blob = await (await got(image.url)).blob();
  const first = size && { ...AS_IT_IS, resizeWidth: size.width, resizeHeight: size.height, resizeQuality: "high" };
  const found = await Promise.all([createImageBitmap(blob, AS_IT_IS), first && createImageBitmap(blob, first)]);
  const picture = new Picture(...found, image);
  if (picture.window) await picture.deepen().catch(() => {}); // else it is shown with 8 bits
  return picture;
}

async function got(url) {
  const answer = await fetch(url, { credentials: "same-origin" });
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new Error(told.error ?? `The image could not be read (${answer.status}).`);
}

export class Picture {
  constructor(bitmap, fitted, image) {
    Object.assign(this, { bitmap, fitted, width: bitmap.width, height: bitmap.height });
    this.raw = image.raw ?? null; // where its 16 bits are, fetched when they are first wanted
    this.low = image.low ?? 0; // what the share 0 and the share 1 stand for
    this.high = image.high ?? 255;
    this.window = image.window ?? null; // [level, width] to begin with, in units of the file
    this.deep = null; // Uint16Array
    this.looks = null; // canvas of the pixels seen through `seen`
    this.seen = "";
  }

  // What to draw: the bitmap itself, or its pixels through a window.
  through(look) {
    if (isPlain(look)) return this.bitmap;
    const wanted = `${look.level}/${look.width}/${look.invert}/${this.deep !== null}`;
    if (wanted !== this.seen) this.render(look);
    this.seen = wanted;
    return this.looks;
  }

  render(look) {
    const shown = new ImageData(this.width, this.height);
    const to = new Uint32Array(shown.data.buffer);
    if (this.deep) greys(this.deep, ramp(look, 65536), to);
    else colours(new Uint32Array(this.pixels().data.buffer), ramp(look, 256), to);
    this.looks ??= sheet(this.width, this.height);
    this.looks.getContext("2d").putImageData(shown, 0, 0);
  }

  // Fetches all 16 bits of a deep image, once; true where they have come.
  async deepen() {
    if (!this.raw || this.deep) return false;
    const url = this.raw;
    this.raw = null;
    const deep = new Uint16Array(await (await got(url)).arrayBuffer());
    if (deep.length !== this.width * this.height) return false;
    this.deep = deep;
    return true;
  }

  pixels() {
    if (!this.data) {
      const canvas = sheet(this.width, this.height);
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(this.bitmap, 0, 0);
      this.data = context.getImageData(0, 0, this.width, this.height);
    }
    return this.data;
  }

  // Level and width that show the middle 98 % of the values in full contrast.
  automatic() {
    const counts = new Uint32Array(256);
    const { data } = this.pixels();
    for (let at = 0; at < data.length; at += 4) counts[data[at + 1]] += 1;
    const [low, high] = [quantile(counts, 0.01), quantile(counts, 0.99)];
    return { level: (low + high) / 510, width: Math.max(2, high - low) / 255 };
  }

  // A share of the range in the units of the file.
  inUnits({ level, width }) {
    const range = this.high - this.low;
    return { level: Math.round(this.low + level * range), width: Math.round(width * range) };
  }

  fromUnits({ level, width }) {
    const range = this.high - this.low || 1;
    return { level: (level - this.low) / range, width: width / range };
  }

  close() {
    this.bitmap.close();
    this.fitted?.close();
    Object.assign(this, { data: null, looks: null, deep: null });
  }
}

export function isPlain({ level, width, invert }) {
  return level === PLAIN.level && width === PLAIN.width && !invert;
}

// The grey value shown for each of `size` values: a straight line from level - width / 2 to level + width / 2.
export function ramp({ level, width, invert }, size) {
  const table = new Uint8Array(size);
  for (let value = 0; value < size; value += 1) {
    const share = Math.min(1, Math.max(0, (value / (size - 1) - level) / Math.max(1 / 1024, width) + 0.5));
    table[value] = Math.round(255 * (invert ? 1 - share : share));
  }
  return table;
}

function greys(values, table, to) {
  for (let at = 0; at < values.length; at += 1) to[at] = 0xff000000 | (table[values[at]] * 0x010101);
}

function colours(values, table, to) {
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at]; // little endian: A B G R
    const blue = table[(value >>> 16) & 255];
    to[at] = (value & 0xff000000) | (blue << 16) | (table[(value >>> 8) & 255] << 8) | table[value & 255];
  }
}

function quantile(counts, share) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let sum = 0;
  for (let value = 0; value < 256; value += 1) {
    sum += counts[value];
    if (sum >= share * total) return value;
  }
  return 255;
}

export function sheet(width, height) {
  return Object.assign(document.createElement("canvas"), { width, height });
}
