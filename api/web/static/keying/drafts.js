// Drafts: what is typed but not sent, kept in this browser by task, so that no reload, dead tab or lost lease loses it.
// A draft is erased when its task is answered, when the person signs out, and after a day at the latest.

const PREFIX = "countersign.draft.";
const DAY = 24 * 3600 * 1000;
const TAB = "countersign.tab";

function names(storage) {
  return Array.from({ length: storage.length }, (_, index) => storage.key(index)).filter((name) => name.startsWith(PREFIX));
}

/** All drafts of this browser, whoever typed them. */
export function eraseDrafts(storage) {
  for (const name of names(storage)) storage.removeItem(name);
}

/** The name of this tab: the same after a reload. While the tab lives it holds a lock, by which other tabs know. */
export function nameTab() {
  const tab = sessionStorage.getItem(TAB) ?? crypto.randomUUID();
  sessionStorage.setItem(TAB, tab);
  navigator.locks?.request(`${TAB}.${tab}`, { ifAvailable: true }, () => new Promise(() => {}));
  return tab;
}

async function livingTabs() {
  const { held } = await navigator.locks.query();
  return new Set(held.map((lock) => lock.name.slice(TAB.length + 1)));
}

export class Drafts {
  constructor({ storage, userId, tab, now = Date.now }) {
    this.storage = storage;
    this.prefix = `${PREFIX}${userId}.`;
    this.tab = tab;
    this.now = now;
    for (const name of names(storage)) if (!name.startsWith(this.prefix) || this.isOld(this.read(name))) storage.removeItem(name);
  }

  read(name) {
    try {
      return JSON.parse(this.storage.getItem(name));
    } catch {
      return null;
    }
  }

  isOld(draft) {
    return !draft || !(this.now() - draft.at < DAY);
  }

  keep(draft) {
    try {
      this.storage.setItem(this.prefix + draft.task, JSON.stringify({ ...draft, tab: this.tab, at: this.now() }));
    } catch {
      // a full or forbidden storage: the draft lives as long as the page, and the status line says that nothing is kept
    }
  }

  of(task) {
    const draft = this.read(this.prefix + task);
    return this.isOld(draft) ? null : draft;
  }

  remove(task) {
    this.storage.removeItem(this.prefix + task);
  }

  all() {
    return names(this.storage).map((name) => this.read(name)).filter((draft) => !this.isOld(draft)).sort((a, b) => b.at - a.at);
  }

  /** The drafts that nobody is typing in another tab just now, newest first. */
  async mine() {
    const living = navigator.locks ? await livingTabs() : null;
    return this.all().filter((draft) => draft.tab === this.tab || (living && !living.has(draft.tab)));
  }
}
