// What stands in place of the chats: starting, linking, taken over, logged out; and the dialog in front of them.
import { drawing, h, trusted } from "./dom.js";
import { say } from "./labels.js";

const LOGO = ["M4 6.5A2.5 2.5 0 0 1 6.5 4h11A2.5 2.5 0 0 1 20 6.5v7a2.5 2.5 0 0 1-2.5 2.5H11l-5 4v-4a2 2 0 0 1-2-2z"];
const MODULES = 29;

const full = (name, ...children) => h("div", { class: `screen screen-${name}` }, ...children);
const logo = () => h("div", { class: "logo" }, drawing(LOGO));

export function startup() {
  return full("startup", logo(), h("p", {}, say.starting), h("progress", { max: "100", value: "40" }));
}

export function qr({ expired, delayMs, onLink, onReload }) {
  const ref = [...crypto.getRandomValues(new Uint8Array(24))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const code = h("div", { testid: "link-device-qr-code", "data-ref": ref, class: "qr" }, qrCanvas(ref));
  if (expired) code.append(h("button", { class: "reload", onclick: trusted(onReload) }, say.reload));
  const slot = h("div", { class: "qr-slot" });
  if (delayMs > 0) setTimeout(() => slot.append(code), delayMs);
  else slot.append(code);
  return full(
    "qr",
    h("div", { class: "qr-text" }, h("h1", {}, say.scanTitle), h("ol", {}, ...say.scanSteps.map((step) => h("li", {}, step)))),
    slot,
    h("div", { class: "qr-links" }, h("button", { class: "link", testid: "link-device-qrcode-alt-linking-hint" }, say.linkByPhone), h("button", { class: "link", onclick: trusted(onLink) }, say.scanFake)),
  );
}

// Three corner marks and noise: it looks like a code and says nothing.
function qrCanvas(ref) {
  const canvas = h("canvas", { "aria-label": say.scan, role: "img", width: MODULES * 8, height: MODULES * 8 });
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = "#16161d";
  let noise = Number.parseInt(ref.slice(0, 7), 16);
  for (let y = 0; y < MODULES; y++) {
    for (let x = 0; x < MODULES; x++) {
      noise = (noise * 1103515245 + 12345) % 2147483648;
      if (noise & 65536) pen.fillRect(x * 8, y * 8, 8, 8);
    }
  }
  for (const [x, y] of [[0, 0], [MODULES - 7, 0], [0, MODULES - 7]]) {
    for (const [inset, size, colour] of [[-1, 9, "#fff"], [0, 7, "#16161d"], [1, 5, "#fff"], [2, 3, "#16161d"]]) {
      pen.fillStyle = colour;
      pen.fillRect((x + inset) * 8, (y + inset) * 8, size * 8, size * 8);
    }
  }
  return canvas;
}

export function takenOver(onUse) {
  const use = h("button", { class: "primary", onclick: trusted(() => {
    text.textContent = say.connecting;
    onUse();
  }) }, say.useHere);
  const text = h("div", { "popup-contents": "true" }, say.takenOver);
  return full("taken-over", h("div", { class: "popup" }, text, h("div", { class: "buttons" }, h("button", { class: "quiet" }, say.close), use)));
}

export function notice(text, button, onClick) {
  return full("notice", logo(), h("p", {}, text), button ? h("button", { class: "primary", onclick: trusted(onClick) }, button) : "");
}

export const news = (onContinue) => dialog(say.newsTitle, say.newsText, [[say.continue, onContinue]]);

export const invalidNumber = (onOk) => dialog("", say.invalidNumber, [["OK", onOk]]);

export const question = (onAny) => dialog(say.questionTitle, say.questionText, [[say.cancel, onAny], ["OK", onAny]]);

// The last button is the one that goes on.
function dialog(title, text, buttons) {
  const drawn = buttons.map(([name, act], index) =>
    h("button", { class: "primary", testid: index === buttons.length - 1 ? "popup-controls-ok" : "popup-controls-cancel", onclick: trusted(act) }, name),
  );
  return h(
    "div",
    { "data-animate-modal-backdrop": "true", class: "backdrop" },
    h(
      "div",
      { role: "dialog", "aria-modal": "true", "aria-label": title || text },
      h(
        "div",
        { "data-animate-modal-popup": "true", testid: "confirm-popup", class: "popup" },
        h(
          "div",
          { "data-animate-modal-body": "true" },
          title ? h("h1", { "popup-title": "true" }, title) : null,
          h("div", { "popup-contents": "true" }, text),
          h("div", { class: "buttons" }, ...drawn),
        ),
      ),
    ),
  );
}
