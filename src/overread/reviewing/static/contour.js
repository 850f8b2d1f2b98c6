// The border of a mask as lines between its pixels, which stay sharp at any zoom.

// pixels: 0 or not, row by row. Returns a Path2D in pixels of the image.
export function contour(pixels, width, height) {
  const path = new Path2D();
  along(pixels, width, height, width, 1, (line, from, to) => segment(path, from, line, to, line));
  along(pixels, height, width, 1, width, (line, from, to) => segment(path, line, from, line, to));
  return path;
}

function segment(path, x0, y0, x1, y1) {
  path.moveTo(x0, y0);
  path.lineTo(x1, y1);
}

// Calls found(line, from, to) for each run of pixels that differ from those on the other side of a line;
// `across` and `step` lead to the next line and to the next pixel of it.
function along(pixels, length, lines, across, step, found) {
  for (let line = 0; line <= lines; line += 1) {
    let start = -1;
    for (let at = 0; at <= length; at += 1) {
      const here = at * step;
      const before = at < length && line > 0 && pixels[(line - 1) * across + here] ? 1 : 0;
      const after = at < length && line < lines && pixels[line * across + here] ? 1 : 0;
      if (before !== after && start < 0) start = at;
      if (before === after && start >= 0) {
        found(line, start, at);
        start = -1;
      }
    }
  }
}
