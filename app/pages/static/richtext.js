// An answer's text as elements: paragraphs, lists, headings, tables, quoted rows, code, bold, and `[n]` markers. No
// links, no images, no markup from the text. While text streams in, blocks that did not change keep their elements (and so
// the reader's focus and selection).

import { h } from "./dom.js";

const INLINE = /\[(\d{1,3})\]|\*\*([^*\n]+)\*\*|`([^`\n]+)`/g;
const AFTER_MARKER = /^[.,;:!?。，；：！？、）)]*/;
const ITEM = /^\s*(?:[-*•]|(\d{1,3})[.)])\s+/;
const FENCE = /^\s*```/;
const BAR = " | ";

/** Cut a text into blocks `{kind, start, end, lines: [{start, end}]}` with UTF-16 offsets. */
export function blocksOf(text) {
  const blocks = [];
  let open = null;
  let start = 0;
  for (const line of text.split("\n")) {
    const range = { start, end: start + line.length };
    start = range.end + 1;
    const inFence = open?.kind === "code" && !open.closed;
    let kind = "paragraph";
    if (inFence || FENCE.test(line)) kind = "code";
    else if (!line.trim()) kind = null;
    else if (/^#{1,6}\s/.test(line)) kind = "heading";
    else if (ITEM.test(line)) kind = ITEM.exec(line)[1] ? "ordered" : "list";
    else if (/^\s*\|.*\|\s*$/.test(line)) kind = "table";
    const goesOn = open && kind === open.kind && kind !== "heading" && !open.closed;
    if (!kind) open = null;
    else if (goesOn) Object.assign(open, { end: range.end }).lines.push(range);
    else blocks.push((open = { kind, ...range, lines: [range] }));
    if (inFence && FENCE.test(line)) open.closed = true;
  }
  return blocks.flatMap((block) => (block.kind === "paragraph" ? withRecords(text, block) : [block]));
}

/**
 * Part a paragraph's quoted table rows from its other lines. A quoted row comes below the names of its columns:
 * `City | Limit:` and then `Paris | 190 [1]`; rows of one table follow each other, each with the names again or not.
 */
function withRecords(text, { lines }) {
  const blocks = [];
  const line = (range) => text.slice(range.start, range.end);
  const width = (range) => line(range).split(BAR).length;
  const isHead = (range) => width(range) > 1 && line(range).endsWith(":");
  for (let at = 0; at < lines.length; at++) {
    const range = lines[at];
    const next = lines[at + 1];
    const open = blocks.at(-1);
    if (isHead(range) && next && !isHead(next) && width(next) === width(range)) {
      if (open?.kind === "rows" && line(open.head) === line(range)) {
        Object.assign(open, { end: next.end }).lines.push(next);
      } else {
        blocks.push({ kind: "rows", start: range.start, end: next.end, head: range, lines: [next] });
      }
      at++;
    } else if (open?.kind === "rows" && !isHead(range) && width(range) === width(open.head)) {
      Object.assign(open, { end: range.end }).lines.push(range);
    } else if (open?.kind === "paragraph") {
      Object.assign(open, { end: range.end }).lines.push(range);
    } else {
      blocks.push({ kind: "paragraph", ...range, lines: [range] });
    }
  }
  return blocks;
}

/** Keeps a container's elements equal to a text. marker(n, offset) makes the element of a citation marker. */
export class RichText {
  #rendered = []; // {key, element} of each block

  constructor(container, marker) {
    this.container = container;
    this.marker = marker;
  }

  /** Show a text. flagged: UTF-16 ranges without support. version: changes where markers mean something new. */
  render(text, flagged = [], version = "") {
    const blocks = blocksOf(text);
    blocks.forEach((block, i) => {
      const inside = flagged.filter((range) => range.start < block.end && range.end > block.start);
      const key = JSON.stringify([version, block.kind, text.slice(block.start, block.end), inside]);
      if (this.#rendered[i]?.key === key) return;
      const element = new BlockWriter(text, inside, this.marker).write(block);
      if (this.#rendered[i]) this.#rendered[i].element.replaceWith(element);
      else this.container.append(element);
      this.#rendered[i] = { key, element };
    });
    for (const { element } of this.#rendered.splice(blocks.length)) element.remove();
  }
}

class BlockWriter {
  constructor(text, flagged, marker) {
    this.text = text;
    this.flagged = flagged;
    this.marker = marker;
  }

  write(block) {
    const { lines } = block;
    switch (block.kind) {
      case "code": {
        const inner = lines.slice(1, block.closed ? -1 : undefined);
        const code = inner.map((line) => this.text.slice(line.start, line.end)).join("\n");
        return h("pre", { tabindex: "0" }, h("code", {}, code));
      }
      case "heading":
        return h("h3", {}, ...this.inline(this.#after(lines[0], /^#+\s+/), lines[0].end));
      case "list":
      case "ordered": {
        const first = ITEM.exec(this.text.slice(lines[0].start, lines[0].end))[1];
        const items = lines.map((line) => h("li", {}, ...this.inline(this.#after(line, ITEM), line.end)));
        return first ? h("ol", { start: first }, ...items) : h("ul", {}, ...items);
      }
      case "table":
        return this.#table(lines);
      case "rows":
        return this.#rows(block);
      default: {
        const nodes = lines.flatMap((line, i) => [...(i ? [h("br")] : []), ...this.inline(line.start, line.end)]);
        return h("p", {}, ...nodes);
      }
    }
  }

  #after(line, prefix) {
    return line.start + prefix.exec(this.text.slice(line.start, line.end))[0].length;
  }

  #table(lines) {
    const isRule = (line) => /^[\s|:-]+$/.test(this.text.slice(line.start, line.end));
    const rows = lines.filter((line) => !isRule(line));
    const hasHead = lines.length > 1 && isRule(lines[1]);
    const row = (line, tag) => {
      const cells = [...this.text.slice(line.start, line.end).matchAll(/\|([^|]*)(?=\|)/g)];
      return h("tr", {}, ...cells.map((cell) => {
        const start = line.start + cell.index + 1;
        return h(tag, tag === "th" ? { scope: "col" } : {}, ...this.inline(start, start + cell[1].length));
      }));
    };
    const body = rows.slice(hasHead ? 1 : 0).map((line) => row(line, "td"));
    const head = hasHead && rows.length ? h("thead", {}, row(rows[0], "th")) : null;
    return h("div", { class: "table", tabindex: "0" }, h("table", {}, head, h("tbody", {}, ...body)));
  }

  /** Quoted rows: several as a table, a single one as a list of names and values, which fits every width. */
  #rows({ head, lines }) {
    const names = this.#cells({ start: head.start, end: head.end - 1 }); // without the colon
    if (lines.length === 1) {
      const values = this.#cells(lines[0]);
      return h("dl", { class: "row" }, ...names.map((name, i) => h("div", {}, h("dt", {}, ...name), h("dd", {}, ...values[i]))));
    }
    const row = (cells, tag, props = {}) => h("tr", {}, ...cells.map((cell) => h(tag, props, ...cell)));
    return h("div", { class: "table", tabindex: "0" }, h("table", {},
      h("thead", {}, row(names, "th", { scope: "col" })),
      h("tbody", {}, ...lines.map((line) => row(this.#cells(line), "td")))));
  }

  #cells({ start, end }) {
    let at = start;
    return this.text.slice(start, end).split(BAR).map((cell) => {
      const nodes = this.inline(at, at + cell.length);
      at += cell.length + BAR.length;
      return nodes;
    });
  }

  /** The nodes of text[start:end]. */
  inline(start, end) {
    const nodes = [];
    let at = start;
    for (const match of this.text.slice(start, end).matchAll(INLINE)) {
      const from = start + match.index;
      const button = match[1] ? this.marker(Number(match[1]), from) : null;
      // A marker stands close to its claim, and a line never begins with the full stop after it.
      nodes.push(...this.#plain(at, button ? at + this.text.slice(at, from).trimEnd().length : from));
      if (button) {
        const after = AFTER_MARKER.exec(this.text.slice(from + match[0].length, end))[0];
        nodes.push(h("span", { class: "cited" }, button, after));
        at = from + match[0].length + after.length;
        continue;
      }
      if (match[1]) nodes.push(match[0]);
      else if (match[2]) nodes.push(h("strong", {}, ...this.inline(from + 2, from + 2 + match[2].length)));
      else nodes.push(h("code", {}, match[3]));
      at = from + match[0].length;
    }
    nodes.push(...this.#plain(at, end));
    return nodes;
  }

  #plain(start, end) {
    const nodes = [];
    let at = start;
    for (const range of this.flagged) {
      const from = Math.max(range.start, at);
      const to = Math.min(range.end, end);
      if (from >= to) continue;
      if (from > at) nodes.push(this.text.slice(at, from));
      nodes.push(h("span", { class: "unsupported" }, this.text.slice(from, to)));
      at = to;
    }
    if (at < end) nodes.push(this.text.slice(at, end));
    return nodes;
  }
}
