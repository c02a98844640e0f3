// SPDX-License-Identifier: MIT
// Light or dark, and square or round, as the rest of Cockpit. Cockpit has no stylesheet that a page could share; each
// of its own pages contains one, whose class names differ between versions. Our style has a class for each.

// The newer versions of Cockpit have round corners.
function is_round() {
  return getComputedStyle(window.parent.document.documentElement)
             .getPropertyValue("--pf-t--global--border--radius--small") !== "";
}

export function follow_theme() {
  const dark_system = window.matchMedia("(prefers-color-scheme: dark)");
  const page = document.documentElement;
  const apply = chosen => {
    const style = chosen ?? localStorage.getItem("shell:style") ?? "auto";
    page.classList.toggle("dark", style === "dark" || (style === "auto" && dark_system.matches));
    page.classList.toggle("round", is_round());
  };
  window.addEventListener("storage", event => {
    if (event.key === "shell:style") apply();
  });
  window.addEventListener("cockpit-style", event => apply(event.detail.style));
  dark_system.addEventListener("change", () => apply());
  apply();
}
