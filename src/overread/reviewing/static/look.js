// Level and width of the window: presets, sliders, invert, and what the corners of the image say.

import { $, make, say } from "./dom.js";
import { PLAIN } from "./picture.js";
import { within } from "./viewer.js";

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
    this.picture = null;
    this.chosen = PRESETS[0][0];
    this.wanted = null; // the preset that the reader chose; else the first there is
    this.select = $("#preset");
    this.select.addEventListener("change", () => this.want(this.select.value));
    for (const name of ["level", "width"]) {
      $(`#${name}`).addEventListener("input", (event) => {
        this.chosen = this.wanted = OWN;
        viewer.setLook({ [name]: event.target.value / 100 });
      });
    }
    this.list();
  }

  presets() {
    const { picture } = this;
    const own = picture?.window ? [["Of the data set", { level: picture.window[0], width: picture.window[1] }]] : [];
    const ct = picture && picture.low < -200 ? HOUNSFIELD : [];
    const inShares = ([name, units]) => [name, picture.fromUnits(units)];
    return [...own.map(inShares), ...PRESETS, ...ct.map(inShares)];
  }

  // Called before a picture is shown: which presets there are, and the automatic one anew.
  renew(picture) {
    this.picture = picture;
    this.list();
    if (this.wanted === OWN) return;
    const names = this.presets().map(([name]) => name);
    this.choose(names.includes(this.wanted) ? this.wanted : names[0]);
  }

  want(name) {
    this.wanted = name;
    this.choose(name);
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
      if (this.picture) this.viewer.setLook(this.picture.automatic());
    } else if (found) this.viewer.setLook(found);
  }

  following() {
    const names = this.presets().map(([name]) => name);
    this.want(names[(names.indexOf(this.chosen) + 1) % names.length]);
    return this.chosen;
  }

  invert() {
    this.viewer.setLook({ invert: !this.viewer.look.invert });
  }

  plain() {
    this.chosen = this.wanted = PRESETS[0][0];
    this.viewer.setLook(PLAIN);
  }

  // After each drawing: sliders, buttons and corners tell how the image is seen.
  tell() {
    const { look, picture, view } = this.viewer;
    const preset = this.presets().find(([name]) => name === this.chosen)?.[1];
    if (preset && preset !== "automatic" && !same(within(preset), look)) this.chosen = this.wanted = OWN;
    if (this.select.value !== this.chosen) this.select.value = this.chosen;
    $("#level").value = Math.round(100 * look.level);
    $("#width").value = Math.round(100 * look.width);
    $('[data-act="invert"]').setAttribute("aria-pressed", String(look.invert));
    const units = picture?.inUnits(look);
    say($("#corner-left"), picture ? `L ${units.level}  W ${units.width}${look.invert ? "  inverted" : ""}` : "");
    say($("#corner-right"), picture ? `${Math.round(100 * view.scale * this.viewer.density)} %` : "");
  }
}

function same(one, other) {
  return one.level === other.level && one.width === other.width;
}
