// The files that bubbles show. Bytes leave the page in slices, so that no message between page and bridge grows large.
(loc, read) => {
  const TAGS = { image: ["img"], sticker: ["img"], video: ["video"], voice: ["audio"], document: [] };
  const LOCAL = /^(blob|data):/;
  let held = null;

  const outside = (el) => {
    const quotes = loc.find("quote", el);
    return (node) => !quotes.some((q) => q.contains(node));
  };
  // A picture that stands behind a download button is only a blurred likeness of the file.
  const source = (el, kind, control) => {
    if (control && kind !== "document") return null;
    const ours = outside(el);
    const shown = (TAGS[kind] || []).flatMap((tag) => [...el.querySelectorAll(tag)]).filter(ours);
    const found = shown.map((node) => node.currentSrc || node.src || node.querySelector("source")?.src || "").filter((src) => LOCAL.test(src));
    return found.find((src) => src.startsWith("blob:")) || found[0] || null;
  };
  const saidName = (control) => control?.getAttribute("download") || control?.getAttribute("title")?.match(/["“«](.+)["”»]/)?.[1] || null;
  const nameOf = (control, el) => saidName(control) || (control && el.querySelector("span[dir=auto]")?.textContent) || null;
  // What stands on a document's card beside its name, piece by piece. A caption stands beside the card, and a button may be a part of it.
  const cardWords = (control, name, el) => {
    let card = control;
    while (name && card !== el && !card.textContent.includes(name) && card.parentElement) card = card.parentElement;
    if (card === el) card = control;
    const words = [];
    const pieces = document.createTreeWalker(card, NodeFilter.SHOW_TEXT, (node) =>
      node.parentElement.closest("svg") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
    while (pieces.nextNode()) words.push(pieces.currentNode.data.trim());
    return words.filter((one) => one && one !== name).join("\n");
  };
  const facts = (id, kind) => {
    const el = read.element(id);
    if (!el) return null;
    const control = loc.find("download", el).filter(outside(el))[0] || null;
    return {
      source: source(el, kind, control),
      control: !!control,
      address: (control && control.href) || null,
      said: saidName(control),
      name: kind === "document" ? nameOf(control, el) : null,
      words: control ? cardWords(control, kind === "document" ? nameOf(control, el) : null, el).slice(0, 400) : "",
      gone: loc.find("file_gone", el).length > 0,
      el: control,
    };
  };
  const base64 = async (blob) => {
    const bytes = new Uint8Array(await blob.arrayBuffer());
    let text = "";
    for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
    return btoa(text);
  };

  return {
    look: ({ id, kind }) => {
      const found = facts(id, kind);
      if (!found) return null;
      const { el, source: src, ...rest } = found;
      return { ...rest, source: !!src };
    },
    // Where to click to have the file fetched; null where there is nothing to click.
    point: ({ id, kind }) => {
      const control = facts(id, kind)?.el;
      if (!control) return null;
      control.scrollIntoView({ block: "center" });
      const point = read.centre(control);
      const hit = document.elementFromPoint(point.x, point.y);
      return hit && control.contains(hit) ? point : null;
    },
    // Takes hold of the bytes behind a bubble and answers how many there are; null where the page cannot give them.
    hold: async ({ id, kind }) => {
      held = null;
      const src = facts(id, kind)?.source;
      if (!src) return null;
      try {
        held = await (await fetch(src)).blob();
      } catch {
        return null;
      }
      return { size: held.size, mime: held.type };
    },
    slice: ({ from, length }) => held && base64(held.slice(from, from + length)),
    drop: () => { held = null; },
  };
}
