// Sounds decoded ahead of time, and one player for all of them.

const RATE = 48000;
const MOST_SECONDS = 480;
const AT_ONCE = 2; // a browser opens six connections: decisions and lists must not wait behind clips to come
const decoder = new OfflineAudioContext(1, 1, RATE);

/** Decoded clips by id; the ones not asked for longest go first. */
export class Shelf {
  constructor({ pictures = true } = {}) {
    this.held = new Map();
    this.pictures = pictures;
    this.waiting = [];
    this.busy = 0;
  }

  /** The clip if it can be played at once. */
  ready(id) {
    return this.held.get(id)?.value;
  }

  /** The clip, from here or from the server; one that is urgent goes before those that wait. */
  load(id, urgent = false) {
    const known = this.held.get(id);
    if (known) {
      this.held.delete(id);
      this.held.set(id, known);
      if (urgent && this.waiting.includes(known)) this.waiting = [known, ...this.waiting.filter((one) => one !== known)];
      return known.promise;
    }
    const entry = { value: undefined };
    entry.promise = this.turn(entry, urgent).then(() => this.fetch(id)).finally(() => this.next()).then(
      (value) => {
        entry.value = value;
        this.trim(id);
        return value;
      },
      (error) => {
        this.held.delete(id);
        throw error;
      },
    );
    this.held.set(id, entry);
    return entry.promise;
  }

  async turn(entry, urgent) {
    if (this.busy < AT_ONCE) {
      this.busy += 1;
      return;
    }
    await new Promise((go) => {
      entry.go = go;
      if (urgent) this.waiting.unshift(entry);
      else this.waiting.push(entry);
    });
  }

  next() {
    const entry = this.waiting.shift();
    if (entry) entry.go();
    else this.busy -= 1;
  }

  async fetch(id) {
    const query = `?id=${encodeURIComponent(id)}`;
    const [sound, picture] = await Promise.all([reach(`/sound${query}`), this.pictures ? reach(`/picture${query}`) : null]);
    if (!sound.ok) throw new Error(await reasonOf(sound));
    const buffer = await decoder.decodeAudioData(await sound.arrayBuffer());
    const url = picture?.ok ? URL.createObjectURL(await picture.blob()) : "";
    return {
      buffer, url,
      gain: 10 ** (Number(sound.headers.get("X-Gain-dB") ?? 0) / 20),
      top: Number(sound.headers.get("X-Top-Hz") ?? 0),
    };
  }

  trim(keep) {
    let seconds = 0;
    for (const { value } of this.held.values()) seconds += value?.buffer.duration ?? 0;
    for (const [id, { value }] of this.held) {
      if (seconds <= MOST_SECONDS || this.held.size <= 12) break;
      if (!value || id === keep) continue;
      seconds -= value.buffer.duration;
      URL.revokeObjectURL(value.url);
      this.held.delete(id);
    }
  }
}

/** Plays one clip at a time. */
export class Player {
  constructor(onChange = () => {}) {
    this.onChange = onChange;
    this.loop = false;
    this.match = true;
    this.id = null;
    this.source = null;
    this.offset = 0;
  }

  get playing() {
    return this.source !== null;
  }

  /** Seconds from the beginning of the clip. */
  get position() {
    if (!this.sound) return 0;
    const { duration } = this.sound.buffer;
    const at = this.source ? this.offset + this.context.currentTime - this.started : this.offset;
    return this.loop ? at % duration : Math.min(at, duration);
  }

  play(id, sound, from = 0) {
    this.context ??= new AudioContext({ latencyHint: "interactive" });
    if (this.context.state !== "running") this.context.resume();
    this.halt();
    const source = this.context.createBufferSource();
    const gain = this.context.createGain();
    source.buffer = sound.buffer;
    source.loop = this.loop;
    gain.gain.value = this.match ? sound.gain : 1;
    source.connect(gain).connect(this.context.destination);
    source.onended = () => {
      if (this.source !== source) return;
      this.source = null;
      this.offset = 0;
      this.onChange();
    };
    this.offset = from >= sound.buffer.duration - 0.01 ? 0 : from;
    source.start(0, this.offset);
    Object.assign(this, { id, sound, source, level: gain, started: this.context.currentTime });
    this.onChange();
  }

  pause() {
    this.offset = this.position;
    this.halt();
    this.onChange();
  }

  stop() {
    this.halt();
    this.offset = 0;
    this.onChange();
  }

  setLoop(on) {
    this.offset = this.position;
    if (this.source) this.started = this.context.currentTime;
    this.loop = on;
    if (this.source) this.source.loop = on;
  }

  setMatch(on) {
    this.match = on;
    if (this.source) this.level.gain.value = on ? this.sound.gain : 1;
  }

  halt() {
    const { source } = this;
    this.source = null;
    source?.stop();
    source?.disconnect();
  }
}

/** An element with a class, text and attributes; text stays text, whatever it holds. */
export function make(tag, { className = "", text = "", ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Text that is put into a line of other words without turning their order round, as Arabic and Hebrew would. */
export function isolate(text) {
  return `\u2068${text}\u2069`;
}

/** A question to the server. */
export async function ask(path, said) {
  const options = said === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(said),
  };
  const reply = await reach(path, options);
  if (!reply.ok) throw new Error(await reasonOf(reply));
  return reply.json();
}

async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch {
    throw new Error("The server does not answer: this was not taken. Start `menura review` again; what was taken before is kept.");
  }
}

/** Why the server refuses; without a session it has been started again since, and its answer is no JSON. */
async function reasonOf(reply) {
  if (reply.status === 403) return "This page is of an earlier start of `menura review`: open its new link.";
  const value = await reply.json().catch(() => ({}));
  return value.error ?? `the server answered ${reply.status}`;
}
