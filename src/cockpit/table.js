// SPDX-License-Identifier: MIT
import {element, set_text} from "./dom.js";

const most_new = 200;  // lines that one update makes; a thousand at once would hold up the page

// A table of rows that change all the time. Only texts that differ are written, and rows that stay are never moved:
// their buttons keep the focus, and a thousand of them cost little.
//
// A column is {title, text(row), number: whether it is one, kind(row): the kind of a label around the text, order(row):
// what to sort by, make(row): a node that is made once per row and not written again}.
export class LiveTable {
  constructor(caption, columns, key) {
    this.columns = columns;
    this.key = key;
    this.lines = new Map();  // by key
    this.rows = [];
    this.ranks = null;  // of keys, if a user has sorted
    this.sorted = {column: null, up: true};
    this.heads = columns.map(column => this.make_head(column));
    this.body = element("tbody");
    this.root = element(
        "table", {}, element("caption", {}, caption), element("thead", {}, element("tr", {}, ...this.heads)),
        this.body);
  }

  // Shows these rows, in this order unless a user has sorted them. Returns whether some are left for the next frame.
  update(rows) {
    this.rows = rows;
    const keys = new Set(rows.map(this.key));
    for (const [key, line] of this.lines) {
      if (keys.has(key)) continue;
      line.row.remove();
      this.lines.delete(key);
    }
    let place = this.body.firstChild;
    let made = 0;
    for (const row of this.in_order(rows)) {
      if (!this.lines.has(this.key(row)) && ++made > most_new) continue;
      const line = this.line(row);
      if (line.row === place)
        place = place.nextSibling;
      else
        this.body.insertBefore(line.row, place);
    }
    return made > most_new;
  }

  in_order(rows) {
    if (!this.ranks) return rows;
    const rank = row => this.ranks.get(this.key(row)) ?? Infinity;
    return [...rows].sort((one, other) => {
      const a = rank(one), b = rank(other);
      return a === b ? 0 : a - b;
    });
  }

  // Sorts once: rows that jumped about by themselves could not be clicked.
  sort(column) {
    const {sorted} = this;
    sorted.up = sorted.column === column ? !sorted.up : !column.number;
    sorted.column = column;
    const order = column.order ?? column.text;
    const compare = (one, other) => {
      const a = order(one), b = order(other);
      return (a < b ? -1 : a > b ? 1 : 0) * (sorted.up ? 1 : -1);
    };
    this.ranks = new Map([...this.rows].sort(compare).map((row, rank) => [this.key(row), rank]));
    this.heads.forEach((head, index) => {
      if (this.columns[index] === column)
        head.setAttribute("aria-sort", sorted.up ? "ascending" : "descending");
      else
        head.removeAttribute("aria-sort");
    });
    this.update(this.rows);
  }

  make_head(column) {
    const title = column.text || column.order ?
        element("button", {type: "button", onclick: () => this.sort(column)}, column.title) :
        element("span", {class: "unseen"}, column.title);
    return element("th", {scope: "col", class: column.number ? "number" : null}, title);
  }

  line(row) {
    const key = this.key(row);
    let line = this.lines.get(key);
    if (!line) this.lines.set(key, line = this.make_line(row));
    this.columns.forEach((column, index) => {
      const {node, text} = line.cells[index];
      const now = column.text?.(row) ?? "";
      if (now !== text) {
        line.cells[index].text = now;
        if (node) set_text(node, now);
      }
      if (column.kind) {
        const look = now === "" ? "" : `label ${column.kind(row)}`;
        if (node.className !== look) node.className = look;
      }
    });
    return line;
  }

  // The first column names the row.
  make_line(row) {
    const cells = this.columns.map((column, index) => {
      const cell = element(
          index === 0 ? "th" : "td", {scope: index === 0 ? "row" : null, class: column.number ? "number" : null});
      if (column.make) {
        cell.append(column.make(row));
        return {cell, node: null, text: null};
      }
      if (!column.kind) return {cell, node: cell, text: ""};
      const node = element("span");
      cell.append(node);
      return {cell, node, text: ""};
    });
    return {row: element("tr", {}, ...cells.map(each => each.cell)), cells};
  }
}

// A table in a box that scrolls by itself, also with the keyboard.
export function scroll_box(table, label) {
  return element("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": label}, table.root);
}
