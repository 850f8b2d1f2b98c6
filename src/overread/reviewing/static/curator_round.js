// Where the round stands, and running the next one.

import { get, post } from "./api.js";
import { $, counted, make, put } from "./dom.js";

const PAUSE = 3000; // milliseconds between looks while a round runs

export function fillRound(warn) {
  const show = (round) => {
    put($("#round"), ...told(round, run));
    if (round.state === "running") setTimeout(look, PAUSE);
  };
  const look = () => get("/api/curator/round").then(show, warn);
  const run = (event) => {
    event.target.disabled = true;
    post("/api/curator/round/run", {}).then(show, (error) => {
      warn(error);
      look();
    });
  };
  look();
}

function told(round, run) {
  const bar = make("span", {});
  bar.style.width = `${(100 * round.answered) / Math.max(1, round.items)}%`;
  return [
    make("p", { class: "number" }, `${round.answered.toLocaleString("en")} of ${counted(round.items, "item")} answered`),
    make("span", { class: "track", "aria-hidden": "true" }, bar),
    make("p", {}, round.words),
    round.verb === "clean" ? make("button", { class: "button main", type: "button", disabled: !round.can_run, onclick: run }, "Run the next round") : null,
    round.command ? make("p", { class: "quiet" }, "When you are done: ", make("code", {}, round.command)) : null,
    round.log ? make("pre", { tabindex: "0", "aria-label": "Last lines of the log" }, round.log) : null,
  ];
}
