// The side column: filters, search, and a list of which only the visible rows exist.
import { avatar, glyph, icon, listTick } from "./icons.js";
import { clock, count, dayName, say } from "./labels.js";
import { h, page, testids, trusted } from "./dom.js";
import { withEmoji } from "./text.js";

const OVERSCAN = 4;
const LRE = "\u202a";
const PDF = "\u202c";

export function previewOf(message) {
  if (!message) return "";
  if (message.deleted) return own(message) ? say.deletedOwn : say.deleted;
  const names = { voice: "voiceKind", "view-once": "viewOnceShort" };
  if (message.kind === "text" || message.kind === "system") return message.text;
  return message.text || say[names[message.kind] ?? message.kind];
}

export const own = (message) => ["page", "phone", "automation"].includes(message.source);

export class ChatList {
  #rows = new Map();
  #query = "";
  #found = "";
  #filter = "all";
  #pressed = null;
  #searchTimer = 0;

  constructor(store, { onOpen }) {
    this.store = store;
    this.onOpen = onOpen;
    this.rowHeight = testids() ? 76 : 72;
    this.grid = h("div", { role: "grid", class: "grid" });
    this.scroller = h("div", { id: "pane-side", tabindex: "-1" }, h("div", { testid: "chat-list" }, this.grid));
    this.empty = h("p", { class: "nothing", hidden: true }, say.nothing);
    this.banner = h("div", { class: "banner-slot" });
    this.node = h(
      "div",
      { id: "side" },
      h("header", { class: "side-header" }, h("h1", {}, "Sandbox chat"), h("span", { class: "account" }, store.settings.account_name)),
      this.banner,
      this.#searchBox(),
      this.#tabs(),
      this.empty,
      this.scroller,
    );
    this.scroller.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(this.scroller);
  }

  #searchBox() {
    const changed = trusted(() => this.#type());
    const keys = trusted((event) => event.key === "Escape" && this.clearSearch());
    const common = { role: "textbox", "data-tab": "3", class: "search-input", oninput: changed, onkeydown: keys };
    this.search = testids()
      ? h("input", { ...common, type: "text", "aria-label": say.search, placeholder: say.search, autocomplete: "off" })
      : h("div", { ...common, contenteditable: "plaintext-only", "aria-label": say.searchPlain, "aria-placeholder": say.search, tabindex: "3" });
    const clear = h("button", { class: "quiet", "aria-label": say.cancel, onclick: trusted(() => this.clearSearch()) }, glyph("close"));
    return h("div", { class: "search" }, glyph("search"), this.search, clear);
  }

  #tabs() {
    const names = [["all", say.all], ["unread", say.unreadTab], ["group", say.groups]];
    const tabs = names.map(([key, label]) =>
      h("button", { role: "tab", id: `${key}-filter`, "aria-selected": String(key === this.#filter), onclick: trusted(() => this.#choose(key, tabs)) }, label),
    );
    return h("div", { role: "tablist", "aria-label": "chat-list-filters", class: "tabs" }, ...tabs);
  }

  #choose(key, tabs) {
    this.#filter = key;
    for (const tab of tabs) tab.setAttribute("aria-selected", tab.id === `${key}-filter`);
    this.scroller.scrollTop = 0;
    this.draw();
  }

  #type() {
    this.#query = (this.search.value ?? this.search.textContent).trim().toLocaleLowerCase();
    clearTimeout(this.#searchTimer);
    const slow = this.store.settings.faults.slow_search_ms;
    const show = () => {
      this.#found = this.#query;
      this.scroller.scrollTop = 0;
      this.draw();
    };
    if (slow > 0) this.#searchTimer = setTimeout(show, slow);
    else show();
  }

  clearSearch() {
    if ("value" in this.search) this.search.value = "";
    else this.search.textContent = "";
    clearTimeout(this.#searchTimer);
    this.#query = this.#found = "";
    this.draw();
  }

  // What the list shows, top to bottom: {key, chat} | {key, header} | {key, chat, hit}.
  #items() {
    const chats = [...this.store.chats.values()].sort((a, b) => b.moved - a.moved);
    if (this.#found) return this.#results(chats);
    const wanted = { all: () => true, unread: (c) => c.unread > 0 || c.marked_unread, group: (c) => c.kind === "group" || c.kind === "community" }[this.#filter];
    return chats.filter(wanted).map((chat) => ({ key: chat.id, chat }));
  }

  #results(chats) {
    const has = (text) => text.toLocaleLowerCase().includes(this.#found);
    const named = chats.filter((chat) => has(chat.title));
    const hits = chats.filter((chat) => chat.last && has(chat.last.text));
    const part = (header, items) => (items.length ? [{ key: `header:${header}`, header }, ...items] : []);
    return [
      ...part(say.sectionChats, named.map((chat) => ({ key: chat.id, chat }))),
      ...part(say.sectionMessages, hits.map((chat) => ({ key: `hit:${chat.id}`, chat, hit: true }))),
    ];
  }

  draw() {
    const items = this.#items();
    this.grid.setAttribute("aria-label", this.#found ? say.results : say.chatList);
    this.grid.setAttribute("aria-rowcount", items.length);
    this.grid.style.height = `${items.length * this.rowHeight}px`;
    this.empty.hidden = items.length > 0;
    const first = Math.max(0, Math.floor(this.scroller.scrollTop / this.rowHeight) - OVERSCAN);
    const last = Math.ceil((this.scroller.scrollTop + this.scroller.clientHeight) / this.rowHeight) + OVERSCAN;
    const visible = items.slice(first, last).map((item, index) => ({ ...item, index: first + index }));
    const keys = new Set(visible.map((item) => item.key));
    for (const [key, row] of this.#rows) {
      if (!keys.has(key)) {
        row.node.remove();
        this.#rows.delete(key);
      }
    }
    // By key and not by place: the order of the elements says nothing about the order on screen.
    for (const item of [...visible].sort((a, b) => (a.key < b.key ? -1 : 1))) this.#drawRow(item);
  }

  #drawRow(item) {
    let row = this.#rows.get(item.key);
    if (!row) {
      row = { node: h("div", { role: "row", class: "row" }), shown: "" };
      this.#rows.set(item.key, row);
      this.#listen(row.node, item);
      this.grid.append(row.node);
    }
    row.node.style.height = `${this.rowHeight}px`;
    row.node.style.transform = `translateY(${item.index * this.rowHeight}px)`;
    if (testids()) row.node.setAttribute("data-testid", item.chat?.kind === "self" ? "message-yourself-row" : `list-item-${item.index}`);
    const open = item.chat && item.chat.id === this.store.open;
    const shown = JSON.stringify([item.chat, item.header, open]);
    if (shown === row.shown) return;
    row.shown = shown;
    row.node.replaceChildren(item.header ? h("div", { class: "section" }, item.header) : this.#cell(item.chat, open));
  }

  #listen(node, { chat, key }) {
    if (!chat) return;
    node.addEventListener("mousedown", trusted(() => (this.#pressed = key)));
    node.addEventListener("click", trusted(() => {
      if (this.#pressed === key) this.onOpen(chat.id);
      this.#pressed = null;
    }));
  }

  #cell(chat, open) {
    const frame = chat.kind === "self" ? undefined : "cell-frame-container";
    const title = chat.kind === "self" ? `${chat.title} (${say.you})` : chat.title;
    const marked = /^[\d\s+()-]+$/.test(title) ? `${LRE}${title}${PDF}` : title;
    const when = chat.last ? new Date(chat.last.at) : null;
    const label = chat.unread ? say.unread(chat.unread, count(chat.unread)) : chat.marked_unread ? say.marked : "";
    const time = when ? (dayName(when) === say.today ? clock(when) : dayName(when)) : "";
    return h(
      "div",
      { tabindex: "-1", "aria-selected": open ? "true" : "false", class: "cell-outer" },
      h(
        "div",
        { testid: frame, class: `cell${label ? " unread" : ""}` },
        h("div", { role: "gridcell", class: "cell-avatar" }, avatar(chat)),
        h(
          "div",
          { role: "gridcell", "aria-colindex": "2", class: "cell-top" },
          h(
            "div",
            { testid: "cell-frame-title", class: "cell-title" },
            label ? h("span", { class: "unseen" }, label) : null,
            h("span", { dir: "auto", title: marked }, ...withEmoji(marked)),
          ),
          h("div", { testid: "cell-frame-primary-detail", class: "cell-time" }, time),
        ),
        h(
          "div",
          { class: "cell-bottom" },
          this.#preview(chat),
          h("div", { role: "gridcell", "aria-colindex": "1", class: "cell-marks" }, ...this.#marks(chat, label)),
        ),
      ),
    );
  }

  #preview(chat) {
    const draft = chat.drafts[page.device];
    if (draft && chat.id !== this.store.open) {
      return h("span", { class: "preview" }, h("span", { class: "draft" }, `${say.draft}: `), draft);
    }
    const { last } = chat;
    const text = previewOf(last);
    const author = last?.author && chat.kind !== "person" ? `${last.author}: ` : "";
    const mark = last && own(last) && last.status !== "failed" ? listTick(last.status) : null;
    const full = text ? `${LRE}${author}${text}${PDF}` : "";
    return h(
      "span",
      { class: "preview", testid: "last-msg-status", title: full },
      mark,
      h("span", { dir: "auto" }, ...withEmoji(`${author}${text}`.replaceAll("\n", " "))),
    );
  }

  #marks(chat, label) {
    return [
      chat.muted ? h("span", { "aria-label": say.muted }, icon("muted", "mute-notifications-refreshed", "muted")) : null,
      label ? h("span", { class: "badge", "aria-label": label, testid: "icon-unread-count" }, chat.unread ? count(chat.unread) : "") : null,
    ];
  }

  showOffline(offline, syncing) {
    this.banner.replaceChildren();
    if (syncing) this.banner.append(h("div", { class: "offline", role: "status" }, h("progress", {}), h("div", {}, say.syncing)));
    if (!offline) return;
    this.banner.append(
      h(
        "div",
        { class: "offline", role: "status" },
        h("span", { class: "icon", "data-icon": testids() ? "alert-computer-refreshed" : "alert-computer" }, glyph("fail")),
        h("div", {}, h("strong", {}, say.offlineTitle), h("div", {}, say.offlineText), h("button", { class: "link" }, say.reconnect)),
      ),
    );
  }
}
