// Keeps the keyboard in one box. `take` notes the open chat and its box; from then on, until `drop`, whatever would be typed
// anywhere else is swallowed, so that a chat which is switched under the typing gets not one character.
(loc, read) => {
  const EVENTS = ["keydown", "keypress", "beforeinput", "paste"];
  const LEASE_MS = 5000; // a bridge that died leaves the keyboard to the person at the computer
  let hold = null;

  const place = () => {
    const main = loc.one("main");
    const box = main && loc.one("box");
    return { box, title: main ? read.title(loc.one("header_title")) : null, label: box ? loc.name(box) : null };
  };
  const menuOpen = () => hold.box.hasAttribute("aria-owns");
  const astray = () => {
    try {
      const now = place();
      if (!now.box || now.box !== hold.box) return "box";
      if (now.title !== hold.title) return "header";
      if (now.label !== hold.label) return "label";
      return hold.marks.length && !hold.marks.some(([el, id]) => el.isConnected && el.getAttribute("data-id") === id) ? "messages" : null;
    } catch (odd) { return `landmark:${odd.landmark || odd}`; }
  };

  const onEvent = (event) => {
    if (!hold || !event.isTrusted) return;
    if (performance.now() > hold.until) { drop(); return; }
    const reason = hold.astray || (hold.box.contains(event.target) ? astray() : "focus");
    const leaves = event.type === "keydown" && event.key === "Escape" && !menuOpen();
    if (reason || leaves) {
      hold.astray = reason;
      event.preventDefault();
      event.stopImmediatePropagation();
    } else if (event.type === "beforeinput") {
      hold.typed += event.inputType === "insertLineBreak" || event.inputType === "insertParagraph" ? "\n" : event.data || "";
    }
  };
  const drop = () => {
    for (const name of EVENTS) window.removeEventListener(name, onEvent, true);
    hold = null;
  };

  return {
    // `want` is {title, label, ids} of the proven chat, or null for whatever is open. Answers {taken, reason, box}.
    take: (want) => {
      drop();
      const now = place();
      if (loc.find("contact_blocked").length) return { taken: false, reason: "blocked", box: null };
      if (!now.box || loc.find("no_compose").length) return { taken: false, reason: "barred", box: null };
      const marks = loc.find("message").map((el) => [el, el.getAttribute("data-id")]).filter(([, id]) => !want || want.ids.includes(id));
      const reason = !want ? null : now.title !== want.title ? "header" : now.label !== want.label ? "label" : marks.length ? null : "messages";
      if (reason) return { taken: false, reason, box: null };
      hold = { ...now, marks, astray: null, typed: "", until: performance.now() + LEASE_MS };
      for (const name of EVENTS) window.addEventListener(name, onEvent, true);
      return { taken: true, reason: null, box: read.paragraphs(now.box) };
    },
    // How it stands: {astray, box, focused, menu, typed}; `typed` is all that came from a keyboard, ours or a person's.
    peek: () => {
      if (!hold) return { astray: "lease", box: null, focused: false, menu: false, typed: "" };
      hold.until = performance.now() + LEASE_MS;
      const focused = document.activeElement === hold.box || hold.box.contains(document.activeElement);
      return { astray: hold.astray || astray(), box: read.paragraphs(hold.box), focused, menu: menuOpen(), typed: hold.typed };
    },
    drop,
  };
}
