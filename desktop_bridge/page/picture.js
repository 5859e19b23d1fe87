// Where the conversation stands on the page, and whether it is the one that is meant: only a message that is known proves that.
// Of the page's landmarks it needs the conversation alone, since a picture is wanted most when another one is missing.
(loc) => ({
  frame: (known) => {
    let main = null;
    try { main = loc.one("main"); } catch { return null; }
    if (!main) return null;
    const ids = [...main.querySelectorAll("[data-id]")].map((el) => el.getAttribute("data-id"));
    if (!known.some((id) => ids.some((raw) => raw.split("_").includes(id)))) return null;
    if (ids.some((raw) => raw.includes("@g.us"))) return null;
    const r = main.getBoundingClientRect();
    const [x, y] = [Math.max(r.left, 0), Math.max(r.top, 0)];
    const [width, height] = [Math.min(r.right, innerWidth) - x, Math.min(r.bottom, innerHeight) - y];
    return width > 1 && height > 1 ? { x, y, width, height } : null;
  },
})
