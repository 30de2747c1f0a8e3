// Reads streamed text to a screen reader sentence by sentence: a live region that is rewritten all the time would
// be read again and again, so finished sentences are appended to a hidden one.

import { h } from "./dom.js";

const SENTENCE = /[^.!?。！？\n]+(?:[.!?]+(?=\s)|[。！？]+|\n+)/g;

export class Announcer {
  #region;
  #read = 0;

  /** region: an element with role="log". */
  constructor(region) {
    this.#region = region;
  }

  /** Start with another text. */
  reset() {
    this.#read = 0;
    this.#region.replaceChildren();
  }

  /** Read what is new and complete in the text so far; everything where isEnd. */
  update(text, isEnd = false) {
    const fresh = text.slice(this.#read);
    let length = 0;
    for (const match of fresh.matchAll(SENTENCE)) length = match.index + match[0].length;
    if (isEnd) length = fresh.length;
    this.#read += length;
    this.say(fresh.slice(0, length));
  }

  /** Read a line. */
  say(line) {
    const spoken = line.replace(/\[\d+\]|[*#`|]/g, "").trim();
    if (spoken) this.#region.append(h("p", {}, spoken));
  }
}
