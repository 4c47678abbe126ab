// The pictures of docs/tour.md, taken from the running demo: `scripts/tour`. The story is that of the tour, step by step.

import { mkdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { SOON, start } from "./lib/network.mjs";
import { open, person } from "./lib/browser.mjs";
import { ask, decide, fillRequest, find, go, send, take } from "./lib/steps.mjs";
import { small } from "./lib/png.mjs";

/** Where the pictures lie. */
const FOLDER = resolve(import.meta.dirname, "../../docs/tour");
/** Largest picture, in bytes: the tour is read over slow lines too. */
const PICTURE_MAX = 80_000;
const WINDOW = { viewport: { width: 800, height: 640 }, locale: "en-GB" };

const network = await start({ language: "en", persons: 500, companies: 50 });
const browser = await open();
let failed = false;
try {
  mkdirSync(FOLDER, { recursive: true });
  const taken = async (page, name, settings = {}) => {
    await page.evaluate(() => document.activeElement?.blur());
    if (settings.from) await page.locator(settings.from).first().evaluate((element) => element.scrollIntoView({ block: "start" }));
    else await page.evaluate(() => scrollTo(0, 0));
    const picture = small(await page.screenshot());
    if (picture.length > PICTURE_MAX) throw new Error(`${name} has ${picture.length} bytes`);
    writeFileSync(`${FOLDER}/${name}.png`, picture);
    console.log(`${name}.png ${picture.length} bytes`);
  };
  const [wallet, desk, console_] = await Promise.all([1, 2, 3].map(() => person(browser, WINDOW)));
  await wallet.goto(network.links.citizen);
  await desk.goto(network.links.bank);
  await console_.goto(network.links.tax);

  await taken(wallet, "01-wallet-home");
  await fillRequest(desk, "S01", "LOAN-2026-7");
  await taken(desk, "02-desk-new-request");
  await send(desk, "#case");
  await desk.waitForURL(/\/desk\/sessions\//);
  const link = await desk.inputValue("#link");
  await taken(desk, "03-desk-waits", { from: "h1" });
  await take(wallet, link);
  await taken(wallet, "04-wallet-who-asks", { from: "h1" });
  await taken(wallet, "05-wallet-decide", { from: "#decision h2" });
  await decide(wallet, "yes", network.passphrase);
  await taken(wallet, "06-wallet-receipt");
  await desk.waitForSelector(".alert.good .verdict", { timeout: SOON });
  await taken(desk, "07-desk-valid", { from: "h1" });
  await find(console_, "Monthly income");
  await console_.click('a[href$="/revoke"]');
  await console_.fill("#reason", "Error in the register");
  await taken(console_, "08-console-revoke");
  await send(console_, "#reason");
  await desk.waitForSelector('[data-part="desk-state"] .alert.danger', { timeout: SOON });
  await taken(desk, "09-desk-revoked", { from: "h1" });
  await go(wallet, "/wallet");
  await wallet.waitForSelector('[data-part="held"] .state.bad', { timeout: SOON });
  await taken(wallet, "10-wallet-revoked", { from: '[data-part="held"]' });
  await take(wallet, await ask(desk, "S15", "ONLINE-BANK-7", { grant: true }));
  await decide(wallet, "yes", network.passphrase);
  await go(wallet, "/wallet/grants");
  await taken(wallet, "11-wallet-consent");
  await go(console_, "/console");
  await taken(console_, "12-console-overview");
} catch (error) {
  console.error(error);
  failed = true;
} finally {
  await browser.close();
  await network.end();
}
process.exit(failed ? 1 : 0);
