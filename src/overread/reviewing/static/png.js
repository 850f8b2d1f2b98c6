// PNG of grey pixels, written and read by hand: a canvas would pass masks through colour management and
// premultiplied alpha, and what is saved must reload to the very same pixels.

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k += 1) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n >>> 0;
});

// A mask (Uint8Array of 0 and 1, row by row) as the bytes of a PNG of 0 and 255.
export async function encodeMask(mask, width, height) {
  const raw = new Uint8Array((width + 1) * height); // each row begins with its filter, 0: none
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) raw[y * (width + 1) + 1 + x] = mask[y * width + x] ? 255 : 0;
  }
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, 0, 0, 0, 0], 8); // 8 bits, grey
  const data = await through(raw, new CompressionStream("deflate"));
  return join([Uint8Array.from(SIGNATURE), chunk("IHDR", header), chunk("IDAT", data), chunk("IEND", new Uint8Array())]);
}

// The pixels of a grey PNG of 1, 8 or 16 bits: {width, height, depth, values}; of 1 bit, values are 0 and 1.
export async function decodeGrey(bytes) {
  if (SIGNATURE.some((value, at) => bytes[at] !== value)) throw new Error("This is not a PNG.");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let [width, height, depth] = [0, 0, 0];
  const parts = [];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const size = view.getUint32(at);
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (kind === "IHDR") {
      [width, height, depth] = [view.getUint32(at + 8), view.getUint32(at + 12), bytes[at + 16]];
      const plain = bytes[at + 17] === 0 && bytes[at + 20] === 0 && [1, 8, 16].includes(depth);
      if (!plain) throw new Error("This PNG is not grey of 1, 8 or 16 bits.");
    }
    if (kind === "IDAT") parts.push(bytes.subarray(at + 8, at + 8 + size));
    at += size + 12;
  }
  const raw = await through(join(parts), new DecompressionStream("deflate"));
  return { width, height, depth, values: values(unfiltered(raw, width, height, depth), width, height, depth) };
}

function values(rows, width, height, depth) {
  const found = depth === 16 ? new Uint16Array(width * height) : new Uint8Array(width * height);
  const stride = Math.ceil((width * depth) / 8);
  for (let y = 0; y < height; y += 1) {
    const row = y * stride;
    for (let x = 0; x < width; x += 1) {
      if (depth === 8) found[y * width + x] = rows[row + x];
      else if (depth === 16) found[y * width + x] = (rows[row + 2 * x] << 8) | rows[row + 2 * x + 1];
      else found[y * width + x] = (rows[row + (x >> 3)] >> (7 - (x & 7))) & 1;
    }
  }
  return found;
}

// Undoes the five filters of PNG (section 9 of its standard).
function unfiltered(raw, width, height, depth) {
  const stride = Math.ceil((width * depth) / 8);
  const step = depth === 16 ? 2 : 1;
  const out = new Uint8Array(stride * height);
  for (let y = 0; y < height; y += 1) {
    const filter = raw[y * (stride + 1)];
    for (let x = 0; x < stride; x += 1) {
      const at = y * stride + x;
      const left = x >= step ? out[at - step] : 0;
      const up = y > 0 ? out[at - stride] : 0;
      const corner = x >= step && y > 0 ? out[at - stride - step] : 0;
      out[at] = raw[y * (stride + 1) + 1 + x] + guess(filter, left, up, corner);
    }
  }
  return out;
}

function guess(filter, left, up, corner) {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

function chunk(kind, data) {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set([...kind].map((sign) => sign.charCodeAt(0)), 4);
  bytes.set(data, 8);
  view.setUint32(data.length + 8, crc(bytes.subarray(4, data.length + 8)));
  return bytes;
}

function crc(bytes) {
  let sum = 0xffffffff;
  for (const value of bytes) sum = CRC[(sum ^ value) & 255] ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}

function join(parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

async function through(bytes, stream) {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());
}
