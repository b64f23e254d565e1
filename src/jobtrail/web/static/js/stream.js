// One stream for all tabs of a browser (a SharedWorker): six streams to one address are all that HTTP/1.1 allows.
// It holds the stream while any tab wants it, and gives each what changed.

const LINGER_MS = 30_000;
const SILENT_MS = 45_000;
const LONGEST_RETRY_MS = 15_000;
const KEPT_MS = 60_000;
const MOST_KEPT = 240;
const streams = new Map();

class Shared {
  constructor(address) {
    this.address = address;
    this.ports = new Set();
    this.source = null;
    this.state = "connecting";
    this.retry = 1000;
    this.end = null;
    this.again = null;
    this.knownFrom = Infinity;
    this.watch = null;
    this.kept = [];
  }

  /** Tells a tab from now on, and first what changed while it was being loaded; where that is not known, to ask anew. */
  join(port, since) {
    this.ports.add(port);
    clearTimeout(this.end);
    this.end = null;
    if (!this.source && !this.again) this.open();
    const knows = since >= this.knownFrom;
    port.postMessage({ state: this.state, fresh: this.state === "live" && !knows });
    for (const { at, changes } of knows ? this.kept : []) if (at >= since) port.postMessage({ changes });
  }

  leave(port) {
    this.ports.delete(port);
    if (!this.ports.size && !this.end) this.end = setTimeout(() => this.close(), LINGER_MS);
  }

  open() {
    this.again = null;
    this.source = new EventSource(this.address);
    this.hear("stream.open", () => {
      this.retry = 1000;
      this.knownFrom = Date.now();
      this.kept = [];
      this.tell({ state: (this.state = "live"), fresh: true });
    });
    this.hear("changes", (event) => this.keep(JSON.parse(event.data)));
    this.hear("gap", () => this.tell({ fresh: true }));
    this.hear("alive", () => {});
    this.source.addEventListener("closed", () => this.lost());
    this.source.onerror = () => this.lost();
    this.heard();
  }

  hear(name, does) {
    this.source.addEventListener(name, (event) => { this.heard(); does(event); });
  }

  /** The server says something every 15 s at least: a stream that is silent was cut off without a word. */
  heard() {
    clearTimeout(this.watch);
    this.watch = setTimeout(() => this.lost(), SILENT_MS);
  }

  keep(changes) {
    const now = Date.now();
    this.kept.push({ at: now, changes });
    while (this.kept.length > MOST_KEPT || this.kept[0].at < now - KEPT_MS) this.knownFrom = this.kept.shift().at + 1;
    this.tell({ changes });
  }

  /** Comes again after a while, and not at the same moment as all others whose server was restarted. */
  lost() {
    this.source?.close();
    this.source = null;
    clearTimeout(this.watch);
    if (this.again) return;
    this.state = "away";
    const wait = this.retry * (0.5 + Math.random());
    this.tell({ state: "away", retry: wait });
    this.again = setTimeout(() => this.open(), wait);
    this.retry = Math.min(this.retry * 2, LONGEST_RETRY_MS);
  }

  close() {
    this.source?.close();
    this.source = null;
    clearTimeout(this.watch);
    clearTimeout(this.again);
    streams.delete(this.address);
  }

  tell(message) {
    for (const port of this.ports) port.postMessage(message);
  }
}

/** Speaks with one tab: {join: address, since}, {lock: name}, {ask: true}, {leave: true}. One that dies without a word is found by its lock. */
export function serve(port) {
  let stream = null;
  let watched = false;
  port.onmessage = ({ data }) => {
    if (data.join) {
      stream = streams.get(data.join) ?? new Shared(data.join);
      streams.set(data.join, stream);
      stream.join(port, data.since);
    } else if (data.leave) {
      stream?.leave(port);
    } else if (data.ask) {
      port.postMessage({});
    }
    if (!watched && data.lock && self.navigator?.locks) {
      watched = true;
      self.navigator.locks.request(data.lock, () => stream?.leave(port)).catch(() => {});
    }
  };
}

if (typeof SharedWorkerGlobalScope !== "undefined") {
  self.addEventListener("connect", (event) => serve(event.ports[0]));
}
