// Small pieces that every screen's script needs: patching fragments, ages, ids, notices.

/** Put `html` into `place`, keeping each child whose `data-key` and content did not change. The server has escaped it. */
export function patch(place, html) {
  if (place.wxHtml === html) return false;
  place.wxHtml = html;
  const next = document.createElement("template");
  next.innerHTML = html;
  const old = new Map();
  for (const child of place.children) if (child.dataset.key) old.set(child.dataset.key, child);
  const wanted = [...next.content.children];
  if (!wanted.length || wanted.some((child) => !child.dataset.key)) {
    place.replaceChildren(...next.content.childNodes);
  } else {
    const kept = wanted.map((child) => {
      const same = old.get(child.dataset.key);
      if (same && same.wxSource === child.outerHTML) return same;
      child.wxSource = child.outerHTML;
      if (same) carry(same, child);
      return child;
    });
    const keep = new Set(kept);
    for (const child of [...place.childNodes]) if (!keep.has(child)) child.remove();
    kept.forEach((child, at) => {
      if (place.children[at] !== child) place.insertBefore(child, place.children[at] ?? null);
    });
  }
  tellAges(place);
  return true;
}

function carry(from, to) {
  for (const name of ["aria-current", "data-current"]) if (from.hasAttribute(name)) to.setAttribute(name, from.getAttribute(name));
}

/** Say how long ago: now, 4 m, 3 h, 2 d. */
export function age(at) {
  const seconds = Math.max(0, (Date.now() - at) / 1000);
  if (seconds < 60) return "now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

/** Say how long there is left: 11 h 58 m left, 4 m left. */
export function left(at) {
  const minutes = Math.ceil((at - Date.now()) / 60000);
  if (minutes <= 0) return "ending now";
  const hours = Math.floor(minutes / 60);
  return `${hours ? `${hours} h ` : ""}${minutes % 60} m left`;
}

const PATIENCE = [5 * 60, 30 * 60]; // seconds: from then on a waiting chat is late, then very late

/** Fill in the ages and what is left under `root`; the colours of waiting chats follow. */
export function tellAges(root) {
  for (const time of root.querySelectorAll("time.since")) {
    const at = new Date(time.dateTime);
    time.textContent = age(at);
    time.title = at.toLocaleString();
  }
  for (const time of root.querySelectorAll("time.left")) {
    const at = new Date(time.dateTime);
    time.textContent = left(at);
    time.title = `until ${at.toLocaleString()}`;
  }
  for (const bar of root.querySelectorAll("[data-wait]")) {
    const waited = (Date.now() - new Date(bar.dataset.wait)) / 1000;
    bar.dataset.late = waited < PATIENCE[0] ? "0" : waited < PATIENCE[1] ? "1" : "2";
  }
}

/** A UUIDv7: the panel names a message before the server has seen it. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  let time = Date.now();
  for (let i = 5; i >= 0; i--, time = Math.floor(time / 256)) bytes[i] = time % 256;
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Make an element with text; text is never read as HTML. */
export function make(tag, css, text) {
  const node = document.createElement(tag);
  if (css) node.className = css;
  if (text !== undefined) node.textContent = text;
  return node;
}

/** Show a notice until it is dismissed (bad) or has been read (others). */
export function notify(box, notice) {
  if (!notice) return;
  for (const old of [...box.children]) if (old.firstChild.textContent === notice.title) old.remove();
  const node = make("div", `notice ${notice.level}`);
  node.append(make("b", "", notice.title));
  if (notice.hint) node.append(make("span", "", notice.hint));
  const close = make("button", "notice-close", "×");
  close.type = "button";
  close.setAttribute("aria-label", "Dismiss");
  close.onclick = () => node.remove();
  node.append(close);
  box.append(node);
  while (box.children.length > 3) box.firstElementChild.remove();
  if (notice.level !== "bad") setTimeout(() => node.remove(), 5000);
}

/** Ask a function of the server; what goes wrong on the way comes back as an answer with a notice. */
export async function ask(call, payload) {
  let answer;
  try {
    answer = await call(payload);
  } catch {
    answer = null;
  }
  if (!answer || typeof answer !== "object" || !answer.fragments) {
    const notice = { level: "bad", title: "The panel's server cannot be reached.", hint: "Nothing was lost. Try again in a moment." };
    return { fragments: {}, facts: {}, failed: true, notice };
  }
  if (answer.signed_out) leave();
  return answer;
}

/** Go to the sign-in page, and come back here afterwards. */
export function leave() {
  location.assign("/login");
}

const BREATH = 150; // milliseconds between two runs, so that a burst of events costs a few reads and not hundreds

/** Run `work` at once, and once more if it was asked for meanwhile; it says false where it failed and wants to be run again. */
export function coalesced(work) {
  let running = false;
  let again = false;
  return async function run() {
    if (running) {
      again = true;
      return;
    }
    running = true;
    let patience = BREATH;
    do {
      again = false;
      const good = (await work()) !== false;
      patience = good ? BREATH : Math.min(patience * 3, 10000);
      again = again || !good;
      if (again) await new Promise((done) => setTimeout(done, patience));
    } while (again);
    running = false;
  };
}
