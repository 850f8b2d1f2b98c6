// The course of reading: show an item, take the answer, show the next; take back; look at earlier ones.

import { get, post } from "./api.js";
import { AHEAD } from "./deck.js";

export class Reading {
  // desk: {deck, outbox, queue, display(state), over(title, words), say(words), brief(progress), answerOf(outcome, label)}
  constructor(desk) {
    Object.assign(this, desk, { state: null, cursor: 0, said: [], earlier: null });
  }

  async load() {
    try {
      const next = await get(`/api/next?queue=${this.queue}&ahead=${AHEAD}`);
      this.took(next);
      if (this.deck.items.length || this.deck.done) this.show(0);
      else this.stopped({ away: true, message: next.words || "Nothing can be read just now." });
    } catch (error) {
      this.stopped(error);
    }
  }

  stopped(error) {
    this.state = null;
    this.over(error.away ? "Waiting for the server" : "Reading has stopped", error.message);
    if (error.away) this.lookAgain(2);
  }

  lookAgain(seconds) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.state ?? this.load(), 1000 * seconds);
  }

  // A page of what comes next has come.
  took(next) {
    this.deck.take(next);
    this.brief(next.progress);
  }

  // Shows the item at a place of the deck; 0 is the one to be read now.
  show(cursor) {
    this.cursor = cursor;
    const item = this.deck.items[cursor];
    if (item) return this.turn({ item, shown: item.shown, answer: item.answer, revealed: item.stage === "committed" });
    this.state = null;
    if (this.outbox.waiting.length) return this.over("Waiting for the server", "Your answers are kept in this browser until it has them.");
    if (!this.deck.done) return this.load();
    this.over("Nothing is left to read", this.deck.words);
    this.lookAgain(30); // another reader may leave one, or disagree
  }

  turn(state) {
    this.state = { past: false, waiting: false, revealed: false, ...state };
    this.display(this.state);
  }

  // An answer of the reader: {outcome, label or use or pending, seconds, reason}.
  async answer(told) {
    const { state } = this;
    if (!state) return;
    if (state.waiting) return this.say("Wait: your first word is being stored. Enter goes on without the reveal.");
    if (state.past) return this.again(state, told);
    if (state.revealed && agrees(state.answer, told)) return this.goOn();
    this.send(state, told);
  }

  send(state, told) {
    const { item } = state;
    const blind = item.blind && !state.revealed && told.outcome !== "skip";
    const { pending = null, ...fields } = told; // pending: a promise of more fields, a mask being packed
    const message = { ticket: item.ticket, ...fields, revise: state.revealed, ahead: AHEAD, queue: this.queue };
    this.deck.answer(item.ticket);
    const promise = this.outbox.add(message, pending);
    const mine = { ticket: item.ticket, item, words: this.words(item, told), number: null, promise, blind };
    this.said.push(mine);
    this.earlier = null;
    if (blind) {
      state.waiting = true;
      state.answer = { outcome: told.outcome, label: told.label ?? null };
      this.display(state, true);
    } else this.show(0);
    this.say(mine.words);
    promise.then((answer) => this.acknowledged(mine, answer));
  }

  words(item, told) {
    return `No. ${item.number}${item.structure ? `, ${item.structure}` : ""}: ${this.answerOf(told)}.`;
  }

  // The server has stored it, or refused.
  acknowledged(mine, answer) {
    if (answer.dropped) return;
    if (answer.refused) return this.refused(mine, answer.refused);
    mine.number = answer.answer.number;
    this.took(answer.next);
    const { state } = this;
    if (!state) return this.show(0);
    if (!state.waiting || state.item.ticket !== mine.ticket) return;
    if (!answer.reveal) return this.goOn();
    Object.assign(state, { waiting: false, revealed: true, shown: answer.reveal, answer: answer.answer });
    this.display(state, true);
    this.say(`You said ${mine.words.replace(/^[^:]*: /, "").replace(/\.$/, "")}. ${this.revealWords(state)}`);
  }

  revealWords({ shown }) {
    if (shown.masks) return "The given mask is now shown.";
    return `Given: ${shown.given ?? "none"}.${shown.suggested ? ` Suggested: ${shown.suggested}.` : ""} Enter goes on.`;
  }

  refused(mine, error) {
    this.said = this.said.filter((one) => one !== mine);
    this.warn(`${mine.words} This was not stored: ${error.message}`);
    this.load();
  }

  goOn() {
    this.show(0);
  }

  // Takes back the last answer, here where it never left the browser, else on the server.
  async undo() {
    if (this.undoing) return;
    this.undoing = true;
    try {
      await this.takeBack();
    } catch (error) {
      this.say(error.away ? "The server is away. Take this back when it is there again." : error.message);
    } finally {
      this.undoing = false;
    }
  }

  async takeBack() {
    const last = this.said.at(-1);
    if (last && this.outbox.drop(last.ticket)) {
      this.said.pop();
      this.deck.put(last.item);
      this.show(0);
      return this.say(`Taken back: ${last.words}`);
    }
    if (last && this.outbox.away) return this.say("The server is away. Take this back when it is there again.");
    if (last) await last.promise;
    const number = last ? last.number : ((await get("/api/mine?limit=1")).answers[0]?.answer.number ?? null);
    if (number === null) return this.say("There is nothing to take back.");
    await this.takeBackOnServer(number, last);
  }

  async takeBackOnServer(number, last) {
    const answer = await post("/api/undo", { number, ahead: AHEAD, queue: this.queue });
    this.said = this.said.filter((one) => one !== last);
    this.earlier = null;
    this.took(answer.next);
    this.deck.put(answer.item);
    this.show(0);
    this.say(`Taken back: ${last ? last.words : `your answer to No. ${answer.item.number}.`}`);
  }

  // Steps: -1 to earlier answers, 1 towards the front and beyond, without answering.
  async move(step) {
    if (this.state?.waiting && step > 0) return this.goOn();
    const cursor = this.cursor + step;
    if (cursor >= 0) {
      if (!this.deck.items[cursor]) return this.say(cursor ? "This is as far as one can look ahead." : "");
      return this.show(cursor);
    }
    await this.back(cursor);
  }

  async back(cursor) {
    try {
      this.earlier ??= (await get("/api/mine?limit=200")).answers;
      const found = this.earlier[-cursor - 1];
      if (!found) return this.say("There is no earlier answer.");
      const item = await get(`/api/items/${found.item}`);
      this.cursor = cursor;
      this.turn({ item, shown: item.shown, answer: item.answer ?? found.answer, past: true });
      this.say(`No. ${item.number}: you said ${this.answerOf(found.answer)}.`);
    } catch (error) {
      this.say(error.message);
    }
  }

  // Another answer to an earlier item.
  async again(state, told) {
    try {
      const item = await post(`/api/items/${state.item.item}/again`, {});
      if (this.state === state) this.send({ ...state, item, past: false }, told);
    } catch (error) {
      this.say(error.message);
    }
  }
}

function agrees(answer, told) {
  return answer && answer.outcome === told.outcome && (told.outcome !== "label" || (!told.pending && !told.use && answer.label === told.label));
}
