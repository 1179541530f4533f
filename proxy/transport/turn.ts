/** What gathers writes until the end of a turn; `flush` is called once for as many as there were. */
export interface Flushable {
  flush(): void;
}

/*
 * A callback of the loop (a read, a timer, a connect) may write on many connections; each is flushed once when
 * the callback is over. Writes outside of any turn are flushed by a microtask.
 *
 * Where several sockets are readable at once, what their callbacks write is gathered until the loop has served them all:
 * one write, and one TLS record, for many requests. A read that comes alone is not made to wait, because on TLS a turn
 * more costs 8 to 14 % of the processor time.
 */
let depth = 0;
let touched: Flushable[] = [];
/** When the last read callback ended, monotonic milliseconds. */
let lastReadMs = 0;
/** The read under way followed the one before so closely that more are likely to follow. */
let gathering = false;
let gathered = false;

/** Reads whose callbacks are closer than this were ready at once: between them the loop did not wait. */
const TOGETHER_MS = 0.03;

/** A callback of the event loop begins; calls nest. */
export function enterTurn(): void {
  depth++;
}

/** The callback is over: what it wrote is sent. */
export function leaveTurn(): void {
  if (--depth === 0 && touched.length > 0) flushTouched();
}

/** Runs a callback of the event loop as a turn. */
export function inTurn(callback: () => void): void {
  enterTurn();
  callback();
  leaveTurn();
}

/**
 * Runs `callback` in a turn, once what sockets have to say by now has been read: a program that was stopped for a while hears of
 * several at once, in any order, and of a socket with octets and an end the end in the next round of the loop.
 */
export function afterReads(callback: () => void): void {
  setImmediate(() => setImmediate(() => inTurn(callback)));
}

/** A timer whose callback is a turn. @param ms at most 2^31 - 1 */
export function turnAfter(ms: number, callback: () => void): NodeJS.Timeout {
  return setTimeout(inTurn, ms, callback);
}

/** A read callback begins. */
export function enterRead(): void {
  depth++;
  gathering = performance.now() - lastReadMs < TOGETHER_MS;
}

/** It is over: what it wrote is sent, or gathered with what reads that follow closely write. */
export function leaveRead(): void {
  if (--depth > 0) return;
  if (!gathering) {
    if (touched.length > 0) flushTouched();
  } else if (touched.length > 0 && !gathered) {
    gathered = true;
    setImmediate(flushGathered);
  }
  lastReadMs = performance.now();
}

function flushGathered(): void {
  gathered = false;
  if (touched.length > 0) flushTouched();
}

/** Has `wire` flushed at the end of this turn; outside of any, in a microtask. */
export function touch(wire: Flushable): void {
  touched.push(wire);
  if (depth === 0 && touched.length === 1) queueMicrotask(flushTouched);
}

function flushTouched(): void {
  const wires = touched;
  touched = [];
  for (let i = 0; i < wires.length; i++) wires[i]!.flush();
}
