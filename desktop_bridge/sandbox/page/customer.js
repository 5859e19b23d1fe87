// The customer's phone: writes to the business and sees its replies arrive.
import { Link } from "./link.js";
import { glyph } from "./icons.js";
import { h } from "./dom.js";
import { rich } from "./text.js";

const messages = new Map();
const byId = (id) => document.getElementById(id);
const chat = decodeURIComponent(location.pathname.split("/").at(-1));
const TICK = { pending: ["clock", "Pending"], sent: ["check", "Sent"], delivered: ["double", "Delivered"], read: ["double", "Read"] };
const hour = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

function line(message) {
  const mine = message.source === "customer";
  const [name, label] = TICK[message.status] ?? TICK.pending;
  const mark = mine ? h("span", { class: `tick tick-${message.status}`, "aria-label": label }, glyph(name)) : null;
  const shown = message.deleted ? "This message was deleted" : message.text || message.kind;
  const reactions = message.reactions.length ? h("span", { class: "reactions" }, ...rich(message.reactions.join(""))) : null;
  return h(
    "li",
    { class: `${mine ? "mine" : "theirs"} ${message.kind}`, "data-message": message.id, "data-status": message.status },
    h("div", { class: "text", dir: "auto" }, ...rich(shown)),
    h("div", { class: "meta" }, message.edited ? "Edited " : "", hour.format(new Date(message.at)), mark),
    reactions,
  );
}

function draw() {
  const shown = [...messages.values()].filter((m) => m.source === "customer" || !(m.held || m.status === "pending" && m.source === "page"));
  const list = byId("messages");
  list.replaceChildren(...shown.sort((a, b) => a.order - b.order).map(line));
  list.scrollTop = list.scrollHeight;
}

const link = new Link(`/push/${encodeURIComponent(chat)}`, {
  onEvent: (event) => {
    if (event.type === "hello") {
      byId("account").textContent = event.account;
      byId("avatar").textContent = [...event.account][0];
      byId("whoami").textContent = `you are ${event.title}`;
      document.title = `${event.title} · Sandbox chat`;
      messages.clear();
      for (const message of event.messages) messages.set(message.id, message);
    } else if (event.type === "message") {
      messages.set(event.message.id, event.message);
    }
    draw();
  },
});

const field = byId("text");
const grow = () => {
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight, 140)}px`;
};

function submit(event) {
  event?.preventDefault();
  if (field.value.trim() && link.send({ text: field.value })) field.value = "";
  grow();
}

byId("compose").addEventListener("submit", submit);
byId("compose").querySelector("button").append(glyph("send"));
field.addEventListener("input", grow);
field.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
});
