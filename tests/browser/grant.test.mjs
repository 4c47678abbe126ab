// A consent that lasts: given at the wallet, fetched under at the desk, and taken back with no more steps than it took to give it.

import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { SOON, start } from "./lib/network.mjs";
import { another, hold, open, person } from "./lib/browser.mjs";
import { address, ask, go, send } from "./lib/steps.mjs";

let network, browser, wallet, desk;
before(async () => {
  network = await start({ persons: 20, companies: 10 });
  browser = await open();
  [wallet, desk] = await Promise.all([person(browser), person(browser)]);
  await wallet.goto(network.links.citizen);
  await desk.goto(network.links.bank);
});
after(async () => { await browser?.close(); await network?.end(); });

/** A person whose every click and every field that is filled in is counted. */
const counted = (page) => {
  const steps = [];
  return {
    steps,
    click: async (selector) => { steps.push(`click ${selector}`); await page.click(selector); },
    fill: async (selector, text) => { steps.push(`fill ${selector}`); await page.fill(selector, text); },
  };
};

let giving;
test("a person gives a consent that lasts, and the bank fetches under it", async () => {
  const link = await ask(desk, "S15", "NETTBANK-15", { grant: true });
  await hold(desk, "20 desk asks for a grant");
  // The shortest way there is: the link on the same machine opens the wallet at the request.
  await go(wallet, `/wallet/open?link=${encodeURIComponent(link)}`);
  await hold(wallet, "21 wallet opened a link");
  giving = counted(wallet);
  await giving.click("main form button[type=submit]");
  await wallet.waitForURL(/\/wallet\/requests\//);
  await hold(wallet, "22 wallet asked for a grant");
  await giving.fill("#passphrase", network.passphrase);
  await giving.click('button[name="decision"][value="yes"]');
  await wallet.waitForSelector("#receipt");
  await hold(wallet, "23 wallet granted");
  await desk.waitForSelector(".alert.good .verdict", { timeout: SOON });
  await hold(desk, "24 desk granted");
  await desk.click('[data-part="desk-state"] a[href^="/desk/grants/"]');
  await desk.waitForSelector('[data-part="desk-grant"] .state.good');
  await desk.click('form[action$="/refresh"] button');
  await desk.waitForSelector('[data-part="desk-grant-claims"] section.card');
  await hold(desk, "25 desk fetched");
});

test("it is taken back in no more steps than it took to give, and wallet and desk show it within a second", async () => {
  await go(wallet, "/wallet");
  await wallet.waitForSelector('[data-part="grants"] form[action$="/withdraw"]');
  await hold(wallet, "26 wallet home with a grant");
  const other = await another(wallet);
  await other.goto(`${address(wallet)}/wallet/grants`);
  await other.click('[data-part="grants"] h2 a');
  await other.waitForSelector('[data-part="grant"] .state.good');
  await hold(other, "27 wallet grant");
  for (const page of [other, desk]) await page.evaluate(() => { window.notLoadedAnew = true; });
  const taking = counted(wallet);
  await taking.click('[data-part="grants"] form[action$="/withdraw"] button');
  await wallet.waitForSelector('[data-part="grant"] .state.bad');
  const taken = Date.now();
  console.log(`steps to grant: ${giving.steps.length}; to withdraw: ${taking.steps.length}`);
  assert.ok(taking.steps.length <= giving.steps.length, `${taking.steps} against ${giving.steps}`);
  const seen = async (page, selector, name) => {
    await page.waitForSelector(selector, { timeout: SOON });
    console.log(`${name} ${Date.now() - taken} ms after the withdrawal was shown`);
    assert.ok(await page.evaluate(() => window.notLoadedAnew), `the ${name}'s page was not loaded anew`);
  };
  await Promise.all([
    seen(other, '[data-part="grant"] .state.bad', "the wallet's other window"),
    seen(desk, '[data-part="desk-grant"] .state.bad', "desk"),
  ]);
  await hold(wallet, "28 wallet withdrawn");
  await hold(desk, "29 desk withdrawn");
});

test("nothing more can be fetched, and what was fetched is shown to nobody", async () => {
  await desk.reload();
  assert.equal(await desk.locator('form[action$="/refresh"]').count(), 0, "there is no button that fetches");
  assert.equal(await desk.locator('[data-part="desk-grant-claims"] section.card').count(), 0, "nothing that was fetched is shown");
  await go(desk, "/desk/grants");
  await desk.selectOption("#state", "withdrawn");
  await send(desk, "#state");
  assert.equal(await desk.locator("tbody tr").count(), 1);
  await hold(desk, "30 desk withdrawn grants");
});
