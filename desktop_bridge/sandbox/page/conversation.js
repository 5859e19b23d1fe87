// The open chat: header, messages of which only the near ones are drawn, and the compose bar.
import { Compose } from "./compose.js";
import { avatar, glyph } from "./icons.js";
import { bubble } from "./bubble.js";
import { dayName, say } from "./labels.js";
import { h, page, trusted } from "./dom.js";
import { own } from "./chatlist.js";
import { withEmoji } from "./text.js";

const NEAR_PX = 1500;

export class Conversation {
  #rows = new Map();
  #loaded = false;
  #complete = true;
  #asking = false;

  constructor(store, chat, actions) {
    this.store = store;
    this.chat = chat;
    this.actions = actions;
    this.list = h("div", { "data-tab": "8", role: "application", class: "messages" });
    this.loading = h("p", { class: "loading", role: "status" }, say.loading);
    this.scroller = h("div", { testid: "conversation-panel-messages", tabindex: "0", class: "scroller" }, this.loading, this.list);
    this.compose = new Compose(store, chat, actions);
    this.newest = h("button", { class: "newest", "aria-label": say.newest, hidden: true, onclick: trusted(() => this.#toBottom()) }, glyph("down"));
    this.node = h(
      "div",
      { id: "main", testid: "conversation-panel-wrapper" },
      this.#header(),
      h("div", { testid: "conversation-panel-body", class: "panel-body" }, h("div", {}, h("div", {}, this.scroller)), this.newest),
      this.compose.node,
    );
    this.near = new IntersectionObserver((entries) => this.#mount(entries), { root: this.scroller, rootMargin: `${NEAR_PX}px 0px` });
    this.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.size = new ResizeObserver(() => this.stuck && this.#toBottom());
    this.size.observe(this.scroller);
    this.size.observe(this.list);
    this.stuck = true;
  }

  #header() {
    const { chat } = this;
    const several = chat.kind === "group" || chat.kind === "community";
    const subtitle = several ? [...chat.members, say.you].join(", ") : chat.kind === "channel" ? say.followers : say.subtitle;
    return h(
      "header",
      { testid: "conversation-header" },
      h("button", { class: "quiet back", "aria-label": say.back, onclick: trusted(() => this.actions.close()) }, glyph("back")),
      avatar(chat),
      h(
        "div",
        { class: "header-text", role: "button" },
        h("div", { testid: "conversation-info-header-chat-title" }, h("span", { dir: "auto", title: page.build === "plain" ? chat.title : null }, ...withEmoji(chat.title))),
        h("div", { testid: "chat-subtitle", class: "subtitle" }, h("span", { title: subtitle }, subtitle)),
      ),
    );
  }

  destroy() {
    this.near.disconnect();
    this.size.disconnect();
    this.compose.leave();
    this.node.remove();
  }

  get #messages() {
    return [...(this.store.messages.get(this.chat.id)?.values() ?? [])].sort((a, b) => a.order - b.order);
  }

  history({ older, complete }) {
    this.#complete = complete;
    this.#asking = false;
    const height = this.scroller.scrollHeight;
    this.#loaded = true;
    this.loading.hidden = true;
    this.draw();
    if (older) this.scroller.scrollTop += this.scroller.scrollHeight - height;
    else this.#toBottom();
  }

  draw() {
    if (!this.#loaded) return;
    const messages = this.#messages;
    let before = null;
    const nodes = [];
    messages.forEach((message, index) => {
      const heading = dayName(new Date(message.at));
      if (!before || dayName(new Date(before.at)) !== heading) nodes.push(this.#heading(heading));
      const next = messages[index + 1];
      nodes.push(this.#row(message, { first: !sameRun(before, message), last: !sameRun(message, next), tail: !next }));
      before = message;
    });
    this.#settle(nodes);
    for (const [id, row] of this.#rows) if (!row.node.isConnected) this.#rows.delete(id);
    if (this.stuck) this.#toBottom();
    else this.newest.hidden = false;
  }

  // Moves only what stands in the wrong place, so that what is being looked at stays.
  #settle(nodes) {
    const kept = new Set(nodes);
    for (const child of [...this.list.children]) if (!kept.has(child)) child.remove();
    nodes.forEach((node, index) => {
      if (this.list.children[index] !== node) this.list.insertBefore(node, this.list.children[index] ?? null);
    });
  }

  #heading(text) {
    return h("div", { class: "notice day" }, h("span", { dir: "auto" }, text));
  }

  #row(message, place) {
    let row = this.#rows.get(message.id);
    if (!row) {
      const holder = h("div", { "data-virtualized": "false" });
      const item = h("div", { "data-id": this.#dataId(message), testid: `conv-msg-${message.id}`, tabindex: "-1", class: page.build === "plain" ? "focusable-list-item" : null }, holder);
      row = { node: h("div", { role: "row" }, item), holder, shown: "", mounted: place.tail || !document.hidden };
      row.node.message = message.id;
      this.#rows.set(message.id, row);
      this.near.observe(row.node);
    }
    row.message = message;
    row.place = place;
    const shown = JSON.stringify([message, place.first, place.last]);
    if (shown !== row.shown) {
      row.shown = shown;
      this.#fill(row);
    }
    return row.node;
  }

  #dataId(message) {
    if (page.ids === "bare") return message.id;
    const group = this.chat.kind === "group" || this.chat.kind === "community";
    if (this.chat.kind === "channel") return `${own(message)}_${this.chat.id}@newsletter_${message.id}`;
    const jid = group ? `${this.chat.id}@g.us` : `${this.chat.id.slice(0, 12)}@c.us`;
    const name = group ? `_${message.author.length}${this.chat.id.slice(1, 12)}@c.us` : "";
    return `${own(message)}_${jid}_${message.id}${name}`;
  }

  #fill(row) {
    row.holder.setAttribute("data-virtualized", String(!row.mounted));
    if (!row.mounted) {
      row.holder.replaceChildren();
      row.holder.style.height = `${row.height ?? 44}px`;
      return;
    }
    row.holder.style.height = "";
    const find = (id) => this.store.messages.get(this.chat.id)?.get(id);
    const context = { ...row.place, chat: this.chat, account: this.store.settings.account_name, find, grow: () => {}, retry: this.actions.retry, once: (id) => this.actions.once(this.chat.id, id) };
    row.holder.replaceChildren(bubble(row.message, context));
  }

  #mount(entries) {
    for (const { target, isIntersecting, boundingClientRect } of entries) {
      const row = this.#rows.get(target.message);
      const wanted = isIntersecting || row?.place.tail;
      if (!row || row.mounted === wanted) continue;
      if (!wanted) row.height = boundingClientRect.height;
      row.mounted = wanted;
      this.#fill(row);
    }
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    this.stuck = scrollHeight - scrollTop - clientHeight < 80;
    if (this.stuck) this.newest.hidden = true;
    if (scrollTop < 300 && this.#loaded && !this.#complete && !this.#asking) {
      this.#asking = true;
      this.actions.older(this.chat.id, this.#messages[0].id);
    }
  }

  #toBottom() {
    this.stuck = true;
    this.newest.hidden = true;
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }
}

function sameRun(a, b) {
  if (!a || !b || a.kind === "system" || b.kind === "system") return false;
  const sameDay = dayName(new Date(a.at)) === dayName(new Date(b.at));
  return own(a) === own(b) && a.author === b.author && sameDay;
}
