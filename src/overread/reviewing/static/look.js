// Level and width of the window: presets, sliders, invert, and what the corners of the image say.

import { $, make, say } from "./dom.js";
import { PLAIN } from "./picture.js";

// Shares of the range of values; of CT also Hounsfield units.
const PRESETS = [
  ["Full range", { level: 0.5, width: 1 }],
  ["Automatic", "automatic"],
  ["High contrast", { level: 0.5, width: 0.5 }],
  ["Dark parts", { level: 0.25, width: 0.5 }],
  ["Bright parts", { level: 0.75, width: 0.5 }],
];
const HOUNSFIELD = [
  ["Lung", { level: -600, width: 1500 }],
  ["Mediastinum", { level: 50, width: 350 }],
  ["Abdomen", { level: 40, width: 400 }],
  ["Bone", { level: 400, width: 1800 }],
  ["Brain", { level: 40, width: 80 }],
];
const OWN = "Own";

export class Look {
  constructor(viewer) {
    this.viewer = viewer;
    this.chosen = PRESETS[0][0];
    this.select = $("#preset");
    this.select.addEventListener("change", () => this.choose(this.select.value));
    for (const name of ["level", "width"]) {
      $(`#${name}`).addEventListener("input", (event) => {
        this.chosen = OWN;
        viewer.setLook({ [name]: event.target.value / 100 });
      });
    }
    this.list();
  }

  presets() {
    const { picture } = this.viewer;
    const ct = picture && picture.low < -200 ? HOUNSFIELD : [];
    return [...PRESETS, ...ct.map(([name, units]) => [name, picture.fromUnits(units)])];
  }

  // Called for each new picture: which presets there are, and the automatic one anew.
  renew() {
    this.list();
    if (this.chosen !== OWN) this.choose(this.presets().some(([name]) => name === this.chosen) ? this.chosen : PRESETS[0][0]);
  }

  list() {
    const names = [...this.presets().map(([name]) => name), OWN].join("\n");
    if (names === this.listed) return;
    this.listed = names;
    this.select.replaceChildren(...names.split("\n").map((name) => make("option", { value: name }, name)));
  }

  choose(name) {
    this.chosen = name;
    const found = this.presets().find(([one]) => one === name)?.[1];
    if (found === "automatic") {
      if (this.viewer.picture) this.viewer.setLook(this.viewer.picture.automatic());
    } else if (found) this.viewer.setLook(found);
  }

  following() {
    const names = this.presets().map(([name]) => name);
    this.choose(names[(names.indexOf(this.chosen) + 1) % names.length]);
    return this.chosen;
  }

  invert() {
    this.viewer.setLook({ invert: !this.viewer.look.invert });
  }

  plain() {
    this.chosen = PRESETS[0][0];
    this.viewer.setLook(PLAIN);
  }

  // After each drawing: sliders, buttons and corners tell how the image is seen.
  tell() {
    const { look, picture, view } = this.viewer;
    const preset = this.presets().find(([name]) => name === this.chosen)?.[1];
    if (preset && preset !== "automatic" && (preset.level !== look.level || preset.width !== look.width)) this.chosen = OWN;
    if (this.select.value !== this.chosen) this.select.value = this.chosen;
    $("#level").value = Math.round(100 * look.level);
    $("#width").value = Math.round(100 * look.width);
    $('[data-act="invert"]').setAttribute("aria-pressed", String(look.invert));
    const units = picture?.inUnits(look);
    say($("#corner-left"), picture ? `L ${units.level}  W ${units.width}${look.invert ? "  inverted" : ""}` : "");
    say($("#corner-right"), picture ? `${Math.round(100 * view.scale * this.viewer.density)} %` : "");
  }
}
