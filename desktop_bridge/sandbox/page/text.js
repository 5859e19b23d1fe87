// How text is shown: emoji as pictures, *bold* and its kin without their marks, long text in pages.
import { h } from "./dom.js";

const EMOJI = /\p{Regional_Indicator}{2}|[#*0-9]\u{FE0F}?\u{20E3}|\p{Emoji_Presentation}(?:\p{EMod}|\u{FE0F})?(?:\u{200D}\p{Extended_Pictographic}(?:\p{EMod}|\u{FE0F})?)*|\p{Extended_Pictographic}\u{FE0F}(?:\u{200D}\p{Extended_Pictographic}\u{FE0F}?)*/gu;
const MARKS = /(^|[\s(.,;:!?¿¡"'])(?:\*(\S(?:[^*\n]*\S)?)\*|_(\S(?:[^_\n]*\S)?)_|~(\S(?:[^~\n]*\S)?)~|```([^`]+)```)(?=$|[\s).,;:!?"'])/gu;
const FIRST_PAGE = 768;
const NEXT_PAGE = 3072;

export function withEmoji(text) {
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(EMOJI)) {
    if (match.index > at) parts.push(text.slice(at, match.index));
    parts.push(picture(match[0]));
    at = match.index + match[0].length;
  }
  if (at < text.length) parts.push(text.slice(at));
  return parts;
}

function picture(emoji) {
  const code = [...emoji].map((char) => char.codePointAt(0).toString(16)).join("-");
  const attributes = { class: "emoji", alt: emoji, "data-plain-text": emoji, draggable: "false", src: `/emoji/${code}.svg` };
  return h("img", attributes);
}

const STYLES = [
  ["strong", "*${appText}*"],
  ["em", "_${appText}_"],
  ["del", "~${appText}~"],
  ["code", "```${appText}```"],
];

export function rich(text) {
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(MARKS)) {
    const start = match.index + match[1].length;
    parts.push(...withEmoji(text.slice(at, start)));
    const kind = match.slice(2).findIndex((inner) => inner !== undefined);
    const [tag, template] = STYLES[kind];
    const attributes = { class: "selectable-text copyable-text", "data-app-text-template": template };
    parts.push(h(tag, attributes, ...withEmoji(match[kind + 2])));
    at = match.index + match[0].length;
  }
  parts.push(...withEmoji(text.slice(at)));
  return parts;
}

// The first page of a text and, if there is more, the button that shows the next.
export function paged(text, label, grow) {
  let shown = FIRST_PAGE;
  const inner = h("span");
  const more = h("div", { class: "read-more-button", role: "button", tabindex: "0" }, label);
  const draw = () => {
    inner.replaceChildren(...rich(text.length > shown ? `${text.slice(0, shown)}… ` : text));
    more.hidden = text.length <= shown;
    grow();
  };
  more.addEventListener("click", (event) => {
    if (!event.isTrusted) return;
    shown += NEXT_PAGE;
    draw();
  });
  draw();
  return [inner, more];
}
