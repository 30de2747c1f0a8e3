// One question with its answer as the reader sees it; used by the page and by the widget.

import { citationAt, isRefusal, splitSources } from "./answer.js";
import { copyText, h, icon } from "./dom.js";
import { Offsets } from "./offsets.js";
import { RichText } from "./richtext.js";
import { pagesOf, placeOf, problemLines, quoteOf } from "./wording.js";

export class TurnView {
  /**
   * options: strings; onCite(citation, trigger); onRetry(); and, where feedback is wanted, onFeedback(body).
   */
  constructor(answer, options) {
    this.answer = answer;
    this.options = options;
    this.strings = options.strings;
    this.searched = h("p", { class: "searched quiet", hidden: true });
    this.status = h("div", { class: "turn-status" });
    this.body = h("div", { class: "answer" });
    this.notice = h("div", { class: "turn-notice" });
    this.sources = h("div", { class: "turn-sources" });
    this.actions = h("div", { class: "turn-actions" });
    this.element = h(
      "article",
      { class: "turn" },
      h("h2", { class: "question" }, answer.question),
      this.searched, this.status, this.body, this.notice, this.sources, this.actions,
    );
    this.richtext = new RichText(this.body, (n, at) => this.#marker(n, at));
    this.update();
  }

  /** Show the answer as it is now. */
  update() {
    const { state } = this.answer;
    this.element.dataset.state = isRefusal(this.answer) ? "refused" : state;
    this.body.setAttribute("aria-busy", String(state === "writing" || state === "searching"));
    this.#showSearched();
    this.#showStatus();
    this.#showText();
    this.#showNotice();
    this.#showSources();
    this.#showActions();
  }

  #showText() {
    const { answer } = this;
    const offsets = new Offsets(answer.text);
    const flagged = answer.unsupported.map((range) => ({
      start: offsets.units(range.answer_start),
      end: offsets.units(range.answer_end),
    }));
    this.richtext.render(answer.text, flagged, `${this.strings.language}${answer.sources.length}`);
  }

  /** A follow-up is rewritten before it is searched for; the reader should see how it was understood. */
  #showSearched() {
    const { searched, question } = this.answer;
    if (!searched || searched.trim() === question.trim() || !this.searched.hidden) return;
    this.strings.text(this.searched, "status.searched", { question: searched });
    this.searched.hidden = false;
  }

  #showStatus() {
    const { answer, strings } = this;
    const searching = answer.state === "searching";
    const waiting = answer.state === "writing" && !answer.text;
    const shown = searching ? "status.searching" : waiting ? "status.reading" : "";
    if (this.status.dataset.shown === shown) return;
    this.status.dataset.shown = shown;
    if (!shown) return this.status.replaceChildren();
    const label = strings.text(h("span"), shown, { n: answer.sources.length });
    this.status.replaceChildren(h("span", { class: "pulse", "aria-hidden": "true" }), label);
  }

  #noticeKind() {
    const { answer } = this;
    if (isRefusal(answer)) return "refused";
    if (answer.problem) return "failed";
    if (answer.state === "stopped") return "stopped";
    if (answer.reason === "uncited") return "uncited";
    return answer.unsupported.length ? "unsupported" : "";
  }

  #showNotice() {
    const { answer, strings } = this;
    const kind = this.#noticeKind();
    if (this.notice.dataset.kind === kind) return;
    this.notice.dataset.kind = kind;
    this.notice.replaceChildren();
    if (kind === "refused") {
      this.notice.append(
        icon("search"),
        h("div", {}, h("strong", {}, answer.text),
          answer.reason === "no-documents" ? null : strings.text(h("p"), "refusal.hint")),
      );
    } else if (["stopped", "uncited", "unsupported"].includes(kind)) {
      this.notice.append(strings.text(h("p"), `notice.${kind}`));
    } else if (kind === "failed") {
      const [line, detail] = problemLines(strings, answer.problem);
      this.notice.append(
        icon("alert"),
        h("div", { role: "alert" }, h("strong", {}, line), detail ? h("p", {}, detail) : null),
        h("button", { type: "button", class: "button", on: { click: () => this.options.onRetry() } },
          icon("retry"), strings.text(h("span"), "retry")),
      );
    }
  }

  #showSources() {
    const { answer, strings } = this;
    const finished = !["searching", "writing"].includes(answer.state);
    const key = `${answer.sources.length} ${answer.citations.length} ${finished}`;
    if (this.sources.dataset.key === key) return;
    this.sources.dataset.key = key;
    const { cited, others } = splitSources(answer);
    this.sources.replaceChildren();
    if (!finished) return;
    if (cited.length) {
      this.sources.append(strings.text(h("h3", { class: "label" }), "sources.cited"), this.#list(cited));
    }
    if (others.length) {
      const summary = strings.text(h("summary"), cited.length ? "sources.others" : "sources.found", { n: others.length });
      this.sources.append(h("details", {}, summary, this.#list(others)));
    }
  }

  #list(sources) {
    const { answer, strings } = this;
    return h("ol", { class: "sources" }, ...sources.map((source) => {
      const citation = answer.citations.find((candidate) => candidate.n === source.n);
      const open = (event) => this.options.onCite({ ...source, ...citation, passage: source }, event.currentTarget);
      const where = placeOf(strings, source);
      return h("li", {}, h("button", { type: "button", class: "source", on: { click: open } },
        h("span", { class: "mark", "aria-hidden": "true" }, String(source.n)),
        h("span", { class: "source-text" },
          h("span", { class: "source-title" }, source.title || source.document_id),
          where ? h("span", { class: "source-where" }, where) : null,
          h("span", { class: "source-quote" }, quoteOf({ ...source, ...citation })))));
    }));
  }

  #marker(n, at) {
    const citation = citationAt(this.answer, n, at);
    if (!citation) return null;
    const open = (event) => {
      // The citation of this claim may have come after the marker was drawn.
      this.options.onCite(citationAt(this.answer, n, at), event.currentTarget);
    };
    const button = h("button", { type: "button", class: "mark", on: { click: open } }, String(n));
    return this.strings.label(button, "cite", { n, title: citation.title || citation.document_id });
  }

  #showActions() {
    const { answer, strings } = this;
    const finished = answer.state === "done" || (answer.state === "stopped" && answer.text);
    const key = `${finished}`;
    if (this.actions.dataset.key === key) return;
    this.actions.dataset.key = key;
    this.actions.replaceChildren();
    if (!finished) return;
    const copy = h("button", { type: "button", class: "icon-button", on: { click: () => this.#copy(copy) } }, icon("copy"));
    this.actions.append(strings.label(copy, "copy"));
    if (this.options.onFeedback && answer.id) this.#addFeedback();
  }

  async #copy(button) {
    const { answer, strings } = this;
    const { cited } = splitSources(answer);
    const lines = cited.map((source) =>
      [`[${source.n}] ${source.title || source.document_id}`, pagesOf(strings, source), source.uri].filter(Boolean).join(", "),
    );
    await copyText([answer.text, ...(lines.length ? ["", ...lines] : [])].join("\n"));
    button.replaceChildren(icon("check"));
    strings.label(button, "copied");
    setTimeout(() => {
      button.replaceChildren(icon("copy"));
      strings.label(button, "copy");
    }, 2000);
  }

  #addFeedback() {
    const { strings } = this;
    const make = (rating) => {
      const rate = () => this.#rate(rating, buttons);
      const button = h("button", { type: "button", class: "icon-button", "aria-pressed": "false", on: { click: rate } }, icon(rating));
      return strings.label(button, `feedback.${rating}`);
    };
    const buttons = { up: make("up"), down: make("down") };
    this.actions.append(buttons.up, buttons.down);
  }

  async #rate(rating, buttons) {
    for (const [name, button] of Object.entries(buttons)) button.setAttribute("aria-pressed", String(name === rating));
    this.actions.querySelector(".reason")?.remove();
    await this.options.onFeedback({ rating });
    if (rating === "down") this.#askReason();
  }

  #askReason() {
    const { strings } = this;
    const input = h("input", { type: "text", maxlength: "500", class: "field" });
    const send = async (event) => {
      event.preventDefault();
      if (input.value.trim()) await this.options.onFeedback({ rating: "down", reason: input.value.trim() });
      form.replaceChildren(strings.text(h("span", { role: "status" }), "feedback.thanks"));
    };
    const form = h("form", { class: "reason", on: { submit: send } }, input,
      strings.text(h("button", { class: "button" }), "feedback.send"));
    input.dataset.tPlaceholder = input.dataset.tLabel = "feedback.reason";
    input.placeholder = strings.get("feedback.reason");
    input.setAttribute("aria-label", strings.get("feedback.reason"));
    this.actions.append(form);
    input.focus();
  }
}
