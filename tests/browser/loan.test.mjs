// The loan's story in three windows: a bank asks, a person says yes, the desk turns green by itself; the credential is revoked at the
// issuer, and desk and wallet see it within a second. And the refusal.

import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { REFUSED, SOON, start } from "./lib/network.mjs";
import { hold, open, person } from "./lib/browser.mjs";
import { ask, change, decide, find, go, take } from "./lib/steps.mjs";

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

test("a person says yes, and the desk turns green without being loaded anew", async () => {
  await hold(wallet, "01 wallet home");
  await hold(desk, "02 desk cases");
  const link = await ask(desk, "S01", "LAN-2026-77");
  await hold(desk, "03 desk waits");
  await take(wallet, link);
  await hold(wallet, "04 request");
  await desk.evaluate(() => { window.notLoadedAnew = true; });
  await decide(wallet, "yes", network.passphrase);
  const said = Date.now();
  await desk.waitForSelector(".alert.good .verdict", { timeout: SOON });
  console.log(`desk green ${Date.now() - said} ms after the wallet's receipt`);
  assert.ok(await desk.evaluate(() => window.notLoadedAnew), "the desk's page was not loaded anew");
  assert.equal(await wallet.evaluate(() => document.activeElement.id), "receipt", "the focus is on the receipt's heading");
  await hold(wallet, "05 receipt");
  await hold(desk, "06 desk valid");
});

test("a no looks to the desk as if there were nothing", async () => {
  await take(wallet, await ask(desk, "S15", "NETTBANK-77", { seconds: "120" }));
  await decide(wallet, "no", network.passphrase);
  await desk.waitForSelector('[data-part="desk-state"] .alert.unsure', { timeout: REFUSED });
  const words = await desk.textContent('[data-part="desk-state"]');
  assert.match(words, /sa nei, eller hadde ikke/, "one sentence for both");
  await hold(wallet, "07 refused");
  await hold(desk, "07 desk nothing shared");
});

test("a revoked credential is told at the desk and in the wallet while their pages stand open", async () => {
  await go(desk, "/desk");
  await desk.click('a[href^="/desk/sessions/"]:has-text("LAN-2026-77")');
  await desk.waitForSelector(".verdict");
  await go(wallet, "/wallet");
  await go(console_, "/console/credentials");
  await hold(console_, "08 console credentials");
  await find(console_, "Månedsinntekt");
  await hold(console_, "09 console credential");
  for (const page of [desk, wallet]) await page.evaluate(() => { window.notLoadedAnew = true; });
  await console_.click('a[href$="/revoke"]');
  await console_.fill("#reason", "Feil i registeret");
  await hold(console_, "10 console revoke");
  await console_.click('main form:has(#reason) button[type="submit"]');
  await console_.waitForSelector(".verdict");
  const revoked = Date.now();
  const seen = async (page, selector, name) => {
    await page.waitForSelector(selector, { timeout: SOON });
    console.log(`${name} ${Date.now() - revoked} ms after the console showed the revocation`);
    assert.ok(await page.evaluate(() => window.notLoadedAnew), `the ${name}'s page was not loaded anew`);
  };
  await Promise.all([
    seen(desk, '[data-part="desk-state"] .alert.danger', "desk"),
    seen(wallet, '[data-part="held"] li:has-text("Månedsinntekt") .state.bad', "wallet"),
  ]);
  await hold(desk, "11 desk revoked");
  await hold(wallet, "12 wallet revoked");
});
