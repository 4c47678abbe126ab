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
export const SHOTS = process.env.BEVIS_SHOTS ?? resolve(import.meta.dirname, "../shots");

/** Starts Chromium with an empty profile. */
export const open = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });

/** A window of its own, with its own cookies. What its pages complain of in the console is kept in `complaints`. */
export const person = async (browser, settings = {}) => {
  const context = await browser.newContext({ viewport: { width: 1024, height: 900 }, locale: "nb-NO", ...settings });
  const page = await context.newPage();
  page.complaints = [];
  page.on("console", (message) => { if (message.type() === "error") page.complaints.push(message.text()); });
  page.on("pageerror", (error) => page.complaints.push(`${error}`));
  return page;
};

/** Faults that axe finds on the page as it stands. */
export const faults = async (page) => {
  const found = await new AxeBuilder({ page }).analyze();
  return found.violations.map((fault) => `${fault.id}: ${fault.nodes.map((node) => node.target.join(" ")).join(", ")}`);
};

const slug = (name) => name.normalize("NFKD").replace(/[^a-zA-Z0-9]+/g, "-").toLowerCase();

/** A picture of the page as it stands, for whoever reads the result of a run. */
export const shot = async (page, name) => {
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: `${SHOTS}/${slug(name)}.png`, fullPage: true });
};

/** Holds a state of a page against axe, light and dark, against a window 320 px wide, and against what a page may weigh. */
export const hold = async (page, name) => {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    assert.deepEqual(await faults(page), [], `${name}, ${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: "light" });
  const size = page.viewportSize();
  await page.setViewportSize({ width: 320, height: 640 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 320, `${name}: ${wide} px wide in a window of 320`);
  await page.setViewportSize(size);
  const html = await page.evaluate(async () => {
    const answer = await fetch(location.href, { headers: { "X-Bevis-Part": "1" } });
    return (await answer.text()).length;
  });
  assert.ok(html <= 60_000, `${name}: ${html} characters`);
  assert.deepEqual(page.complaints, [], `${name}: the console`);
  await shot(page, name);
};
