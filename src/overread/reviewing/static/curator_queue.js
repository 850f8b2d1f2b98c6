// The queue of the curator: filters that combine, pages by cursor, the history of each item.

import { get } from "./api.js";
import { showHistory } from "./curator_history.js";
import { $, counted, make, percent, put, say } from "./dom.js";

const PAGE = 50;
const STATES = { given: "not answered", agreed: "agreed", disputed: "disputed", unsure: "unsure", unreadable: "unreadable", "out-of-scope": "out of scope", authority: "adjudicated" };

export class Queue {
  constructor(warn) {
    Object.assign(this, { warn, after: null, shown: 0 });
    $("#filters").addEventListener("change", () => this.reload());
    $("#filters").addEventListener("submit", (event) => event.preventDefault());
    $("#more").addEventListener("click", () => this.more());
  }

  async open() {
    const { given, groups, readers, outcomes, statuses, structures } = await get("/api/curator/filters");
    const named = (list) => list.map(({ name, count }) => [name, `${name} (${count.toLocaleString("en")})`]);
    const plain = (list) => list.map((name) => [name, STATES[name] ?? name]);
    put(
      $("#filters"),
      choice("status", "State", plain(statuses)),
      choice("given", "Given", named(given)),
      choice("structure", "Structure", plain(structures)),
      choice("group", "Group or site", named(groups)),
      choice("reader", "Reader", plain(readers)),
      choice("outcome", "Outcome", outcomes.map((name) => [name, name])),
    );
    await this.reload();
  }

  async reload() {
    Object.assign(this, { after: null, shown: 0 });
    put($("#items"));
    await this.more();
  }

  async more() {
    const turn = (this.turn = {});
    const wanted = new URLSearchParams([...new FormData($("#filters"))].filter(([, value]) => value));
    wanted.set("limit", PAGE);
    if (this.after) wanted.set("after", this.after);
    try {
      const page = await get(`/api/curator/items?${wanted}`);
      if (turn === this.turn) this.add(page);
    } catch (error) {
      this.warn(error);
    }
  }

  add({ items, after, total, matching }) {
    this.after = after;
    this.shown += items.length;
    $("#items").append(...items.map(line));
    $("#more").hidden = !after;
    const all = counted(total, "item");
    say($("#matching"), matching === null ? `${this.shown} shown of ${all}` : `${this.shown} shown, ${matching.toLocaleString("en")} match, of ${all}`);
    if (!this.shown) put($("#items"), make("tr", {}, make("td", { colspan: "7", class: "quiet" }, "Nothing matches these filters.")));
  }
}

function choice(name, title, options) {
  if (!options.length) return null;
  const all = make("option", { value: "" }, "all");
  const select = make("select", { name }, all, ...options.map(([value, words]) => make("option", { value }, words)));
  return make("label", { class: "field" }, title, select);
}

function line(item) {
  const said = item.opinions.map((one) => `${one.reader}: ${one.label ?? one.outcome}`).join(", ");
  const open = make("button", { class: "link name", type: "button", onclick: () => showHistory(item) }, item.id);
  return make(
    "tr",
    {},
    make("td", {}, String(item.number)),
    make("td", {}, open, item.structure ? make("span", { class: "quiet name" }, ` ${item.structure}`) : null),
    make("td", { class: "name" }, item.given ?? "–"),
    make("td", { class: "name" }, item.suggested ?? "–"),
    make("td", {}, percent(item.p_wrong)),
    make("td", {}, make("span", { class: `state ${item.status}` }, STATES[item.status] ?? item.status), item.current ? make("span", { class: "name" }, ` ${item.current}`) : null),
    make("td", { class: "name" }, said || make("span", { class: "quiet" }, "nobody")),
  );
}
