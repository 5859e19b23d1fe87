// The bar on top: screens, the state of the live connection, the account menu.
import { ask, patch, tellAges } from "./dom.js";
import { connect } from "./stream.js";

const VIEWS = ["desk", "knowledge", "proposals", "channels", "privacy"];

/** Start the page: called once by Gradio when the bar is there. */
export async function start(element, server) {
  const slot = (name) => element.querySelector(`[data-slot="${name}"]`);
  const link = slot("link");

  function show() {
    const view = VIEWS.find((name) => location.hash.startsWith(`#/${name}`)) ?? "desk";
    document.body.dataset.view = view;
    for (const a of element.querySelectorAll("[data-view]")) {
      if (a.dataset.view === view) {
        a.setAttribute("aria-current", "page");
        a.scrollIntoView({ block: "nearest", inline: "nearest" }); // the bar scrolls where it is narrow
      }
      else a.removeAttribute("aria-current");
    }
    document.dispatchEvent(new CustomEvent("waxos:view", { detail: view }));
  }

  document.addEventListener("waxos:link", ({ detail }) => {
    link.dataset.state = detail;
    link.textContent = detail === "live" ? "Live" : "Reconnecting …";
    link.title = detail === "live" ? "Changes appear by themselves" : "What you see may be old. It is brought up to date as soon as the connection is back.";
  });
  document.addEventListener("waxos:needs", ({ detail }) => {
    const count = slot("needs");
    count.hidden = !detail;
    count.textContent = detail;
    document.title = detail ? `(${detail}) WAXOS` : "WAXOS";
  });
  slot("keys").onclick = () => document.dispatchEvent(new CustomEvent("waxos:help"));
  document.addEventListener("click", (event) => {
    const account = slot("account");
    if (account.open && !account.contains(event.target)) account.open = false;
  });
  addEventListener("hashchange", show);
  setInterval(() => tellAges(document), 20000);
  show();
  connect();
  const answer = await ask(server.account, {});
  if (answer.fragments.account) patch(element.querySelector('[data-place="account"]'), answer.fragments.account);
  slot("initials").textContent = answer.facts.initials ?? "";
  document.body.dataset.role = answer.facts.role ?? "";
}
