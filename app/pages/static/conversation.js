// A conversation on one collection: asks, streams, stops, remembers. The page and the widget each own one.

import { applyEvent, newAnswer } from "./answer.js";
import { Announcer } from "./announcer.js";
import { Problem } from "./client.js";
import { History } from "./history.js";
import { TurnView } from "./turn.js";

export class Conversation {
  /**
   * options: client, strings, historyName, list (element for the turns), log (the live region), onCite,
   * onChange() after each change of state, withFeedback.
   */
  constructor(options) {
    this.options = options;
    this.history = new History(options.historyName);
    this.announcer = new Announcer(options.log);
    this.collection = "";
    this.turns = [];
    this.running = null; // the AbortController of the answer under way
  }

  get isBusy() {
    return this.running !== null;
  }

  /** Show the conversation kept for a collection. */
  open(collection) {
    this.stop();
    this.collection = collection;
    this.turns = [];
    this.options.list.replaceChildren();
    for (const answer of this.history.load(collection)) this.#add(answer);
    this.options.onChange();
  }

  /** Forget this conversation and begin another. */
  startOver() {
    this.stop();
    this.history.save(this.collection, []);
    this.open(this.collection);
  }

  /** Draw everything again, in another language say. */
  redraw() {
    for (const turn of this.turns) {
      turn.element.replaceWith((turn.element = this.#draw(turn).element));
    }
  }

  stop() {
    this.running?.abort();
  }

  /** Ask, and show the answer as it streams. */
  async ask(question) {
    const turn = this.#add(newAnswer(question));
    await this.#stream(turn);
  }

  #add(answer) {
    const turn = { answer };
    turn.element = this.#draw(turn).element;
    this.turns.push(turn);
    this.options.list.append(turn.element);
    return turn;
  }

  #draw(turn) {
    const { options } = this;
    turn.view = new TurnView(turn.answer, {
      strings: options.strings,
      onCite: (citation, trigger) => options.onCite(citation, trigger, turn.view),
      onRetry: () => this.#retry(turn),
      onFeedback: options.withFeedback ? (body) => this.#feedback(turn.answer, body) : null,
    });
    return turn.view;
  }

  async #retry(turn) {
    if (this.isBusy) return;
    const answer = newAnswer(turn.answer.question);
    const old = turn.element;
    turn.answer = answer;
    turn.element = this.#draw(turn).element;
    old.replaceWith(turn.element);
    await this.#stream(turn);
  }

  async #feedback(answer, body) {
    await this.options.client.request("POST", `v1/answers/${answer.id}/feedback`, { json: body });
  }

  async #stream(turn) {
    const { client, onChange } = this.options;
    const { answer } = turn;
    const collection = this.collection;
    const controller = (this.running = new AbortController());
    const json = { collection, question: answer.question, stream: true };
    const earlier = this.turns.findLast((other) => other !== turn && other.answer.conversationId);
    if (earlier) json.conversation_id = earlier.answer.conversationId;
    this.announcer.reset();
    onChange();
    try {
      for await (const { event, data } of client.events("POST", "v1/answers", { json, signal: controller.signal })) {
        applyEvent(answer, event, data);
        this.announcer.update(answer.text, event === "done");
        this.#drawSoon(turn);
      }
      if (answer.state !== "done") throw new Problem({ slug: "cut" });
    } catch (error) {
      if (error.name === "AbortError") {
        answer.state = "stopped";
      } else {
        answer.state = "failed";
        answer.problem = error instanceof Problem ? error : new Problem({ slug: "internal", detail: error.message });
      }
    } finally {
      if (this.running === controller) this.running = null;
      turn.view.update();
      if (collection === this.collection) {
        this.history.save(collection, this.turns.map((other) => other.answer));
        onChange();
      }
    }
  }

  #drawSoon(turn) {
    // Many events may come within one frame: draw once for them.
    if (turn.pending) return;
    turn.pending = true;
    requestAnimationFrame(() => {
      turn.pending = false;
      turn.view.update();
      this.options.onChange();
    });
  }
}
