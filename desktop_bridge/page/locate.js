// Finds landmarks. Returns {find, one, name, roleOf, rendered, iconOf, labelKind}; every answer says which alternative matched.
(spec) => {
  const IMPLICIT = { BUTTON: "button", UL: "list", OL: "list", LI: "listitem", TABLE: "table", TR: "row", TD: "cell",
    DIALOG: "dialog", TEXTAREA: "textbox", PROGRESS: "progressbar", HEADER: "banner", FOOTER: "contentinfo", MAIN: "main" };
  const SAME = { row: ["row", "listitem"], grid: ["grid", "list"] };
  const used = {};

  const fold = (text) => (text || "").replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "").replace(/\s+/g, " ").trim().toLowerCase();
  const name = (el) => {
    const ids = el.getAttribute("aria-labelledby");
    const by = ids ? ids.split(/\s+/).map((id) => document.getElementById(id)?.textContent || "").join(" ") : "";
    return el.getAttribute("aria-label") || by || el.getAttribute("title") || el.textContent || "";
  };
  const says = (set, text) => {
    const words = spec.labels[set];
    const have = fold(text);
    return words.texts.some((w) => words.match === "exact" ? have === w : words.match === "prefix" ? have.startsWith(w) : have.includes(w));
  };
  const roleOf = (el) => el.getAttribute("role") || (el.tagName === "INPUT" ? "textbox" : IMPLICIT[el.tagName] || "");
  const rendered = (el) => el.getClientRects().length > 0;
  const iconOf = (el) => el.getAttribute("data-icon") || el.getAttribute("data-testid") || el.querySelector("svg > title")?.textContent || "";

  const css = (alt) => {
    const parts = [alt.css || ""];
    if (alt.testid) parts.push(`[data-testid="${alt.testid}"]`);
    if (alt.testid_prefix) parts.push(`[data-testid^="${alt.testid_prefix}"]`);
    if (alt.icon) return `[data-icon="${alt.icon}"], [data-testid="${alt.icon}"]`;
    return parts.filter(Boolean).join("");
  };
  const matches = (alt, scope) => {
    let found = [...scope.querySelectorAll(css(alt))];
    if (alt.label) found = found.filter((el) => says(alt.label, name(el)));
    if (alt.up) found = found.map((el) => el.closest(alt.up)).filter((el) => el && (scope === document || scope.contains(el)));
    if (alt.down) found = found.map((el) => el.querySelector(alt.down)).filter(Boolean);
    found = [...new Set(found)].filter(rendered);
    return alt.first ? found.slice(0, 1) : found;
  };
  const stop = (mark, detail) => { throw { landmark: mark, detail }; };

  const find = (mark, place) => {
    const rule = spec.landmarks[mark];
    const scope = place || (rule.within ? one(rule.within) : document);
    if (!scope) return [];
    for (let i = 0; i < rule.find.length; i++) {
      const found = matches(rule.find[i], scope);
      if (!found.length) continue;
      if (rule.count !== "many" && found.length > 1) stop(mark, `${found.length} things on the page match "${mark}" (alternative ${i + 1})`);
      if (rule.role) {
        const odd = found.find((el) => !(SAME[rule.role] || [rule.role]).includes(roleOf(el)));
        if (odd) stop(mark, `"${mark}" should be a ${rule.role} but is "${roleOf(odd) || odd.tagName.toLowerCase()}" (alternative ${i + 1})`);
      }
      used[mark] = i + 1;
      return found;
    }
    if (rule.count === "one") stop(mark, `"${mark}" is not on the page`);
    return [];
  };
  const one = (mark, place) => find(mark, place)[0] || null;
  return { find, one, name, says, fold, roleOf, rendered, iconOf, used, spec };
}
