// The loan's story in two windows and a third: a bank asks, a person says yes, the desk turns green by itself; the credential is
// revoked at the issuer, and both see it within a second. And the refusal, and the consent that lasts and is taken back.

import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { start } from "./lib/network.mjs";
import { open, person, hold } from "./lib/browser.mjs";

/** The synthetic citizen of the demo's registers. */
const CITIZEN = "14858834016";
/** How soon an open page must show what has changed, in milliseconds, and what a slow machine may add to it. */
const SOON = 1_000 + Number(process.env.BEVIS_SLOW_MS ?? 4_000);

let network, browser, wallet, desk, console_;
before(async () => {
  network = await start();
  browser = await open();
  [wallet, desk, console_] = await Promise.all([person(browser), person(browser), person(browser)]);
  await wallet.goto(network.links.citizen);
  await desk.goto(network.links.bank);
  await console_.goto(network.links.tax);
});
after(async () => { await browser?.close(); await network?.end(); });

const address = (page) => new URL(page.url()).origin;

/** The desk asks; gives the `bevis:` text that the customer gets. */
const ask = async (service, reference) => {
  await desk.goto(`${address(desk)}/desk/new`);
  await desk.click(`a[href="/desk/new/${service}"]`);
  await desk.fill("#case", reference);
  await desk.fill("#subject", CITIZEN);
  if (await desk.locator("#kind-once").count()) await desk.check("#kind-once");
  await desk.click('main form[method="post"] button[type="submit"]');
  await desk.waitForURL(/\/desk\/sessions\//);
  return desk.inputValue("#link");
};

/** The wallet takes a text and stands at what it asks. */
const take = async (link) => {
  await wallet.goto(`${address(wallet)}/wallet/receive`);
  await wallet.fill("#link", link);
  await wallet.click('main form:has(#link) button[type="submit"]');
  await wallet.waitForURL(/\/wallet\/requests\//);
};

const decide = async (decision) => {
  await wallet.fill("#passphrase", network.passphrase);
  await wallet.click(`button[name="decision"][value="${decision}"]:visible`);
  await wallet.waitForSelector('button[name="decision"]', { state: "detached" });
};

test("a person says yes, and the desk turns green without being loaded anew", async () => {
  await hold(wallet, "01 wallet home");
  await hold(desk, "02 desk cases");
  const link = await ask("S01", "LAN-2026-77");
  await hold(desk, "03 desk waits");
  await take(link);
  await hold(wallet, "04 request");
  const marked = await desk.evaluate(() => { window.notLoadedAnew = true; return window.notLoadedAnew; });
  assert.ok(marked);
  await decide("yes");
  const said = Date.now();
  await desk.waitForSelector(".alert.good .verdict", { timeout: SOON });
  assert.ok(await desk.evaluate(() => window.notLoadedAnew), "the desk's page was not loaded anew");
  console.log(`green ${Date.now() - said} ms after the receipt`);
  await hold(wallet, "05 receipt");
  await hold(desk, "06 desk valid");
});

test("a no looks to the desk as if there were nothing", async () => {
  await take(await ask("S15", "NETTBANK-77"));
  await decide("no");
  await hold(wallet, "07 refused");
});

test("a revoked credential is told at the desk and in the wallet while their pages stand open", async () => {
  await desk.goto(`${address(desk)}/desk`);
  await desk.click('a[href^="/desk/sessions/"]:has-text("LAN-2026-77")');
  await desk.waitForSelector(".verdict");
  await wallet.goto(`${address(wallet)}/wallet`);
  await console_.goto(`${address(console_)}/console/credentials`);
  await hold(console_, "08 console credentials");
  await console_.fill("#value", CITIZEN);
  await console_.selectOption("#by", "subject");
  await console_.click('main form:has(#value) button[type="submit"]');
  await console_.click('main a[href^="/console/credentials/"]');
  await hold(console_, "09 console credential");
  await console_.click('a[href$="/revoke"]');
  await console_.fill("#reason", "Feil i registeret");
  await hold(console_, "10 console revoke");
  await console_.click('main form[method="post"]:has(#reason) button[type="submit"]');
  await console_.waitForSelector(".verdict");
  const revoked = Date.now();
  await desk.waitForSelector('[data-part="desk-state"] .alert.danger', { timeout: SOON });
  console.log(`desk ${Date.now() - revoked} ms after the revocation`);
  await hold(desk, "11 desk revoked");
  await hold(wallet, "12 wallet revoked");
});
