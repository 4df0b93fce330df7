// What is shown, and where it stands: filters, rows that join broadcasts, the place of every row, and the search.

const ROW = 22;
/** The most that silence takes where rows stand true to time. */
const CUT = 260;

const view = {
  hiddenPeople: new Set(),
  hiddenKinds: new Set(),
  barriers: false,
  log: true,
  group: true,
  time: false,
  zoom: 1,
  chain: undefined,
  query: '',
  hits: [],
  rows: [],
  height: 0,
  /** Pixels for a microsecond, where rows stand true to time. */
  pace: 0,
  crosses: [],
  selected: undefined,
  hovered: undefined,
  step: undefined,
  /** Paths that stand out in the payload of the selected. */
  marks: [],
  /** Items that stand out: of the selected step or failure. */
  marked: new Set(),
  failure: failures.length ? 0 : undefined,
};

function isShown(item) {
  if (item.k === 'fail') return true;
  if (view.chain) return view.chain.all.includes(item);
  if (item.b && !view.barriers) return false;
  if (item.k === 'log') return view.log;
  if (item.p !== undefined && view.hiddenPeople.has(item.p)) return false;
  return !view.hiddenKinds.has(kindOf(item));
}

/** Whether a frame may share the row of one before it: the same message, to somebody else. */
function joins(row, item) {
  const first = row.items[0];
  if (!view.group || item.k !== 'received' || first.k !== 'received' || first.b !== item.b) return false;
  if (item.t - first.t > 50000 || row.items.some((other) => other.c === item.c)) return false;
  return first.x === item.x || (first.links.length > 0 && first.links[0] === item.links[0] && kindOf(first) === kindOf(item));
}

/** Makes the rows anew. */
function layRows() {
  const rows = [];
  let caused;
  for (const item of model.items) {
    item.row = undefined;
    if (!isShown(item)) continue;
    let row = rows.at(-1);
    if (row && !view.time && joins(row, item)) {
      row.items.push(item);
    } else {
      row = { items: [item], y: 0 };
      rows.push(row);
      const step = item.s === undefined ? undefined : model.root(model.steps.get(item.s));
      if (step && step !== caused) {
        row.step = step;
        caused = step;
      }
    }
    item.row = rows.length - 1;
  }
  view.rows = rows;
  view.hitSet = undefined;
  placeRows();
}

/** For the failure in sight: where a cross stands for somebody who never got a message that others got. */
function crosses() {
  const found = [];
  const entries = failures[view.failure]?.entries ?? [];
  for (const link of new Set(entries.flatMap((entry) => model.byEntry.get(entry)?.links ?? []))) {
    const item = link.deliveries.find((one) => one.row !== undefined) ?? link.sent;
    for (const one of item ? model.reach(link) : []) {
      if (!one.seen && !one.sender && one.there) found.push({ item, p: one.p, words: `never got ${link.order ?? 'it'}` });
    }
  }
  return found;
}

/** Gives every row its place. */
function placeRows() {
  view.crosses = crosses();
  const crossed = new Set(view.crosses.map((cross) => cross.item.row));
  const { rows } = view;
  const gaps = rows.slice(1).map((row, place) => row.items[0].t - rows[place].items[0].t);
  const usual = gaps.toSorted((a, b) => a - b).slice(0, Math.ceil(gaps.length * 0.9));
  const mean = usual.reduce((sum, gap) => sum + gap, 0) / Math.max(1, usual.length);
  // At zoom 1 most rows have the room on average that they have when evenly spaced.
  view.pace = (ROW / Math.max(1, mean)) * view.zoom;
  let below = view.time ? 16 : 4;
  for (const [place, row] of rows.entries()) {
    // The label of a broadcast stands above its arrows, so that it hides nobody's.
    row.fan = !view.time && (row.items.length > 1 || crossed.has(place));
    row.above = view.time ? 8 : row.fan ? ROW * 1.2 : ROW / 2;
    const gap = place ? gaps[place - 1] : 0;
    // Long silence is cut, and its length is told.
    row.silence = view.time && gap * view.pace > CUT ? gap : undefined;
    row.y = view.time ? below + Math.min(CUT, gap * view.pace) : below + row.above;
    below = view.time ? row.y : row.y + ROW / 2;
  }
  view.height = (rows.at(-1)?.y ?? 0) + (view.time ? 60 : 28);
}

/** The first row at or below a place. */
function rowAt(y) {
  let low = 0;
  let high = view.rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (view.rows[middle].y < y) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Where a moment stands. */
function yOf(t) {
  let low = 0;
  let high = view.rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (view.rows[middle].items[0].t < t) low = middle + 1;
    else high = middle;
  }
  if (low === view.rows.length) return view.height;
  const row = view.rows[low];
  if (!view.time || low === 0) return row.y;
  const before = view.rows[low - 1];
  return row.y - ((row.items[0].t - t) / Math.max(1, row.items[0].t - before.items[0].t)) * (row.y - before.y);
}

/** Where an item stands; where the filters hide it, where it would stand. */
const placeOf = (item) => (item.row === undefined ? yOf(item.t) : view.rows[item.row].y);

/** What can be found of an item that its payload doesn't hold. */
const beside = (item) => `${item.text ?? ''} ${item.method ?? ''} ${item.path ?? ''} ${item.status ?? ''} ${item.end?.reason ?? ''}`.toLowerCase();

/** Finds what is searched for among the shown. */
function find() {
  const wanted = view.query.toLowerCase();
  view.hits = [];
  view.hitSet = undefined;
  if (!wanted) return;
  const texts = new Map();
  for (const row of view.rows) {
    for (const item of row.items) {
      if (item.x !== undefined && !texts.has(item.x)) texts.set(item.x, data.texts[item.x].toLowerCase().includes(wanted));
      if (texts.get(item.x) || beside(item).includes(wanted)) view.hits.push(item);
    }
  }
}

function isHit(item) {
  view.hitSet ??= new Set(view.hits);
  return view.hitSet.has(item);
}
