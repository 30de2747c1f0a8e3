// Elements without markup: every text goes in as a text node.

const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  send: "M12 19V5M5.5 11.5 12 5l6.5 6.5",
  stop: "M7.5 7.5h9v9h-9z",
  copy: "M9 9h10v11H9zM15 9V4H5v11h4",
  check: "m5 12.5 4.5 4.5L19 7.5",
  up: "M7 11v9H4v-9zM7 11l4-7.5c1.6 0 2.5 1.2 2.3 2.7L12.8 10H18c1.5 0 2.4 1.3 2 2.7l-1.6 5.5c-.3 1.1-1.1 1.8-2.2 1.8H7",
  down: "M7 13V4H4v9zM7 13l4 7.5c1.6 0 2.5-1.2 2.3-2.7l-.5-3.8H18c1.5 0 2.4-1.3 2-2.7l-1.6-5.5C18.1 4.7 17.3 4 16.2 4H7",
  close: "M6 6l12 12M18 6 6 18",
  file: "M14 3H6v18h12V7zM14 3v4h4M9 12h6M9 16h6",
  trash: "M4 7h16M9.5 7V4h5v3M6.5 7l.8 13h9.4l.8-13M10 11v5.5M14 11v5.5",
  alert: "M12 4 2.8 20h18.4zM12 10v4.5M12 17.2v.3",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5 20 20",
  retry: "M19.5 12a7.5 7.5 0 1 1-2.2-5.3L19.5 9M19.5 4v5h-5",
  plus: "M12 5v14M5 12h14",
  chat: "M4 5h16v11H10.5L6 20v-4H4z",
  open: "M13 5h6v6M19 5l-9 9M16 14v5H5V8h5",
};

/** Make an element. props: attributes; `class`; `on` for listeners; false, null and undefined leave one out. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A line icon by its name, hidden from screen readers. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** The address if a browser may follow it as a web link, otherwise null: never `javascript:` and the like. */
export function webLink(address) {
  return /^https?:\/\//i.test(address ?? "") ? address : null;
}

/** Copy a text; works on plain HTTP too, where there is no clipboard object. */
export async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = h("textarea", { readonly: true, class: "visually-hidden" });
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
