// What was asked and answered in this tab, by collection, so that a reload or another page keeps it.

const KEPT_TURNS = 20;

export class History {
  constructor(name) {
    this.name = name;
  }

  /** The answers kept, oldest first. */
  load(collection) {
    try {
      return JSON.parse(sessionStorage.getItem(this.#key(collection))) ?? [];
    } catch {
      return []; // storage switched off, or written by another version
    }
  }

  save(collection, answers) {
    const finished = answers.filter((answer) => ["done", "stopped"].includes(answer.state)).slice(-KEPT_TURNS);
    try {
      sessionStorage.setItem(this.#key(collection), JSON.stringify(finished));
    } catch {
      // Storage is full or switched off: the conversation goes on, only a reload forgets it.
    }
  }

  #key(collection) {
    return `ragstone.${this.name}.${collection}`;
  }
}
