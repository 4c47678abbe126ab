// A real Chromium, without a screen and without contacts to anybody but our pages.

import { chromium } from "playwright-core";
import { AxeBuilder } from "@axe-core/playwright";
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import assert from "node:assert/strict";

const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

/** Where screenshots go. */
export const SHOTS = resolve(process.env.BEVIS_SHOTS ?? resolve(import.meta.dirname, "../../../target/shots"));
/** Most bytes of a page. */
const PAGE_MAX = 60_000;
/** Narrowest window that a page must fit, in CSS pixels; a window 1280 wide at 400 % is as narrow. */
const NARROW = 320;
/** Longest time for a step of a person, in milliseconds. */
const STEP = 20_000;

/** Starts Chromium with an empty profile. */
export const open = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });

/** Whether a message of the console only says that a page came with a status that tells a failure. */
const isOwnStatus = (page, message) =>
  /^Failed to load resource: the server responded with a status of [45]\d\d/.test(message.text())
  && page.told.has(message.location().url.split("#")[0]);

/** A page whose complaints in the console are kept in `complaints`. */
export const watched = (page) => {
  page.complaints = [];
  // Addresses of pages that told a failure, whether the person went there or the open page asked for itself again.
  page.told = new Set();
  page.setDefaultTimeout(STEP);
  page.on("response", (response) => {
    const request = response.request();
    const isPage = request.isNavigationRequest() || request.headers()["x-bevis-part"] !== undefined;
    if (!isPage || response.status() < 400) return;
    for (let one = request; one; one = one.redirectedFrom()) page.told.add(one.url().split("#")[0]);
  });
  page.on("console", (message) => { if (message.type() === "error") page.complaints.push({ text: message.text(), message }); });
  page.on("pageerror", (error) => page.complaints.push({ text: `${error}` }));
  return page;
};

/** A window of its own, with its own cookies. */
export const person = async (browser, settings = {}) => {
  const context = await browser.newContext({ viewport: { width: 1024, height: 900 }, locale: "nb-NO", reducedMotion: "reduce", ...settings });
  return watched(await context.newPage());
};

/** A second window of the same person. */
export const another = async (page) => watched(await page.context().newPage());

/** Whether a stream of events was told that nobody is logged in any more, while its page was left for the one that says so. */
const isStreamAfterEnd = (message) =>
  /^Failed to load resource: the server responded with a status of 401/.test(message.text())
  && new URL(message.location().url).pathname === "/events";

const complaints = (page) => page.complaints
  .filter((one) => !(one.message && (isOwnStatus(page, one.message) || isStreamAfterEnd(one.message))))
  .map((one) => `${one.text} ${one.message?.location().url ?? ""}`.trim());

/** Rules that axe has and does not apply by itself. */
const RULES = { "target-size": { enabled: true } };

const told = (violations) =>
  violations.map((fault) => `${fault.id}: ${fault.nodes.map((node) => node.target.join(" ")).join(", ")}`);

/** Faults that axe finds on the page as it stands. */
export const faults = async (page) => {
  const found = await new AxeBuilder({ page }).setLegacyMode(true).options({ rules: RULES }).analyze();
  return told(found.violations);
};

/** Rules that look at colours; all others find the same in the dark as in the light. */
const OF_COLOURS = ["color-contrast", "link-in-text-block"];

/** What axe finds when only the colours of a page have changed, which has axe in it already. */
const faultsOfColour = async (page) => {
  const run = (values) => window.axe.run(document, { runOnly: { type: "rule", values }, resultTypes: ["violations"] });
  return told((await page.evaluate(run, OF_COLOURS)).violations);
};

const slug = (name) => name.normalize("NFKD").replace(/[^a-zA-Z0-9]+/g, "-").toLowerCase();

/** A picture of the page as it stands, for whoever reads the result of a run. */
export const shot = async (page, name) => {
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: `${SHOTS}/${slug(name)}.png`, fullPage: true });
};

/** What a person can come to with the Tab key: one of each group of radio buttons. */
const reachable = () => {
  const all = document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']");
  const groups = new Set();
  return [...all].filter((one) => {
    if (one.disabled || one.type === "hidden" || !one.checkVisibility({ visibilityProperty: true })) return false;
    if (one.type !== "radio") return true;
    const is_new = !groups.has(one.name);
    groups.add(one.name);
    return is_new;
  });
};

/** Goes through the page with Tab alone. Gives what is not come to, what is come to without being seen, and what is covered. */
const tabbed = async (page) => {
  const count = await page.evaluate(`(() => {
    const all = (${reachable})();
    window.tabbed = { all, seen: new Set(), faults: [] };
    document.addEventListener("focusin", (event) => {
      const one = event.target;
      const group = one.type === "radio" ? window.tabbed.all.find((other) => other.name === one.name) : null;
      window.tabbed.seen.add(group ?? one);
      if (one === document.body || one.id === "main") return;
      const style = getComputedStyle(one);
      if (!(parseFloat(style.outlineWidth) > 0) || style.outlineStyle === "none") window.tabbed.faults.push("no outline: " + one.outerHTML.slice(0, 80));
      const box = one.getClientRects()[0];
      if (box && (box.bottom <= 0 || box.top >= innerHeight || box.right <= 0 || box.left >= innerWidth)) window.tabbed.faults.push("out of sight: " + one.outerHTML.slice(0, 80));
    });
    document.activeElement?.blur();
    getSelection().setBaseAndExtent(document.body, 0, document.body, 0);
    return all.length;
  })()`);
  // A few more: dates and numbers have stops of their own, and the browser's own bar takes one.
  for (let pressed = 0; pressed < count + 4; pressed += 1) await page.keyboard.press("Tab");
  return page.evaluate(() => {
    const { all, seen, faults } = window.tabbed;
    const missed = all.filter((one) => !seen.has(one) && one.isConnected).map((one) => `not come to: ${one.outerHTML.slice(0, 120)}`);
    return [...faults, ...missed];
  });
};

/** Presses Tab until the focus is on what a selector names; fails when it does not come there. */
export const tabTo = async (page, selector) => {
  for (let pressed = 0; pressed < 120; pressed += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((selector) => document.activeElement?.matches(selector) ?? false, selector)) return;
  }
  throw new Error(`Tab does not lead to ${selector} on ${page.url()}`);
};

/** What reaches beyond the window's right edge. */
const beyond = (page) => page.evaluate(() => {
  const wide = document.documentElement.scrollWidth;
  if (wide <= innerWidth) return [];
  const isOut = (one) => one.getBoundingClientRect().right > innerWidth + 0.5 && !one.closest(".scroll");
  const out = [...document.querySelectorAll("main *, header *, nav *, footer *")].filter(isOut);
  return [`${wide} px wide in ${innerWidth}`, ...out.slice(0, 4).map((one) => one.outerHTML.slice(0, 100))];
});

/** What has no border or no text where the person chooses the colours. */
const borderless = (page) => page.evaluate(() => {
  const all = [...document.querySelectorAll("button, .button, .alert, .state, input, select, textarea")];
  const shown = all.filter((one) => one.type !== "hidden" && one.type !== "checkbox" && one.type !== "radio" && one.checkVisibility());
  const has_border = (one) => {
    const style = getComputedStyle(one);
    return parseFloat(style.borderTopWidth) > 0 && style.borderTopStyle !== "none" && style.borderTopColor !== style.backgroundColor;
  };
  return shown.filter((one) => !has_border(one)).map((one) => `no border: ${one.outerHTML.slice(0, 80)}`);
});

/**
 * Holds a state of a page against axe, light, dark and in the person's own colours; against a window 320 px wide and one of 1280 at
 * 400 %; against the keyboard; and against what a page may weigh. With `is_brief` the picture and the keyboard are left out: what can be
 * come to does not depend on the language.
 */
export const hold = async (page, name, { is_brief = false } = {}) => {
  // A click is over when the next page begins to come; its style may not be there yet.
  await page.waitForLoadState("load");
  assert.deepEqual(await faults(page), [], `${name}, light`);
  if (!is_brief) await shot(page, name);
  await page.emulateMedia({ colorScheme: "dark" });
  assert.deepEqual(await faultsOfColour(page), [], `${name}, dark`);
  const size = page.viewportSize();
  await page.emulateMedia({ colorScheme: "light", forcedColors: "active" });
  assert.deepEqual(await borderless(page), [], `${name}, forced colours`);
  await page.emulateMedia({ colorScheme: "light", forcedColors: "none" });
  await page.setViewportSize({ width: NARROW, height: 640 });
  assert.deepEqual(await beyond(page), [], `${name}, ${NARROW} px`);
  // 1280 × 1024 at 400 %.
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Emulation.setDeviceMetricsOverride", { width: NARROW, height: 256, deviceScaleFactor: 4, mobile: false });
  assert.deepEqual(await beyond(page), [], `${name}, 400 %`);
  if (!is_brief) assert.deepEqual(await tabbed(page), [], `${name}, by keyboard at 400 %`);
  await devtools.send("Emulation.clearDeviceMetricsOverride");
  await devtools.detach();
  await page.setViewportSize(size);
  const bytes = await page.evaluate(() => new TextEncoder().encode(document.documentElement.outerHTML).length);
  assert.ok(bytes <= PAGE_MAX, `${name}: ${bytes} bytes`);
  assert.deepEqual(complaints(page), [], `${name}: the console`);
};
