// The line at the top (done today, what waits to be sent, the connection) and the notices.

const SHOWN = 4;

export class Notices {
  constructor(root) {
    this.root = root;
  }

  add(text, tone = "warn", next = "") {
    const item = document.createElement("div");
    item.className = `notice ${tone}`;
    const says = document.createElement("p");
    says.textContent = next ? `${text} ${next}` : text;
    const close = document.createElement("button");
    close.type = "button";
    close.className = "small quiet";
    close.textContent = "Close";
    close.addEventListener("click", () => item.remove());
    item.append(says, close);
    this.show(item);
    if (tone !== "bad") setTimeout(() => item.remove(), 9000);
    return item;
  }

  /** What was typed for a task that went to somebody else, to be copied. Closing it erases it. */
  keep(text, typed, erase) {
    const item = this.add(text, "bad");
    const kept = document.createElement("output");
    kept.className = "kept";
    kept.textContent = typed;
    const copy = document.createElement("button");
    copy.type = "button";
    copy.className = "small";
    copy.textContent = "Copy";
    copy.addEventListener("click", async () => {
      getSelection().selectAllChildren(kept);
      await navigator.clipboard?.writeText(typed).catch(() => {});
    });
    item.firstElementChild.append(kept, copy);
    item.lastElementChild.addEventListener("click", erase);
  }

  show(item) {
    this.root.append(item);
    while (this.root.children.length > SHOWN) this.root.firstElementChild.remove();
  }
}

export class StatusLine {
  constructor({ root, outbox, done }) {
    this.root = root;
    this.outbox = outbox;
    this.done = done;
    outbox.addEventListener("changed", () => this.sending());
    addEventListener("offline", () => this.sending());
    addEventListener("online", () => this.sending());
    this.sending();
    this.number();
  }

  number() {
    this.root.querySelector("#done").textContent = `${this.done} today`;
  }

  count() {
    this.done += 1;
    this.number();
  }

  undone() {
    this.done = Math.max(0, this.done - 1);
    this.number();
  }

  show(feed) {
    this.root.querySelector("#ahead").textContent = feed.ready.length ? `${feed.ready.length} ready` : "";
  }

  /** An answer that waits for what it was understood as is on its way, too. */
  asking(isAsking) {
    this.isAsking = isAsking;
    this.sending();
  }

  sending() {
    const waiting = this.outbox.length + (this.isAsking ? 1 : 0);
    const pill = this.root.querySelector("#sending");
    const signedOut = this.outbox.trouble === "signedOut";
    const trouble = !navigator.onLine || this.outbox.trouble;
    pill.className = `tag ${trouble ? "warn" : waiting ? "busy" : "ok"}`;
    const kept = waiting === 1 ? "1 answer kept here" : `${waiting} answers kept here`;
    if (signedOut) pill.textContent = `Signed out · ${kept}`;
    else if (this.outbox.trouble === "busy") pill.textContent = `Server busy · ${kept}`;
    else if (trouble) pill.textContent = waiting ? `No connection · ${kept}` : "No connection";
    else pill.textContent = waiting ? `${waiting} on the way` : "All sent";
    const problem = this.root.querySelector("#not-durable");
    problem.hidden = this.outbox.shelf.durable;
  }
}
