// One message as the page shows it.
import { clock, day, say } from "./labels.js";
import { glyph, icon, tick } from "./icons.js";
import { h, testids, trusted } from "./dom.js";
import { own, previewOf } from "./chatlist.js";
import { paged, rich } from "./text.js";

// context: {chat, first, last, account, find, grow, retry}
export function bubble(message, context) {
  if (message.kind === "system") {
    return h("div", { testid: "msg-notification-container", class: "notice" }, h("span", { dir: "auto" }, message.text));
  }
  const side = own(message) ? "out" : "in";
  const tail = h("span", { class: "tail", "aria-hidden": "true", "data-icon": `tail-${side}`, testid: `tail-${side}` });
  const speaker = own(message) ? say.you : message.author || context.chat.title;
  return h(
    "div",
    { class: `line ${side}${context.first ? " first" : ""}` },
    h(
      "div",
      { testid: "msg-container", class: "bubble" },
      context.first ? tail : null,
      context.first || context.last ? h("span", { "aria-label": `${speaker}:`, class: "unseen" }) : null,
      author(message, context),
      ...body(message, context),
      meta(message, context),
      message.reactions.length ? reactions(message) : null,
    ),
  );
}

function author(message, { chat, first }) {
  if (chat.kind === "person" || chat.kind === "self" || own(message) || !first) return null;
  return h("div", { testid: "author", class: "author", dir: "auto", role: "button" }, message.author);
}

function body(message, context) {
  if (message.deleted) {
    const icons = icon("block", "recalled", "recalled");
    return [h("div", { class: "deleted", testid: "recalled-msg" }, icons, own(message) ? say.deletedOwn : say.deleted)];
  }
  if (message.kind === "text") return [text(message, context)];
  const caption = message.text ? h("div", { class: "caption", dir: "auto" }, ...rich(message.text)) : null;
  return [KINDS[message.kind](message, context), HAS_CAPTION.has(message.kind) ? caption : null];
}

function text(message, context) {
  const at = new Date(message.at);
  const who = own(message) ? context.account : message.author || context.chat.title;
  const [inner, more] = paged(message.text, say.more, context.grow);
  return h(
    "div",
    { class: "copyable-text", "data-pre-plain-text": `[${clock(at)}, ${day(at)}] ${who}: ` },
    message.quoted ? quoted(context.find(message.quoted), context) : null,
    h(
      "div",
      {},
      h("span", { class: "selectable-text copyable-text", dir: "auto", testid: "selectable-text" }, inner),
      more,
      // The unseen copy keeps the last line clear of the real time below it.
      h("span", { class: "spacer", "aria-hidden": "true" }, h("span", {}, clock(at))),
    ),
  );
}

function quoted(message, { account, chat }) {
  const who = !message ? "" : own(message) ? account : message.author || chat.title;
  return h(
    "div",
    { role: "button", "aria-label": say.quoted, testid: "quoted-message", class: "quoted" },
    h("div", { class: "author" }, who),
    h("div", { class: "quoted-mention" }, h("span", { class: "selectable-text", dir: "auto", testid: "selectable-text" }, ...rich(previewOf(message)))),
  );
}

function meta(message, { retry }) {
  const at = new Date(message.at);
  const status = message.status;
  const failed = status === "failed";
  const again = h(
    "button",
    { class: "retry", "aria-label": say.retry, onclick: trusted(() => retry(message.id)) },
    h("span", { "data-icon": testids() ? "message-fail" : "error", testid: "message-fail" }, glyph("fail", "message-fail")),
  );
  return h(
    "div",
    { testid: "msg-meta", class: "meta" },
    message.edited && !message.deleted ? h("span", { class: "edited" }, say.edited) : null,
    h("span", { dir: "auto" }, clock(at)),
    !own(message) || message.deleted ? null : failed ? again : tick(status, say[status]),
  );
}

function reactions(message) {
  const label = say.reaction(message.reactions[0]);
  return h("button", { class: "reactions", testid: "reaction-bubble", "aria-label": label }, ...rich(message.reactions.join("")));
}

const HAS_CAPTION = new Set(["image", "video", "document"]);

// Files come as blob addresses, as on the real page. Blurred ones wait for a click; what was fetched stays for this tab.
const blobs = new Map();
const BLUR = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mOsr6//DwAFhQKAfWiPqQAAAABJRU5ErkJggg==";

async function fetched(message) {
  if (!blobs.has(message.id)) {
    const answer = await fetch(`/media/${message.id}`);
    if (!answer.ok) return null;
    blobs.set(message.id, URL.createObjectURL(await answer.blob()));
  }
  return blobs.get(message.id);
}

// The picture, film or sound itself; or, where it is not loaded, a blurred picture and the button that fetches it.
function file(message, tag, attributes) {
  const holder = h("span", { class: "file" });
  const show = (src) => holder.replaceChildren(h(tag, { draggable: "false", ...attributes, src }));
  const fetchIt = async () => {
    const src = await fetched(message);
    if (src) show(src);
    else holder.append(h("span", { role: "alert", class: "length", "data-icon": "media-broken", testid: "media-broken" }, say.gone));
  };
  if (blobs.has(message.id)) show(blobs.get(message.id));
  else if (message.media?.loaded === false || message.media?.broken) {
    const size = bytes(message.media.size);
    const button = h("button", { class: "round", "aria-label": say.download, onclick: trusted(fetchIt) }, icon("down", "media-download", "media-download"), size);
    holder.append(tag === "audio" ? "" : h("img", { src: BLUR, class: "blur", draggable: "false", alt: "" }), button);
  } else fetchIt();
  return holder;
}

// A button, which fetches the file and then hands it over under its name.
async function handOver(message, name) {
  const src = await fetched(message);
  if (src) h("a", { href: src, download: name }).click();
}

const bytes = (size) => (size >= 1e6 ? `${(size / 1048576).toFixed(1).replace(/\.0$/, "")} MB` : `${Math.max(1, Math.round(size / 1024))} kB`);

const length = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;

const KINDS = {
  image: (m) => h("div", { role: "button", "aria-label": say.image, testid: "image-thumb", class: "picture" }, file(m, "img", { alt: say.image })),
  video: (m) =>
    h(
      "div",
      { role: "button", "aria-label": say.video, testid: "video-content", class: "picture" },
      m.media?.mime.startsWith("video/") ? file(m, "video", { preload: "none" }) : file(m, "img", { alt: say.video }),
      h("span", { class: "play" }, icon("play", "media-play", "media-play")),
      h("span", { class: "length" }, length(m.media?.seconds ?? 0)),
    ),
  voice: (m) =>
    h(
      "div",
      { class: "voice", testid: "audio-message" },
      h("button", { "aria-label": say.playVoice, class: "round" }, icon("play", "audio-play", "audio-play")),
      m.media?.size ? file(m, "audio", { preload: "none" }) : null,
      h("span", { class: "wave", role: "slider", "aria-valuenow": "0", "aria-valuemax": m.media?.seconds ?? 0 }),
      h("span", {}, length(m.media?.seconds ?? 0)),
    ),
  document: (m) => {
    const name = m.media?.name || say.document;
    const looks = { class: "document", title: `${say.download} "${name}"`, role: "button", testid: "document-thumb" };
    const link = testids() ? h("a", { ...looks, href: `/media/${m.id}`, download: name }) : h("div", { ...looks, onclick: trusted(() => handOver(m, name)) });
    link.append(icon("file", "document-refreshed-thin", "document"), h("span", { dir: "auto" }, name), h("small", {}, bytes(m.media?.size ?? 0)));
    return link;
  },
  sticker: (m) => h("div", { class: "sticker", role: "button", "aria-label": say.sticker, testid: "sticker" }, file(m, "img", { alt: say.sticker })),
  location: (m) => {
    const place = `${m.media?.latitude ?? 0}, ${m.media?.longitude ?? 0}`;
    return h("div", { class: "card", role: "button", testid: "location-message", title: place }, icon("pin", "location", "location"), h("span", {}, m.text || say.location), h("small", {}, place));
  },
  contact: (m) => h("div", { class: "card", role: "button", testid: "vcard-msg" }, icon("person", "default-contact-refreshed", "default-user"), h("span", { dir: "auto" }, m.text || say.contact)),
  poll: (m) =>
    h(
      "div",
      { class: "poll", testid: "poll-bubble", "aria-label": say.poll },
      h("strong", { dir: "auto" }, m.text),
      ...(m.media?.options ?? []).map((option) => h("label", {}, h("input", { type: "checkbox", "aria-label": option }), option)),
    ),
  call: () => h("div", { class: "card", testid: "call-log" }, icon("call", "call-log", "call"), h("span", {}, say.call)),
  order: (m) => h("div", { class: "card", role: "button", testid: "order-message" }, icon("file", "order-refreshed", "order"), h("span", { dir: "auto" }, m.text || say.order)),
  unknown: () => h("div", { class: "deleted" }, say.unsupported),
  "view-once": (m, { once }) =>
    h("div", { class: "deleted", testid: "view-once-message", role: "button", onclick: trusted(() => once(m.id)) }, icon("once", "view-once-1", "view-once"), say.viewOnce),
};
