// The HTML report of the sample in tests/it/reports/sample.rs, with 400 plain scenarios: opened, clicked, searched.

import assert from 'node:assert/strict';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { launch } from './cdp.mjs';

const page = pathToFileURL(join(process.argv[2], 'index.html')).href;
const browser = await launch();
try {
  for (const colorScheme of ['light', 'dark']) {
    const tab = await browser.open(page, { colorScheme });
    const rows = () => tab.eval("document.querySelectorAll('.case').length");
    const at = () => tab.eval("document.querySelector('.case.at .stem')?.textContent");
    const open = () => tab.eval("[...document.querySelectorAll('.case.open .stem')].map((one) => one.textContent)");

    assert.equal(await tab.eval('document.title'), '✗ 4 failed, 1 not run, 1 interrupted, 1 quarantined, 1 flaky, 400 passed, 1 skipped');
    assert.equal(await rows(), 409);
    assert.deepEqual(await open(), ['a_hostile@a b']);
    const ground = await tab.eval("getComputedStyle(document.body).backgroundColor");
    assert.equal(ground === 'rgb(255, 255, 255)', colorScheme === 'light', ground);

    // Texts stay texts.
    assert.equal(await tab.eval('window.taken'), undefined);
    assert.equal(await tab.eval("document.querySelectorAll('img').length"), 0);
    assert.match(await tab.eval("document.querySelector('.failure h3').textContent"), /^<\/script><img src=x onerror=/);

    // A failure is shown whole, with what differs marked on both sides.
    assert.equal(await tab.eval("document.querySelector('.pane .expected').textContent.trim()"), '"text": "hello"');
    assert.equal(await tab.eval("document.querySelector('.pane .got').textContent.trim()"), '"text": "hullo",');

    // Keys: along the list, open and close.
    await tab.key('j');
    assert.equal(await at(), 'changed');
    await tab.key('Enter');
    assert.deepEqual(await open(), ['a_hostile@a b', 'changed']);
    assert.equal(await tab.eval("document.querySelector('.case.at .shapes li').textContent"), 'ann.state.people[1]: an object became a string');
    assert.deepEqual(await tab.eval("[...document.querySelectorAll('.case.at .diff span')].map((one) => one.className)"), ['hunk', 'removed', 'added']);
    await tab.key('Enter');
    await tab.key('k');
    assert.equal(await at(), 'a_hostile@a b');

    // Search, then leave it.
    await tab.key('/');
    await tab.type('number_39');
    assert.equal(await rows(), 10);
    await tab.key('Enter');
    assert.equal(await at(), 'number_390');
    await tab.key('Escape');
    assert.equal(await rows(), 409);

    // Filters: by outcome, also with keys behind a click, and by class.
    await tab.click('[data-group=flaky]');
    assert.equal(await rows(), 1);
    await tab.key('j');
    await tab.key('Enter');
    assert.match(await tab.eval("document.querySelector('.case.open details summary').textContent"), /^attempt 1 failed in 7\.0 ms: ben never got it/);
    await tab.click('[data-group=flaky]');
    await tab.eval("(() => { const by = document.getElementById('by-class'); by.value = 'late'; by.dispatchEvent(new Event('change')); })()");
    assert.equal(await rows(), 1);
    await tab.key('Escape');

    // Filters: by what invariants said, with how many scenarios each has; an opened one shows them all.
    const verdicts = () => tab.eval("[...document.querySelectorAll('#by-verdict option')].map((one) => one.textContent)");
    assert.deepEqual(await verdicts(), ['every invariant', 'unknown (1)', 'unknown but excepted (1)', 'held (1)', 'not asked (1)']);
    await tab.eval("(() => { const by = document.getElementById('by-verdict'); by.value = 'excepted'; by.dispatchEvent(new Event('change')); })()");
    assert.equal(await rows(), 1);
    assert.match(await tab.eval("document.querySelector('.about').textContent"), /1 unknown, 1 unknown but excepted, 1 held, 1 not asked/);
    assert.match(await tab.eval("document.querySelector('.case').textContent"), /acked_not_lost \(talk\): unknown but excepted \(the server is killed\): nothing/);
    await tab.key('Escape');
    assert.equal(await rows(), 409);

    // The history: a bar for the run before, and one for this.
    assert.equal(await tab.eval("document.querySelectorAll('.case .spark')[0].querySelectorAll('rect').length"), 2);

    // A click in the overview goes there; the address tells which.
    await tab.click('#overview button[title="talk/changed"]');
    assert.equal(await at(), 'changed');
    assert.equal(await tab.eval('decodeURIComponent(location.hash)'), '#talk/changed');

    // The other colours, by a button.
    await tab.click('#theme');
    assert.notEqual(await tab.eval("getComputedStyle(document.body).backgroundColor"), ground);
    await tab.eval("localStorage.clear()");

    // Narrow: nothing is wider than the window.
    await tab.setSize(400, 800);
    assert.ok(await tab.eval('document.documentElement.scrollWidth <= 400'), 'the page is wider than a narrow window');

    assert.deepEqual(tab.consoleErrors(), []);
    assert.deepEqual(tab.requests().filter((url) => !url.startsWith('data:')), [page]);
    await tab.close();
  }

  // An address leads to its scenario.
  const linked = await browser.open(`${page}#${encodeURIComponent('plain/number_123')}`);
  assert.equal(await linked.eval("document.querySelector('.case.at.open .stem').textContent"), 'number_123');
} finally {
  await browser.close();
}
