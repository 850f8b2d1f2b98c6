// Mouse, pen and fingers on the viewer. Left drag moves, or draws where a tool takes it; right drag sets window and
// level; the middle button moves; the wheel zooms to the pointer; two fingers move and zoom.

const WINDOW_SPEED = 1 / 240; // of the range of values, a pixel

export class Gestures {
  constructor(viewer) {
    this.viewer = viewer;
    this.tool = null; // {down, move, up, cancel, hover}, each of a place in the image
    this.moving = false; // while held, the left button moves in spite of a tool
    this.pointers = new Map();
    this.drag = null;
    const { canvas } = viewer;
    const on = (kind, handler) => canvas.addEventListener(kind, handler.bind(this), { passive: false });
    on("pointerdown", this.down);
    on("pointermove", this.move);
    on("pointerup", this.up);
    on("pointercancel", this.up);
    on("pointerleave", () => this.tool?.hover(null));
    on("wheel", this.wheel);
    on("contextmenu", (event) => event.preventDefault());
    on("dblclick", () => this.tool || viewer.fit());
  }

  down(event) {
    event.preventDefault();
    this.viewer.canvas.focus({ preventScroll: true });
    this.viewer.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.place(event));
    if (this.pointers.size === 2) {
      if (this.drag === "tool") this.tool?.cancel();
      this.drag = "pinch";
    } else if (this.pointers.size === 1) {
      this.drag = this.meant(event);
      if (this.drag === "tool") this.tool.down(this.image(event), event);
    }
  }

  meant(event) {
    if (event.button === 2) return "window";
    return event.button === 0 && this.tool && !this.moving ? "tool" : "pan";
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    const now = this.place(event);
    if (!before) return this.tool?.hover(this.viewer.toImage(now));
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
    this.pointers.set(event.pointerId, now);
    const [dx, dy] = [now.x - before.x, now.y - before.y];
    if (this.drag === "pinch" && others.length) return this.pinch(before, now, others[0]);
    if (this.drag === "tool") return this.draw(event);
    if (this.drag === "pan") return this.viewer.pan(dx, dy);
    if (this.drag === "window") return this.window(dx, dy);
  }

  // All places since the last event, not only the last: quick strokes stay round.
  draw(event) {
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length ? events : [event]) this.tool.move(this.image(one));
    this.tool.hover(this.image(event));
  }

  window(dx, dy) {
    const { level, width } = this.viewer.look;
    this.viewer.setLook({ width: width + dx * WINDOW_SPEED, level: level + dy * WINDOW_SPEED });
  }

  pinch(before, now, other) {
    const [was, is] = [distance(before, other), distance(now, other)];
    this.viewer.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
    if (was > 0) this.viewer.zoom(is / was, { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.drag === "tool") {
      if (event.type === "pointercancel") this.tool?.cancel();
      else this.tool?.up();
    }
    if (this.pointers.size === 0 || this.drag === "tool") this.drag = null;
  }

  wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    const steps = Math.max(-240, Math.min(240, event.deltaY * lines));
    this.viewer.zoom(Math.exp(-steps / 400), this.place(event));
  }

  place(event) {
    const box = this.viewer.canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  image(event) {
    return this.viewer.toImage(this.place(event));
  }
}

function distance(one, other) {
  return Math.hypot(one.x - other.x, one.y - other.y);
}
