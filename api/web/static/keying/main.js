// The keying page: one task at a time, Enter sends, the next crop is already there. This file joins the other modules.

import { Drafts, nameTab } from "./drafts.js";
import { Feed, Held } from "./feed.js";
import { inputFor, readingsOf } from "./inputs.js";
import { Keymap, combination } from "./keymap.js";
import { KeyList } from "./keylist.js";
import { Outbox, Shelf } from "./outbox.js";
import { Stage } from "./stage.js";
import { Notices, StatusLine } from "./status.js";

const settings = JSON.parse(document.getElementById("settings").textContent);
const part = (id) => document.getElementById(id);
const PAN = 0.25;
const REWRITTEN = new Set(["value_not_valid", "value_ambiguous"]); // refusals after which the same task is typed anew
const HISTORY = 8;
const RESUMED = 4; // tasks with a draft that are taken up again at once
const LOST = [403, 404, 409, 410]; // a task that is no longer ours; anything else is a matter of the connection
const AGAIN = 5000; // until a lease that could not be renewed is tried again

async function post(path, body, options = {}) {
  const response = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), ...options });
  if (response.ok) return response.json();
  const problem = await response.json().catch(() => ({}));
  throw Object.assign(new Error(problem.detail ?? response.statusText), { status: response.status, detail: problem.detail, next: problem.next_step, code: problem.code });
}

/** Calls back when what was just put into the page has been drawn. */
function onScreen(then) {
  requestAnimationFrame(() => setTimeout(then));
}

class Bench {
  constructor() {
    this.keymap = new Keymap(settings.keymap);
    this.notices = new Notices(part("notices"));
    this.shelf = new Shelf(localStorage, settings.user_id);
    this.outbox = new Outbox({ shelf: this.shelf, send: (entry) => fetch(entry.path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(entry.body) }) });
    this.feed = new Feed({ ask: (wish) => post("/work/next", { ...wish, purpose: settings.purpose, only: settings.only }) });
    this.stage = new Stage(part("stage"), { onMark: (mark) => this.marked(mark) });
    this.keyList = new KeyList({ dialog: part("keys"), keymap: this.keymap, save: (changes) => post("/work/keymap", changes), closed: () => this.input?.focus() });
    this.status = new StatusLine({ root: part("status"), outbox: this.outbox, done: settings.done_today });
    this.drafts = new Drafts({ storage: localStorage, userId: settings.user_id, tab: nameTab() });
    this.history = [];
    this.input = null;
    this.listen();
    this.resume();
    this.outbox.flush();
  }

  /** Send what waits, then ask for tasks: an answered one whose lease ran out would come again, and the answer too late. */
  async more() {
    await this.outbox.flush();
    this.feed.fill();
  }

  listen() {
    this.feed.addEventListener("changed", () => this.fed());
    this.outbox.addEventListener("accepted", ({ detail }) => this.accepted(detail));
    this.outbox.addEventListener("refused", ({ detail }) => this.refused(detail));
    addEventListener("online", () => this.more());
    addEventListener("keydown", (event) => this.key(event));
    for (const name of ["input", "click"]) part("input").addEventListener(name, () => this.typed());
    part("stage").addEventListener("pointerdown", () => this.renew());
    addEventListener("pagehide", () => this.leave());
    addEventListener("pageshow", ({ persisted }) => persisted && location.reload()); // its tasks were given back
    document.addEventListener("visibilitychange", () => this.visibility());
    setInterval(() => this.tick(), 1000);
    part("answers").addEventListener("click", ({ target }) => {
      const action = target.closest("[data-action]")?.dataset.action;
      if (action) this.act(action);
    });
    part("skip").addEventListener("close", () => this.skipClosed());
  }

  // --- drafts and the lease -----------------------------------------------------------------------------------------

  /** Begin with the tasks that have a draft, as far as nobody took them; then whatever comes next. */
  async resume() {
    for (const draft of await this.drafts.mine()) {
      if (draft.purpose !== settings.purpose) continue;
      if (draft.lost) this.tellLost(draft);
      else if (this.feed.ready.length < RESUMED) await this.takeUp(draft);
    }
    this.fed();
    this.feed.fill();
  }

  async takeUp(draft) {
    try {
      const { task } = await post(`/work/tasks/${draft.task}/renew`, { token: draft.token, show: true });
      this.feed.ready.push(new Held(task));
    } catch (problem) {
      this.lose(draft, problem);
    }
  }

  /** What is typed is kept at once; an emptied box keeps nothing. */
  typed() {
    if (!this.held || !this.input || this.lesson) return;
    const { task } = this.held;
    if (this.input.isEmpty()) this.drafts.remove(task.id);
    else this.drafts.keep({ ...this.draftOf(task, this.input.draft()), mark: this.mark, taken: this.taken, keystrokes: this.keystrokes, milliseconds: this.spent });
    this.renew();
  }

  draftOf({ id, token, label }, value) {
    return { task: id, token, label, value, purpose: settings.purpose };
  }

  /** Whoever works keeps the task: now and then the server is told. */
  async renew() {
    const { held } = this;
    if (!held || this.renewing || this.lesson || performance.now() < held.renewAt) return;
    this.renewing = true;
    try {
      const reply = await post(`/work/tasks/${held.task.id}/renew`, { token: held.task.token });
      if (reply.task) held.task = reply.task;
      held.last(reply.seconds_left);
    } catch (problem) {
      held.renewAt = performance.now() + AGAIN;
      if (this.held === held && LOST.includes(problem.status)) this.lostInHand(held, problem);
    } finally {
      this.renewing = false;
    }
  }

  lostInHand(held, problem) {
    const draft = this.drafts.of(held.task.id);
    if (draft) this.lose(draft, problem);
    else this.notices.add(`“${held.task.label}”: ${problem.detail ?? "It went back to the pile."}`, "warn");
    this.next();
  }

  /** The task is another's now. The draft stays, to be copied; of what is no longer wanted nothing stays. */
  lose(draft, problem) {
    if (!LOST.includes(problem.status)) return; // later
    if ([404, 410].includes(problem.status)) {
      this.drafts.remove(draft.task);
      this.notices.add(`“${draft.label}”: ${problem.detail}`, "warn");
      return;
    }
    const lost = { ...draft, lost: problem.detail };
    this.drafts.keep(lost);
    this.tellLost(lost);
  }

  tellLost(draft) {
    const typed = [draft.value].flat().join("\n");
    this.notices.keep(`“${draft.label}”: ${draft.lost} What you had typed was not counted:`, typed, () => this.drafts.remove(draft.task));
  }

  get spent() {
    return performance.now() - this.startedAt - this.hiddenFor;
  }

  // --- which task is shown ------------------------------------------------------------------------------------------

  fed() {
    if (!this.held) this.next();
    else this.status.show(this.feed);
  }

  async next() {
    this.held = this.feed.take();
    this.status.show(this.feed);
    if (!this.held) return this.nothing();
    await this.show(this.held);
    return undefined;
  }

  nothing() {
    this.stage.clear();
    this.input = null;
    this.lesson = null;
    part("input").replaceChildren();
    document.body.dataset.state = this.feed.state;
    const says = {
      loading: ["Fetching the first task …", ""],
      empty: ["Nothing to key just now", this.feed.remark ?? "New tasks appear here by themselves. This page looks every few seconds."],
      offline: ["No connection", "Your answers are kept in this browser and are sent as soon as the connection is back."],
      busy: ["The server has too much to do just now", "Your answers are kept in this browser. This page asks again by itself."],
      signedOut: ["You were signed out", "Sign in again in this tab; answers that were not sent yet are kept and follow."],
      stopped: ["No tasks are handed to you at the moment", this.feed.remark ?? "Ask your manager why."],
      flowing: ["Fetching the next task …", ""],
    }[this.feed.state];
    part("nothing-title").textContent = says[0];
    part("nothing-text").textContent = says[1];
    part("nothing-signin").hidden = this.feed.state !== "signedOut";
  }

  async show(held, typed = null) {
    const { task } = held;
    const draft = typed === null ? this.drafts.of(task.id) : null;
    this.held = held;
    this.viewIndex = Math.max(0, task.views.findIndex((view) => view.page === draft?.mark?.page));
    this.mark = draft?.mark ?? null;
    this.taken = draft?.taken ?? false;
    this.asked = null;
    this.lesson = null;
    this.keystrokes = draft?.keystrokes ?? 0;
    this.hiddenFor = 0;
    this.describe(task);
    this.build(task, draft?.value ?? typed);
    await this.showView();
    if (this.held !== held) return;
    if (this.mark) this.stage.mark(this.mark.box);
    this.startedAt = performance.now() - (draft?.milliseconds ?? 0);
    onScreen(() => { performance.clearMarks("crop"); performance.mark("crop"); });
  }

  describe(task) {
    document.body.dataset.state = "working";
    document.body.dataset.layout = task.whole_page ? "page" : "crop";
    document.body.dataset.mode = task.mode;
    document.body.dataset.task = task.id;
    part("field").textContent = task.label;
    part("type").textContent = task.document_type_label ?? "";
    part("purpose").textContent = { audit: "Blind check", training: "Training", exam: "Exam" }[task.purpose] ?? "";
    part("hint").textContent = task.hint ?? "";
    part("message").hidden = !task.message;
    part("message").textContent = task.message ? `Sent back to you: ${task.message}` : "";
    part("feedback").hidden = true;
    this.complain("");
    this.labels(task);
  }

  labels(task) {
    for (const node of document.querySelectorAll("[data-key-of]")) node.textContent = this.keymap.keys[node.dataset.keyOf];
    part("widen").hidden = task.whole_page || task.purpose === "exam";
    part("verify").hidden = task.mode !== "verify";
    for (const id of ["empty", "absent"]) part("answers").querySelector(`[data-action="${id}"]`).hidden = task.field === "document_type";
  }

  build(task, typed) {
    this.input = inputFor(task, (value) => post(`/work/tasks/${task.id}/understand`, { token: task.token, value }));
    part("input").replaceChildren(this.input.element);
    const verifying = task.mode === "verify" && !typed;
    part("input").hidden = verifying;
    part("shown").textContent = Array.isArray(task.shown) ? task.shown.join("\n") : task.shown ?? "";
    if (typed) this.input.fill(typed);
    if (verifying) part("verify").focus(); // not the button: Enter, the key of habit, must not confirm
    else this.input.focus();
  }

  async showView() {
    const { held } = this;
    const view = held.task.views[this.viewIndex];
    part("pages").textContent = held.task.whole_page && held.task.views.length > 1 ? `Page ${view.page} of ${held.task.views.length}` : "";
    try {
      const image = await held.picture(view);
      if (this.held !== held || held.task.views[this.viewIndex] !== view) return;
      if (!view.words) this.fetchWords(held, view);
      this.stage.show(image, view, view.words ?? [], { focus: view.focus, wholePage: held.task.whole_page });
    } catch {
      if (this.held !== held) return;
      this.stage.clear();
      this.complain("The picture did not arrive. It is asked for again; you can also skip this task.");
      setTimeout(() => this.held === held && this.showView(), 2000);
    }
  }

  async fetchWords(held, view) {
    const response = await fetch(view.words_url).catch(() => null);
    if (!response?.ok) return;
    view.words = (await response.json()).words;
    if (this.held === held && held.task.views[this.viewIndex] === view) this.stage.addWords(view.words);
  }

  // --- keys ---------------------------------------------------------------------------------------------------------

  key(event) {
    if (document.querySelector("dialog[open]")) return;
    if (!["Alt", "Control", "Shift", "Meta"].includes(event.key)) this.keystrokes += 1;
    this.renew();
    const asks = event.key === "?" && (!this.input || this.input.isEmpty());
    const action = asks ? "help" : this.keymap.action(event);
    if (!action || (action === "submit" && this.leavesToBrowser(event.target))) return;
    if (event.isComposing) return;
    event.preventDefault();
    if (action !== "undo" || !event.repeat) this.act(action); // a key held down takes back one answer
  }

  /** Enter on a button or link that has the focus does what the button says. */
  leavesToBrowser(target) {
    return target instanceof Element && target.matches("a, button:not(.option), summary");
  }

  act(action) {
    const always = { help: () => this.keyList.open(), undo: () => this.undo() };
    if (always[action]) always[action]();
    else if (this.lesson) { if (action === "submit" && !part("feedback").hidden) this.next(); } // one answer a question
    else if (!this.held) { if (action === "submit") this.feed.fill(); }
    else this.table()[action]?.();
  }

  table() {
    this.actions ??= {
      submit: () => this.submit(),
      illegible: () => this.send({ value_state: "illegible" }),
      empty: () => this.send({ value_state: "empty" }),
      absent: () => this.absent(),
      skip: () => this.skip(),
      confirm: () => this.held.task.mode === "verify" && this.send({ value_state: "found", value: this.held.task.shown, source: "confirmed" }),
      reject: () => this.reject(),
      take: () => this.take(),
      wider: () => this.widen(),
      zoomIn: () => this.stage.zoom(1.3),
      zoomOut: () => this.stage.zoom(1 / 1.3),
      fit: () => this.stage.view && this.stage.fit(),
      scrollDown: () => this.stage.pan(0, 0.7) || this.turn(1),
      scrollUp: () => this.stage.pan(0, -0.7) || this.turn(-1),
      panLeft: () => this.stage.pan(-PAN, 0),
      panRight: () => this.stage.pan(PAN, 0),
      panUp: () => this.stage.pan(0, -PAN),
      panDown: () => this.stage.pan(0, PAN),
      nextPage: () => this.turn(1),
      previousPage: () => this.turn(-1),
      focus: () => this.input.focus(),
    };
    return this.actions;
  }

  turn(step) {
    const index = this.viewIndex + step;
    if (index < 0 || index >= this.held.task.views.length) return;
    this.viewIndex = index;
    this.showView();
  }

  // --- answers ------------------------------------------------------------------------------------------------------

  complain(text) {
    part("complaint").textContent = text;
  }

  submit() {
    const { task } = this.held;
    if (task.mode === "verify" && part("input").hidden) {
      this.complain(`Is it right? ${this.keymap.keys.confirm} if it is, ${this.keymap.keys.reject} to type what you see.`);
      return;
    }
    if (this.input.isEmpty()) {
      this.complain(`Type what you see, or ${this.keymap.keys.absent} if the document does not have it, ${this.keymap.keys.illegible} if it cannot be read.`);
      this.input.focus();
      return;
    }
    if (this.input.enter() === "stay") return;
    const typed = this.input.read();
    if (this.input.understood) this.sendUnderstood(typed);
    else this.sendTyped(typed);
  }

  /** What was typed goes as it is, once the person has seen what it means, and has chosen where it may mean several. */
  async sendUnderstood(typed) {
    const { held, input } = this;
    this.unsent = typed;
    this.status.asking(true);
    const said = await input.understood(typed.value);
    if (this.unsent === typed) { // else Enter was pressed again, another answer given, or the page left
      this.unsent = null;
      if (this.held === held && this.input === input) this.weigh(typed, said);
    }
    this.status.asking(Boolean(this.unsent));
  }

  weigh(typed, { meant, complaint, blocks, readings }) {
    if (readings) {
      this.input = readingsOf(this.held.task.label, typed, readings);
      part("input").replaceChildren(this.input.element);
      this.complain(`“${typed.text}” may mean either. Look at the page, then choose.`);
      this.input.focus();
    } else if (complaint && (blocks || this.asked !== typed.text)) {
      this.asked = typed.text;
      this.complain(blocks ? complaint : `${complaint} Enter once more sends it as it is typed.`);
    } else this.sendTyped({ ...typed, meant });
  }

  sendTyped({ value, text, state, meant }) {
    const source = this.taken ? "ocr" : "typed";
    this.send(state ? { value_state: state } : { value_state: "found", value, text, source, ...(meant === undefined ? {} : { meant }) });
  }

  /** From a crop nobody can know that a value is missing: first the whole page is shown, then the same key says so. */
  absent() {
    if (!this.held.task.whole_page) {
      this.widen("Look over the whole page. The same key again says that it is not there.");
      return;
    }
    this.send({ value_state: "absent" });
  }

  async widen(remark = "") {
    const { held } = this;
    if (held.task.whole_page || held.widening) return;
    held.widening = true;
    const typed = this.input && !this.input.isEmpty() && !part("input").hidden ? this.input.draft() : null;
    try {
      const { task } = await post(`/work/tasks/${held.task.id}/widen`, { token: held.task.token });
      held.task = task;
      if (this.held !== held) return;
      const { startedAt } = this;
      await this.show(held, typed);
      this.startedAt = startedAt;
      this.complain(remark);
    } catch (problem) {
      this.complain(problem.detail ?? "There is no connection, so the whole page cannot be fetched. Skip the task or wait.");
    } finally {
      held.widening = false;
    }
  }

  reject() {
    if (this.held.task.mode !== "verify") return;
    part("input").hidden = false;
    this.complain("Type what you see.");
    this.input.focus();
  }

  skip() {
    part("skip").returnValue = "";
    part("skip").showModal();
  }

  skipClosed() {
    const reason = part("skip").returnValue;
    this.input?.focus();
    if (reason && this.held) this.send({ skip_reason: reason });
  }

  marked(mark) {
    this.mark = mark;
    const canTake = Boolean(mark?.text && this.held?.task.take_text);
    part("take").hidden = !canTake;
    part("take-text").textContent = canTake ? mark.text : "";
    if (!part("input").hidden) this.input?.focus();
  }

  take() {
    if (!this.mark?.text || !this.held.task.take_text) return;
    part("input").hidden = false;
    this.input.fill(this.mark.text);
    this.taken = true;
    this.typed();
    this.input.focus();
  }

  send(answer) {
    const { held } = this;
    this.unsent = null;
    const { task } = held;
    const body = {
      token: task.token,
      idempotency_key: crypto.randomUUID(),
      source: "typed",
      page: this.mark?.page ?? null,
      box: this.mark?.box ?? null,
      seconds: Math.round(this.spent) / 1000,
      keystrokes: this.keystrokes,
      ...answer,
    };
    for (const name of ["answer", "crop"]) performance.clearMarks(name);
    performance.mark("answer");
    this.remember({ key: body.idempotency_key, held, answer: body });
    this.drafts.remove(task.id); // from now on the outbox keeps it
    this.outbox.add({ key: body.idempotency_key, path: `/work/tasks/${task.id}/answer`, body, label: task.label, task: task.id });
    part("take").hidden = true;
    if (task.purpose === "training") this.waitForLesson(body.idempotency_key);
    else this.next();
  }

  remember(entry) {
    this.history.push(entry);
    if (this.history.length > HISTORY) this.history.shift();
  }

  // --- what comes back ----------------------------------------------------------------------------------------------

  accepted({ entry, reply }) {
    this.status.count(entry, reply);
    if (this.lesson === entry.key) this.teach(reply);
    if (reply?.message) this.notices.add(reply.message, reply.tone ?? "warn");
  }

  refused({ entry, reply }) {
    const refused = this.history.find((past) => past.key === entry.key);
    this.history = this.history.filter((past) => past.key !== entry.key);
    const why = reply?.detail ?? "The server did not take it.";
    const typed = entry.body.source === "confirmed" ? null : entry.body.value ?? null;
    const draft = this.draftOf({ id: entry.task, token: entry.body.token, label: entry.label }, typed);
    const isTypedAnew = typed !== null && refused?.held.left > 0 && REWRITTEN.has(reply?.code);
    if (isTypedAnew) this.typeAnew(refused, draft);
    if (isTypedAnew || typed === null) this.notices.add(`“${entry.label}”: ${why}`, "bad", reply?.next_step);
    else this.lose(draft, { status: 409, detail: why });
    if (this.lesson === entry.key) this.next();
  }

  /** Typed without a connection, and not understood: at once if nothing else is being typed, else next. */
  typeAnew(refused, draft) {
    if (!this.held || this.input?.isEmpty()) this.bringBack(refused);
    else {
      this.drafts.keep(draft);
      this.feed.soon(refused.held);
    }
  }

  waitForLesson(key) {
    this.lesson = key;
    this.complain("Comparing …");
  }

  teach(reply) {
    const { feedback } = reply;
    if (!feedback) { this.next(); return; }
    part("feedback").hidden = false;
    part("feedback").dataset.tone = feedback.is_right ? "ok" : "bad";
    part("feedback-title").textContent = feedback.is_right ? "Right." : `Not quite: it is “${feedback.expected}”.`;
    part("feedback-text").textContent = feedback.explanation ?? "";
    this.complain("");
    part("feedback-next").onclick = () => this.next();
    part("feedback-next").focus();
  }

  /** Pressed several times in a row, each press is for one answer more. */
  undo() {
    this.undoing = (this.undoing ?? Promise.resolve()).then(() => this.takeBack());
  }

  async takeBack() {
    const last = this.history.at(-1);
    if (!last) {
      this.notices.add("There is no answer of this session to take back.", "warn");
      return;
    }
    try {
      if (!this.outbox.takeBack(last.key)) {
        await this.outbox.flush();
        const { task } = await post("/work/undo", { idempotency_key: last.key });
        last.held.task = { ...task, views: task.views };
        last.held.last(task.seconds_left);
      }
      this.status.undone();
      this.bringBack(last);
    } catch (problem) {
      this.notTakenBack(last, problem);
    }
  }

  bringBack(entry) {
    this.history = this.history.filter((past) => past !== entry);
    if (this.held) this.feed.first(entry.held);
    else this.feed.current = entry.held;
    this.show(entry.held, entry.answer.value_state === "found" ? entry.answer.value : null); // not awaited: a picture may be slow
  }

  /** What the server refuses stays refused: the next undo is for the answer before it. */
  notTakenBack(last, problem) {
    if (!problem.detail) return this.notices.add("There is no connection, so the answer cannot be taken back just now.", "warn");
    if ([403, 404, 409].includes(problem.status)) this.history = this.history.filter((entry) => entry !== last);
    return this.notices.add(`“${last.held.task.label}” cannot be taken back: ${problem.detail}`, "warn", problem.next);
  }

  // --- time ---------------------------------------------------------------------------------------------------------

  tick() {
    this.status.show(this.feed);
    if (!this.held && !this.feed.filling && ["empty", "offline", "busy", "flowing"].includes(this.feed.state)) this.lookAgain();
    if (!this.held || this.lesson) return;
    const seconds = Math.ceil(this.held.left / 1000);
    part("lease").hidden = seconds > 60;
    part("lease").textContent = seconds > 0 ? `This task goes to somebody else in ${seconds} s` : "";
    if (seconds <= 0 && this.drafts.of(this.held.task.id)) {
      part("lease").textContent = "Time is up. Type on to keep this task";
      this.held.renewAt = 0;
    } else if (seconds <= 0) {
      this.notices.add(`Your time for “${this.held.task.label}” ran out, so it went back to the pile. What you had typed was not counted; here is the next one.`, "warn");
      this.next();
    }
  }

  lookAgain() {
    this.looks = (this.looks ?? 0) + 1;
    if (this.looks % 4 === 0 && !document.hidden) this.more();
  }

  visibility() {
    if (document.hidden) this.hiddenAt = performance.now();
    else if (this.hiddenAt) {
      this.hiddenFor += performance.now() - this.hiddenAt;
      this.hiddenAt = null;
      this.outbox.flush();
    }
  }

  /** Leaving the page gives back what was fetched ahead, but for what has a draft. Answers stay in the outbox. */
  leave() {
    if (this.unsent) this.sendTyped(this.unsent);
    const tasks = this.feed.heldTasks.filter(({ id }) => !this.drafts.of(id)).map(({ id, token }) => ({ id, token }));
    if (tasks.length) navigator.sendBeacon("/work/return", new Blob([JSON.stringify({ tasks })], { type: "application/json" }));
  }
}

export const bench = new Bench();
export { combination };
