// Our own drawings under the names by which the real page calls its icons.
import { drawing, h, testids } from "./dom.js";

const PATHS = {
  send: ["M4 12 20 4l-5 16-3.5-6.5z"],
  mic: ["M12 4a2.5 2.5 0 0 1 2.5 2.5v5a2.5 2.5 0 0 1-5 0v-5A2.5 2.5 0 0 1 12 4", "M6.5 11.5a5.5 5.5 0 0 0 11 0M12 17v3"],
  plus: ["M12 5v14M5 12h14"],
  smile: ["M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16", "M8.5 14s1.200 2 3.5 2 3.5-2 3.5-2M9.5 10v.01M14.5 10v.01"],
  search: ["M10.5 5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M15 15l4 4"],
  close: ["M6 6l12 12M18 6 6 18"],
  back: ["M14 6l-6 6 6 6"],
  down: ["M6 9l6 6 6-6"],
  muted: ["M5 9.5v5h3l4 3.5V6L8 9.5zM15 10l4 4M19 10l-4 4"],
  clock: ["M12 5a7 7 0 1 0 0 14 7 7 0 0 0 0-14M12 8.5V12l2.5 1.5"],
  check: ["M5 12.5 9.5 17 19 7"],
  double: ["M2.5 12.5 7 17 16.5 7M11.5 15.5 13 17l9.5-10"],
  fail: ["M12 5a7 7 0 1 0 0 14 7 7 0 0 0 0-14M12 8.5v4M12 15.5v.01"],
  play: ["M8 6l10 6-10 6z"],
  file: ["M7 4h7l4 4v12H7zM14 4v4h4"],
  pin: ["M12 4a5 5 0 0 1 5 5c0 4-5 11-5 11S7 13 7 9a5 5 0 0 1 5-5M12 8v2"],
  person: ["M12 5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7M5 20c.5-4 3.5-6 7-6s6.5 2 7 6"],
  once: ["M12 5a7 7 0 1 0 7 7M11 10l1.5-1v6"],
  call: ["M7 4l3 4-2 2c1 2.5 3.5 5 6 6l2-2 4 3c-.5 2-2 3-4 3C10 20 4 14 4 8c0-2 1-3.5 3-4"],
  people: ["M9 6a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5M4 18c.3-3 2.2-4.5 5-4.5s4.7 1.5 5 4.5M15 6.5a2.2 2.2 0 0 1 0 4.4M16 13.7c2.4.3 3.7 1.7 4 4.3"],
  block: ["M12 5a7 7 0 1 0 0 14 7 7 0 0 0 0-14M7 17 17 7"],
};

export const glyph = (name, title) => drawing(PATHS[name], title);

// An icon in its wrapper: [drawing, name with test ids, name without].
export function icon(name, modern, classic) {
  const called = testids() ? modern : classic;
  return h("span", { class: "icon", "aria-hidden": "true", "data-icon": called, testid: modern }, glyph(name, called));
}

const TICKS = {
  pending: ["clock", "wds-ic-status-pending", "msg-time"],
  sent: ["check", "wds-ic-delivered", "msg-check"],
  delivered: ["double", "wds-ic-read", "msg-dblcheck"],
  read: ["double", "wds-ic-read", "msg-dblcheck"],
};

// The tick of a bubble: named by test id and drawing, or by data-icon; only label and colour tell delivered from read.
export function tick(status, label) {
  const [name, modern, classic] = TICKS[status];
  return h(
    "span",
    {
      class: `tick tick-${status}`,
      "aria-label": ` ${label} `,
      testid: modern,
      "data-icon": testids() ? null : classic,
    },
    glyph(name, testids() ? modern : classic),
  );
}

// The tick in the chat list has a name and no label.
export function listTick(status) {
  const [name, modern, classic] = TICKS[status];
  const called = testids() ? modern : classic;
  return h("span", { class: `tick tick-${status}`, "data-icon": called }, glyph(name, called));
}

// What stands for a picture where several people have none; one person's is a letter.
const SEVERAL = {
  group: ["default-group-refreshed", "default-group"],
  community: ["default-community-refreshed", "default-community"],
  channel: ["newsletter-outline", "newsletter"],
};

export function avatar(chat) {
  const drawn = !chat.photo && SEVERAL[chat.kind];
  if (drawn) return h("span", { class: "avatar", "aria-hidden": "true" }, icon("people", ...drawn));
  const hue = [...chat.id].reduce((sum, digit) => sum + Number(digit) * 37, 0) % 360;
  const letters = [...chat.title.replace(/[^\p{L}\p{N}]+/gu, " ").trim()][0] ?? "?";
  const node = h("span", { class: "avatar", "aria-hidden": "true" }, letters.toUpperCase());
  node.style.setProperty("--hue", hue);
  return node;
}
