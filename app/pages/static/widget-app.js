// The widget: an ask button and a dialog in a shadow root, so that neither page nor widget touches the other's style.

import { Client } from "./client.js";
import { Conversation } from "./conversation.js";
import { h, icon, webLink } from "./dom.js";
import { Strings } from "./strings.js";
import { placeOf, quoteOf } from "./wording.js";

const NARROW = "(max-width: 480px)";

/** Put the widget on the page. options: the script's data attributes: collection, key, lang, title, theme. */
export async function mount(base, { collection, key = "", lang, title, theme }) {
  if (!collection) throw new Error("data-collection is missing");
  const wanted = (lang || document.documentElement.lang || navigator.language).toLowerCase();
  const [texts, ...sheets] = await Promise.all([
    load(base, `static/strings/${wanted.startsWith("zh") ? "zh" : "en"}.json`).then((reply) => reply.json()),
    ...["answer", "widget"].map(async (name) => sheet(await (await load(base, `static/${name}.css`)).text())),
  ]);
  const host = document.createElement("ragstone-widget");
  host.lang = texts.code;
  if (theme === "light" || theme === "dark") host.dataset.theme = theme;
  const root = host.attachShadow({ mode: "open" });
  root.adoptedStyleSheets = sheets;
  new Widget(root, new Client(base, { key }), new Strings(texts), { collection, title });
  document.body.append(host);
}

async function load(base, path) {
  const reply = await fetch(new URL(path, base));
  if (!reply.ok) throw new Error(`${path}: ${reply.status}`);
  return reply;
}

function sheet(text) {
  const made = new CSSStyleSheet(); // not held back by a page's Content-Security-Policy, as a style element would be
  // A rem follows the page's root font size, which is none of ours: here it is always 15 px.
  made.replaceSync(text.replace(/(\d*\.?\d+)rem\b/g, (_, number) => `${number * 15}px`));
  return made;
}

class Widget {
  constructor(root, client, strings, { collection, title }) {
    this.strings = strings;
    const name = title || strings.get("widget.title");
    this.launcher = h("button", { type: "button", class: "launcher", "aria-haspopup": "dialog", "aria-expanded": "false", on: { click: () => this.toggle() } },
      icon("chat"), h("span", {}, strings.get("widget.open")));
    this.input = h("textarea", { rows: "1", maxlength: "8000", enterkeyhint: "send", placeholder: strings.get("ask.placeholder"), "aria-label": strings.get("ask.label") });
    this.send = this.#iconButton("send", "ask.send", "send", "submit");
    this.stop = this.#iconButton("stop", "ask.stop", "send stop");
    this.again = this.#iconButton("plus", "widget.new", "icon-button");
    const close = this.#iconButton("close", "close", "icon-button");
    this.turns = h("div", { class: "turns" });
    this.welcome = h("p", { class: "welcome" }, strings.get("widget.welcome"));
    const log = h("div", { class: "visually-hidden", role: "log", "aria-live": "polite" });
    this.scroller = h("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": name }, this.welcome, this.turns);
    this.form = h("form", { class: "composer" }, this.input, this.send, this.stop);
    this.dialog = h("dialog", { class: "window", "aria-label": name },
      h("header", {}, h("h2", {}, name), this.again, close), this.scroller, log, this.form);
    root.append(this.launcher, this.dialog);

    this.conversation = new Conversation({
      client,
      strings,
      historyName: "widget",
      list: this.turns,
      log,
      withFeedback: true,
      onCite: (citation, trigger) => this.#showQuote(citation, trigger),
      onChange: () => this.#showState(),
    });
    this.conversation.open(collection);
    this.#listen(root, close);
  }

  toggle() {
    if (this.dialog.open) return this.close();
    // On a narrow screen it fills the screen, so the page behind must not be reachable.
    if (matchMedia(NARROW).matches) this.dialog.showModal();
    else this.dialog.show();
    this.launcher.setAttribute("aria-expanded", "true");
    this.input.focus();
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  close() {
    this.dialog.close();
  }

  #iconButton(name, key, kind, type = "button") {
    return this.strings.label(h("button", { type, class: kind }, icon(name)), key);
  }

  #listen(root, close) {
    close.addEventListener("click", () => this.close());
    this.dialog.addEventListener("close", () => {
      this.launcher.setAttribute("aria-expanded", "false");
      this.launcher.focus();
    });
    this.stop.addEventListener("click", () => this.conversation.stop());
    this.again.addEventListener("click", () => {
      this.conversation.startOver();
      this.input.focus();
    });
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#ask();
    });
    this.input.addEventListener("input", () => this.#fitInput());
    // What is typed here is no shortcut of the page.
    for (const type of ["keydown", "keyup", "keypress"]) root.addEventListener(type, (event) => event.stopPropagation());
    this.dialog.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.isComposing) this.close();
    });
    this.input.addEventListener("keydown", (event) => {
      // While an input method composes Chinese, Enter takes a candidate and must not send.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.#ask();
    });
  }

  #ask() {
    const text = this.input.value.trim();
    if (!text || this.conversation.isBusy) return;
    this.input.value = "";
    this.#fitInput();
    this.conversation.ask(text);
    this.conversation.turns.at(-1).element.scrollIntoView({ block: "start" });
  }

  #fitInput() {
    this.input.style.height = "auto";
    this.input.style.height = `${this.input.scrollHeight}px`;
  }

  #showState() {
    const { isBusy, turns } = this.conversation;
    this.send.hidden = isBusy;
    this.stop.hidden = !isBusy;
    this.again.hidden = turns.length === 0;
    this.welcome.hidden = turns.length > 0;
  }

  /** Open the quote below the source or the paragraph that was clicked; a second click closes it. */
  #showQuote(citation, trigger) {
    const place = trigger.closest(".sources > li, .answer > *");
    const open = place.nextElementSibling;
    const key = `${citation.n}:${citation.char_start}`;
    if (open?.classList.contains("quote-card")) {
      open.remove();
      trigger.setAttribute("aria-expanded", "false");
      if (open.dataset.key === key) return;
    }
    const where = placeOf(this.strings, citation);
    const address = webLink(citation.uri);
    const name = citation.title || citation.document_id;
    const heading = address
      ? h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, name)
      : h("strong", {}, name);
    const card = h(place.tagName === "LI" ? "li" : "div", { class: "quote-card", "data-key": key, role: "status" },
      h("blockquote", {}, quoteOf(citation)), h("p", {}, heading), where ? h("p", { class: "quiet" }, where) : null);
    place.after(card);
    trigger.setAttribute("aria-expanded", "true");
    card.scrollIntoView({ block: "nearest" });
  }
}
