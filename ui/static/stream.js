// The page's one live connection: ids and versions come in, screens that listen refetch.
import { leave } from "./dom.js";

const FIRST_WAIT = 250;
const LONGEST_WAIT = 5000;
const PATIENCE = 1200;

/** Open the connection; every note is dispatched on `document` as a `waxos:note` event. */
export function connect() {
  let wait = FIRST_WAIT;
  let state = "";
  let worry = 0;

  function say(next) {
    if (next === state) return;
    state = next;
    clearTimeout(worry);
    const show = () => document.dispatchEvent(new CustomEvent("waxos:link", { detail: next }));
    if (next === "live") show();
    else worry = setTimeout(show, PATIENCE); // a blip is not worth a word
  }

  function open() {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/events`);
    socket.onmessage = (message) => {
      const note = JSON.parse(message.data);
      if (note.type === "link") {
        if (note.state === "signed_out") return leave();
        if (note.state === "live") wait = FIRST_WAIT;
        say(note.state);
      }
      document.dispatchEvent(new CustomEvent("waxos:note", { detail: note }));
    };
    socket.onclose = (closed) => {
      if (closed.code === 4401) return leave();
      say("reconnecting");
      setTimeout(open, wait * (0.7 + 0.6 * Math.random()));
      wait = Math.min(wait * 2, LONGEST_WAIT);
    };
  }

  say("reconnecting");
  open();
}
