// A list that follows the events: knowledge sources, suggested answers, channels. Buttons and forms with `data-do` ask the server to act.
import { ask, coalesced, notify, patch } from "./dom.js";

/** Start a screen: called once by Gradio when the component is there. */
export function start(element, server, view, event) {
  const place = element.querySelector('[data-place="main"]');
  const notices = element.querySelector('[data-slot="notices"]');
  const shown = () => document.body.dataset.view === view;

  let watch = null; // what the server said to ask for again with each change, for as long as somebody looks

  let acted = null; // what was pressed last, and where: who works by keys stays at their place when it goes

  const draw = (answer) => {
    notify(notices, answer.notice);
    if (answer.facts.watch !== undefined) watch = answer.facts.watch;
    if (answer.fragments.main !== undefined) patch(place, answer.fragments.main);
    if (acted && !acted.from.isConnected) {
      const next = acted.at < 0 ? null : place.children[Math.min(acted.at, place.children.length - 1)];
      (next?.querySelector('[aria-pressed="true"]') ?? next?.querySelector("input, textarea, button"))?.focus();
      acted = null;
    }
  };
  const load = coalesced(async () => {
    if (!shown()) {
      watch = null;
      return true;
    }
    const asked = watch;
    const answer = await ask(server.show, asked ? { watch: asked } : {});
    if (watch !== asked) return false; // something else was picked meanwhile: this answer is of the list before
    draw(answer);
    return !answer.failed || answer.facts.code === "not_allowed";
  });

  /** Ask the server to act, and draw the list anew where the answer brings none. */
  const act = async (from, asked) => {
    acted = { from, at: [...place.children].indexOf(from.closest("[data-key]")) };
    const answer = await ask(server.act, asked);
    draw(answer);
    if (answer.failed) acted = null;
    else if (answer.fragments.main === undefined) await load();
    return answer;
  };

  document.addEventListener("waxos:view", load);
  document.addEventListener("waxos:note", ({ detail }) => ([event, "resync"].includes(detail.type) || (detail.type === "link" && detail.state === "live")) && load());
  element.addEventListener("click", async ({ target }) => {
    const button = target.closest("button[data-do]");
    if (!button) return;
    if (button.dataset.sure && !button.dataset.asked) {
      button.dataset.asked = "1";
      button.textContent = button.dataset.sure;
      return;
    }
    button.disabled = true;
    await act(button, { do: button.dataset.do, id: button.dataset.id });
    button.disabled = false;
  });
  element.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-do]");
    if (!form) return;
    event.preventDefault();
    const button = form.querySelector("[type=submit]");
    button.disabled = true;
    const id = form.dataset.id ? { id: form.dataset.id } : {};
    const answer = await act(form, { do: form.dataset.do, ...id, ...Object.fromEntries(new FormData(form)) });
    if (!answer.failed) form.reset();
    button.disabled = false;
  });
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    const form = event.target.closest("form[data-do]");
    if (form) event.preventDefault(), form.requestSubmit();
  });
  load();
}
