// How far the round is: the line at the top, and the dialog with pace, agreement and drift.

import { get } from "./api.js";
import { $, counted, duration, make, percent, put, say } from "./dom.js";

export class Standing {
  constructor(me) {
    Object.assign(this, { me, brief: null, pace: null, pending: 0 });
    $("#progress").addEventListener("click", () => this.open());
  }

  // Brief: {done, left, mine, budget, disagreements}
  take(brief) {
    if (!brief) return;
    this.brief = brief;
    this.tell();
  }

  async refresh() {
    const progress = await get("/api/progress").catch(() => null);
    if (!progress) return null;
    this.pace = progress.seconds.median;
    this.take(progress.brief);
    return progress;
  }

  tell() {
    const { done, left } = this.brief;
    const total = Math.max(1, done + left);
    $("#bar").style.width = `${(100 * done) / total}%`;
    const parts = [`${done.toLocaleString("en")} of ${(done + left).toLocaleString("en")}`];
    if (this.pace) parts.push(`${duration(this.pace)} each`, `${duration(this.pace * left)} to go`);
    say($("#far"), parts.join(" · "));
    const count = $("#disputes");
    if (count) {
      count.hidden = !this.brief.disagreements;
      say(count, String(this.brief.disagreements));
    }
  }

  async open() {
    const body = $("#standing-body");
    put(body, make("p", { class: "quiet" }, "Counting …"));
    $("#standing").showModal();
    const progress = await this.refresh();
    put(body, ...(progress ? this.told(progress) : [make("p", {}, "The server cannot be reached.")]));
  }

  told({ brief, outcomes, seconds, agreement, drift, readers }) {
    const rows = [
      ["Done in this round", `${brief.done.toLocaleString("en")} of ${counted(brief.done + brief.left, "item")}`],
      ["Left", brief.left.toLocaleString("en")],
      ["Budget", brief.budget === null ? "none" : counted(brief.budget, "read")],
      ["Readers an item", String(readers)],
      ["Your answers", brief.mine.toLocaleString("en")],
      ["Your time an item", seconds.median === null ? "none yet" : `${duration(seconds.median)} (median)`],
      ["Left at your pace", seconds.left_minutes === null ? "–" : duration(60 * seconds.left_minutes)],
    ];
    const names = { label: "another label", keep: "kept", unsure: "unsure", unreadable: "unreadable", "out-of-scope": "out of scope", skip: "later" };
    const mine = Object.entries(outcomes).filter(([, count]) => count);
    if (mine.length) rows.push(["Of these", mine.map(([name, count]) => `${count} ${names[name] ?? name}`).join(", ")]);
    for (const one of agreement) rows.push([`Agreement of readers: ${one.name}`, measured(one)]);
    for (const one of drift) rows.push([`You with yourself, on hidden repeats: ${one.name}`, measured(one)]);
    return [make("dl", { class: "facts" }, ...rows.flatMap(([term, value]) => [make("dt", {}, term), make("dd", { class: "number name" }, value)]))];
  }
}

function measured({ name, value, low, high, items, words }) {
  if (value === null) return words || "undefined so far";
  const shown = (one) => (name === "raw" ? percent(one) : one.toFixed(2));
  const interval = low === null || low === undefined ? "" : ` (${shown(low)} to ${shown(high)})`;
  return `${shown(value)}${interval}, ${counted(items, "item")}`;
}
