// Calls to the service: keys, problem documents (RFC 9457), event streams, uploads with progress.

import { eventsOf } from "./sse.js";

/** An error that the service, or the way to it, reported. slug is stable; detail is for people. */
export class Problem extends Error {
  constructor({ status = 0, slug = "network", title = "", detail = "" } = {}) {
    super(detail || title || slug);
    Object.assign(this, { status, slug, title, detail });
  }

  /** Read a problem from a reply's text; anything else in it counts as an internal error. */
  static parse(status, text) {
    try {
      const body = JSON.parse(text);
      return new Problem({ status, slug: body.type.split(":").pop(), title: body.title, detail: body.detail });
    } catch {
      return new Problem({ status, slug: "internal" });
    }
  }
}

/** The path of a document under its collection; ids may hold slashes. */
export function documentPath(collection, id, rest = "") {
  const encoded = id.split("/").map(encodeURIComponent).join("/");
  return `v1/collections/${encodeURIComponent(collection)}/documents/${encoded}${rest}`;
}

export class Client {
  /**
   * base: address of the service, with a slash at its end. key: sent as Bearer, or "" for the cookie.
   * onUnauthorized(attempt): gets a chance to find a key, attempt counting from 0; resolves to whether to try again.
   */
  constructor(base, { key = "", onUnauthorized = async () => false } = {}) {
    this.base = base;
    this.key = key;
    this.onUnauthorized = onUnauthorized;
  }

  /** Return the reply if it is good; throws Problem, or an AbortError where signal was aborted. */
  async request(method, path, { json, signal } = {}) {
    for (let attempt = 0; ; attempt++) {
      const response = await this.#fetch(method, path, json, signal);
      if (response.ok) return response;
      const problem = Problem.parse(response.status, await response.text());
      if (response.status !== 401 || !(await this.onUnauthorized(attempt))) throw problem;
    }
  }

  async json(method, path, options) {
    return (await this.request(method, path, options)).json();
  }

  /** Yield `{event, data}` with parsed data; throws Problem on an `error` event or a cut connection. */
  async *events(method, path, options) {
    const response = await this.request(method, path, options);
    try {
      for await (const { event, data } of eventsOf(response)) {
        const parsed = JSON.parse(data);
        if (event === "error") throw Problem.parse(parsed.status, data);
        yield { event, data: parsed };
      }
    } catch (error) {
      throw error instanceof TypeError ? new Problem({ slug: "cut" }) : error;
    }
  }

  /** Upload files in one request; onProgress gets 0 to 1. Resolves to the job. */
  async upload(path, files, { onProgress, signal }) {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#send(path, files, onProgress, signal);
      } catch (problem) {
        if (problem.status !== 401 || !(await this.onUnauthorized(attempt))) throw problem;
      }
    }
  }

  #headers() {
    return this.key ? { Authorization: `Bearer ${this.key}` } : {};
  }

  async #fetch(method, path, json, signal) {
    const headers = this.#headers();
    if (json !== undefined) headers["Content-Type"] = "application/json";
    const body = json === undefined ? undefined : JSON.stringify(json);
    try {
      return await fetch(new URL(path, this.base), { method, headers, body, signal, cache: "no-store" });
    } catch (error) {
      throw error instanceof TypeError ? new Problem() : error;
    }
  }

  #send(path, files, onProgress, signal) {
    // XMLHttpRequest, because fetch does not tell how much of a body is sent.
    const form = new FormData();
    for (const file of files) form.append("files", file, file.name);
    return new Promise((resolve, reject) => {
      const call = new XMLHttpRequest();
      call.open("POST", new URL(path, this.base));
      for (const [name, value] of Object.entries(this.#headers())) call.setRequestHeader(name, value);
      call.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
      call.onload = () =>
        call.status < 300
          ? resolve(JSON.parse(call.responseText))
          : reject(Problem.parse(call.status, call.responseText));
      call.onerror = () => reject(new Problem());
      call.onabort = () => reject(new DOMException("aborted", "AbortError"));
      signal.addEventListener("abort", () => call.abort());
      call.send(form);
    });
  }
}
