// All that was said of an item, in order.

import { get } from "./api.js";
import { $, duration, make, put, say } from "./dom.js";

export async function showHistory(item) {
  say($("#history-title"), `No. ${item.number}${item.structure ? `, ${item.structure}` : ""}`);
  const body = $("#history-body");
  const image = make("img", { class: "shot", src: `/api/images/${item.item.split(".")[0]}.png?size=512`, alt: `Image of No. ${item.number}` });
  put(body, image, make("p", { class: "quiet" }, "Reading …"));
  $("#history").showModal();
  try {
    const { id, entries } = await get(`/api/curator/items/${item.item}/history`);
    const rows = entries.length ? entries.map(entry) : [make("p", { class: "quiet" }, "Nobody has said anything of it yet.")];
    put(body, image, make("p", { class: "name" }, id), ...rows);
  } catch (error) {
    put(body, image, make("p", {}, error.message));
  }
}

function entry(one) {
  const facts = [one.at.replace("T", " ").slice(0, 19), one.seconds === null ? null : duration(one.seconds), one.round === null ? null : `round ${one.round}`];
  const what = one.outcome === "undo" ? `took back entry ${one.undoes}` : one.label ?? one.outcome;
  return make(
    "div",
    { class: "entry" },
    make("b", { class: "number" }, String(one.number)),
    make(
      "div",
      {},
      make("p", { class: "name" }, make("b", {}, one.reader), `: ${what}`, one.authority ? " (adjudicated)" : "", one.structure ? `, ${one.structure}` : ""),
      one.reason ? make("p", { class: "name" }, `“${one.reason}”`) : null,
      make("p", { class: "quiet number" }, facts.filter(Boolean).join(" · ")),
      one.mask ? make("img", { src: one.mask, alt: `Mask by ${one.reader}` }) : null,
      make("p", { class: "hash", title: "Hash of this entry in the trail" }, one.hash.slice(0, 16)),
    ),
  );
}
