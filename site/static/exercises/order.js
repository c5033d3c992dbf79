// Which exercises there are, and which comes after which: the course, and three levels that go round.

export const COURSE = "course";
export const LEVELS = ["level-1", "level-2", "level-3"];

/** The part that an exercise belongs to: ``"course"`` for ``"7"``, ``"level-2"`` for ``"level-2-14"``. */
export const partOf = (id) => (/^level-\d+/.exec(id) ?? [COURSE])[0];

/** An exercise's number in its part. */
export const numberOf = (id) => Number(/\d+$/.exec(id)[0]);

/** The exercise in an address such as ``#7``; the first where there is none of that name. */
export function exerciseAt(hash, ids) {
  const id = hash.replace(/^#/, "");
  return ids.includes(id) ? id : ids[0];
}

/** The exercise before (``by`` is -1) or after (1) one. After the course comes the first level; a level goes round. */
export function neighbour(id, by, ids) {
  const part = partOf(id);
  const same = ids.filter((other) => partOf(other) === part);
  const place = same.indexOf(id) + by;
  if (part !== COURSE) return same[(place + same.length) % same.length];
  return place < 0 ? null : (same[place] ?? ids.find((other) => partOf(other) === LEVELS[0]));
}

/** The same in a level, but going past those that are answered, as long as there are others. */
export function nextOpen(id, ids, isAnswered) {
  if (partOf(id) === COURSE) return neighbour(id, 1, ids);
  let next = neighbour(id, 1, ids);
  while (next !== id && isAnswered(next)) next = neighbour(next, 1, ids);
  return next === id ? neighbour(id, 1, ids) : next;
}
