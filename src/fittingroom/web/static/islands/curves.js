// @ts-check
/** Curves of a run for a chart: against the epoch or the time, as they are or smoothed, with what is to be marked. */
/** @typedef {import("./run-feed.js").RunFeed} RunFeed */
/** @typedef {import("./run-feed.js").Epoch} Epoch */
/** ``axis``: against what; ``smooth``: the weight of the moving average, 0 for none; ``which``: the curves to see.
 * @typedef {{axis: "epoch"|"time", smooth: number, which: "validation"|"both"|"training"}} View */
/** Where the points of a run lie. A point with neither epoch nor progress is a gap.
 * @typedef {{at: number[], points: ({epoch?: Epoch, row?: (number|null)[]})[], walls: {at: number, label: string}[]}} Timeline */

const COLUMNS = { loss: 1, accuracy: 2 };

/** @param {RunFeed} feed @param {"epoch"|"time"} axis @returns {Timeline} */
export function timeline(feed, axis) {
  const epochs = [...feed.before, ...feed.own];
  const ends = new Map(feed.boundaries);
  /** @type {Timeline} */
  const found = { at: [], points: [], walls: [] };
  let seconds = 0;
  epochs.forEach((epoch, index) => {
    seconds += epoch.seconds;
    found.at.push(axis === "epoch" ? epoch.epoch : seconds);
    found.points.push({ epoch });
    const label = ends.get(epoch.epoch), next = epochs[index + 1];
    if (label === undefined || !next) return;
    const wall = axis === "epoch" ? epoch.epoch + 0.5 : seconds + next.seconds / 2;
    found.walls.push({ at: wall, label });
    found.at.push(wall);
    found.points.push({});
  });
  const done = epochs.at(-1)?.epoch ?? 0;
  const each = epochs.at(-1)?.seconds ?? feed.images / (feed.progress.at(-1)?.[3] || Infinity);
  for (const row of feed.progress) {
    found.at.push(axis === "epoch" ? (row[0] ?? 0) : seconds + ((row[0] ?? 0) - done) * each);
    found.points.push({ row });
  }
  return found;
}

/** A measure along a timeline; progress within the epoch belongs to training.
 * @param {Timeline} along @param {"train"|"validation"} part @param {"loss"|"accuracy"} measure
 * @returns {(number|null)[]} */
export function values(along, part, measure) {
  return along.points.map(({ epoch, row }) => {
    if (epoch) return epoch[`${part}_${measure}`];
    return row && part === "train" ? (row[COLUMNS[measure]] ?? null) : null;
  });
}

/** An exponential moving average, corrected for its beginning (Kingma and Ba 2015, section 3). It begins anew at every
 * gap; a point within an epoch is one step on from the epochs before it.
 * @param {(number|null)[]} raw @param {Timeline} along @param {number} weight @returns {(number|null)[]} */
export function smoothed(raw, along, weight) {
  let mean = 0, count = 0;
  return raw.map((value, index) => {
    const { epoch, row } = along.points[index];
    if (!epoch && !row) mean = count = 0;
    if (value === null) return null;
    const step = weight * mean + (1 - weight) * value;
    if (epoch) {
      mean = step;
      count += 1;
    }
    return step / (1 - weight ** (epoch ? count : count + 1));
  });
}

/** Where an epoch's point lies. @param {Timeline} along @param {number|null} number */
export function placeOf(along, number) {
  const index = number === null ? -1 : along.points.findIndex(({ epoch }) => epoch?.epoch === number);
  return index < 0 ? null : { at: along.at[index], index };
}
