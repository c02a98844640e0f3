// SPDX-License-Identifier: MIT
// The page: the list of pools, or one pool, as the address says (#/, #/NAME).
import {ListView} from "./list_view.js";
import {PoolView} from "./pool_view.js";
import {Pools} from "./pools.js";
import {follow_theme} from "./theme.js";

const pools = new Pools();
let view = null;
let shown = null;

function route() {
  const name = cockpit.location.path[0] ?? "";
  if (name === shown) return;
  view?.close();
  const first = shown === null;
  shown = name;
  const root = document.getElementById("view");
  root.replaceChildren();
  view = name === "" ? new ListView(root, pools) : new PoolView(root, pools, name);
  if (!first) root.focus();  // a screen reader continues at the new content
}

follow_theme();
cockpit.addEventListener("locationchanged", route);
// Where rights change, Cockpit loads a page again; an object of this kind does that.
cockpit.permission({admin: true});
route();
pools.start();
