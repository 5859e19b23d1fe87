// The business's page: holds what the server pushed, shows the right screen, and sends what was written.
import * as screens from "./screens.js";
import { ChatList } from "./chatlist.js";
import { Conversation } from "./conversation.js";
import { Link } from "./link.js";
import { h, page } from "./dom.js";
import { say } from "./labels.js";

const LOOKS = ["build", "ids", "lang", "screen", "account_name"];

class Desk {
  constructor(root) {
    this.root = root;
    this.query = new URLSearchParams(location.search);
    this.store = { settings: null, chats: new Map(), messages: new Map(), open: null };
    this.unsent = new Map();
    this.conversation = null;
    this.list = null;
    this.takenOver = false;
    this.opening = 0;
    this.started = false;
    root.append(screens.startup());
    this.#watchTabs();
    this.link = new Link("/push", { onEvent: (event) => this[`on_${event.type}`](event), onState: (up) => this.#line(up) });
    document.addEventListener("visibilitychange", () => this.#read());
  }

  // One tab of a browser at a time: whoever comes last takes over, the others show so.
  #watchTabs() {
    const me = crypto.randomUUID();
    this.tabs = new BroadcastChannel("sandbox-tab");
    this.tabs.addEventListener("message", ({ data }) => {
      if (data === me || this.store.settings?.one_tab === false) return;
      this.takenOver = true;
      this.render();
    });
    this.tabs.postMessage(me);
  }

  #line(up) {
    this.down = !up;
    this.list?.showOffline(this.down || this.store.settings.offline, this.store.settings.syncing);
  }

  on_hello({ settings, chats }) {
    this.store.chats = new Map(chats.map((chat) => [chat.id, chat]));
    for (const command of this.unsent.values()) this.link.send(command);
    const again = this.store.settings !== null;
    this.#apply(settings);
    if (again && this.store.open) this.link.send({ do: "open", chat: this.store.open });
    if (this.started) this.render();
    else this.#start(settings.startup_ms);
  }

  #start(delayMs) {
    const begin = () => {
      this.started = true;
      this.render();
    };
    if (delayMs > 0) setTimeout(begin, delayMs);
    else begin();
  }

  on_settings({ settings }) {
    const before = JSON.stringify(LOOKS.map((name) => this.store.settings[name]));
    this.#apply(settings);
    if (!this.started) return;
    if (before !== JSON.stringify(LOOKS.map((name) => settings[name]))) this.render();
    else this.#refresh();
  }

  #apply(settings) {
    this.store.settings = settings;
    for (const name of ["build", "ids", "lang"]) page[name] = this.query.get(name) ?? settings[name];
    document.documentElement.lang = page.lang;
  }

  on_chat({ chat }) {
    this.store.chats.set(chat.id, chat);
    const box = this.conversation?.chat.box;
    if (this.store.open === chat.id && box !== undefined && box !== chat.box) this.#show(chat.id);
    if (this.store.open === chat.id) this.#read();
    this.list?.draw();
  }

  on_message({ chat, message }) {
    this.unsent.delete(message.id);
    const messages = this.store.messages.get(chat);
    if (!messages) return;
    // A tick of a message above the loaded part: it comes with its page when someone scrolls there.
    const top = Math.min(...[...messages.values()].map((known) => known.order));
    if (messages.size > 0 && !messages.has(message.id) && message.order < top) return;
    const show = () => {
      messages.set(message.id, message);
      if (this.store.open === chat) this.conversation?.draw();
    };
    const late = messages.has(message.id) ? 0 : this.store.settings.faults.slow_bubbles_ms;
    if (late > 0) setTimeout(show, late);
    else show();
  }

  on_removed({ chat, id }) {
    this.store.messages.get(chat)?.delete(id);
    if (this.store.open === chat) this.conversation?.draw();
  }

  on_history({ chat, messages, older, complete }) {
    const known = older ? this.store.messages.get(chat) : new Map([...(this.store.messages.get(chat) ?? [])].filter(([id]) => this.unsent.has(id)));
    for (const message of messages) known.set(message.id, message);
    this.store.messages.set(chat, known);
    if (this.store.open === chat) this.conversation?.history({ older, complete });
    this.#read();
  }

  // -- screens ------------------------------------------------------------------------------------------------

  render() {
    const { screen } = this.store.settings;
    this.conversation?.destroy();
    this.conversation = this.list = null;
    if (this.takenOver || screen === "taken_over") return this.root.replaceChildren(screens.takenOver(() => this.#useHere()));
    if (screen !== "main") return this.root.replaceChildren(this.#screen(screen));
    this.list = new ChatList(this.store, { onOpen: (chat) => this.#choose(chat) });
    this.stage = h("div", { class: "stage" });
    this.root.replaceChildren(h("div", { class: "desk" }, this.list.node, this.stage), h("div", { id: "dialogs" }));
    if (this.store.open && this.store.chats.has(this.store.open)) this.#show(this.store.open);
    else this.#showIntro();
    this.#refresh();
    return undefined;
  }

  #screen(name) {
    const go = (screen) => () => this.link.send({ do: "screen", screen });
    const { qr_after_ms: delayMs } = this.store.settings;
    if (name === "startup") return screens.startup();
    if (name.startsWith("qr")) return screens.qr({ expired: name === "qr_expired", delayMs, onLink: go("main"), onReload: go("qr") });
    if (name === "logged_out") return screens.notice(say.loggedOut, say.linkAgain, go("qr"));
    return screens.notice(say[name]);
  }

  #useHere() {
    if (this.store.settings.screen === "taken_over") this.link.send({ do: "screen", screen: "main" });
    setTimeout(() => location.reload(), 150);
  }

  #refresh() {
    const { settings } = this.store;
    if (!this.list) return;
    this.list.showOffline(this.down || settings.offline, settings.syncing);
    this.list.draw();
    const shown = this.conversation?.restricted;
    if (this.conversation && shown !== settings.restricted) {
      this.conversation.restricted = settings.restricted;
      this.conversation.compose.draw(settings);
    }
    const dialogs = document.getElementById("dialogs");
    const dismiss = () => this.link.send({ do: "dismiss" });
    if (settings.interstitial && !dialogs.firstChild) dialogs.append(screens.news(dismiss));
    if (settings.dialog === "invalid" && !dialogs.firstChild) dialogs.append(screens.invalidNumber(dismiss));
    if (settings.dialog === "question" && !dialogs.firstChild) dialogs.append(screens.question(() => this.link.send({ do: "answered" })));
    if (!settings.interstitial && settings.dialog === "none") dialogs.replaceChildren();
  }

  // -- chats --------------------------------------------------------------------------------------------------

  #choose(chat) {
    const { faults } = this.store.settings;
    const lost = faults.lost_opens !== 0;
    if (faults.lost_opens > 0) faults.lost_opens -= 1;
    this.link.send({ do: "gesture", chat, what: "open", lost });
    if (lost) return;
    clearTimeout(this.opening);
    const open = () => {
      if (this.store.open === chat && this.conversation) return this.conversation.compose.focus();
      this.store.open = chat;
      this.#show(chat);
      this.list.draw();
      return undefined;
    };
    if (faults.slow_open_ms > 0) this.opening = setTimeout(open, faults.slow_open_ms);
    else open();
  }

  #show(id) {
    this.conversation?.destroy();
    const actions = {
      close: () => this.#close(),
      older: (chat, before) => this.link.send({ do: "older", chat, before }),
      draft: (chat, text) => this.#draft(chat, text),
      gesture: (chat, what, lost) => this.link.send({ do: "gesture", chat, what, lost }),
      recording: (chat) => this.link.send({ do: "recording", chat }),
      once: (chat, id) => this.link.send({ do: "open_once", chat, id }),
      unblock: (chat) => this.link.send({ do: "unblock", chat }),
      retry: (message) => this.link.send({ do: "retry", id: message }),
      send: (chat, text) => this.#send(chat, text),
      sendNow: () => this.conversation?.compose.send(),
    };
    this.conversation = new Conversation(this.store, this.store.chats.get(id), actions);
    this.conversation.restricted = this.store.settings.restricted;
    this.stage.replaceChildren(this.conversation.node);
    this.root.firstChild.classList.add("chat-open");
    this.link.send({ do: "open", chat: id });
    this.conversation.compose.focus();
    this.#read();
  }

  #showIntro() {
    this.root.firstChild.classList.remove("chat-open");
    this.stage.replaceChildren(h("div", { class: "intro" }, h("img", { src: "/page/icon.svg", alt: "" }), h("h2", {}, "Sandbox chat"), h("p", {}, say.intro), h("small", {}, say.introNote)));
  }

  #close() {
    this.conversation?.destroy();
    this.conversation = null;
    this.store.open = null;
    this.#showIntro();
    this.list.draw();
  }

  #read() {
    const chat = this.store.chats.get(this.store.open);
    if (!chat || document.hidden || !this.conversation) return;
    const last = chat.last;
    if (chat.unread || (last && last.source === "customer" && last.status === "delivered")) this.link.send({ do: "read", chat: chat.id });
  }

  #draft(chat, text) {
    this.store.chats.get(chat).drafts[page.device] = text;
    this.link.send({ do: "draft", chat, device: page.device, text });
  }

  // The bubble is there at once with its clock; the server's echo takes its place.
  #send(chat, text) {
    const id = `3EB0${[...crypto.getRandomValues(new Uint8Array(9))].map((b) => b.toString(16).padStart(2, "0")).join("").toUpperCase()}`;
    const command = { do: "send", chat, device: page.device, id, text };
    this.unsent.set(id, command);
    const messages = this.store.messages.get(chat) ?? new Map();
    const order = Math.max(0, ...[...messages.values()].map((m) => m.order)) + 0.5;
    const message = { id, chat, order, kind: "text", text, source: "page", author: "", at: new Date().toISOString(), status: "pending", reactions: [], media: null };
    messages.set(id, message);
    this.store.messages.set(chat, messages);
    delete this.store.chats.get(chat).drafts[page.device];
    this.conversation.stuck = true;
    this.conversation.draw();
    this.link.send(command);
  }
}

new Desk(document.getElementById("app"));
