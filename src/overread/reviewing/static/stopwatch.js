// Seconds that an item was looked at; while the tab is hidden, or nobody has stirred for two minutes, it stands still.

const IDLE = 120; // seconds

export class Stopwatch {
  constructor() {
    this.restart();
    document.addEventListener("visibilitychange", () => (document.hidden ? this.stop() : this.go()));
    for (const kind of ["keydown", "pointerdown", "pointermove", "wheel"]) {
      addEventListener(kind, () => this.stir(), { passive: true, capture: true });
    }
  }

  restart() {
    this.gone = 0;
    this.since = document.hidden ? null : performance.now();
  }

  stir() {
    this.stop();
    this.go();
  }

  stop() {
    if (this.since !== null) this.gone += Math.min(IDLE, (performance.now() - this.since) / 1000);
    this.since = null;
  }

  go() {
    this.since ??= performance.now();
  }

  get seconds() {
    this.stir();
    return Math.min(3600, Math.round(this.gone * 10) / 10);
  }
}
