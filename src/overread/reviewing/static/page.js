// What pages with a session share: who is here, leaving, dialogs that close.

import { post } from "./api.js";
import { $, $$ } from "./dom.js";

export const me = JSON.parse(document.documentElement.dataset.me ?? "null");
export const queue = document.documentElement.dataset.queue;

export function furnish() {
  $("#leave")?.addEventListener("click", async () => {
    await post("/api/session/end", {}).catch(() => {});
    location.replace("/enter");
  });
  for (const button of $$("dialog [data-close]")) button.addEventListener("click", () => button.closest("dialog").close());
}
