// Uploads: what is sent, then the job that makes it searchable, each with its progress and its failures.

import { h, icon } from "./dom.js";
import { problemLines, reasonOf } from "./wording.js";

const ENDED = ["succeeded", "partial", "failed", "cancelled"];
const RECONNECTS = 5;
const REFRESH_MS = 2000; // between two looks at the documents while a job goes on

export class Uploads {
  #running = new Map(); // id of each job that is being followed, and its collection
  #refreshed = 0;

  /** list: element for the uploads; onSettled(): called when documents may have changed. */
  constructor(list, { client, strings, onSettled }) {
    Object.assign(this, { list, client, strings, onSettled });
  }

  /** Whether documents of a collection are being made searchable, as far as is known here. */
  isFeeding(collection) {
    return [...this.#running.values()].includes(collection);
  }

  /** Send files to a collection and follow them until they are searchable or have failed. */
  async add(collection, files) {
    if (!files.length) return;
    const controller = new AbortController();
    const view = this.#card(files.length, files[0].name);
    this.strings.text(view.note, "upload.sending", { percent: 0 });
    view.cancel.onclick = () => controller.abort();
    try {
      const onProgress = (share) => {
        view.bar.value = share;
        this.strings.text(view.note, share < 1 ? "upload.sending" : "upload.queued", { percent: Math.round(share * 100) });
      };
      const path = `v1/collections/${encodeURIComponent(collection)}/documents`;
      await this.#watchJob(await this.client.upload(path, files, { onProgress, signal: controller.signal }), view);
    } catch (error) {
      if (error.name === "AbortError") view.card.remove();
      else this.#fail(view, error, () => this.add(collection, files));
      this.onSettled();
    }
  }

  /** Follow what is being fed to a collection by others: the command line, another tab, the first start. */
  async watch(collection) {
    const listed = ["running", "queued"].map((state) => this.client.json("GET", `v1/jobs?state=${state}`));
    const found = await Promise.all(listed).catch(() => []); // a key that may only ask is told nothing of jobs
    for (const job of found.flatMap(({ jobs }) => jobs)) {
      if (job.collection !== collection || job.kind !== "ingest" || this.#running.has(job.id)) continue;
      const view = this.#card(job.total);
      this.#watchJob(job, view).catch((error) => this.#fail(view, error, () => this.watch(collection)));
    }
  }

  #card(count, name) {
    const { strings } = this;
    const title = name && count === 1 ? h("span", {}, name) : strings.text(h("span"), "upload.files", { n: count });
    const bar = strings.label(h("progress", { max: "1", value: "0" }), "upload.progress");
    const note = strings.text(h("span", { class: "quiet", role: "status" }), "upload.queued");
    const cancel = strings.label(h("button", { type: "button", class: "icon-button" }, icon("close")), "cancel");
    const failures = h("ul", { class: "failures" });
    const card = h("li", { class: "upload", "data-state": "running" },
      h("div", { class: "upload-head" }, icon("file"), h("strong", {}, title), note, cancel), bar, failures);
    this.list.prepend(card);
    return { card, bar, note, failures, cancel, name: count === 1 && name, dismiss: () => card.remove() };
  }

  async #watchJob(job, view) {
    this.#running.set(job.id, job.collection);
    this.onSettled();
    view.cancel.onclick = () => this.client.request("DELETE", `v1/jobs/${job.id}`).catch(() => {}); // ended meanwhile
    try {
      this.#end(view, await this.#follow(job, view));
    } finally {
      this.#running.delete(job.id);
      this.onSettled();
    }
  }

  async #follow(job, view) {
    let last = job;
    for (let attempt = 0; attempt < RECONNECTS && !ENDED.includes(last.state); attempt++) {
      try {
        for await (const { data } of this.client.events("GET", `v1/jobs/${job.id}/events`)) {
          last = data;
          this.#progress(view, last);
          if (last.done > 0 && Date.now() - this.#refreshed > REFRESH_MS) {
            this.#refreshed = Date.now();
            this.onSettled();
          }
        }
      } catch (error) {
        if (error.slug !== "cut" && error.slug !== "network") throw error;
        await new Promise((resolve) => setTimeout(resolve, 1000 * 2 ** attempt));
      }
    }
    return last;
  }

  #progress({ bar, note }, { state, progress, done, total }) {
    if (state === "queued") return bar.removeAttribute("value"); // under way, without a measure yet
    bar.value = progress;
    this.strings.text(note, total > 1 && done > 0 ? "upload.processed" : "upload.running", { done, total });
  }

  #end(view, job) {
    const { strings } = this;
    view.card.dataset.state = job.state;
    view.bar.remove();
    const good = job.total - job.failed;
    if (job.state === "succeeded" && job.unchanged === job.total) strings.text(view.note, "upload.unchanged");
    else if (job.state === "succeeded") strings.text(view.note, "upload.searchable", { n: good });
    else strings.text(view.note, `upload.${job.state}`, { n: good, failed: job.failed });
    for (const error of job.errors) {
      const name = error.document_id === view.name ? [] : [h("strong", {}, error.document_id), " "];
      view.failures.append(h("li", {}, ...name, reasonOf(strings, error)));
    }
    this.#makeDismissable(view);
  }

  #fail(view, problem, retry) {
    const [line, detail] = problemLines(this.strings, problem);
    view.card.dataset.state = "failed";
    view.bar.remove();
    view.note.remove();
    const again = () => {
      view.dismiss();
      retry();
    };
    view.failures.append(h("li", {}, h("span", { role: "alert" }, h("strong", {}, line), " ", detail)));
    view.card.append(h("button", { type: "button", class: "button", on: { click: again } },
      icon("retry"), this.strings.text(h("span"), "retry")));
    this.#makeDismissable(view);
  }

  #makeDismissable(view) {
    const dismiss = h("button", { type: "button", class: "icon-button", on: { click: view.dismiss } }, icon("close"));
    view.cancel.replaceWith(this.strings.label(dismiss, "dismiss"));
  }
}
