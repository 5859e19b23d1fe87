// The small menu above the field: ":name" for emoji, "@" for members of a group, "/" for quick replies. It takes Enter and Tab.
import { h, trusted } from "./dom.js";

const NAMES = {
  smile: "😄", sad: "😢", wink: "😉", heart: "❤️", thumbsup: "👍", thanks: "🙏", party: "🎉", fire: "🔥",
  clap: "👏", wave: "👋", check: "✅", star: "⭐", clock: "⏰", truck: "🚚", package: "📦", coffee: "☕",
};
const TRIGGER = /(?:^|\s)([:@/])([\p{L}\p{N}_]*)$/u;

export class Picker {
  #choices = [];
  #from = 0;
  #at = 0;

  constructor(editor, store, chat) {
    this.editor = editor;
    this.store = store;
    this.chat = chat;
    this.node = h("div", { class: "picker", role: "listbox", id: "emoji-suggestion", hidden: true });
  }

  update() {
    const before = this.editor.text.slice(0, this.editor.caret);
    const found = this.store.settings.pickers ? TRIGGER.exec(before) : null;
    this.#choices = found ? this.#matching(found[1], found[2].toLowerCase()) : [];
    this.#from = found ? before.length - found[2].length - 1 : 0;
    this.#at = 0;
    this.#draw();
  }

  close() {
    this.#choices = [];
    this.#draw();
  }

  // Whether the menu used this key.
  key(event) {
    if (!this.#choices.length) return false;
    if (event.key === "Enter" || event.key === "Tab") this.#choose(this.#at);
    else if (event.key === "Escape") this.close();
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") this.#move(event.key === "ArrowDown" ? 1 : -1);
    else return false;
    return true;
  }

  #matching(mark, word) {
    const starts = ([name]) => name.toLowerCase().startsWith(word);
    if (mark === ":") return word.length >= 2 ? Object.entries(NAMES).filter(starts) : [];
    if (mark === "@") return this.chat.kind === "group" ? this.chat.members.map((m) => [m, `@${m} `]).filter(starts) : [];
    return Object.entries(this.store.settings.quick_replies).filter(starts);
  }

  #move(by) {
    this.#at = (this.#at + by + this.#choices.length) % this.#choices.length;
    this.#draw();
  }

  #choose(index) {
    const [, text] = this.#choices[index];
    this.#choices = [];
    this.editor.replace(this.#from, this.editor.caret, text);
    this.#draw();
  }

  #draw() {
    const open = this.#choices.length > 0;
    this.node.hidden = !open;
    if (open) this.editor.node.setAttribute("aria-owns", "emoji-suggestion");
    else this.editor.node.removeAttribute("aria-owns");
    this.node.replaceChildren(
      ...this.#choices.map(([name, text], index) =>
        h("div", { role: "option", "aria-selected": String(index === this.#at), onmousedown: trusted((e) => (e.preventDefault(), this.#choose(index))) }, `${text}  ${name}`),
      ),
    );
  }
}
