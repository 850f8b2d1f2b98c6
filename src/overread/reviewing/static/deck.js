// The items that are to be read, the next ones prefetched, so that after a key press only drawing is left to do.

import { loadPicture } from "./picture.js";

export const AHEAD = 4;
const KEPT = 8; // pictures that stay in memory

export class Deck {
  // sizeOf(image): the size in which it will be seen first
  constructor(sizeOf) {
    this.sizeOf = sizeOf;
    this.items = [];
    this.done = false;
    this.words = "";
    this.answered = new Set(); // tickets that were answered here, acknowledged or not yet
    this.pictures = new Map(); // url: promise of a picture
  }

  // What the server says comes next; what was answered here meanwhile is left out.
  take(next) {
    this.items = next.items.filter((item) => !this.answered.has(item.ticket));
    [this.done, this.words] = [next.done && !this.items.length, next.words];
    for (const item of this.items) this.picture(item.image).catch(() => {}); // told when it is shown
    this.tidy();
  }

  // An item was answered: the next one moves up.
  answer(ticket) {
    this.answered.add(ticket);
    this.items = this.items.filter((item) => item.ticket !== ticket);
  }

  // It was taken back before the server heard of it.
  put(item) {
    this.answered.delete(item.ticket);
    this.items = [item, ...this.items.filter((one) => one.ticket !== item.ticket)];
    this.done = false;
  }

  picture(image) {
    if (!image.url) return Promise.reject(new Error(image.words));
    const known = this.pictures.get(image.url);
    this.pictures.delete(image.url); // the latest asked for is the last to go
    const promise = known ?? this.load(image);
    this.pictures.set(image.url, promise);
    return promise;
  }

  load(image) {
    const promise = loadPicture(image, this.sizeOf(image));
    promise.then(
      (picture) => Object.assign(promise, { picture }), // can be drawn without waiting
      () => this.pictures.delete(image.url), // asked for again when it is wanted
    );
    return promise;
  }

  tidy() {
    const wanted = new Set(this.items.map((item) => item.image.url));
    for (const [url, promise] of this.pictures) {
      if (this.pictures.size <= Math.max(KEPT, wanted.size + 2)) return;
      if (wanted.has(url)) continue;
      this.pictures.delete(url);
      promise.then((picture) => picture.close(), () => {});
    }
  }
}
