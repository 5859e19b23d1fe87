// The line to the server: pushes come in, commands go out, and a broken line is taken up again.
export class Link {
  #socket;
  #wait = 250;
  #fresh = true;

  constructor(path, { onEvent, onState = () => {} }) {
    this.path = path;
    this.onEvent = onEvent;
    this.onState = onState;
    this.#open();
  }

  get up() {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  send(command) {
    if (this.up) this.#socket.send(JSON.stringify(command));
    return this.up;
  }

  #open() {
    this.#socket = new WebSocket(`ws://${location.host}${this.path}${this.#fresh ? "?fresh" : ""}`);
    this.#socket.addEventListener("open", () => {
      this.#wait = 250;
      this.#fresh = false;
      this.onState(true);
    });
    this.#socket.addEventListener("message", (event) => this.onEvent(JSON.parse(event.data)));
    this.#socket.addEventListener("close", () => {
      this.onState(false);
      setTimeout(() => this.#open(), this.#wait);
      this.#wait = Math.min(this.#wait * 2, 4000);
    });
  }
}
