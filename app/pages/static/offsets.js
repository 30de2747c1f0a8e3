// The service counts Unicode code points, JavaScript UTF-16 units: a character beyond U+FFFF counts 1 there, 2 here.

const ASTRAL = /[\u{10000}-\u{10FFFF}]/gu;

/** Converts between code-point offsets and UTF-16 offsets of one text, in O(log of its astral characters). */
export class Offsets {
  #astral = []; // UTF-16 offset of each astral character

  constructor(text) {
    this.length = text.length;
    for (const match of text.matchAll(ASTRAL)) this.#astral.push(match.index);
  }

  /** The UTF-16 offset of a code-point offset, kept inside the text. */
  units(points) {
    // The i-th astral character (from 0) begins at code point astral[i] - i.
    const before = this.#count((unit, i) => unit - i < points);
    return Math.min(Math.max(points + before, 0), this.length);
  }

  /** The code-point offset of a UTF-16 offset. */
  points(units) {
    return units - this.#count((unit) => unit < units);
  }

  #count(isBefore) {
    let low = 0;
    let high = this.#astral.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore(this.#astral[middle], middle)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
