// One key each. Keys rest while a person types, while a dialog is open, and with Ctrl, Alt or Meta.

const TYPES = "input, textarea, select, [contenteditable=true]";

/** Call `acts[key]` for single keys pressed outside of any field, while `active()` holds. */
export function listen(acts, active) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.repeat) return;
    if (event.target.closest?.(TYPES) || document.querySelector("dialog[open]") || !active()) return;
    const act = acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}
