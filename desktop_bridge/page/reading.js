// Reads the list and the open chat as plain data. Decisions (direction, ticks, identity) are taken in Python, from these signals.
(loc) => {
  const MARKS = { STRONG: "*", B: "*", EM: "_", I: "_", DEL: "~", S: "~", CODE: "`" };
  const BLOCKS = new Set(["P", "DIV", "LI", "UL", "OL", "BLOCKQUOTE", "PRE"]);

  const hidden = (el) => el.getAttribute("aria-hidden") === "true" && !el.querySelector("img[alt]") || getComputedStyle(el).visibility === "hidden";
  const text = (root, without = []) => {
    let out = "";
    const walk = (node) => {
      if (node.nodeType === Node.TEXT_NODE) { out += node.data; return; }
      if (node instanceof SVGElement || node.nodeType !== Node.ELEMENT_NODE || without.includes(node)) return;
      if (node.tagName === "IMG") { out += node.dataset.plainText || node.alt || ""; return; }
      if (node.tagName === "BR") { out += "\n"; return; }
      if (hidden(node)) return;
      const block = BLOCKS.has(node.tagName) && node !== root;
      if (block && out && !out.endsWith("\n")) out += "\n";
      const before = out;
      out = "";
      node.childNodes.forEach(walk);
      const template = node.dataset.appTextTemplate;
      const mark = MARKS[node.tagName];
      const inner = template ? template.replace("${appText}", () => out) : mark && out ? mark + out + mark : out;
      out = before + inner;
    };
    walk(root);
    return out;
  };

  const paragraphs = (box) => {
    const lines = [...box.querySelectorAll(":scope > p")];
    if (!lines.length) return box.textContent ? text(box).split("\n") : [];
    const read = lines.map((p) => p.childNodes.length === 1 && p.firstChild.nodeName === "BR" ? "" : text(p));
    return read.length === 1 && read[0] === "" ? [] : read;
  };

  const title = (el) => el ? el.getAttribute("title") || el.querySelector("[title]")?.getAttribute("title") || text(el) : null;

  const rows = () => {
    const seen = loc.find("chat_row").map((el) => ({ el, top: el.getBoundingClientRect().top }));
    seen.sort((a, b) => a.top - b.top);
    const box = seen.length ? scroller(seen[0].el) : null;
    return seen.map(({ el, top }) => {
      const preview = loc.one("row_preview", el);
      const unread = loc.one("row_unread", el);
      return {
        el,
        title: title(loc.one("row_title", el)),
        preview: preview ? preview.getAttribute("title") || text(preview) : "",
        unread: unread ? unread.getAttribute("aria-label") || unread.textContent : null,
        group: loc.find("row_group", el).length > 0,
        place: Math.round(top + (box ? box.scrollTop : 0)),
        selected: el.getAttribute("aria-selected") === "true" || !!el.querySelector("[aria-selected=true]"),
      };
    }).filter((row) => row.title);
  };

  const side = (bubble, main) => {
    const b = bubble.getBoundingClientRect();
    const m = main.getBoundingClientRect();
    const off = (b.left + b.width / 2) - (m.left + m.width / 2);
    if (!b.width || Math.abs(off) < m.width * 0.03) return null;
    const rtl = getComputedStyle(main).direction === "rtl";
    return (off > 0) !== rtl ? "out" : "in";
  };

  const tick = (el) => {
    const failed = loc.find("failed", el)[0];
    if (failed) return { failed: true };
    const icon = loc.find("tick", el)[0];
    if (!icon) return null;
    const labelled = icon.closest("[aria-label]");
    const inside = labelled && el.contains(labelled) && labelled !== el ? labelled : icon.querySelector("[aria-label]");
    const painted = icon.querySelector("svg, path") || icon;
    return { icon: loc.iconOf(icon), label: inside ? inside.getAttribute("aria-label") : null, colour: getComputedStyle(painted).color };
  };

  const kind = (el, quotes) => {
    for (const [name, selectors] of loc.spec.kinds) {
      if (selectors.some((css) => [...el.querySelectorAll(css)].some((hit) => !quotes.some((q) => q.contains(hit))))) return name;
    }
    return null;
  };

  // The bubble by name, or else the first thing in the row that does not fill its width.
  const bubbleOf = (el) => {
    const named = loc.one("bubble", el);
    if (named) return named;
    const full = el.getBoundingClientRect().width * 0.9;
    let inner = el;
    while (inner.firstElementChild && inner.getBoundingClientRect().width >= full) inner = inner.firstElementChild;
    const hollow = !inner.firstElementChild && !inner.textContent.trim() && inner.getBoundingClientRect().width >= full;
    return inner === el || hollow ? null : inner; // the frame of a message whose content is not drawn is no bubble
  };

  const message = (el, main) => {
    const quotes = loc.find("quote", el);
    const inQuote = (node) => quotes.some((q) => q.contains(node));
    const texts = loc.find("text", el).filter((t) => !inQuote(t));
    const outer = texts.filter((t) => !texts.some((other) => other !== t && other.contains(t)));
    const stamp = loc.find("stamp", el).find((s) => !inQuote(s));
    const bubble = bubbleOf(el);
    const system = loc.one("system", el);
    const more = loc.one("read_more", el);
    const quoted = quotes[0] ? loc.find("text", quotes[0])[0] || quotes[0] : null;
    return {
      id: el.getAttribute("data-id"),
      empty: !bubble && !system && !el.textContent.trim() && !el.querySelector("img, svg, canvas"),
      system: !!system,
      systemText: system ? text(system).trim() : null,
      kind: system ? "system" : kind(el, quotes),
      text: outer.length ? outer.map((t) => text(t, more ? [more] : [])).join("\n") : null,
      group: loc.find("author", el).length > 0,
      whole: bubble && !outer.length ? text(bubble).trim() : null,
      more: !!more,
      quoted: quoted ? text(quoted).trim() : null,
      stamp: stamp ? stamp.getAttribute("data-pre-plain-text") : null,
      edited: loc.find("edited", el).length > 0,
      reaction: loc.find("reaction", el).map((r) => text(r).trim()).join("") || null,
      tick: system ? null : tick(el),
      signals: {
        you: loc.find("you", el).some((y) => !inQuote(y)),
        tail: loc.find("tail_out", el).length ? "out" : loc.find("tail_in", el).length ? "in" : null,
        legacy: el.matches(".message-out") || loc.find("legacy_out", el).length ? "out"
          : el.matches(".message-in") || loc.find("legacy_in", el).length ? "in" : null,
        side: bubble ? side(bubble, main) : null,
      },
    };
  };

  const state = () => {
    const main = loc.one("main");
    const box = main && loc.one("box");
    const marks = main ? loc.find("message") : [];
    return {
      now: performance.now(),
      lang: document.documentElement.lang || "en",
      open: !!main,
      title: main ? title(loc.one("header_title")) : null,
      label: box ? loc.name(box) : null,
      placeholder: box ? box.getAttribute("aria-placeholder") : null,
      box: box ? paragraphs(box) : null,
      focused: !!box && (document.activeElement === box || box.contains(document.activeElement)),
      button: !!(main && loc.one("send_button")),
      subtitle: main ? title(loc.one("subtitle")) : null,
      several: !!(main && (loc.find("header_group").length || loc.find("author", main).length)),
      barred: !!(main && loc.find("no_compose").length),
      dialog: !!loc.one("dialog"),
      tail: marks.length ? marks[marks.length - 1].getAttribute("data-id") : null,
      ids: marks.map((el) => el.getAttribute("data-id")),
    };
  };

  // What the whole page is, when it is not the chats.
  const session = () => ({
    side: !!loc.one("side"),
    qr: !!loc.one("qr"),
    startup: !!loc.one("startup"),
    takenOver: !!loc.one("use_here"),
    offline: loc.find("offline").length > 0,
    barred: !loc.find("contact_blocked").length && loc.find("restricted").length > 0, // a blocked contact's name may say anything
    dialog: dialogText(),
    words: loc.one("side") ? "" : (document.body ? text(document.body) : "").slice(0, 500),
  });
  const dialogText = () => { const dialog = loc.one("dialog"); return dialog && text(dialog).trim(); };
  // Of a dialog that only wants to be acknowledged: where there is a choice, it is a person's.
  const dialogPoint = () => {
    const button = loc.one("dialog") && loc.find("dialog_button").length === 1 ? loc.one("dialog_continue") : null;
    return button && centre(button);
  };
  // Whether the page has all its news: nothing is being fetched, the chat is drawn to its end, and the list shows nothing newer of it.
  const synced = () => {
    const marks = loc.find("message");
    const last = marks[marks.length - 1];
    const drawn = last ? message(last, loc.one("main")) : null;
    const row = rows().find((r) => r.selected);
    return {
      busy: loc.find("syncing").length > 0,
      tail: drawn && drawn.id,
      empty: !drawn || drawn.empty,
      below: last ? below(last) : 0,
      text: drawn && drawn.text,
      preview: row ? row.preview : null,
      rows: rows().length,
    };
  };
  // How many pixels of the chat lie below its newest message, out of sight.
  const below = (last) => {
    const box = scroller(last);
    return box ? Math.round(box.scrollHeight - box.scrollTop - box.clientHeight) : 0;
  };

  const useHerePoint = () => {
    const button = loc.one("use_here");
    return button && centre(button);
  };
  const code = () => {
    const box = loc.one("qr");
    const reload = box && loc.one("qr_reload");
    const holder = box && (box.hasAttribute("data-ref") ? box : box.querySelector("[data-ref]"));
    return { data: holder ? holder.getAttribute("data-ref") : null, reload: reload ? centre(reload) : null };
  };

  const messages = () => {
    const main = loc.one("main");
    return main ? loc.find("message").map((el) => message(el, main)) : [];
  };
  const conversation = () => {
    const main = loc.one("main");
    return { lang: document.documentElement.lang || "en", title: main ? title(loc.one("header_title")) : null, messages: messages() };
  };
  const element = (id) => loc.find("message").find((el) => el.getAttribute("data-id") === id) || null;
  const scroller = (el) => {
    for (let up = el; up && up !== document.body; up = up.parentElement) {
      const flow = getComputedStyle(up).overflowY;
      if ((flow === "auto" || flow === "scroll") && up.scrollHeight > up.clientHeight + 1) return up;
    }
    return null;
  };
  // Of the first line: the middle of an inline element that runs over two lines may lie beside both.
  const centre = (el) => {
    const r = el.getClientRects()[0] ?? el.getBoundingClientRect();
    return { x: r.left + r.width / 2, y: r.top + r.height / 2 };
  };

  // The list's own filters; null where the page has none that can be told.
  const filter = () => {
    const [all, groups] = ["filter_all", "filter_groups"].map((name) => loc.one(name));
    if (!all || !groups) return null;
    const tabs = [...(all.closest("[role=tablist]")?.querySelectorAll("[role=tab]") ?? [])];
    const on = { all: chosen(all), groups: chosen(groups), other: tabs.some((tab) => tab !== all && chosen(tab)) };
    return { all: centre(all), groups: centre(groups), on };
  };
  // What is searched for in the list, and where to click to change it; null where the page has no such box.
  const search = () => {
    const box = loc.one("search");
    return box && { text: (box.value ?? box.textContent).trim(), point: centre(box) };
  };
  const chosen = (tab) => tab.getAttribute("aria-selected") === "true" || tab.getAttribute("aria-pressed") === "true";
  // Resolves once what was just scrolled or clicked is drawn; a hidden page draws no frames.
  const drawn = () => Promise.race([
    new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
    new Promise((done) => setTimeout(done, 300)),
  ]).then(() => true);

  const list = () => rows().map(({ el, ...row }) => row);
  // The list scrolled to a place that is `from` of its pages below the top, once it is drawn; `end` where nothing lies below.
  const listPage = async (from) => {
    const first = loc.find("chat_row")[0];
    const box = first && scroller(first);
    if (!box) return { rows: list(), end: true };
    const wanted = Math.min(Math.round(from * box.clientHeight), box.scrollHeight - box.clientHeight);
    if (Math.abs(box.scrollTop - wanted) > 1) {
      box.scrollTop = wanted;
      await drawn();
    }
    return { rows: list(), end: box.scrollTop + box.clientHeight >= box.scrollHeight - 1 };
  };

  return {
    state, session, dialogPoint, useHerePoint, code, filter, search, drawn, synced, rows, messages, conversation, title, text, paragraphs, centre,
    element,
    list,
    listPage,
    morePoint: (id) => {
      const el = element(id);
      const more = el && loc.one("read_more", el);
      if (!more) return null;
      more.scrollIntoView({ block: "nearest" });
      const point = centre(more);
      const hit = document.elementFromPoint(point.x, point.y);
      return hit && more.contains(hit) ? point : null;
    },
    boxPoint: () => { const box = loc.one("box"); return box && centre(box); },
    reveal: (id) => { const el = element(id); if (el) el.scrollIntoView({ block: "center" }); return !!el; },
    // Scrolls the chat; answers false at its end. `step` in pages, or "end".
    scroll: (step) => {
      const inner = loc.find("message")[0];
      const box = inner && scroller(inner);
      if (!box) return false;
      const before = box.scrollTop;
      if (step === "end") box.scrollTop = box.scrollHeight;
      else box.scrollTop += step * box.clientHeight;
      return box.scrollTop !== before;
    },
  };
}
