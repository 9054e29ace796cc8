// Runs in each page before its own scripts: notes what event sources and scripts do there, in order.
// `recorder.until(test, ms)` gives the log as soon as `test(log)` is true, or when the time is over.
(() => {
  const Native = window.EventSource;
  const log = [];
  const waiting = new Set();

  const note = (what, source, more) => {
    log.push({ what, source, at: performance.now(), ...more });
    // Later, so that the page's own listeners have done their part when somebody looks.
    setTimeout(() => waiting.forEach((look) => look()));
  };

  class EventSource extends Native {
    #number;
    #heard = new Set();

    constructor(url, options) {
      super(url, options);
      this.#number = recorder.sources.push(this) - 1;
      note("source", this.#number, { url: this.url });
      super.addEventListener("open", (event) => {
        if (!(event instanceof MessageEvent)) note("open", this.#number, { state: this.readyState });
      });
      super.addEventListener("error", (event) => {
        if (!(event instanceof MessageEvent)) note("error", this.#number, { state: this.readyState });
      });
      this.#hear("message");
    }

    addEventListener(type, ...rest) {
      this.#hear(String(type));
      super.addEventListener(type, ...rest);
    }

    close() {
      super.close();
      note("close", this.#number, { state: this.readyState });
    }

    #hear(type) {
      if (this.#heard.has(type)) return;
      this.#heard.add(type);
      super.addEventListener(type, (event) => {
        if (!(event instanceof MessageEvent)) return;
        note("event", this.#number, { type: event.type, data: event.data, last_event_id: event.lastEventId });
      });
    }
  }

  const recorder = {
    log,
    sources: [],
    // Listen to a stream as a page does: onmessage, and a listener for each other type.
    listen(url, types) {
      const source = new EventSource(url);
      types.forEach((type) => source.addEventListener(type, () => {}));
    },
    close() {
      recorder.sources.forEach((source) => source.close());
    },
    until(test, ms) {
      return new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          waiting.delete(look);
          resolve(log);
        };
        const look = () => test(log) && done();
        const timer = setTimeout(done, ms);
        waiting.add(look);
        look();
      });
    },
  };

  window.EventSource = EventSource;
  window.recorder = recorder;
  window.addEventListener("error", (event) => note("fault", null, { text: event.message || "a resource that fails" }));
  window.addEventListener("unhandledrejection", (event) => note("fault", null, { text: String(event.reason) }));
})();
