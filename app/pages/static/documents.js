// The list of a collection's documents, with their states, a filter, and deletion after a question.

import { documentPath } from "./client.js";
import { h, icon } from "./dom.js";
import { problemLines, reasonOf } from "./wording.js";

const PAGE_SIZE = 50;
const POLL_MS = 2000; // while documents of the list are being made searchable

export class Documents {
  /** root: the documents view; onOpen(document, trigger) shows its text; onChanged() after a deletion. */
  constructor(root, { client, strings, onOpen, onChanged }) {
    Object.assign(this, { client, strings, onOpen, onChanged });
    this.list = root.querySelector(".documents");
    this.more = root.querySelector(".documents-more");
    this.filter = root.querySelector(".documents-filter");
    this.confirm = document.querySelector("#confirm");
    this.collection = "";
    this.timer = 0;
    this.shown = [];
    this.filter.addEventListener("input", () => this.#soon(300));
    this.more.addEventListener("click", () => this.#load(this.cursor));
  }

  async open(collection) {
    this.collection = collection;
    this.filter.value = "";
    this.list.replaceChildren(this.strings.text(h("li", { class: "quiet" }), "loading"));
    await this.refresh();
  }

  /** Load the list anew. */
  async refresh() {
    if (this.collection) await this.#load();
  }

  redraw() {
    this.list.replaceChildren(...this.shown.map((document) => this.#row(document)));
    if (!this.shown.length) this.#showEmpty();
  }

  #soon(delayMs) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.refresh(), delayMs);
  }

  async #load(cursor = "") {
    clearTimeout(this.timer);
    const collection = this.collection;
    const query = new URLSearchParams({ limit: PAGE_SIZE, ...(cursor && { cursor }) });
    if (this.filter.value.trim()) query.set("q", this.filter.value.trim());
    const path = `v1/collections/${encodeURIComponent(collection)}/documents?${query}`;
    try {
      const reply = await this.client.json("GET", path);
      if (collection !== this.collection) return;
      this.shown = cursor ? [...this.shown, ...reply.documents] : reply.documents;
      this.cursor = reply.next_cursor;
      this.more.hidden = !this.cursor;
      this.redraw();
      if (this.shown.some(({ state }) => state === "queued" || state === "processing")) this.#soon(POLL_MS);
    } catch (problem) {
      this.#showProblem(problem);
    }
  }

  #showEmpty() {
    const key = this.filter.value.trim() ? "documents.none" : "documents.empty";
    this.list.replaceChildren(this.strings.text(h("li", { class: "quiet" }), key));
  }

  #showProblem(problem) {
    const [line, detail] = problemLines(this.strings, problem);
    const retry = h("button", { type: "button", class: "button", on: { click: () => this.refresh() } },
      icon("retry"), this.strings.text(h("span"), "retry"));
    const told = h("div", { role: "alert" }, h("strong", {}, line), h("p", {}, detail));
    this.list.replaceChildren(h("li", { class: "problem" }, told, retry));
  }

  #row(document) {
    const { strings } = this;
    const { id, title, state, error, live } = document;
    const name = title || document.filename || id;
    const facts = [id === name ? "" : id, sizeOf(document.size_bytes)].filter(Boolean);
    const remove = h("button", { type: "button", class: "icon-button", on: { click: () => this.#askDelete(document, name) } }, icon("trash"));
    const label = live
      ? h("button", { type: "button", class: "document-title", on: { click: (event) => this.onOpen(document, event.currentTarget) } }, name)
      : h("span", { class: "document-title" }, name);
    const passages = document.chunks ? strings.text(h("span"), "documents.passages", { n: document.chunks }) : null;
    const stage = state === "processing" && strings.has(`stage.${document.stage}`) ? `stage.${document.stage}` : `state.${state}`;
    return h("li", { class: "document-row", "data-state": state },
      h("div", { class: "document-main" }, label,
        h("span", { class: "document-facts quiet" }, ...facts.map((fact) => h("span", {}, fact)), passages),
        error ? h("span", { class: "document-error" }, reasonOf(strings, error)) : null),
      strings.text(h("span", { class: "state" }), stage),
      strings.label(remove, "documents.delete", { name }));
  }

  #askDelete(document, name) {
    const { confirm, strings } = this;
    strings.text(confirm.querySelector(".confirm-text"), "documents.confirm", { name });
    confirm.returnValue = "";
    confirm.onclose = () => confirm.returnValue === "yes" && this.#delete(document);
    confirm.showModal();
  }

  async #delete(document) {
    try {
      await this.client.request("DELETE", documentPath(this.collection, document.id));
      await this.refresh();
      this.list.querySelector("button")?.focus();
      this.onChanged();
    } catch (problem) {
      this.#showProblem(problem);
    }
  }
}

function sizeOf(bytes) {
  if (!bytes) return "";
  return bytes < 1e6 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
