// The HTML report of a run that has only begun.

import assert from 'node:assert/strict';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { launch } from './cdp.mjs';

const browser = await launch();
try {
  const tab = await browser.open(pathToFileURL(join(process.argv[2], 'index.html')).href);
  assert.match(await tab.eval("document.querySelector('#list').textContent"), /No scenario has ended yet/);
  assert.equal(await tab.eval('document.title'), '✗ incomplete: 0 failed, 0 passed');
  assert.match(await tab.eval("document.querySelector('.verdict').textContent"), /^incomplete · /);
  const banners = await tab.eval("[...document.querySelectorAll('.banner')].map((banner) => banner.textContent)");
  assert.equal(banners[0], 'Incomplete: 3 scenarios were not begun.');
  assert.match(banners[1], /^Incomplete: run\.jsonl: the run didn't end/);
  for (const key of ['j', 'k', 'Enter', 't', 'f']) await tab.key(key);
  assert.deepEqual(tab.consoleErrors(), []);
} finally {
  await browser.close();
}
