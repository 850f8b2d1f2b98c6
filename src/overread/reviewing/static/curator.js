// The curator's page.

import { fillRound } from "./curator_round.js";
import { Queue } from "./curator_queue.js";
import { fillPeople } from "./curator_people.js";
import { $, make, put } from "./dom.js";
import { furnish } from "./page.js";

// Shows what went wrong, until it is dismissed.
function warn(error) {
  const banner = $("#away");
  banner.hidden = false;
  put(banner, make("strong", {}, error.message), make("button", { class: "button", type: "button", onclick: () => (banner.hidden = true) }, "Dismiss"));
}

furnish();
const queue = new Queue(warn);
queue.open().catch(warn);
fillRound(warn);
fillPeople(warn);
