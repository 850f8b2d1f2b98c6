// The side panel: what is known of the item beside its image. In a blind read it says nothing until the reader has.

import { get } from "./api.js";
import { make, percent, put } from "./dom.js";

const OUTCOMES = {
  unsure: "unsure",
  unreadable: "unreadable",
  "out-of-scope": "out of scope",
  skip: "later",
  keep: "as given",
  label: "own mask",
};

export class Panel {
  // extras(state): more sections, for masks.
  constructor(root, extras = () => []) {
    Object.assign(this, { root, extras, note: "" });
    this.near = new Map(); // url: promise of {sets}
  }

  // state: {item, shown, answer, past, waiting, revealed}
  render(state) {
    if (!state) return put(this.root);
    const { item, shown, past } = state;
    this.field = make("textarea", { id: "note", rows: "1", maxlength: "500", "aria-label": "Note with your answer" });
    this.field.value = this.note = "";
    put(
      this.root,
      heading(item, past),
      state.answer ? yours(state) : null,
      shown ? labels(item, shown) : make("p", { class: "withheld" }, withheld(state)),
      ...(shown || item.mask_size ? this.extras(state) : []),
      item.opinions.length ? opinions(item.opinions) : null,
      shown?.why ? section("Why it is suspected", make("p", { class: "why" }, shown.why)) : null,
      past ? null : section("Note", make("p", {}, this.field)),
      shown?.neighbours ? this.neighbours(shown.neighbours) : null,
    );
    this.root.scrollTop = 0;
  }

  get reason() {
    return this.field?.value.trim() ?? "";
  }

  prefetch(url) {
    if (!url || this.near.has(url)) return this.near.get(url);
    const promise = get(url);
    promise.catch(() => this.near.delete(url));
    this.near.set(url, promise);
    if (this.near.size > 16) this.near.delete(this.near.keys().next().value);
    return promise;
  }

  neighbours(url) {
    const place = make("div", { class: "near" });
    this.prefetch(url)?.then(
      ({ sets }) => put(place, ...sets.map(strip)),
      () => put(place, make("p", { class: "quiet" }, "The nearest images could not be read.")),
    );
    return place;
  }
}

function heading(item, past) {
  const tags = [];
  if (past) tags.push("your earlier answer");
  if (item.kind === "adjudicate") tags.push("readers disagree");
  if (item.skipped) tags.push("put off earlier");
  const title = make("h1", {}, `No. ${item.number}`, item.structure ? make("span", { class: "name" }, ` ${item.structure}`) : null);
  return make(
    "header",
    { class: "item" },
    title,
    ...tags.map((tag) => make("span", { class: "tag" }, tag)),
    item.id ? make("p", { class: "quiet name id" }, item.id) : null,
  );
}

function withheld({ waiting, item }) {
  if (waiting) return "Storing your word …";
  return item.mask_size ? "Blind read: the given mask is shown when you have drawn yours." : "Blind read: the given label is shown when you have said yours.";
}

function yours({ answer, past, revealed }) {
  const words = answer.label ?? (answer.outcome === "label" ? "your own mask" : OUTCOMES[answer.outcome]);
  const hint = revealed ? "Enter goes on. Another answer now replaces yours; both are kept on record." : "Another answer replaces it; both are kept on record.";
  return make(
    "div",
    { class: "yours" },
    make("dl", { class: "pair" }, ...entry("You said", words, "yours")),
    revealed || past ? make("p", { class: "quiet" }, hint) : null,
  );
}

function entry(term, value, kind) {
  return [make("dt", {}, term), make("dd", { class: `name ${kind}` }, value)];
}

function labels(item, shown) {
  const list = make("dl", { class: "pair" });
  if (!item.mask_size) {
    list.append(...entry("Given label", shown.given ?? "none", "given"));
    if (shown.suggested) list.append(...entry("Suggested", shown.suggested, "suggested"));
  }
  const facts = [];
  if (shown.p_wrong !== null && shown.p_wrong !== undefined) facts.push(["Probably wrong", percent(Math.min(shown.p_wrong, 0.999))]);
  if (shown.agreement !== null && shown.agreement !== undefined) facts.push(["Agreement with the model", shown.agreement.toFixed(2)]);
  const rows = facts.map(([term, value]) => make("p", { class: "fact" }, make("span", {}, term), make("b", { class: "number" }, value)));
  return make("div", { class: "labels" }, list.children.length ? list : null, ...rows);
}

function opinions(found) {
  const rows = found.map((one) =>
    make(
      "li",
      {},
      make("span", { class: "quiet name" }, one.who),
      make("b", { class: "name" }, one.label ?? OUTCOMES[one.outcome] ?? one.outcome),
      one.reason ? make("span", { class: "quiet name" }, `“${one.reason}”`) : null,
    ),
  );
  return section("What the readers said", make("ul", { class: "opinions" }, ...rows));
}

function strip(set) {
  const images = set.images.map((image) =>
    make("img", { src: image.url, width: image.width, height: image.height, alt: `No. ${image.number}, ${set.label}`, title: `No. ${image.number}` }),
  );
  return make(
    "figure",
    { class: "strip" },
    make("figcaption", {}, "Nearest trusted ", make("b", { class: `name ${set.what}` }, set.label)),
    images.length ? make("div", { class: "thumbs" }, ...images) : make("p", { class: "quiet" }, set.words || "None."),
  );
}

export function section(title, ...children) {
  return make("section", {}, make("h2", {}, title), ...children);
}
