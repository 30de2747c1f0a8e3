// The texts of page and widget in one language, which can be changed while the page is open.

const ATTRIBUTES = { tLabel: "aria-label", tPlaceholder: "placeholder", tTitle: "title" };

export class Strings {
  constructor(texts) {
    this.texts = texts;
  }

  get language() {
    return this.texts.code;
  }

  /** The text of a key, with `{name}` replaced by vars.name. `key.one` is used where vars.n is 1, if there is one. */
  get(key, vars = {}) {
    const text = (vars.n === 1 && this.texts[`${key}.one`]) || this.texts[key];
    if (text === undefined) throw new Error(`no text for ${key}`);
    return text.replace(/\{(\w+)\}/g, (_, name) => vars[name] ?? "");
  }

  has(key) {
    return key in this.texts;
  }

  /** Set an element's text by key, remembered for a change of language. Returns the element. */
  text(element, key, vars = {}) {
    element.dataset.t = key;
    element.dataset.tVars = JSON.stringify(vars);
    element.textContent = this.get(key, vars);
    return element;
  }

  /** Set an element's accessible name and tooltip by key. Returns the element. */
  label(element, key, vars = {}) {
    element.dataset.tLabel = element.dataset.tTitle = key;
    element.dataset.tVars = JSON.stringify(vars);
    element.setAttribute("aria-label", this.get(key, vars));
    element.title = this.get(key, vars);
    return element;
  }

  /** Switch to other texts and rewrite everything under root that was set by key. */
  switchTo(texts, root) {
    this.texts = texts;
    for (const element of root.querySelectorAll("[data-t], [data-t-label], [data-t-placeholder], [data-t-title]")) {
      const vars = JSON.parse(element.dataset.tVars ?? "{}");
      if (element.dataset.t) element.textContent = this.get(element.dataset.t, vars);
      for (const [name, attribute] of Object.entries(ATTRIBUTES)) {
        if (element.dataset[name]) element.setAttribute(attribute, this.get(element.dataset[name], vars));
      }
    }
  }
}
