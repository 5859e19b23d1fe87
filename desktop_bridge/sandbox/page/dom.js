// Builds elements. A test id is written only in the build that ships them.
const SVG = "http://www.w3.org/2000/svg";

// Each browser is a linked device of its own, with drafts that no other sees.
const DEVICE = "sandbox-device";

function device() {
  const known = localStorage.getItem(DEVICE) ?? crypto.randomUUID();
  localStorage.setItem(DEVICE, known);
  return known;
}

export const page = { build: "testid", ids: "bare", lang: "en", device: device() };

export const testids = () => page.build === "testid";

export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "testid") {
      if (testids()) node.setAttribute("data-testid", value);
    } else if (name.startsWith("on")) {
      node.addEventListener(name.slice(2), value);
    } else {
      node.setAttribute(name, value === true ? "" : String(value));
    }
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// Only what a person's mouse or keyboard caused counts, as on the real page.
export const trusted = (act) => (event) => {
  if (event.isTrusted) act(event);
};

export function drawing(paths, title, viewBox = "0 0 24 24") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", viewBox);
  svg.setAttribute("aria-hidden", "true");
  if (title) {
    const label = document.createElementNS(SVG, "title");
    label.textContent = title;
    svg.append(label);
  }
  for (const d of paths) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}
