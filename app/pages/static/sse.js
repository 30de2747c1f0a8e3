// Server-sent events from a fetch response: https://html.spec.whatwg.org/multipage/server-sent-events.html
// Lines end with CR, LF or CRLF only: models write U+2028 and U+0085, which are ordinary characters here.

/** Turns decoded text, cut anywhere, into events `{event, data, id}`. */
export class EventParser {
  #line = "";
  #afterCr = false;
  #event = "";
  #data = [];
  #id = "";

  /** Return the events that this piece of text completes. */
  push(text) {
    const events = [];
    let start = 0;
    for (let at = 0; at < text.length; at++) {
      const unit = text[at];
      if (unit === "\n" && this.#afterCr) {
        this.#afterCr = false; // the second half of a CRLF, maybe in another piece
        start = at + 1;
      } else if (unit === "\n" || unit === "\r") {
        const event = this.#endLine(this.#line + text.slice(start, at));
        if (event) events.push(event);
        this.#line = "";
        this.#afterCr = unit === "\r";
        start = at + 1;
      } else {
        this.#afterCr = false;
      }
    }
    this.#line += text.slice(start);
    return events;
  }

  #endLine(line) {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    if (field === "event") this.#event = value;
    else if (field === "data") this.#data.push(value);
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    return null;
  }

  #dispatch() {
    const event = { event: this.#event || "message", data: this.#data.join("\n"), id: this.#id };
    const empty = this.#data.length === 0;
    this.#event = "";
    this.#data = [];
    return empty ? null : event;
  }
}

/** Yield the events of a response as they arrive. Leaving the loop cancels the response. */
export async function* eventsOf(response) {
  const parser = new EventParser();
  const decoder = new TextDecoder(); // keeps characters whose bytes are cut; drops a byte order mark
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    reader.cancel().catch(() => {}); // already closed or aborted: nothing is left to release
  }
}
