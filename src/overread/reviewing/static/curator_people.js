// Who reads: accounts, invite links, closing an account.

import { get, post } from "./api.js";
import { $, $$, counted, duration, make, put } from "./dom.js";

export function fillPeople(warn) {
  const fill = () => get("/api/curator/people").then(({ people }) => put($("#people"), ...people.map((one) => person(one, fill, warn))), warn);
  $("#invite").addEventListener("submit", async (event) => {
    event.preventDefault();
    const name = $("#invite-name").value.trim();
    const roles = $$('#invite [name="role"]:checked').map((box) => box.value);
    try {
      if (!roles.length) throw new Error("Choose at least one role.");
      invited(await post("/api/curator/invites", { name, roles }));
      $("#invite-name").value = "";
      await fill();
    } catch (error) {
      warn(error);
    }
  });
  fill();
}

function person(one, fill, warn) {
  const facts = [one.roles.join(", "), counted(one.answered, "answer")];
  if (one.seconds_median !== null) facts.push(`${duration(one.seconds_median)} each`);
  if (one.pending) facts.push("invited");
  if (!one.open) facts.push("closed");
  const close = async () => {
    if (!confirm(`Close the account of ${one.name}? Their answers stay.`)) return;
    await post("/api/curator/people/close", { name: one.name }).then(fill, warn);
  };
  const words = make("div", {}, make("b", { class: "name" }, one.name), make("p", { class: "quiet number" }, facts.join(" · ")));
  const button = one.open ? make("button", { class: "button", type: "button", onclick: close, "aria-label": `Close the account of ${one.name}` }, "Close") : null;
  return make("div", { class: "person" }, words, button);
}

// The link is shown this once.
function invited({ link, name, expires }) {
  const field = make("input", { readonly: true, "aria-label": `Link for ${name}`, onfocus: (event) => event.target.select() });
  field.value = link;
  const copy = async (event) => {
    field.select();
    await navigator.clipboard?.writeText(link).then(() => (event.target.textContent = "Copied"), () => {});
  };
  put(
    $("#invited"),
    make(
      "div",
      { class: "invited" },
      make("p", {}, "A link for ", make("b", { class: "name" }, name), ". It opens once, and is shown only now. Hand it over yourself."),
      field,
      make("button", { class: "button", type: "button", onclick: copy }, "Copy"),
      make("p", { class: "quiet number" }, `Valid until ${expires.slice(0, 10)}.`),
    ),
  );
}
