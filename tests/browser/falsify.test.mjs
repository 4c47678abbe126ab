// The tests of pages can fail: five faults put into a live page are found, all five, and so are a page that is too wide, one whose
// button the keyboard does not come to, and one that complains.

import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { start } from "./lib/network.mjs";
import { faults, hold, open, person } from "./lib/browser.mjs";

let network, browser;
before(async () => { network = await start({ persons: 20, companies: 10 }); browser = await open(); });
after(async () => { await browser?.close(); await network?.end(); });

const FAULTS = {
  "html-has-lang": () => document.documentElement.removeAttribute("lang"),
  "button-name": () => document.querySelector("main").append(document.createElement("button")),
  "color-contrast": () => {
    const text = document.createElement("p");
    text.textContent = "hardly to be read";
    text.style.cssText = "color: #999; background: #aaa";
    document.querySelector("main").append(text);
  },
  "label": () => document.querySelector("main").append(document.createElement("input")),
  "target-size": () => {
    for (let count = 0; count < 2; count += 1) {
      const small = document.createElement("a");
      // Two ways to the same place may lie close together.
      small.href = `/${count}`;
      small.textContent = "x";
      small.style.cssText = "display: inline-block; width: 8px; height: 8px; overflow: hidden; font-size: 8px";
      document.querySelector("main").append(small);
    }
  },
};

const OTHERS = {
  "320 px": () => {
    const wide = document.createElement("p");
    wide.textContent = "wide";
    wide.style.cssText = "width: 600px";
    document.querySelector("main").append(wide);
  },
  "forced colours": () => {
    const bare = document.createElement("button");
    bare.textContent = "without a border";
    bare.style.cssText = "border: 0";
    document.querySelector("main").append(bare);
  },
  "by keyboard": () => {
    const lost = document.createElement("button");
    lost.textContent = "nobody comes here";
    lost.tabIndex = -1;
    document.querySelector("main").append(lost);
  },
  "bytes": () => { document.querySelector("main").dataset.much = "x".repeat(60_000); },
  "the console": () => console.error("a complaint"),
};

let page;
test("five faults put into a live page are all found", async () => {
  page = await person(browser, { bypassCSP: true });
  await page.goto(network.links.citizen);
  assert.deepEqual(await faults(page), [], "the page as we made it");
  for (const [rule, put] of Object.entries(FAULTS)) {
    await page.evaluate(put);
    const found = await faults(page);
    assert.ok(found.some((fault) => fault.startsWith(`${rule}:`)), `${rule} is found: ${found.join("; ")}`);
  }
  assert.ok((await faults(page)).length >= 5);
});

test("what axe does not look for is found too, and a page without faults passes", async () => {
  await page.reload();
  await hold(page, "falsify as we made it");
  for (const [what, put] of Object.entries(OTHERS)) {
    await page.reload();
    await page.evaluate(put);
    await assert.rejects(hold(page, `falsify ${what}`), new RegExp(what), what);
  }
});
