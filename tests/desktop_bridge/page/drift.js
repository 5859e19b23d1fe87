// Changes the page under the bridge as a new build would, and keeps it changed: `kind` is done to whatever `css` finds, now and later.
({ css, kind }) => {
  const KINDS = {
    no_testid: (el) => { el.removeAttribute("data-testid"); el.querySelectorAll("[data-testid]").forEach((inner) => inner.removeAttribute("data-testid")); },
    other_role: (el) => el.setAttribute("role", "note"),
    no_label: (el) => { el.removeAttribute("aria-label"); el.removeAttribute("title"); },
    other_label: (el) => { el.setAttribute("aria-label", "Zzyzx"); if (el.title) el.title = "Zzyzx"; },
    hidden: (el) => (el.style.display = "none"),
    twin: (el) => { const twin = el.cloneNode(true); twin.setAttribute("data-drift", kind); el.after(twin); },
    moved: (el) => document.body.append(el),
    renamed: (el) => { if (el.id) el.id = `x-${el.id}`; if (el.dataset.id) { el.dataset.mid = el.dataset.id; el.removeAttribute("data-id"); } el.className = "drift"; },
    covered: (el) => {
      const place = el.getBoundingClientRect();
      const lid = document.createElement("div");
      lid.setAttribute("data-drift", kind);
      lid.style.cssText = `position:fixed;z-index:99;background:#888;left:${place.left}px;top:${place.top}px;width:${place.width}px;height:${place.height}px`;
      document.body.append(lid);
    },
  };
  let done = 0;
  const drift = () => {
    for (const el of document.querySelectorAll(css)) {
      if (el.hasAttribute("data-drift")) continue;
      el.setAttribute("data-drift", kind);
      KINDS[kind](el);
      done += 1;
    }
  };
  new MutationObserver(drift).observe(document.documentElement, { subtree: true, childList: true });
  drift();
  return done;
}
