// The desk: asks the server's functions, draws their answers, and keeps hands off what a person is doing.
import { ask, coalesced, make, newId, notify, patch } from "./dom.js";
import { DraftCard, fit, kept } from "./draft.js";
import { listen } from "./keys.js";

/** Start the desk: called once by Gradio when the component is there. */
export function start(element, server) {
  new Desk(element, server).begin();
}

class Desk {
  constructor(element, server) {
    this.root = element.querySelector(".desk");
    this.server = server;
    this.chat = null;
    this.version = 0;
    this.order = [];
    this.waiting = [];
    this.filter = { status: "active", assignee: "all", q: "", pages: 1 };
    this.busy = false;
    this.draft = new DraftCard(this);
    this.loadList = coalesced(() => this.fetchList());
    this.loadChat = coalesced(() => this.fetchChat());
  }

  slot = (name) => this.root.querySelector(`[data-slot="${name}"]`);
  place = (name) => this.root.querySelector(`[data-place="${name}"]`);
  notice = (notice) => notify(this.slot("notices"), notice);
  shown = () => document.body.dataset.view === "desk";

  begin() {
    this.root.addEventListener("click", (event) => this.click(event));
    this.root.addEventListener("change", (event) => this.changed(event));
    this.slot("search").addEventListener("input", () => this.search());
    this.slot("search").addEventListener("keydown", (event) => this.leaveSearch(event));
    this.slot("composer").addEventListener("submit", (event) => this.say(event));
    const reply = this.slot("reply");
    reply.addEventListener("input", () => this.keepReply());
    reply.addEventListener("keydown", (event) => this.replyKey(event));
    document.addEventListener("waxos:note", ({ detail }) => this.note(detail));
    document.addEventListener("waxos:help", () => this.slot("help").showModal());
    document.addEventListener("visibilitychange", () => this.looking() && this.loadChat());
    addEventListener("hashchange", () => this.follow());
    listen(this.keys(), this.shown);
    this.follow();
    this.loadList();
  }

  keys() {
    const next = () => this.step(1);
    return {
      a: () => this.draft.approve(),
      e: () => this.draft.edit(),
      r: () => (this.draft.facts ? this.draft.form("rewrite") : this.change("ask")),
      x: () => this.draft.form("reject"),
      t: () => this.change("takeover"),
      d: () => this.resolve(),
      w: () => this.chat && this.slot("reply").focus(),
      n: next,
      j: next,
      k: () => this.step(-1),
      "/": () => this.slot("search").focus(),
      "?": () => this.slot("help").showModal(),
      Escape: () => this.chat && matchMedia("(max-width: 700px)").matches && this.back(),
    };
  }

  // -- what comes in -------------------------------------------------------------------------------------------------

  note(note) {
    if (note.type === "link") {
      if (note.state !== "live") return;
      this.loadList();
      if (this.chat) this.loadChat();
      return;
    }
    if (note.type === "source.updated") return;
    this.loadList();
    if (note.type === "channel.updated") return;
    if (this.chat && (!note.ids.chat_id || note.ids.chat_id === this.chat)) this.loadChat();
  }

  async fetchList() {
    const filter = JSON.stringify(this.filter);
    const answer = await ask(this.server.chat_list, this.filter);
    if (filter !== JSON.stringify(this.filter)) return true;
    if (answer.failed) return this.missed(answer);
    this.order = answer.facts.order;
    this.waiting = answer.facts.waiting;
    patch(this.place("list"), answer.fragments.list);
    patch(this.place("alerts"), answer.fragments.alerts);
    this.mark();
    document.dispatchEvent(new CustomEvent("waxos:needs", { detail: answer.facts.needs }));
    return true;
  }

  async fetchChat() {
    const chat = this.chat;
    if (!chat) return true;
    const read = this.looking() && this.unread !== 0;
    const answer = await ask(this.server.chat, { chat_id: chat, depth: this.depth, read });
    if (answer.failed && chat === this.chat) return this.missed(answer);
    this.apply(chat, answer);
    // What came in while a person was looking has been seen, too.
    if (!read && this.unread && this.looking()) this.loadChat();
    return true;
  }

  looking() {
    return document.visibilityState === "visible" && this.shown();
  }

  /** Something could not be read: say so, and have it tried again unless it is gone. */
  missed(answer) {
    this.notice(answer.notice);
    return answer.facts.code === "not_found";
  }

  /** Draw an answer about a chat, unless another chat is open by now. */
  apply(chat, answer, force = false) {
    if (chat !== this.chat) return;
    this.notice(answer.notice);
    const { head, thread, card } = answer.fragments;
    if (thread === undefined) return;
    this.version = answer.facts.chat_version;
    this.status = answer.facts.status;
    this.unread = answer.facts.unread;
    const scroll = this.slot("scroll");
    const low = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
    patch(this.place("head"), head);
    patch(this.place("thread"), thread);
    this.slot("composer").hidden = false;
    this.draft.show(chat, answer.facts.draft, card, force);
    if (low || this.fresh) scroll.scrollTop = scroll.scrollHeight;
    this.fresh = false;
  }

  // -- moving about --------------------------------------------------------------------------------------------------

  follow() {
    if (location.hash && !location.hash.startsWith("#/desk")) return;
    const chat = /^#\/desk\/([0-9a-f-]{36})$/.exec(location.hash)?.[1] ?? null;
    if (chat !== this.chat) this.open(chat);
  }

  open(chat) {
    this.chat = chat;
    this.fresh = true;
    this.unread = undefined;
    this.depth = DEPTH;
    const link = document.querySelector('[data-view="desk"]');
    if (link) link.href = location.hash || "#/desk";
    this.root.dataset.pane = chat ? "chat" : "list";
    this.mark();
    this.draft.clear();
    patch(this.place("head"), "");
    patch(this.place("thread"), chat ? "" : EMPTY);
    this.slot("composer").hidden = !chat;
    if (!chat) return;
    const reply = this.slot("reply");
    reply.value = kept.load(chat, "reply") ?? "";
    fit(reply);
    this.loadChat();
  }

  go(chat) {
    location.hash = chat ? `#/desk/${chat}` : "#/desk";
  }

  back() {
    this.go(null);
  }

  step(by) {
    if (!this.order.length) return;
    const at = this.order.indexOf(this.chat);
    const to = at < 0 ? 0 : Math.min(this.order.length - 1, Math.max(0, at + by));
    this.go(this.order[to]);
    this.root.querySelector(`.chat-row[data-chat="${this.order[to]}"]`)?.scrollIntoView({ block: "nearest" });
  }

  mark() {
    for (const row of this.root.querySelectorAll(".chat-row")) {
      if (row.dataset.chat === this.chat) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
  }

  search() {
    this.filter = { ...this.filter, q: this.slot("search").value, pages: 1 };
    this.loadList();
  }

  leaveSearch(event) {
    if (event.key !== "Escape" && event.key !== "Enter") return;
    event.preventDefault();
    if (event.key === "Escape") this.slot("search").value = "";
    this.slot("search").blur();
    this.search();
    if (event.key === "Enter" && this.order.length) this.go(this.order[0]);
  }

  changed(event) {
    if (event.target.dataset.slot === "status") {
      this.filter = { ...this.filter, status: event.target.value, pages: 1 };
      this.loadList();
    } else if (event.target.dataset.slot === "mode") {
      const wish = event.target.value;
      if (wish === "pause") this.change("pause");
      else this.change("mode", wish);
    }
  }

  click(event) {
    const at = (selector) => event.target.closest(selector);
    const filter = at("[data-filter]");
    if (filter) {
      for (const other of this.root.querySelectorAll("[data-filter]")) other.setAttribute("aria-pressed", String(other === filter));
      this.filter = { ...this.filter, assignee: filter.dataset.value, pages: 1 };
      return this.loadList();
    }
    const send = at("[data-send-act]");
    if (send) return this.settle(send.closest("[data-send]").dataset.send, send.dataset.sendAct);
    const act = at("[data-act]");
    if (act) return this.act(act);
    const row = at("[data-chat]");
    if (row) this.go(row.dataset.chat);
    if (at("[data-more]")) {
      this.filter = { ...this.filter, pages: this.filter.pages + 1 };
      this.loadList();
    }
    return undefined;
  }

  act(button) {
    const acts = {
      approve: () => this.draft.approve(),
      "send-edit": () => this.draft.sendEdit(),
      edit: () => this.draft.edit(),
      revert: () => this.draft.revert(),
      rewrite: () => this.draft.form("rewrite"),
      reject: () => this.draft.form("reject"),
      "close-form": () => this.draft.closeForms(),
      "show-mark": () => this.draft.showMark(button),
      "show-source": () => this.draft.showSource(button.dataset.source),
      earlier: () => this.earlier(),
      back: () => this.back(),
      resolve: () => this.resolve(),
    };
    (acts[button.dataset.act] ?? (() => this.change(button.dataset.act)))();
  }

  // -- what goes out -------------------------------------------------------------------------------------------------

  async decide(verb, more, texts) {
    const chat = this.chat;
    const { id, version, sha } = this.draft.facts;
    this.busy = true;
    const bubbles = texts ? this.foresee(texts, verb === "edit" ? "Being checked …" : "Queued") : [];
    const answer = await ask(this.server.decide, { chat_id: chat, depth: this.depth, verb, draft_id: id, version, sha, ...more });
    this.busy = false;
    for (const bubble of bubbles) bubble.remove();
    if (!answer.failed) {
      kept.save(chat, "edit", null);
      if (chat === this.chat) this.draft.facts = null;
    }
    this.apply(chat, answer, true);
    this.loadList();
  }

  /** Show what was just sent before the server has answered. */
  foresee(texts, label) {
    const place = this.place("thread");
    const bubbles = texts.map((text) => {
      const bubble = make("article", "msg out send-queued foreseen");
      const body = make("p", "body", text);
      body.dir = "auto";
      const foot = make("p", "foot");
      foot.append(make("span", "author", label));
      bubble.append(body, foot);
      return bubble;
    });
    place.append(...bubbles);
    place.wxHtml = null;
    this.slot("scroll").scrollTop = this.slot("scroll").scrollHeight;
    return bubbles;
  }

  async say(event) {
    event.preventDefault();
    const chat = this.chat;
    const reply = this.slot("reply");
    const text = reply.value;
    if (!text.trim() || this.saying) return;
    this.saying = true;
    const bubbles = this.foresee([text.trim()], "Being checked …");
    reply.value = "";
    fit(reply);
    const answer = await ask(this.server.say, { chat_id: chat, depth: this.depth, id: newId(), text, chat_version: this.version });
    this.saying = false;
    for (const bubble of bubbles) bubble.remove();
    if (!answer.failed) kept.save(chat, "reply", null);
    else if (chat === this.chat) this.keepText(text);
    this.apply(chat, answer);
    this.loadList();
  }

  async change(act, value = "") {
    const chat = this.chat;
    if (!chat) return;
    this.apply(chat, await ask(this.server.change, { chat_id: chat, depth: this.depth, act, value }));
    this.loadList();
  }

  async resolve() {
    const chat = this.chat;
    if (!chat) return;
    if (this.status === "resolved") return this.change("reopen");
    const next = this.after(chat);
    await this.change("resolve");
    if (chat === this.chat) this.go(next);
  }

  /** The chat to show after this one: the next that needs a person. */
  after(chat) {
    const at = this.order.indexOf(chat);
    const rest = [...this.order.slice(at + 1), ...this.order.slice(0, Math.max(at, 0))];
    return rest.find((id) => this.waiting.includes(id)) ?? null;
  }

  async settle(send, act) {
    const chat = this.chat;
    this.apply(chat, await ask(this.server.send, { chat_id: chat, depth: this.depth, send_id: send, act, chat_version: this.version }));
    this.loadList();
  }

  async earlier() {
    const scroll = this.slot("scroll");
    const below = scroll.scrollHeight - scroll.scrollTop;
    this.depth += DEPTH;
    await this.loadChat();
    scroll.scrollTop = scroll.scrollHeight - below;
  }

  // -- the reply box -------------------------------------------------------------------------------------------------

  replyKey(event) {
    if (event.key === "Escape") event.target.blur();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.slot("composer").requestSubmit();
    }
  }

  keepReply() {
    const reply = this.slot("reply");
    fit(reply);
    if (this.chat) kept.save(this.chat, "reply", reply.value || null);
  }

  /** Put a text that would be lost into the reply box, below what is there. */
  keepText(text) {
    const reply = this.slot("reply");
    if (!reply.value.includes(text)) reply.value = reply.value ? `${reply.value}\n\n${text}` : text;
    this.keepReply();
  }
}

const DEPTH = 40; // messages a thread begins with, and how many more at a time
const EMPTY = '<div class="empty" data-key="none"><p><b>Choose a chat.</b></p><p class="quiet">Press <kbd>n</kbd> for the first that needs a person, <kbd>?</kbd> for all keys.</p></div>';
