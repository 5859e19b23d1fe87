// The bar in which a reply is written. The send button is there only while the field has text.
import { Editor } from "./editor.js";
import { Picker } from "./picker.js";
import { glyph, icon } from "./icons.js";
import { h, page, trusted } from "./dom.js";
import { say } from "./labels.js";

export class Compose {
  constructor(store, chat, actions) {
    this.store = store;
    this.chat = chat;
    this.actions = actions;
    this.node = h("footer");
    this.slot = h("div", { class: "slot" });
    this.lost = 0;
    const { settings } = store;
    const label = page.build === "plain" ? say.composePlain : chat.kind === "group" ? say.composeGroup : say.compose;
    this.editor = new Editor({
      attributes: { "data-tab": "10", testid: "conversation-compose-box-input", "aria-label": label(chat.title), "aria-placeholder": say.typed },
      onChange: () => this.#changed(),
      transformsEmoji: () => this.store.settings.emoji_transform,
      marksLists: () => this.store.settings.list_markers,
    });
    this.picker = new Picker(this.editor, store, chat);
    this.editor.node.addEventListener("keydown", trusted((event) => this.#key(event)));
    this.saved = chat.drafts[page.device] ?? "";
    this.editor.set(this.saved);
    this.draw(settings);
  }

  // The bar itself, or the notice that stands in its place: on a restricted account, or where only admins write.
  draw(settings) {
    if (settings.restricted) {
      const notice = h("div", { testid: "reachout-timelock-compose-bar", class: "restricted" }, say.restricted);
      this.node.replaceChildren(h("div", { testid: "block-message" }, notice));
      return;
    }
    if (this.chat.box === "blocked") {
      this.node.replaceChildren(this.#blocked());
      return;
    }
    if (this.chat.box === "admins") {
      this.node.replaceChildren(h("div", { class: "restricted" }, say.adminsOnly));
      return;
    }
    if (this.chat.kind === "community" || this.chat.kind === "channel") {
      this.node.replaceChildren(h("div", { class: "restricted" }, say.adminsOnly));
      return;
    }
    const placeholder = h("div", { class: "placeholder", "aria-hidden": "true" }, say.typed);
    this.field = h("div", { class: "field" }, this.editor.node, placeholder);
    this.bar = h(
      "div",
      { class: "bar" },
      h("button", { class: "quiet", "aria-label": say.attach }, icon("plus", "plus-rounded", "plus")),
      h("button", { class: "quiet", "aria-label": say.emoji }, icon("smile", "wds-ic-sticker-smiley", "smiley")),
      this.field,
      this.slot,
    );
    this.node.replaceChildren(this.picker.node, this.bar);
    this.#fillSlot(true);
  }

  // One build says it in a sentence with the contact's name, the other offers to undo it.
  #blocked() {
    if (page.build === "plain") return h("div", { class: "restricted" }, say.blocked(this.chat.title));
    const undo = h("button", { class: "link", onclick: trusted(() => this.actions.unblock(this.chat.id)) }, say.unblock);
    return h("div", { testid: "block-message", class: "restricted" }, h("span", {}, say.blockedHere), undo);
  }

  focus() {
    if (this.node.contains(this.editor.node)) this.editor.focus();
  }

  leave() {
    this.#save();
    this.picker.close();
  }

  #save() {
    const text = this.editor.text;
    if (text === this.saved) return;
    this.saved = text;
    this.actions.draft(this.chat.id, text);
  }

  #changed() {
    this.#fillSlot();
    this.picker.update();
    this.#save();
  }

  #fillSlot(anew = false) {
    const full = this.editor.text.trim() !== "";
    this.field.classList.toggle("has-text", this.editor.text !== "");
    if (!anew && full === this.full) return;
    this.full = full;
    const send = () => h("button", { class: "send", "aria-label": say.send, onclick: trusted(() => this.#gesture("click")) }, icon("send", "wds-ic-send-filled", "send"));
    const mic = () => h("button", { class: "quiet", "aria-label": say.voice, onclick: trusted(() => this.#record()) }, icon("mic", "mic-outlined", "ptt"));
    this.slot.replaceChildren(full ? send() : mic());
  }

  #record() {
    this.actions.recording(this.chat.id);
    const cancel = h("button", { class: "link", onclick: trusted(() => this.draw(this.store.settings)) }, say.cancel);
    this.bar.replaceChildren(h("div", { class: "recording", role: "status" }, glyph("mic"), say.recording), cancel);
  }

  #key(event) {
    if (event.isComposing) return;
    if (this.picker.key(event)) {
      event.preventDefault();
    } else if (event.key === "Escape") {
      event.preventDefault();
      this.actions.close();
    } else if (event.key === "Enter" && !event.shiftKey && this.store.settings.enter_sends) {
      event.preventDefault();
      this.#gesture("enter");
    }
  }

  // A click or an Enter arrives, is lost, or takes effect later, on whatever is there by then.
  #gesture(what) {
    const { faults } = this.store.settings;
    const lost = faults.lost_clicks !== 0;
    if (faults.lost_clicks > 0) faults.lost_clicks -= 1;
    this.actions.gesture(this.chat.id, what, lost);
    if (lost) return;
    if (faults.late_click_ms > 0) setTimeout(() => this.actions.sendNow(), faults.late_click_ms);
    else this.send();
  }

  send() {
    const text = this.editor.text.trim();
    if (!text || this.store.settings.restricted || this.chat.box !== "open") return;
    this.editor.set("");
    this.saved = "";
    this.#fillSlot();
    this.actions.send(this.chat.id, text);
    this.focus();
  }
}
