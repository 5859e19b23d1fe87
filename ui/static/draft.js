// The draft card: what was on screen and for how long, edits that are never lost, marks, sources.
import { make, patch } from "./dom.js";

const SETTLE = 400; // a card counts as seen after so many milliseconds

/** Edits are kept for this tab, so that a reload or another chat does not lose them. */
const kept = {
  key: (chat, what) => `waxos:${what}:${chat}`,
  load: (chat, what) => JSON.parse(sessionStorage.getItem(kept.key(chat, what)) ?? "null"),
  save: (chat, what, value) => (value ? sessionStorage.setItem(kept.key(chat, what), JSON.stringify(value)) : sessionStorage.removeItem(kept.key(chat, what))),
};
export { kept };

export class DraftCard {
  constructor(desk) {
    this.desk = desk;
    this.place = desk.place("card");
    this.strip = desk.slot("newer");
    this.facts = null;
    this.chat = null;
    this.waiting = null;
    this.shownAt = 0;
    this.confirmed = null;
    this.place.addEventListener("input", (event) => event.target.matches("[data-part]") && this.typed(event.target));
    this.place.addEventListener("submit", (event) => this.submit(event));
    this.place.addEventListener("keydown", (event) => this.key(event));
  }

  boxes() {
    return [...this.place.querySelectorAll("textarea[data-part]")];
  }

  texts() {
    return this.boxes().map((box) => box.value);
  }

  get dirty() {
    return Boolean(this.facts) && this.texts().some((text, at) => text !== this.facts.parts[at]);
  }

  get held() {
    return this.dirty || this.place.contains(document.activeElement) && document.activeElement.matches("textarea, input");
  }

  /** Show the card of an answer; a card that a person works in stays, and the new one waits behind a strip. */
  show(chat, facts, html, force = false) {
    const same = chat === this.chat;
    if (same && !force && this.facts && this.held) {
      if (sameDraft(facts, this.facts)) return;
      this.waiting = { chat, facts, html };
      this.offer();
      return;
    }
    if (same && this.facts && this.dirty) this.saveText(this.texts());
    if (same && !force && this.place.wxHtml === html) return;
    const changed = same && this.facts && !sameDraft(facts, this.facts);
    if (!same || !sameDraft(facts, this.facts)) this.shownAt = performance.now();
    this.chat = chat;
    this.facts = facts;
    this.waiting = null;
    this.confirmed = null;
    this.strip.hidden = true;
    patch(this.place, html);
    this.restore();
    for (const box of this.boxes()) fit(box);
    if (changed) this.flash();
  }

  clear() {
    this.chat = this.facts = this.waiting = null;
    this.strip.hidden = true;
    patch(this.place, "");
  }

  restore() {
    const edit = this.facts && kept.load(this.chat, "edit");
    if (!edit) return;
    if (edit.id === this.facts.id && edit.version === this.facts.version) {
      this.boxes().forEach((box, at) => {
        if (edit.texts[at] !== undefined) box.value = edit.texts[at];
        this.typed(box);
      });
    } else {
      this.saveText(edit.texts);
    }
  }

  offer() {
    const draft = this.waiting.facts;
    this.strip.replaceChildren(
      make("span", "", draft ? "A newer draft is available. Your text stays in the box until you decide." : "This draft is no longer current. Your text stays in the box until you decide."),
    );
    const swap = make("button", "link", draft ? "Show the newer draft" : "Show the present state");
    swap.type = "button";
    swap.onclick = () => this.takeNewer();
    this.strip.append(swap);
    this.strip.hidden = false;
  }

  takeNewer() {
    const next = this.waiting;
    if (!next) return;
    if (this.dirty) this.saveText(this.texts());
    kept.save(this.chat, "edit", null);
    document.activeElement?.blur?.();
    this.show(next.chat, next.facts, next.html, true);
  }

  /** A text that lost its draft goes to the reply box: one step from being sent, never lost. */
  saveText(texts) {
    const text = texts.filter((t) => t.trim()).join("\n\n");
    if (text) this.desk.keepText(text);
    kept.save(this.chat, "edit", null);
  }

  typed(box) {
    fit(box);
    const dirty = this.dirty;
    box.closest(".box").classList.toggle("changed", box.value !== this.facts?.parts[Number(box.dataset.part)]);
    const note = this.place.querySelector('[data-slot="edited"]');
    if (note) note.hidden = !dirty;
    const approve = this.place.querySelector('[data-act="approve"], [data-act="send-edit"]');
    if (approve) {
      approve.dataset.act = dirty ? "send-edit" : "approve";
      approve.disabled = !dirty && this.facts.blocked;
      approve.firstChild.textContent = dirty ? "Send edited " : "Approve ";
      approve.querySelector("kbd").textContent = dirty ? "Ctrl ⏎" : "a";
    }
    kept.save(this.chat, "edit", dirty ? { id: this.facts.id, version: this.facts.version, texts: this.texts() } : null);
  }

  revert() {
    this.boxes().forEach((box, at) => {
      box.value = this.facts.parts[at];
      this.typed(box);
    });
  }

  edit() {
    const box = this.boxes()[0];
    if (!box || box.readOnly) return;
    box.focus();
    box.setSelectionRange(box.value.length, box.value.length);
  }

  /** Say whether a key or click may decide: only on what has been on screen long enough to be seen. */
  mayDecide() {
    if (!this.facts || this.desk.busy) return false;
    if (this.waiting || performance.now() - this.shownAt < SETTLE) {
      this.flash();
      return false;
    }
    return true;
  }

  approve() {
    if (!this.mayDecide()) return;
    if (this.dirty) return this.flash('[data-slot="edited"]');
    if (this.facts.blocked) return this.flash(".warnings");
    const asked = this.facts.verdict !== "pass";
    if (asked && this.confirmed !== this.facts.sha) {
      this.confirmed = this.facts.sha;
      this.shownAt = performance.now();
      this.place.querySelector('[data-slot="confirm"]').hidden = false;
      return this.flash("mark, .warnings");
    }
    this.desk.decide("approve", { confirm: asked }, this.facts.parts);
  }

  sendEdit() {
    if (!this.facts || this.desk.busy || !this.dirty) return;
    const texts = this.texts().filter((text) => text.trim());
    if (!texts.length) return this.desk.notice({ level: "bad", title: "The text is empty.", hint: "Write something, or reject the draft." });
    document.activeElement?.blur?.();
    this.desk.decide("edit", { parts: texts }, texts);
  }

  form(name) {
    if (!this.facts) return;
    for (const form of this.place.querySelectorAll("[data-form]")) form.hidden = form.dataset.form !== name;
    this.place.querySelector(`[data-form="${name}"] input`)?.focus();
  }

  closeForms() {
    for (const form of this.place.querySelectorAll("[data-form]")) form.hidden = true;
    document.activeElement?.blur?.();
  }

  submit(event) {
    event.preventDefault();
    const form = event.target;
    const words = form.elements.words.value;
    document.activeElement?.blur?.();
    if (this.mayDecide()) this.desk.decide(form.dataset.form, { words });
  }

  key(event) {
    if (event.key === "Escape") {
      event.stopPropagation();
      this.closeForms();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches("[data-part]")) {
      event.preventDefault();
      if (this.dirty) this.sendEdit();
      else this.approve();
    }
  }

  showMark(button) {
    const box = this.boxes()[Number(button.dataset.part)];
    if (!box) return;
    box.focus();
    box.setSelectionRange(Number(button.dataset.start), Number(button.dataset.end));
  }

  showSource(number) {
    const source = this.place.querySelector(`.source[data-number="${number}"]`);
    if (!source) return;
    source.open = true;
    source.scrollIntoView({ block: "nearest" });
    flash(source);
  }

  flash(selector) {
    const marks = selector ? this.place.querySelectorAll(selector) : [this.place.firstElementChild];
    for (const mark of marks) if (mark) flash(mark);
  }
}

function sameDraft(a, b) {
  return Boolean(a && b) && a.id === b.id && a.version === b.version && a.sha === b.sha;
}

function flash(node) {
  node.classList.remove("flash");
  void node.offsetWidth; // restarts the animation
  node.classList.add("flash");
}

/** Make a box as high as its text. */
export function fit(box) {
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight + 2}px`;
}
