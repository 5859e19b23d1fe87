// The text field of the page. The text lives in this model; the elements only show it. What a script writes into the
// elements is never sent; only input that the browser itself reports changes the model, right after its event.
import { h } from "./dom.js";

const MAX = 65_536;
const SMILEYS = { ":)": "🙂", ":(": "🙁", ";)": "😉", ":D": "😀", ":P": "😛", "<3": "❤️" };
const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

export class Editor {
  #text = "";
  #anchor = 0;
  #focus = 0;
  #queue = [];
  #composing = false;

  constructor({ attributes, onChange, transformsEmoji, marksLists }) {
    this.onChange = onChange;
    this.transformsEmoji = transformsEmoji;
    this.marksLists = marksLists;
    this.node = h("div", {
      class: "lexical-rich-text-input",
      contenteditable: "true",
      role: "textbox",
      spellcheck: "true",
      tabindex: "10",
      "aria-multiline": "true",
      "data-lexical-editor": "true",
      ...attributes,
    });
    this.node.addEventListener("beforeinput", (event) => this.#before(event));
    this.node.addEventListener("compositionstart", () => (this.#composing = true));
    this.node.addEventListener("compositionend", (event) => this.#composed(event));
    this.node.addEventListener("cut", (event) => this.#copy(event, true));
    this.node.addEventListener("copy", (event) => this.#copy(event, false));
    this.#draw();
  }

  get text() {
    this.flush();
    return this.#text;
  }

  get caret() {
    return this.#focus;
  }

  set(text) {
    this.#queue = [];
    this.#text = text;
    this.#anchor = this.#focus = text.length;
    this.#draw();
  }

  // Replaces a stretch of the text; for the pickers.
  replace(from, to, text) {
    this.flush();
    [this.#anchor, this.#focus] = [from, to];
    this.#insert(text);
    this.#draw();
    this.onChange();
  }

  focus() {
    this.node.focus();
    this.#showCaret();
  }

  flush() {
    if (!this.#queue.length) return;
    const edits = this.#queue;
    this.#queue = [];
    for (const edit of edits) edit();
    this.#draw();
    this.onChange();
  }

  #before(event) {
    if (!event.isTrusted || this.#composing || event.inputType === "insertCompositionText") return;
    event.preventDefault();
    if (!this.#queue.length) this.#readCaret();
    const edit = this.#edit(event.inputType, event.data ?? event.dataTransfer?.getData("text/plain") ?? "");
    if (!edit) return;
    this.#queue.push(edit);
    if (this.#queue.length === 1) queueMicrotask(() => this.flush());
  }

  #edit(type, data) {
    if (type === "insertLineBreak" || type === "insertParagraph") return () => this.#insert(`\n${this.marksLists() ? this.#nextMark() : ""}`);
    if (type.startsWith("insert")) return () => this.#insert(data.replace(/\r\n?/g, "\n"), type === "insertText");
    if (!type.startsWith("delete")) return null;
    return () => this.#delete(type);
  }

  #insert(text, typed = false) {
    const [start, end] = this.#range();
    if (this.#text.length - (end - start) + text.length > MAX) return;
    this.#text = this.#text.slice(0, start) + text + this.#text.slice(end);
    this.#anchor = this.#focus = start + text.length;
    if (typed && this.transformsEmoji()) this.#smile();
  }

  #smile() {
    const before = this.#text.slice(0, this.#focus);
    const found = /(?:^|\s)(\S{2})$/.exec(before);
    const emoji = found && SMILEYS[found[1]];
    if (!emoji) return;
    this.#text = before.slice(0, -2) + emoji + this.#text.slice(this.#focus);
    this.#anchor = this.#focus = before.length - 2 + emoji.length;
  }

  // The marker of the line below a line of a list: "- " again, or the next number.
  #nextMark() {
    const line = this.#text.slice(0, this.#range()[0]).split("\n").at(-1);
    const found = /^(?:([-*•>]) |(\d+)\. )\S/.exec(line);
    if (!found) return "";
    return found[1] ? `${found[1]} ` : `${Number(found[2]) + 1}. `;
  }

  #delete(type) {
    let [start, end] = this.#range();
    if (start === end) {
      if (type.includes("Forward")) end = this.#stepForward(type, end);
      else start = this.#stepBack(type, start);
    }
    this.#text = this.#text.slice(0, start) + this.#text.slice(end);
    this.#anchor = this.#focus = start;
  }

  #stepBack(type, at) {
    const before = this.#text.slice(0, at);
    if (type.includes("Word")) return before.replace(/\S*\s*$/u, "").length;
    if (type.includes("Line")) return before.lastIndexOf("\n") + 1;
    return [...graphemes.segment(before)].at(-1)?.index ?? 0;
  }

  #stepForward(type, at) {
    const after = this.#text.slice(at);
    if (type.includes("Word")) return at + /^\s*\S*/u.exec(after)[0].length;
    const first = graphemes.segment(after)[Symbol.iterator]().next().value;
    return at + (first?.segment.length ?? 0);
  }

  #composed(event) {
    this.#composing = false;
    this.#insert(event.data ?? "");
    this.#draw();
    this.onChange();
  }

  #copy(event, cut) {
    if (!event.isTrusted) return;
    event.preventDefault();
    this.flush();
    this.#readCaret();
    const [start, end] = this.#range();
    event.clipboardData.setData("text/plain", this.#text.slice(start, end));
    if (cut && end > start) this.replace(start, end, "");
  }

  #range() {
    return [Math.min(this.#anchor, this.#focus), Math.max(this.#anchor, this.#focus)];
  }

  #draw() {
    const lines = this.#text.split("\n").map((line) => {
      const shown = line ? h("span", { class: "selectable-text copyable-text", "data-lexical-text": "true" }, line) : h("br");
      return h("p", { class: "selectable-text copyable-text", dir: "auto" }, shown);
    });
    this.node.replaceChildren(...lines);
    if (document.activeElement === this.node) this.#showCaret();
  }

  // Caret: the model's offset <-> the browser's place in a paragraph.
  #place(offset) {
    let left = offset;
    const lines = this.#text.split("\n");
    for (const [index, line] of lines.entries()) {
      if (left <= line.length) {
        const paragraph = this.node.children[index];
        return line ? [paragraph.firstChild.firstChild, left] : [paragraph, 0];
      }
      left -= line.length + 1;
    }
    return [this.node, this.node.childNodes.length];
  }

  #showCaret() {
    getSelection().setBaseAndExtent(...this.#place(this.#anchor), ...this.#place(this.#focus));
  }

  #offset(container, offset) {
    if (container === this.node) {
      const lines = this.#text.split("\n").slice(0, offset);
      return Math.min(lines.join("\n").length + (offset > 0 && offset < this.node.children.length ? 1 : 0), this.#text.length);
    }
    const paragraph = [...this.node.children].findIndex((p) => p.contains(container));
    const start = this.#text.split("\n").slice(0, paragraph).reduce((sum, line) => sum + line.length + 1, 0);
    const length = this.#text.split("\n")[paragraph]?.length ?? 0;
    const inside = container.nodeType === Node.TEXT_NODE ? offset : offset > 0 ? length : 0;
    return Math.min(start + Math.min(inside, length), this.#text.length);
  }

  // A place outside of the model's own elements (a script put something there) leaves the caret where the model has it.
  #readCaret() {
    const selection = getSelection();
    if (!selection.anchorNode || !this.node.contains(selection.anchorNode) || !this.node.contains(selection.focusNode)) return;
    this.#anchor = this.#offset(selection.anchorNode, selection.anchorOffset);
    this.#focus = this.#offset(selection.focusNode, selection.focusOffset);
  }
}
