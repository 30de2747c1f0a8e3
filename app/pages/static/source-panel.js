// The side panel that shows a document's parsed text with the cited passage marked and scrolled to. In a wide window
// it stands beside the conversation, in a narrow one above it.

import { documentPath } from "./client.js";
import { h, icon, webLink } from "./dom.js";
import { Offsets } from "./offsets.js";
import { pagesOf, problemLines } from "./wording.js";

const WIDE = matchMedia("(min-width: 64rem)");
const WINDOW_UNITS = 30000; // how much is drawn to each side of the passage; a button draws more

export class SourcePanel {
  /** dialog: the panel's dialog element, with .panel-title, .panel-where, .panel-links and .panel-body inside. */
  constructor(dialog, { client, strings }) {
    Object.assign(this, { dialog, client, strings });
    this.body = dialog.querySelector(".panel-body");
    this.trigger = null; // what opened it, and gets the focus back
    this.opened = 0; // counts, so that a slow reply for an earlier citation is dropped
    dialog.addEventListener("close", () => this.#closed());
    // Beside the conversation it is not modal, so the browser does not close it by Esc.
    addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.isComposing && !document.querySelector("dialog:modal")) this.close();
    });
    WIDE.addEventListener("change", () => this.close());
  }

  /** Show a citation: its quote marked strongly, its whole passage lightly. trigger: the element that was used. */
  async open(collection, citation, trigger) {
    const { dialog, strings } = this;
    const turn = ++this.opened;
    this.#follow(trigger);
    dialog.querySelector(".panel-title").textContent = citation.title || citation.document_id;
    dialog.querySelector(".panel-where").textContent = pagesOf(strings, citation);
    this.#showLinks(collection, citation);
    this.body.replaceChildren(strings.text(h("p", { class: "quiet" }), "loading"));
    document.documentElement.classList.toggle("beside", WIDE.matches);
    if (!dialog.open) WIDE.matches ? dialog.show() : dialog.showModal();
    this.body.focus();
    try {
      const reply = await this.client.json("GET", documentPath(collection, citation.document_id, "/text"));
      if (turn === this.opened) this.#show(reply, citation);
    } catch (problem) {
      if (turn === this.opened) this.#showProblem(problem, () => this.open(collection, citation, this.trigger));
    }
  }

  close() {
    if (this.dialog.open) this.dialog.close();
  }

  #follow(trigger) {
    this.trigger?.removeAttribute("aria-current");
    this.trigger = trigger;
    trigger?.setAttribute("aria-current", "true");
  }

  #closed() {
    const { trigger } = this;
    this.opened++;
    this.#follow(null);
    document.documentElement.classList.remove("beside");
    trigger?.focus({ preventScroll: true });
  }

  #showLinks(collection, citation) {
    const { strings } = this;
    const links = [];
    const address = webLink(citation.uri);
    if (address) {
      links.push(h("a", { class: "button", href: address, target: "_blank", rel: "noopener noreferrer" },
        icon("open"), strings.text(h("span"), "source.page")));
    }
    links.push(h("button", { type: "button", class: "button", on: { click: () => this.#download(collection, citation) } },
      icon("file"), strings.text(h("span"), "source.original")));
    this.dialog.querySelector(".panel-links").replaceChildren(...links);
  }

  async #download(collection, citation) {
    try {
      const reply = await this.client.request("GET", documentPath(collection, citation.document_id, "/original"));
      const named = /filename\*=UTF-8''([^;]+)|filename="([^"]+)"/i.exec(reply.headers.get("Content-Disposition") ?? "");
      const name = named ? decodeURIComponent(named[1] ?? named[2]) : citation.document_id.split("/").pop();
      const address = URL.createObjectURL(await reply.blob());
      h("a", { href: address, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
    } catch (problem) {
      this.#showProblem(problem, () => this.#download(collection, citation));
    }
  }

  #showProblem(problem, retry) {
    const [line, detail] = problemLines(this.strings, problem);
    this.body.replaceChildren(
      h("div", { role: "alert", class: "problem" }, h("strong", {}, line), detail ? h("p", {}, detail) : null),
      h("button", { type: "button", class: "button", on: { click: retry } }, icon("retry"),
        this.strings.text(h("span"), "retry")),
    );
  }

  #show({ text, blocks }, citation) {
    const offsets = new Offsets(text);
    const range = (value) => ({ start: offsets.units(value.char_start), end: offsets.units(value.char_end) });
    const quote = range(citation);
    const marks = { quote, passage: citation.passage ? range(citation.passage) : quote };
    const drawn = blocks.length ? blocks : [{ kind: "paragraph", char_start: 0, char_end: Array.from(text).length }];
    const placed = drawn.map((block) => ({ ...block, ...range(block) }));
    this.#draw(text, placed, marks, quote.start - WINDOW_UNITS, quote.end + WINDOW_UNITS);
    const mark = this.body.querySelector("mark.quote") ?? this.body.querySelector("mark");
    mark?.scrollIntoView({ block: "center" });
  }

  #draw(text, blocks, marks, from, to) {
    const shown = blocks.filter((block) => block.end > from && block.start < to);
    const nodes = [];
    const more = (key, nextFrom, nextTo) =>
      h("button", { type: "button", class: "button more", on: { click: () => this.#draw(text, blocks, marks, nextFrom, nextTo) } },
        this.strings.text(h("span"), key));
    if (shown[0] !== blocks[0]) nodes.push(more("source.earlier", from - 2 * WINDOW_UNITS, to));
    let page = null;
    let rows = null; // the body of the table under way
    for (const block of shown) {
      if (block.page && block.page !== page) {
        page = block.page;
        rows = null;
        nodes.push(this.strings.text(h("div", { class: "page-break" }), "page", { n: page }));
      }
      if (!block.kind.startsWith("table_")) {
        rows = null;
        nodes.push(blockElement(text, block, marks));
        continue;
      }
      if (!rows || block.kind === "table_header") {
        rows = h("tbody");
        nodes.push(h("div", { class: "table", tabindex: "0" }, h("table", {}, rows)));
      }
      rows.append(rowElement(text, block, marks));
    }
    if (shown.at(-1) !== blocks.at(-1)) nodes.push(more("source.later", from, to + 2 * WINDOW_UNITS));
    this.body.replaceChildren(h("div", { class: "document" }, ...nodes));
  }
}

function blockElement(text, block, marks) {
  const nodes = marked(text, block.start, block.end, marks);
  switch (block.kind) {
    case "heading":
      return h(`h${Math.min(block.level + 2, 6)}`, {}, ...nodes);
    case "list_item":
      return h("p", { class: "item" }, ...nodes);
    case "code":
      return h("pre", {}, ...nodes);
    default:
      return h("p", {}, ...nodes);
  }
}

/** A table's row; the parsers set its cells apart by " | ". */
function rowElement(text, block, marks) {
  const tag = block.kind === "table_header" ? "th" : "td";
  let start = block.start;
  const cells = text.slice(block.start, block.end).split(" | ").map((cell) => {
    const from = start;
    start += cell.length + " | ".length;
    return h(tag, tag === "th" ? { scope: "col" } : {}, ...marked(text, from, from + cell.length, marks));
  });
  return h("tr", {}, ...cells);
}

/** The nodes of text[start:end], with what lies in the quote or else the passage marked. Offsets are UTF-16. */
function marked(text, start, end, { quote, passage }) {
  const edges = [start, quote.start, quote.end, passage.start, passage.end, end];
  const cuts = [...new Set(edges.filter((edge) => edge >= start && edge <= end))].sort((a, b) => a - b);
  return cuts.slice(1).map((to, i) => {
    const from = cuts[i];
    const piece = text.slice(from, to);
    if (from >= quote.start && to <= quote.end) return h("mark", { class: "quote" }, piece);
    return from >= passage.start && to <= passage.end ? h("mark", { class: "passage" }, piece) : piece;
  });
}
