// The trace viewer in a browser: opened, walked through, searched, filtered, in both themes, at 10,000 frames.
// The pages are those of the example `trace_pages`; their folder is the argument.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { join, resolve } from 'node:path';
import { launch } from './cdp.mjs';

const pages = resolve(process.argv[2]);
let browser;

before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** Opens a page for a test; afterwards nothing may have been complained about, or loaded from elsewhere. */
async function opened(name, options, body) {
  const url = pathToFileURL(join(pages, name)).href;
  const page = await browser.open(url, options);
  try {
    await body(page);
    assert.deepEqual(page.consoleErrors(), []);
    assert.deepEqual(page.requests(), [url]);
  } finally {
    await page.close();
  }
}

const text = (page, selector) => page.eval(`document.querySelector(${JSON.stringify(selector)})?.textContent ?? null`);
const frame = (page) => page.eval('new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(() => next(true))))');
const shown = (page) => page.eval('view.rows.reduce((sum, row) => sum + row.items.length, 0)');
/** The brightness of the diagram's ground, 0 to 255. */
const ground = (page) => page.eval(`(() => {
  const canvas = document.createElement('canvas').getContext('2d');
  canvas.fillStyle = getComputedStyle(document.body).backgroundColor;
  canvas.fillRect(0, 0, 1, 1);
  return canvas.getImageData(0, 0, 1, 1).data[0];
})()`);

test('what failed is on top, and drawn', () => opened('broken.html', {}, async (page) => {
  assert.match(await text(page, '.tab[aria-selected="true"]'), /carol got 2 before 1/);
  assert.match(await text(page, '.matrix'), /carol[\d.]+ too early/);
  assert.match(await text(page, '#panel h2'), /carol got said/);
  // The circles of the evidence stand on carol's lane, in the colour of failures.
  await frame(page);
  const reds = `(() => {
    const canvas = document.getElementById('canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let reds = 0;
    for (let at = 0; at < data.length; at += 4) if (data[at] > 150 && data[at + 1] < 80 && data[at + 2] < 90) reds += 1;
    return reds;
  })()`;
  assert.ok((await page.eval(reds)) > 60);

  await page.click('.tab:nth-child(2)');
  assert.match(await text(page, '.matrix'), /bobnever/);
  assert.match(await text(page, '.message .missing'), /bob.*did not get it/);
  assert.deepEqual(await page.eval('view.crosses.map((cross) => cross.words)'), ['never got 3']);

  await page.click('.tab:nth-child(3)');
  const marked = await page.eval('[...document.querySelectorAll(".sides .marked")].map((line) => line.textContent.trim())');
  assert.deepEqual(marked, ['"text": "word 3",', '"text": "word 2",']);
  assert.match(await text(page, '#failures .late'), /never came/);
  assert.equal(await page.eval('document.querySelectorAll("#failures .items .jump").length'), 2);
  assert.match(await text(page, '.step.failed .took'), /✗/);

  await page.click('.tab:nth-child(4)');
  assert.match(await text(page, '.diff .shape'), /a string became a number/);
  assert.equal(await text(page, '#panel .marked'), '  "text": "word 2",\n');
}));

test('a walk by keyboard alone', () => opened('broken.html', {}, async (page) => {
  await page.key('l');
  await page.key('Home');
  assert.match(await text(page, '#current'), /alice opens connect/);
  await page.key('j');
  await page.key('ArrowDown');
  await page.key('k');
  assert.equal(await page.eval('view.selected.row'), 1);
  await page.key('f');
  await page.key(']');
  assert.match(await text(page, '#panel h2'), /alice sent say|got said/);
  await page.key('Enter');
  assert.equal(await page.eval('document.activeElement.id'), 'panel');
  await page.key('Escape');
  assert.equal(await page.eval('document.activeElement.id'), 'scroller');
  await page.key('s');
  assert.equal(await page.eval('document.activeElement.classList.contains("step")'), true);
  await page.key('Home');
  await page.key('ArrowDown');
  await page.key('Enter');
  assert.match(await text(page, '#panel h2'), /Step line 5/);
  await page.key('Escape');
  await page.key('?');
  assert.equal(await page.eval('document.getElementById("help").open'), true);
  await page.key('Escape');
  assert.equal(await page.eval('document.getElementById("help").open'), false);
  await page.key('x');
  assert.equal(await page.eval('getComputedStyle(document.querySelector("#failures .body")).display'), 'none');
  // Everything that can be reached with Tab shows that it has the focus.
  for (let stop = 0; stop < 12; stop += 1) {
    await page.key('Tab');
    assert.notEqual(await page.eval('((on) => on === document.body || on.id === "query" ? "own" : getComputedStyle(on).outlineStyle)(document.activeElement)'), 'none');
  }
}));

test('an arrow is clicked, its step and message show', () => opened('broken.html', {}, async (page) => {
  const at = await page.eval(`(() => {
    const item = model.items.find((one) => one.k === 'sent');
    diagram.reveal(item);
    const box = document.getElementById('canvas').getBoundingClientRect();
    return { x: box.left + 160, y: box.top + placeOf(item) - document.getElementById('scroller').scrollTop };
  })()`);
  for (const type of ['mouseMoved', 'mousePressed', 'mouseReleased']) {
    await page.send('Input.dispatchMouseEvent', { type, ...at, button: type === 'mouseMoved' ? 'none' : 'left', clickCount: 1 });
  }
  assert.match(await text(page, '#panel h2'), /alice sent say/);
  assert.match(await text(page, '#panel .json'), /"word 1"/);
  assert.match(await text(page, '#panel .message'), /alice.*sent at.*bob.*got it \+.*carol.*got it \+/);
  assert.match(await text(page, '.step.chosen code'), /say: word 1/);
  await page.click('#chain');
  assert.equal(await shown(page), 4);
}));

test('search, filters and both scales', () => opened('many.html', {}, async (page) => {
  await page.key('/');
  await page.type('word 76');
  await page.until('view.query === "word 76" && document.getElementById("hits").textContent !== ""');
  // `word 76` and `word 760` to `word 769`, each sent once and told to eleven.
  assert.equal(await page.eval('view.hits.length'), 11 * 12);
  await page.key('Enter');
  assert.match(await text(page, '#hits'), /\/132$/);
  assert.match(await text(page, '#panel mark'), /word 76/);
  const first = await page.eval('view.selected.i');
  await page.key('Escape');
  await page.key('n');
  assert.ok((await page.eval('view.selected.i')) !== first);
  await page.key('N');
  assert.equal(await page.eval('view.selected.i'), first);

  const all = await shown(page);
  await page.click('#people summary');
  await page.click('#people .choice:nth-child(2) input');
  assert.ok((await shown(page)) < all);
  assert.equal(await page.eval('document.querySelectorAll("#heads .head").length'), 12);
  await page.click('#people .everything');
  await page.key('Escape');
  await page.click('#kinds summary');
  assert.match(await text(page, '#kinds .list'), /said.*say.*ack/s);
  await page.eval('[...document.querySelectorAll("#kinds .choice")].find((row) => row.textContent.includes("ack")).querySelector(".only").click()');
  await page.click('#log');
  assert.equal(await shown(page), 770);
  await page.click('#kinds .everything');
  await page.click('#time');
  assert.equal(await page.eval('view.time && view.rows.every((row, at) => !at || row.y >= view.rows[at - 1].y)'), true);
  await page.key('Escape');
  await page.key('+');
  assert.ok((await page.eval('view.zoom')) > 1);
}));

test('ten thousand frames', () => opened('many.html', { width: 1440, height: 900 }, async (page) => {
  assert.ok((await page.eval('model.items.filter(isFrame).length')) >= 10000);
  assert.ok((await page.eval('document.querySelectorAll("*").length')) < 6000, 'rows are not elements');
  const timing = await page.eval(`(async () => {
    const next = () => new Promise((done) => requestAnimationFrame(done));
    const scroller = document.getElementById('scroller');
    const measured = async (times, act) => {
      const took = [];
      for (let time = 0; time < times; time += 1) {
        act(time);
        const began = performance.now();
        await next();
        took.push(performance.now() - began);
      }
      return took.sort((a, b) => a - b)[Math.floor(times * 0.95)];
    };
    const run = (act) => {
      const began = performance.now();
      act();
      return performance.now() - began;
    };
    const load = performance.getEntriesByType('navigation')[0];
    return {
      'first paint': performance.getEntriesByName('first-contentful-paint')[0]?.startTime,
      'ready': load.domContentLoadedEventEnd,
      'a frame of scrolling, 95th of 100': await measured(100, (time) => (scroller.scrollTop = (time + 1) * (scroller.scrollHeight / 100))),
      'a step by key, 95th of 60': await measured(60, () => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'k', bubbles: true }))),
      'a search': run(() => ((view.query = 'dolor'), find())),
      'a new layout': run(() => layRows()),
    };
  })()`);
  for (const [what, ms] of Object.entries(timing)) console.log(`  ${what}: ${ms?.toFixed(1)} ms`);
  await page.key('End');
  assert.equal(await page.eval('view.selected.row === view.rows.length - 1'), true);
  const { y, height } = await page.eval('({ y: placeOf(view.selected) - document.getElementById("scroller").scrollTop, height: document.getElementById("scroller").clientHeight })');
  assert.ok(y > 0 && y < height, 'the last row is in sight');
}));

test('payloads are inert', () => opened('hostile.html', {}, async (page) => {
  assert.notEqual(await page.eval('document.title'), 'hurt');
  assert.equal(await page.eval('document.querySelectorAll("img").length'), 0);
  assert.equal(await page.eval('document.querySelectorAll("script").length'), 2);
  for (let row = 0; row < 10; row += 1) {
    await page.key('j');
    assert.equal(await page.eval('document.querySelectorAll("#panel img, #panel script").length'), 0);
  }
  // A payload too long for the diagram is whole in the panel.
  await page.eval('viewer.select(model.items.find((item) => item.x !== undefined && data.texts[item.x].length > 300000))');
  assert.ok((await text(page, '#panel .json')).length > 300000);
  assert.notEqual(await page.eval('document.title'), 'hurt');
}));

test('dark and light', () => opened('broken.html', { colorScheme: 'dark' }, async (page) => {
  assert.ok((await ground(page)) < 60);
  await page.setMedia({ colorScheme: 'light' });
  assert.ok((await ground(page)) > 200);
  await page.key('d');
  assert.ok((await ground(page)) < 60);
  await page.click('#theme');
  assert.ok((await ground(page)) > 200);
}));

test('narrow windows show the diagram and the details', () => opened('broken.html', { width: 480, height: 900 }, async (page) => {
  const wide = await page.eval('document.getElementById("scroller").clientWidth');
  assert.ok(wide > 400);
  assert.equal(await page.eval('document.documentElement.scrollWidth <= 480'), true);
}));

test('a stack trace is one row, with its level and its lines as they came', () => opened('broken.html', {}, async (page) => {
  const logs = await page.eval("model.items.filter((item) => item.k === 'log').map((item) => [item.level, item.lines ?? 1])");
  assert.deepEqual(logs.slice(-2), [['error', 1], ['error', 4]]);
  assert.equal(logs[0][0], 'info');
  assert.equal(await page.eval("labelOf(model.items.findLast((item) => item.lines)).tail"), "✗ KeyError: 'room' (4 lines)");
  await page.eval("viewer.select(model.items.findLast((item) => item.lines), true)");
  assert.match(await text(page, '#panel pre'), /^Traceback[^\n]*\n  File "server.py", line 7, in handle\n    rooms\[name\]\nKeyError: 'room'$/);
  assert.match(await text(page, '#panel dl'), /levelerror/);
}));

test('bars change the sizes of the parts, which are kept', () => opened('broken.html', { width: 1440, height: 900 }, async (page) => {
  const widths = () => page.eval("['source', 'panel'].map((id) => document.getElementById(id).offsetWidth)");
  const [source, panel] = await widths();
  await page.eval("document.getElementById('grip-source').focus()");
  await page.key('ArrowRight');
  await page.eval(`(() => {
    const grip = document.getElementById('grip-panel');
    const at = grip.getBoundingClientRect().x;
    grip.setPointerCapture = () => {};
    for (const [type, x] of [['pointerdown', at], ['pointermove', at - 100], ['pointerup', at - 100]]) grip.dispatchEvent(new PointerEvent(type, { clientX: x, pointerId: 1 }));
  })()`);
  assert.deepEqual(await widths(), [source + 24, panel + 100]);
  assert.deepEqual(await page.eval("JSON.parse(localStorage.getItem('roundtable.trace.sizes'))"), { source: source + 24, panel: panel + 100 });
  await page.eval("document.documentElement.style.removeProperty('--source'); grips.build()");
  assert.deepEqual(await widths(), [source + 24, panel + 100]);
  await page.eval("localStorage.clear()");
}));

test('the trace opens at the step that failed, not at what came nearest to it', () => opened('broken.html', {}, async (page) => {
  await page.eval('viewer.chooseFailure(2)');
  await frame(page);
  const fail = "model.fails.find((item) => item.failure === 2)";
  assert.equal(await page.eval(`placeOf(${fail}) >= document.getElementById('scroller').scrollTop && placeOf(${fail}) <= document.getElementById('scroller').scrollTop + document.getElementById('scroller').clientHeight`), true);
  assert.match(await text(page, '#panel h2'), /bob got said/);
}));

for (const colorScheme of ['light', 'dark']) {
  // WCAG 2.1, 1.4.3: 4.5 to 1. What can't be pressed is exempt.
  test(`text stands out enough, ${colorScheme}`, () => opened('broken.html', { colorScheme, width: 1440, height: 900 }, async (page) => {
    const faint = await page.eval(`(() => {
      const pen = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
      const rgba = (colour) => {
        pen.clearRect(0, 0, 1, 1);
        pen.fillStyle = colour;
        pen.fillRect(0, 0, 1, 1);
        return [...pen.getImageData(0, 0, 1, 1).data];
      };
      const over = (top, below) => top.slice(0, 3).map((value, place) => (value * top[3] + below[place] * (255 - top[3])) / 255);
      const light = (colour) => colour.slice(0, 3).map((value) => value / 255).map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)).reduce((sum, value, place) => sum + value * [0.2126, 0.7152, 0.0722][place], 0);
      const contrast = (one, other) => {
        const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
        return (high + 0.05) / (low + 0.05);
      };
      const ground = (element) => (element ? over(rgba(getComputedStyle(element).backgroundColor), ground(element.parentElement)) : [255, 255, 255]);
      const faint = [];
      const measure = () => {
        for (const element of document.querySelectorAll('body *')) {
          if (element.disabled || !element.checkVisibility() || ![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
          const below = ground(element);
          const ratio = contrast(over(rgba(getComputedStyle(element).color), below), below);
          if (ratio < 4.5) faint.push([element.tagName, element.className, element.textContent.slice(0, 30), ratio.toFixed(2)].join(' '));
        }
      };
      for (let failure = 0; failure < failures.length; failure++) {
        viewer.chooseFailure(failure);
        measure();
      }
      viewer.chooseSteps([...model.steps.values()].slice(-1));
      measure();
      viewer.select(model.items.findLast((item) => item.lines));
      measure();
      // What is drawn.
      const style = getComputedStyle(document.documentElement);
      const named = (name) => rgba(style.getPropertyValue(name).trim());
      for (const ink of ['--ink', '--dim', '--bad', '--good', '--accent']) {
        for (const below of ['--ground', '--raised', '--sunk', '--mark']) {
          const ratio = contrast(named(ink), named(below));
          if (ratio < 4.5) faint.push(ink + ' on ' + below + ' ' + ratio.toFixed(2));
        }
      }
      for (let p = 0; p < 12; p++) {
        const ratio = contrast(rgba(diagram.colour(p)), named('--ground'));
        if (ratio < 4.5) faint.push('lane ' + p + ' ' + ratio.toFixed(2));
      }
      return [...new Set(faint)];
    })()`);
    assert.deepEqual(faint, []);
  }));
}
