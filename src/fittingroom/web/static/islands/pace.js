// @ts-check
/**
 * Doing something again and again, but not too often: painting takes cores from the training that it shows. At first, as
 * long as everything is new, each time; later once in a while, with whatever is newest then.
 */

const EAGER = 4000;
const BETWEEN = 1000;

export class Pace {
  /** @param {() => void} act */
  constructor(act) {
    this.act = act;
    this.began = performance.now();
    this.last = -BETWEEN;
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    this.next = undefined;
  }

  /** Do it soon; ``now``: at once. */
  ask(now = false) {
    const time = performance.now(), wait = this.last + BETWEEN - time;
    if (now || wait <= 0 || time - this.began < EAGER) this.go();
    else this.next ??= setTimeout(() => this.go(), wait);
  }

  go() {
    this.stop();
    this.last = performance.now();
    this.act();
  }

  stop() {
    clearTimeout(this.next);
    this.next = undefined;
  }
}
