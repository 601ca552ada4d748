// Answers on their way to the server: kept in the browser until the server has them, sent again until it does.
// Each has an idempotency key, so that sending twice counts once. Only the person who gave them sends them.

const SLOWEST = 15000;

/** Entries one by one under their own name, so that two tabs never overwrite each other. */
export class Shelf {
  constructor(storage, userId) {
    this.storage = storage;
    this.prefix = `countersign.outbox.${userId}.`;
    this.memory = new Map();
    this.durable = true;
  }

  put(entry) {
    this.memory.set(entry.key, entry);
    try {
      this.storage.setItem(this.prefix + entry.key, JSON.stringify(entry));
    } catch {
      this.durable = false;
    }
  }

  remove(key) {
    this.memory.delete(key);
    this.storage.removeItem(this.prefix + key);
  }

  all() {
    for (let i = 0; i < this.storage.length; i += 1) {
      const name = this.storage.key(i);
      if (!name.startsWith(this.prefix) || this.memory.has(name.slice(this.prefix.length))) continue;
      const entry = JSON.parse(this.storage.getItem(name));
      this.memory.set(entry.key, entry);
    }
    return [...this.memory.values()].sort((a, b) => a.order - b.order);
  }
}

/** The server is there and asks to come again later. */
export function isBusy(status) {
  return status === 429 || status === 503;
}

/** What a status of the server means for an entry. */
export function meaning(status) {
  if (status >= 200 && status < 300) return "accepted";
  if (status === 401) return "signedOut";
  if (isBusy(status) || status >= 500) return "again";
  return "refused";
}

export class Outbox extends EventTarget {
  constructor({ shelf, send, wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms)) }) {
    super();
    this.shelf = shelf;
    this.send = send;
    this.wait = wait;
    this.running = null;
    this.trouble = null; // "offline" | "busy" | "signedOut" | null
    this.wake = () => {};
  }

  get length() {
    return this.shelf.all().length;
  }

  /** Keep an answer and set out to send it. Returns at once. */
  add(entry) {
    this.shelf.put({ ...entry, order: performance.timeOrigin + performance.now() });
    this.tell("changed");
    this.flush();
  }

  /** Take an answer back before it left; true if it had not. */
  takeBack(key) {
    if (this.sending === key || !this.shelf.all().some((entry) => entry.key === key)) return false;
    this.shelf.remove(key);
    this.tell("changed");
    return true;
  }

  /** Send what is there, in order. Resolves when nothing is left or sending has stopped. */
  flush() {
    this.wake();
    this.running ??= this.run().finally(() => { this.running = null; });
    return this.running;
  }

  async run() {
    let tries = 0;
    for (let entry = this.shelf.all()[0]; entry; entry = this.shelf.all()[0]) {
      const outcome = await this.attempt(entry);
      if (outcome === "signedOut") return;
      if (outcome !== "again") {
        tries = 0;
        continue;
      }
      tries += 1;
      const pause = Math.max(this.asked, Math.min(SLOWEST, 500 * 2 ** tries));
      await Promise.race([this.wait(pause), new Promise((resolve) => { this.wake = resolve; })]);
    }
  }

  async attempt(entry) {
    this.sending = entry.key;
    this.asked = 0; // milliseconds that the server asked to stay away
    let outcome = "again";
    let reply = null;
    try {
      const response = await this.send(entry);
      outcome = meaning(response.status);
      this.asked = 1000 * Number(response.headers?.get("Retry-After") ?? 0);
      reply = await response.json().catch(() => null);
      this.trouble = outcome === "signedOut" ? "signedOut" : outcome === "again" ? "busy" : null;
    } catch {
      this.trouble = "offline";
    }
    this.sending = null;
    if (outcome === "accepted" || outcome === "refused") {
      this.shelf.remove(entry.key);
      this.tell(outcome, { entry, reply });
    }
    this.tell("changed");
    return outcome;
  }

  tell(name, detail = {}) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
