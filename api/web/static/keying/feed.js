// The next tasks with their pictures, fetched and decoded before they are needed.

import { isBusy } from "./outbox.js";

const AHEAD = 4;
const SAFETY = 20000; // a lease that ends sooner is not begun
const RENEWED_EVERY = 20000; // at most, while somebody types

async function loadImage(url) {
  const image = new Image();
  image.alt = "";
  image.draggable = false;
  image.src = url;
  await image.decode();
  return image;
}

/** A task in hand: its data, its pictures by page, and until when it is ours (on this browser's clock). */
export class Held {
  constructor(task) {
    this.task = task;
    this.last(task.seconds_left);
    this.pictures = new Map();
    this.picture(task.views[0]);
  }

  /** The task is ours for so long from now on. */
  last(seconds) {
    this.until = performance.now() + seconds * 1000;
    this.renewAt = performance.now() + Math.min(RENEWED_EVERY, seconds * 1000 / 3);
  }

  get left() {
    return this.until - performance.now();
  }

  /** The decoded image of one view (a crop or a page). Asked for again after a failure. */
  picture(view) {
    if (!this.pictures.has(view.url)) {
      const promise = loadImage(view.url);
      promise.catch(() => this.pictures.delete(view.url));
      this.pictures.set(view.url, promise);
    }
    return this.pictures.get(view.url);
  }
}

export class Feed extends EventTarget {
  constructor({ ask, ahead = AHEAD }) {
    super();
    this.ask = ask;
    this.ahead = ahead;
    this.ready = [];
    this.filling = null;
    this.current = null;
    this.state = "loading"; // loading | flowing | empty | offline | busy | signedOut | stopped
    this.remark = null;
  }

  /** The next task, or null when none is at hand (then watch for "changed"). */
  take() {
    this.ready = this.ready.filter((held) => held.left > SAFETY);
    this.current = this.ready.shift() ?? null;
    this.fill();
    return this.current;
  }

  /** Put a task in front: an answer taken back. */
  first(held) {
    if (this.current) this.ready.unshift(this.current);
    this.current = held;
  }

  /** Put a task next in line: one with a draft, or whose value the server could not read. */
  soon(held) {
    this.ready.unshift(held);
    this.dispatchEvent(new Event("changed"));
  }

  get heldTasks() {
    return [this.current, ...this.ready].filter(Boolean).map((held) => held.task);
  }

  fill() {
    if (this.ready.length >= this.ahead) return this.filling ?? Promise.resolve();
    this.filling ??= this.fetch().finally(() => { this.filling = null; });
    return this.filling;
  }

  async fetch() {
    try {
      const kind = (this.ready.at(-1) ?? this.current)?.task.kind ?? null;
      const reply = await this.ask({ count: this.ahead - this.ready.length, kind, holding: this.heldTasks.map((task) => task.id) });
      const known = new Set(this.heldTasks.map((task) => task.id));
      for (const task of reply.tasks) if (!known.has(task.id)) this.ready.push(new Held(task));
      this.state = this.ready.length || this.current ? "flowing" : "empty";
      this.remark = reply.remark ?? null;
    } catch (problem) {
      this.state = problem?.status === 401 ? "signedOut" : problem?.status === 403 ? "stopped" : isBusy(problem?.status) ? "busy" : "offline";
      this.remark = problem?.detail ?? null;
    }
    this.dispatchEvent(new Event("changed"));
  }
}
