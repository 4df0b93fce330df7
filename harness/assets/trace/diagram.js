// Draws the visible rows on a canvas: lanes, the lives of connections, an arrow for everything that was said.

const GUTTER = 106;
const FONT = '12px ui-sans-serif, system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif';
const STRONG = `600 ${FONT}`;
const MONO = '11px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace';

const diagram = (() => {
  const scroller = $('scroller');
  const canvas = $('canvas');
  const pen = canvas.getContext('2d');
  let colours = {};
  let lanes = { of: [], server: 0, width: 0, gap: 0, shown: [] };
  let wide = 0;
  let high = 0;
  let asked = false;

  function readColours() {
    const style = getComputedStyle(document.documentElement);
    for (const name of ['ground', 'raised', 'ink', 'dim', 'faint', 'line', 'accent', 'bad', 'good', 'found', 'mark']) {
      colours[name] = style.getPropertyValue(`--${name}`).trim();
    }
    const dark = style.getPropertyValue('--dark').trim() === '1';
    // No reds: red means failed.
    const hues = [212, 152, 276, 38, 186, 318, 96, 242, 58, 168, 296, 128];
    // How light each hue may be in the light theme, so that it stands out from its ground (WCAG 2.1, 1.4.3).
    const light = [40, 29, 40, 33, 30, 40, 28, 40, 27, 28, 40, 29];
    colours.lane = (p) => `hsl(${hues[p % hues.length]} ${dark ? '58% 73%' : `62% ${light[p % light.length]}%`})`;
  }

  /** Where the lanes stand: the server in the middle, participants on both sides of it. */
  function layLanes() {
    const shown = data.participants.map((_, p) => p).filter((p) => !view.hiddenPeople.has(p));
    const least = shown.length <= 6 ? 96 : shown.length <= 14 ? 56 : shown.length <= 40 ? 26 : 13;
    const room = scroller.clientWidth - GUTTER - 8;
    const gap = Math.max(least, room / (shown.length + 1));
    const left = Math.ceil(shown.length / 2);
    const of = [];
    shown.forEach((p, place) => {
      of[p] = GUTTER + gap * ((place < left ? place : place + 1) + 0.5);
    });
    lanes = { of, server: GUTTER + gap * (left + 0.5), width: GUTTER + gap * (shown.length + 1), gap, shown, left };
    $('spacer').style.width = `${Math.floor(lanes.width)}px`;
    layHeads();
  }

  function layHeads() {
    const slanted = lanes.gap < 14 + Math.max(...lanes.shown.map((p) => widthOf(data.participants[p], STRONG)), 40);
    const heads = $('heads');
    heads.classList.toggle('slanted', slanted);
    const head = (name, x, colour, more) => {
      const style = `left:${x}px;width:${slanted ? 120 : lanes.gap - 6}px;--lane:${colour}`;
      return el('button', { type: 'button', class: 'head', style, ...more }, el('span', {}, name));
    };
    const buttons = lanes.shown.map((p) =>
      head(data.participants[p], lanes.of[p], colours.lane(p), { title: `Hide ${data.participants[p]} (the menu Participants shows it again)`, onclick: () => viewer.togglePerson(p) }),
    );
    buttons.splice(lanes.left, 0, head('server', lanes.server, colours.ink, { class: 'head server', tabindex: '-1', disabled: true }));
    heads.replaceChildren(el('div', { class: 'corner' }, el('span', {}, 'ms'), el('span', {}, 'line')), el('div', { class: 'track', style: `width:${lanes.width}px` }, buttons));
    slide();
  }

  function slide() {
    $('heads').querySelector('.track').style.transform = `translateX(${-scroller.scrollLeft}px)`;
  }

  function resize() {
    const ratio = Math.min(3, window.devicePixelRatio || 1);
    wide = scroller.clientWidth;
    high = scroller.clientHeight;
    canvas.width = Math.round(wide * ratio);
    canvas.height = Math.round(high * ratio);
    canvas.style.width = `${wide}px`;
    canvas.style.height = `${high}px`;
    $('spacer').style.height = `${Math.max(0, view.height - high)}px`;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    layLanes();
    map.resize();
    // At once: a canvas is empty from its new size on, and the next frame may bring the next size.
    paint();
    map.paint();
  }

  /** Asks for a drawing with the next frame of the screen. */
  function draw() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      paint();
      map.paint();
    });
  }

  const widths = new Map();
  function widthOf(text, font) {
    const key = font + text;
    if (!widths.has(key)) {
      if (widths.size > 20000) widths.clear();
      pen.font = font;
      widths.set(key, pen.measureText(text).width);
    }
    return widths.get(key);
  }

  /** A text cut to the room there is. */
  function fitted(text, font, room) {
    if (widthOf(text, font) <= room) return text;
    let low = 0;
    let up = text.length;
    while (low < up) {
      const middle = (low + up + 1) >> 1;
      if (widthOf(`${text.slice(0, middle)}…`, font) <= room) low = middle;
      else up = middle - 1;
    }
    return low > 1 ? `${text.slice(0, low)}…` : '';
  }

  const xOf = (item) => {
    const lane = lanes.of[item.p];
    if (lane === undefined) return undefined;
    const many = model.beside[item.p];
    const sub = item.c === undefined || many < 2 ? 0 : (model.connections.get(item.c)?.sub ?? 0) - (many - 1) / 2;
    return lane + sub * Math.min(10, lanes.gap / (many + 1));
  };

  /** What stands out now, besides the row under the pointer. */
  function lit() {
    const chains = new Set([...(view.hovered?.links ?? []), ...(view.selected?.links ?? [])]);
    const set = new Set(view.marked);
    for (const chain of chains) for (const item of chain.all) set.add(item);
    return { chains, set };
  }

  function line(x1, y1, x2, y2) {
    pen.beginPath();
    pen.moveTo(x1, y1);
    pen.lineTo(x2, y2);
    pen.stroke();
  }

  function paint() {
    const top = scroller.scrollTop;
    const left = scroller.scrollLeft;
    pen.clearRect(0, 0, wide, high);
    const first = Math.max(0, rowAt(top - 40) - 1);
    const last = rowAt(top + high + (view.time ? CUT : 40));
    const { chains, set } = lit();
    const picked = set.size > 0;

    pen.save();
    pen.beginPath();
    pen.rect(GUTTER - 6, 0, wide, high);
    pen.clip();
    pen.translate(-left, -top);
    paintGround(first, last, left, top);
    for (const chain of chains) paintChain(chain);
    const free = { from: -1e9 };
    for (let place = first; place < last && place < view.rows.length; place++) paintRow(view.rows[place], set, picked, free, left);
    paintViolation();
    pen.restore();
    paintGutter(first, last, top);
  }

  function paintGround(first, last, left, top) {
    const bottom = top + high;
    for (let place = first; place < last && place < view.rows.length; place++) {
      const row = view.rows[place];
      if (row.step && !view.time) {
        pen.strokeStyle = colours.faint;
        pen.lineWidth = 1;
        const y = Math.round(row.y - row.above) + 0.5;
        line(left, y, left + wide, y);
      }
      const selected = row.items.includes(view.selected);
      if (selected || row.items.includes(view.hovered)) {
        pen.fillStyle = selected ? colours.mark : colours.raised;
        pen.fillRect(left, row.y - row.above, wide, row.above + (view.time ? 8 : ROW / 2));
      }
    }
    for (let place = first; place <= last && place < view.rows.length; place++) {
      const row = view.rows[place];
      if (row.silence === undefined) continue;
      pen.fillStyle = colours.raised;
      pen.globalAlpha = 0.7;
      pen.fillRect(left, row.y - CUT + 14, wide, CUT - 28);
      pen.globalAlpha = 1;
      const words = `${duration(row.silence)} of silence, cut short`;
      pen.font = FONT;
      pen.textBaseline = 'middle';
      pen.fillStyle = colours.dim;
      pen.fillText(words, left + GUTTER + 8, row.y - CUT / 2);
    }
    pen.lineWidth = 1;
    for (const p of lanes.shown) {
      pen.strokeStyle = colours.line;
      const x = Math.round(lanes.of[p]) + 0.5;
      line(x, top, x, bottom);
    }
    pen.strokeStyle = colours.dim;
    pen.lineWidth = 2;
    line(Math.round(lanes.server), top, Math.round(lanes.server), bottom);
    for (const connection of model.connections.values()) {
      const x = xOf(connection);
      if (x === undefined) continue;
      const from = connection.open ? placeOf(connection.open) : yOf(connection.from);
      const to = connection.close ? placeOf(connection.close) : view.height;
      if (to < top || from > bottom) continue;
      pen.fillStyle = colours.lane(connection.p);
      pen.globalAlpha = lanes.gap < 24 ? 0.18 : 0.28;
      const thick = Math.min(5, lanes.gap / 4);
      pen.fillRect(x - thick / 2, Math.max(from, top - 9), thick, Math.min(to, bottom + 9) - Math.max(from, top - 9));
      pen.globalAlpha = 1;
    }
    for (const { step, p } of failures.map((failure) => ({ step: model.steps.get(failure.step), p: data.participants.indexOf(failure.participant) }))) {
      const x = lanes.of[p];
      if (!step || x === undefined) continue;
      const from = yOf(step.t);
      const to = yOf(step.end ?? model.end);
      pen.fillStyle = colours.bad;
      pen.globalAlpha = 0.16;
      pen.fillRect(x - 8, from - 6, 16, to - from + 6);
      pen.globalAlpha = 1;
    }
  }

  /** The spine of a message, on the server: from its sending to its last delivery. */
  function paintChain(chain) {
    const places = chain.all.filter((item) => item.row !== undefined).map(placeOf);
    if (places.length < 2) return;
    pen.strokeStyle = colours.accent;
    pen.lineWidth = 4;
    pen.globalAlpha = 0.55;
    line(lanes.server, Math.min(...places), lanes.server, Math.max(...places));
    pen.globalAlpha = 1;
  }

  function arrowHead(x, y, towards, filled) {
    pen.beginPath();
    pen.moveTo(x, y);
    pen.lineTo(x - towards * 7, y - 4);
    if (!filled) pen.moveTo(x, y);
    pen.lineTo(x - towards * 7, y + 4);
    if (filled) {
      pen.closePath();
      pen.fill();
    } else {
      pen.stroke();
    }
  }

  function paintRow(row, set, picked, free, left) {
    const { y } = row;
    const item = row.items[0];
    if (item.k === 'log' || item.k === 'note' || item.k === 'fail') return paintLine(item, y, free, left);
    const some = row.items.some((one) => set.has(one));
    pen.globalAlpha = picked && !some ? 0.42 : 1;
    let reach = { low: lanes.server, up: lanes.server };
    for (const one of row.items) {
      const x = xOf(one);
      if (x === undefined) continue;
      const label = labelOf(one);
      const on = !picked || set.has(one);
      pen.globalAlpha = on ? 1 : 0.42;
      pen.strokeStyle = pen.fillStyle = label.bad ? colours.bad : colours.lane(one.p);
      pen.lineWidth = picked && on ? 2 : 1.4;
      pen.setLineDash(isExchange(one) ? [5, 3] : []);
      const side = Math.sign(lanes.server - x);
      line(x, y, lanes.server, y);
      pen.setLineDash([]);
      if (one.k === 'sent' || one.k === 'request' || one.k === 'open') arrowHead(lanes.server - side, y, side, one.k !== 'open');
      if (one.k === 'received' || one.k === 'answer') arrowHead(x, y, -side, one.k === 'received');
      if (one.k === 'close') {
        line(x - 4, y - 4, x + 4, y + 4);
        line(x - 4, y + 4, x + 4, y - 4);
      }
      if (row.items.length > 1) {
        pen.beginPath();
        pen.arc(x, y, 2.5, 0, 7);
        pen.fill();
      }
      if (one === view.selected) {
        pen.strokeStyle = colours.accent;
        pen.lineWidth = 2;
        pen.beginPath();
        pen.arc(x, y, 6, 0, 7);
        pen.stroke();
      }
      reach = { low: Math.min(reach.low, x), up: Math.max(reach.up, x) };
    }
    pen.globalAlpha = picked && !some ? 0.5 : 1;
    paintLabel(row, reach, free, left);
    pen.globalAlpha = 1;
  }

  function paintLabel(row, reach, free, left) {
    const { fan } = row;
    const y = row.y - (fan ? 15 : 0);
    // True to time, a label stands only where there is room for it.
    const chosen = row.items.includes(view.selected) || row.items.includes(view.hovered);
    if (view.time && y - free.from < 15 && !chosen) return;
    const item = row.items[0];
    const label = labelOf(item);
    const tail = row.items.length > 1 ? `${label.tail}  ×${row.items.length}` : label.tail;
    const headWide = widthOf(label.head, STRONG);
    const gap = tail ? 6 : 0;
    const whole = headWide + gap + widthOf(tail, FONT);
    // On the arrow where it fits, else beside it, where the row is empty.
    const near = left + GUTTER - 8;
    const edge = left + wide;
    const within = (x) => Math.max(near, Math.min(edge, x));
    const spans = [[within(reach.low), within(lanes.server), true], [within(lanes.server), within(reach.up), true], [near, within(reach.low), false], [within(reach.up), edge, false]]
      .map(([from, to, on]) => ({ from: from + 12, room: to - from - 24, on }));
    // Of the arrow something stays in sight.
    const fits = (span) => span.room - (span.on ? 26 : 0) >= whole;
    if (fan) spans.splice(0, 4, { from: within(reach.low) + 12, room: Math.max(150, within(reach.up) - within(reach.low) - 24), on: true });
    const span = spans.find((one) => one.on && fits(one)) ?? spans.find((one) => !one.on && fits(one)) ?? spans.reduce((best, one) => (one.room > best.room + 40 ? one : best));
    let x = span.from;
    if (span.on && fits(span)) x += (span.room - whole) / 2;
    else if (span === spans[2]) x = span.from + Math.max(0, span.room - whole);
    free.from = y;
    pen.textBaseline = 'middle';
    const shown = fitted(tail, FONT, span.room - headWide - gap);
    const drawn = headWide + (shown ? gap + widthOf(shown, FONT) : 0);
    const alpha = pen.globalAlpha;
    pen.globalAlpha = 1;
    pen.fillStyle = row.items.some(isHit) ? colours.found : row.items.includes(view.selected) ? colours.mark : colours.ground;
    pen.fillRect(x - 4, y - 8, drawn + 8, 16);
    pen.globalAlpha = alpha;
    pen.font = STRONG;
    pen.fillStyle = label.bad ? colours.bad : colours.ink;
    pen.fillText(label.head, x, y + 0.5);
    pen.font = FONT;
    pen.fillStyle = label.bad ? colours.bad : colours.dim;
    pen.fillText(shown, x + headWide + gap, y + 0.5);
  }

  /** A line that is no arrow: of the log, of the author, or what failed. */
  function paintLine(item, y, free, left) {
    const chosen = item === view.selected || item === view.hovered;
    if (item.k === 'log') {
      pen.fillStyle = colours.dim;
      pen.fillRect(lanes.server - 5, y - 1, 10, 2);
    }
    if (view.time && y - free.from < 15 && !chosen && item.k !== 'fail') return;
    free.from = y;
    const font = item.k === 'log' ? MONO : STRONG;
    const label = labelOf(item);
    // Indentation shows what belongs under what.
    const indent = item.k === 'log' ? Math.min(8, /^ */.exec(item.text.replaceAll('\t', '    '))[0].length) * 6 : 0;
    const text = fitted(`${label.head} ${label.tail}`.trim(), font, wide - GUTTER - 24 - indent);
    const x = left + GUTTER + 6 + indent;
    pen.textBaseline = 'middle';
    pen.fillStyle = isHit(item) ? colours.found : chosen ? colours.mark : colours.ground;
    pen.fillRect(x - 4, y - 8, widthOf(text, font) + 8, 16);
    pen.globalAlpha = 1;
    pen.font = font;
    pen.fillStyle = item.k === 'fail' || item.level === 'error' ? colours.bad : item.k === 'note' ? colours.ink : colours.dim;
    pen.fillText(text, x, y + 0.5);
    pen.globalAlpha = 1;
  }

  /** The entries that show a broken promise, joined in the order of the record. */
  function paintViolation() {
    const failure = failures[view.failure];
    pen.globalAlpha = 1;
    const points = (failure?.entries ?? []).map((entry) => model.byEntry.get(entry)).filter((item) => item && lanes.of[item.p] !== undefined && (item.row !== undefined || item.links.length));
    if (!points.length) return;
    pen.strokeStyle = colours.bad;
    pen.lineWidth = 1.5;
    pen.setLineDash([2, 3]);
    pen.beginPath();
    points.forEach((item, place) => pen[place ? 'lineTo' : 'moveTo'](xOf(item), placeOf(item)));
    pen.stroke();
    pen.setLineDash([]);
    pen.lineWidth = 2;
    points.forEach((item) => {
      pen.beginPath();
      pen.arc(xOf(item), placeOf(item), 9, 0, 7);
      pen.fillStyle = colours.ground;
      pen.fill();
      pen.stroke();
      pen.font = `600 10px ${MONO.slice(5)}`;
      pen.fillStyle = colours.bad;
      pen.textAlign = 'center';
      pen.textBaseline = 'middle';
      const order = item.links.find((link) => link.order !== null && link.order !== undefined)?.order;
      pen.fillText(String(order ?? '·'), xOf(item), placeOf(item) + 0.5);
      pen.textAlign = 'left';
    });
    // Who never got it: a cross where the others did.
    for (const { item, p, words } of view.crosses) {
      const x = lanes.of[p];
      if (x === undefined) continue;
      const y = placeOf(item);
      pen.lineWidth = 2.5;
      line(x - 6, y - 6, x + 6, y + 6);
      line(x - 6, y + 6, x + 6, y - 6);
      pen.fillStyle = colours.ground;
      pen.fillRect(x + 9, y - 8, widthOf(words, STRONG) + 6, 16);
      pen.font = STRONG;
      pen.textBaseline = 'middle';
      pen.fillStyle = colours.bad;
      pen.fillText(words, x + 12, y + 0.5);
    }
  }

  function paintGutter(first, last, top) {
    pen.fillStyle = colours.ground;
    pen.fillRect(0, 0, GUTTER - 6, high);
    pen.strokeStyle = colours.line;
    pen.lineWidth = 1;
    line(GUTTER - 6.5, 0, GUTTER - 6.5, high);
    pen.font = MONO;
    pen.textBaseline = 'middle';
    let free = -1e9;
    for (let place = first; place < last && place < view.rows.length; place++) {
      const row = view.rows[place];
      const y = row.y - top;
      if (row.items.includes(view.selected)) {
        pen.fillStyle = colours.mark;
        pen.fillRect(0, y - row.above, GUTTER - 7, row.above + (view.time ? 8 : ROW / 2));
      }
      if (y - free < 13) continue;
      free = y;
      pen.textAlign = 'right';
      pen.fillStyle = row.items.includes(view.selected) ? colours.ink : colours.dim;
      pen.fillText(clock(row.items[0].t), 60, y + 0.5);
      if (row.step) {
        pen.fillStyle = row.step.failed ? colours.bad : colours.accent;
        pen.fillText(String(row.step.line), 94, y + 0.5);
      }
      pen.textAlign = 'left';
    }
  }

  /** The item under a point of the canvas. */
  function itemAt(event) {
    const box = canvas.getBoundingClientRect();
    const x = event.clientX - box.left + scroller.scrollLeft;
    const y = event.clientY - box.top + scroller.scrollTop;
    let place = rowAt(y);
    const far = (candidate) => Math.max(y - (view.rows[candidate]?.y ?? -1e9), (view.rows[candidate]?.y ?? 1e9) - (view.rows[candidate]?.above ?? 0) - y);
    if (far(place - 1) < far(place)) place -= 1;
    const row = view.rows[place];
    if (!row || y < row.y - row.above || y > row.y + ROW / 2) return undefined;
    return row.items.reduce((best, item) => (Math.abs((xOf(item) ?? 0) - x) < Math.abs((xOf(best) ?? 0) - x) ? item : best));
  }

  /** Brings an item into sight. */
  function reveal(item, calm = true) {
    const y = placeOf(item);
    const { scrollTop, clientHeight, scrollLeft, clientWidth } = scroller;
    if (y < scrollTop + 30 || y > scrollTop + clientHeight - 40) scroller.scrollTop = y - clientHeight * (calm ? 0.4 : 0.5);
    const x = xOf(item);
    if (x !== undefined && (x < scrollLeft + GUTTER + 20 || x > scrollLeft + clientWidth - 20)) scroller.scrollLeft = x - clientWidth / 2;
  }

  /** Brings the server into the middle, where the lanes are wider than the window. */
  function centre() {
    scroller.scrollLeft = lanes.server - (scroller.clientWidth + GUTTER) / 2;
  }

  return { centre, readColours, layLanes, resize, draw, slide, itemAt, reveal, colour: (p) => colours.lane(p), colours: () => colours };
})();

/** The whole trace at the side: who was busy when, what was found, what failed, and what is in sight. */
const map = (() => {
  const canvas = $('map');
  const pen = canvas.getContext('2d');
  const still = document.createElement('canvas').getContext('2d');
  let high = 0;
  const WIDE = 14;

  function resize() {
    const ratio = Math.min(3, window.devicePixelRatio || 1);
    high = $('scroller').clientHeight;
    canvas.width = WIDE * ratio;
    canvas.height = high * ratio;
    canvas.style.height = `${high}px`;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    still.canvas.width = canvas.width;
    still.canvas.height = canvas.height;
    still.setTransform(ratio, 0, 0, ratio, 0, 0);
    sketch();
  }

  /** Every row as a short line where its lanes are; drawn once for a layout. */
  function sketch() {
    const colours = diagram.colours();
    const scale = high / Math.max(view.height, high);
    still.clearRect(0, 0, WIDE, high);
    const tall = Math.min(3, Math.max(1, ROW * scale * 0.5));
    for (const row of view.rows) {
      for (const item of row.items) {
        if (item.p === undefined) continue;
        still.fillStyle = colours.lane(item.p);
        still.globalAlpha = 0.6;
        still.fillRect(2 + (item.p / Math.max(1, data.participants.length - 1)) * (WIDE - 7), row.y * scale - tall / 2, 3, tall);
      }
    }
  }

  function paint() {
    const colours = diagram.colours();
    const scale = high / Math.max(view.height, high);
    pen.clearRect(0, 0, WIDE, high);
    if (high > 0) pen.drawImage(still.canvas, 0, 0, WIDE, high);
    const tick = (item, colour) => {
      pen.fillStyle = colour;
      pen.fillRect(0, placeOf(item) * scale - 1, WIDE, 2);
    };
    for (const item of view.hits.slice(0, 4000)) tick(item, colours.found);
    for (const item of view.marked.size < 400 ? view.marked : []) tick(item, colours.accent);
    for (const item of model.fails) tick(item, colours.bad);
    for (const entry of failures[view.failure]?.entries ?? []) if (model.byEntry.has(entry)) tick(model.byEntry.get(entry), colours.bad);
    if (view.selected) tick(view.selected, colours.ink);
    pen.strokeStyle = colours.dim;
    pen.globalAlpha = 0.8;
    pen.strokeRect(0.5, $('scroller').scrollTop * scale + 0.5, WIDE - 1, Math.max(8, high * scale) - 1);
    pen.globalAlpha = 1;
  }

  const go = (event) => {
    const box = canvas.getBoundingClientRect();
    $('scroller').scrollTop = ((event.clientY - box.top) / high) * Math.max(view.height, high) - high / 2;
  };
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    go(event);
    canvas.onpointermove = go;
  };
  canvas.onpointerup = () => {
    canvas.onpointermove = null;
  };
  return { resize, paint };
})();
