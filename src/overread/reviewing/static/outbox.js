// What the reader said, until the server has acknowledged it: kept in the browser's database, sent in order, and
// sent again with the same key when the server was away. A key that the server knows already changes nothing.

const DATABASE = "overread-outbox";
const TABLE = "said";
const WAITS = [500, 1000, 2000, 4000, 8000]; // milliseconds between attempts

export class Outbox {
  // owner: run and reader, so that nobody sends another's answers. send(message) resolves to the server's answer, or
  // rejects with {away: true} where there was none. changed(outbox) is called whenever something moved.
  constructor(owner, send, changed = () => {}) {
    Object.assign(this, { owner, send, changed, waiting: [], away: false, refused: [], failures: 0 });
    this.running = null;
    addEventListener("online", () => this.retry());
  }

  // Takes up what an earlier visit left behind.
  async open() {
    this.database = await openDatabase();
    const left = await this.all();
    this.waiting.push(...left.filter((one) => one.owner === this.owner).map((one) => ({ ...one, left: true, settle: () => {} })));
    this.changed(this);
    this.retry();
  }

  // Queues a message {ticket, ...}, once `pending` (a promise) has given it more fields; resolves to the server's
  // answer when there is one.
  add(message, pending = null) {
    return new Promise((resolve) => {
      const one = { owner: this.owner, message, settle: resolve };
      this.waiting.push(one);
      one.kept = Promise.resolve(pending).then((more) => this.keep(Object.assign(one, { message: { ...message, ...more } })));
      this.changed(this);
      this.run();
    });
  }

  // Takes back a message that never went out; false where it may have reached the server.
  drop(ticket) {
    const one = this.waiting.find(({ message }) => message.ticket === ticket);
    if (!one || one.tried || one.left) return false;
    this.waiting = this.waiting.filter((other) => other !== one);
    one.kept.then(() => this.forget(one));
    one.settle({ dropped: true });
    this.changed(this);
    return true;
  }

  run() {
    this.running ??= this.work().finally(() => {
      this.running = null;
    });
  }

  retry() {
    clearTimeout(this.timer);
    this.run();
  }

  async work() {
    while (this.waiting.length) {
      const one = this.waiting[0];
      await one.kept; // on the disk before it goes out
      if (this.waiting[0] !== one) continue; // dropped meanwhile
      one.tried = true;
      try {
        const answer = await this.send(one.message);
        this.settle(one, answer);
      } catch (error) {
        if (error.away) return this.wait(error);
        this.refused.push({ message: one.message, error });
        this.settle(one, { refused: error });
      }
    }
  }

  settle(one, answer) {
    this.waiting.shift();
    [this.away, this.failures] = [false, 0];
    this.forget(one);
    one.settle(answer);
    this.changed(this);
  }

  wait(error) {
    [this.away, this.reason] = [true, error.message];
    this.changed(this);
    const pause = WAITS[Math.min(this.failures, WAITS.length - 1)];
    this.failures += 1;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.run(), pause);
  }

  keep(one) {
    const { owner, message } = one;
    return this.store("readwrite", (table) => table.add({ owner, message })).then(
      (id) => Object.assign(one, { id }),
      () => {}, // no database in this browser: kept in memory alone
    );
  }

  forget(one) {
    if (one.id !== undefined) this.store("readwrite", (table) => table.delete(one.id)).catch(() => {});
  }

  all() {
    return this.store("readonly", (table) => table.getAll()).catch(() => []);
  }

  store(mode, action) {
    return new Promise((resolve, reject) => {
      if (!this.database) return reject(new Error("no database"));
      const transaction = this.database.transaction(TABLE, mode);
      const request = action(transaction.objectStore(TABLE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  }
}

function openDatabase() {
  return new Promise((resolve) => {
    try {
      const request = indexedDB.open(DATABASE, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(TABLE, { keyPath: "id", autoIncrement: true });
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => resolve(null);
    } catch {
      resolve(null);
    }
  });
}
