// Uploads: what is sent, then the job that makes it searchable, each with its progress and its failures.

import { h, icon } from "./dom.js";
import { problemLines } from "./turn.js";

const ENDED = ["succeeded", "partial", "failed", "cancelled"];
const RECONNECTS = 5;

export class Uploads {
  /** list: element for the uploads; onSettled(): called when documents may have changed. */
  constructor(list, { client, strings, onSettled }) {
    Object.assign(this, { list, client, strings, onSettled });
  }

  /** Send files to a collection and follow them until they are searchable or have failed. */
  async add(collection, files) {
    if (!files.length) return;
    const { strings } = this;
    const controller = new AbortController();
    const title = files.length === 1 ? h("span", {}, files[0].name) : strings.text(h("span"), "upload.files", { n: files.length });
    const bar = h("progress", { max: "1", value: "0" });
    const note = strings.text(h("span", { class: "quiet", role: "status" }), "upload.sending", { percent: 0 });
    const cancel = strings.label(h("button", { type: "button", class: "icon-button", on: { click: () => controller.abort() } }, icon("close")), "cancel");
    const failures = h("ul", { class: "failures" });
    const card = h("li", { class: "upload", "data-state": "running" },
      h("div", { class: "upload-head" }, icon("file"), h("strong", {}, title), note, cancel), bar, failures);
    strings.label(bar, "upload.progress");
    this.list.prepend(card);
    const view = { card, bar, note, failures, cancel, dismiss: () => card.remove() };
    try {
      const onProgress = (share) => {
        bar.value = share;
        strings.text(note, share < 1 ? "upload.sending" : "upload.queued", { percent: Math.round(share * 100) });
      };
      const path = `v1/collections/${encodeURIComponent(collection)}/documents`;
      const job = await this.client.upload(path, files, { onProgress, signal: controller.signal });
      this.onSettled();
      cancel.onclick = () => this.client.request("DELETE", `v1/jobs/${job.id}`).catch(() => {}); // ended meanwhile
      this.#end(view, await this.#follow(job, view));
    } catch (error) {
      if (error.name === "AbortError") card.remove();
      else this.#fail(view, error, () => this.add(collection, files));
    }
    this.onSettled();
  }

  async #follow(job, view) {
    let last = job;
    for (let attempt = 0; attempt < RECONNECTS && !ENDED.includes(last.state); attempt++) {
      try {
        for await (const { data } of this.client.events("GET", `v1/jobs/${job.id}/events`)) {
          last = data;
          this.#progress(view, last);
        }
      } catch (error) {
        if (error.slug !== "cut" && error.slug !== "network") throw error;
        await new Promise((resolve) => setTimeout(resolve, 1000 * 2 ** attempt));
      }
    }
    return last;
  }

  #progress({ bar, note }, { stage, done, total }) {
    const { strings } = this;
    if (done > 0) bar.value = done / Math.max(total, 1);
    else bar.removeAttribute("value"); // under way, without a measure yet
    const key = strings.has(`stage.${stage}`) ? `stage.${stage}` : "upload.queued";
    strings.text(note, total > 1 && done > 0 ? "upload.processed" : key, { done, total });
  }

  #end(view, job) {
    const { strings } = this;
    view.card.dataset.state = job.state;
    view.bar.remove();
    const good = job.total - job.failed;
    if (job.state === "succeeded" && job.unchanged === job.total) strings.text(view.note, "upload.unchanged");
    else if (job.state === "succeeded") strings.text(view.note, "upload.searchable", { n: good });
    else strings.text(view.note, `upload.${job.state}`, { n: good, failed: job.failed });
    for (const { document_id: id, detail } of job.errors) {
      view.failures.append(h("li", {}, h("strong", {}, id), " ", detail));
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
    view.failures.append(h("li", { role: "alert" }, h("strong", {}, line), " ", detail));
    view.card.append(h("button", { type: "button", class: "button", on: { click: again } },
      icon("retry"), this.strings.text(h("span"), "retry")));
    this.#makeDismissable(view);
  }

  #makeDismissable(view) {
    const dismiss = h("button", { type: "button", class: "icon-button", on: { click: view.dismiss } }, icon("close"));
    view.cancel.replaceWith(this.strings.label(dismiss, "dismiss"));
  }
}
