// SPDX-License-Identifier: MIT
import {element, set_text} from "./dom.js";

const span = 5 * 60 * 1000;  // milliseconds that a chart shows
const gap = 60 * 1000;       // a longer time without a sample is a gap: the page was not visible
const width = 300, height = 60;
const svg = "http://www.w3.org/2000/svg";

// Samples of a pool, the newest last: {at: milliseconds, and values by name}. They stay while the page does, also when
// another pool is shown.
export class History {
  static #all = new Map();

  static of(pool) {
    let history = History.#all.get(pool);
    if (!history) History.#all.set(pool, history = new History());
    return history;
  }

  samples = [];

  add(sample) {
    this.samples.push(sample);
    while (this.samples[0].at < sample.at - span) this.samples.shift();
  }
}

// One value over the last minutes.
export class Chart {
  constructor(title, value, format) {
    this.title = title;
    this.value = value;
    this.format = format;
    this.now = element("span", {class: "chart-now"});
    this.most = element("span", {class: "chart-most"});
    this.image = document.createElementNS(svg, "svg");
    this.image.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.image.setAttribute("preserveAspectRatio", "none");
    this.image.setAttribute("role", "img");
    this.area = this.image.appendChild(document.createElementNS(svg, "path"));
    this.area.setAttribute("class", "chart-area");
    this.line = this.image.appendChild(document.createElementNS(svg, "path"));
    this.line.setAttribute("class", "chart-line");
    this.root = element(
        "figure", {class: "chart"}, element("figcaption", {}, element("span", {}, title), this.now),
        element("div", {class: "chart-plot"}, this.most, this.image),
        element(
            "div", {class: "chart-axis", "aria-hidden": "true"}, element("span", {}, "5 min ago"),
            element("span", {}, "now")));
  }

  draw(samples) {
    const known = samples.filter(sample => this.value(sample) != null);
    if (known.length === 0) return;
    const end = known.at(-1).at;
    const highest = Math.max(...known.map(this.value));
    const scale = highest > 0 ? (height - 4) / highest : 0;
    const point = sample => `${(width * (1 - (end - sample.at) / span)).toFixed(1)},${
        (height - 1 - this.value(sample) * scale).toFixed(1)}`;
    let line = "", area = "", run = [];
    const finish = () => {
      if (run.length === 0) return;
      const points = run.map(point);
      line += `M${points.join("L")}`;
      area += `M${points[0].split(",")[0]},${height}L${points.join("L")}L${points.at(-1).split(",")[0]},${height}Z`;
      run = [];
    };
    known.forEach((sample, index) => {
      if (index > 0 && sample.at - known[index - 1].at > gap) finish();
      run.push(sample);
    });
    finish();
    this.line.setAttribute("d", line);
    this.area.setAttribute("d", area);
    const now = this.format(this.value(known.at(-1)));
    set_text(this.now, now);
    set_text(this.most, this.format(highest));
    this.image.setAttribute(
        "aria-label", `${this.title}: now ${now}, at most ${this.format(highest)} in the last 5 minutes`);
  }
}
