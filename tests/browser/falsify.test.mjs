// The tests of pages can fail: five faults put into a live page are found, all five.

import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { start } from "./lib/network.mjs";
import { open, person, faults } from "./lib/browser.mjs";

let network, browser;
before(async () => { network = await start({ persons: 100, companies: 20 }); browser = await open(); });
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
      small.href = "/";
      small.textContent = "x";
      small.style.cssText = "display: inline-block; width: 8px; height: 8px; overflow: hidden; font-size: 8px";
      document.querySelector("main").append(small);
    }
  },
};

test("five faults put into a live page are all found", async () => {
  const page = await person(browser, { bypassCSP: true });
  await page.goto(network.links.citizen);
  assert.deepEqual(await faults(page), [], "the page as we made it");
  for (const [rule, put] of Object.entries(FAULTS)) {
    await page.evaluate(put);
    const found = await faults(page);
    assert.ok(found.some((fault) => fault.startsWith(`${rule}:`)), `${rule} is found: ${found.join("; ")}`);
  }
  assert.ok((await faults(page)).length >= 5);
});
