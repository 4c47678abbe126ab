// What goes wrong between a person's click and its end: another window was faster, the page is of a session that is over, the node is
// killed. Whatever happens, a decision is taken once or not at all, and a page says which.

import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { REFUSED, login, must, serveAgain, start } from "./lib/network.mjs";
import { another, hold, open, person } from "./lib/browser.mjs";
import { address, ask, change, decide, find, go, take } from "./lib/steps.mjs";

let network, browser, wallet, desk;
before(async () => {
  network = await start({ persons: 20, companies: 10 });
  browser = await open();
  [wallet, desk] = await Promise.all([person(browser), person(browser)]);
  await wallet.goto(network.links.citizen);
  await desk.goto(network.links.bank);
});
const served = [];
after(async () => {
  await browser?.close();
  for (const one of served) await one.end();
  await network?.end();
});

/** What was decided since the history was looked at last: one line for each decision. */
const decided = (() => {
  let last = 0;
  return async () => {
    const { events } = await must(network, "citizen", ["wallet", "history"]);
    const fresh = events.filter((event) => event.id > last && ["shared", "refused", "granted"].includes(event.what));
    last = Math.max(last, ...events.map((event) => event.id));
    return fresh.map((event) => event.what);
  };
})();

/** The name of the request that a window of the wallet shows. */
const shown = (page) => new URL(page.url()).pathname.split("/").at(-1);

/** Serves a home again whose node was killed. */
const served_again = async (node) => {
  const again = await serveAgain(network, node);
  served.push(again);
  return again;
};

/** A second window that hears nothing of what is new: what it shows is old. */
const deaf = async (page) => {
  const other = await another(page);
  await other.route("**/events*", (route) => route.fulfill({ status: 204 }));
  return other;
};

test("two windows decide the same request, and the first counts", async () => {
  for (const [first, second, came] of [["yes", "no", "shared"], ["no", "yes", "refused"]]) {
    await take(wallet, await ask(desk, "S01", `TO-VINDUER-${first}`, { seconds: "120" }));
    await decided();
    const other = await deaf(wallet);
    await other.goto(wallet.url());
    await other.waitForSelector('button[value="yes"]');
    await decide(wallet, first, network.passphrase);
    await decide(other, second, network.passphrase);
    await other.waitForSelector('[role="alert"]');
    assert.equal(await other.textContent("#receipt"), await wallet.textContent("#receipt"), "both show what the first decided");
    other.complaints = [];
    await hold(other, `60 decided in another window, first ${first}`);
    assert.deepEqual(await decided(), [came], "one line of the history");
    await desk.waitForSelector(`[data-part="desk-state"] .alert.${first === "yes" ? "good" : "unsure"}`, { timeout: REFUSED });
    await other.close();
  }
});

test("both windows pressed at the same moment, and one decision comes of it", async () => {
  await take(wallet, await ask(desk, "S01", "SAMTIDIG"));
  await decided();
  const request = shown(wallet);
  const other = await another(wallet);
  await other.goto(wallet.url());
  for (const page of [wallet, other]) await page.fill("#passphrase", network.passphrase);
  await Promise.all([
    wallet.click('button[name="decision"][value="yes"]'),
    other.click('button[name="decision"][value="no"]'),
  ]);
  await Promise.all([wallet.waitForLoadState(), other.waitForLoadState()]);
  const came = await decided();
  assert.equal(came.length, 1, came.join());
  await go(wallet, `/wallet/requests/${request}`);
  await wallet.waitForSelector("#receipt");
  await other.close();
});

test("a page of a session that is over does nothing, and says so", async () => {
  await take(wallet, await ask(desk, "S01", "GAMMEL-SIDE"));
  await decided();
  const request = shown(wallet);
  const old = await deaf(wallet);
  await old.goto(wallet.url());
  await wallet.goto(await login(network, "citizen"));
  await old.fill("#passphrase", network.passphrase);
  await old.click('button[name="decision"][value="yes"]');
  await old.waitForSelector('[role="alert"] code:has-text("page_expired")');
  old.complaints = [];
  await hold(old, "61 expired page");
  assert.deepEqual(await decided(), [], "nothing was decided");
  await old.close();
  await go(wallet, `/wallet/requests/${request}`);
  await decide(wallet, "yes", network.passphrase);
  assert.deepEqual(await decided(), ["shared"], "the page that is loaded anew decides");
});

test("a form that is sent twice is done once", async () => {
  await take(wallet, await ask(desk, "S01", "TO-GANGER"));
  await decided();
  const typed = await wallet.$eval("#decision", (form) => Object.fromEntries(new FormData(form)));
  const form = { ...typed, passphrase: network.passphrase, decision: "yes" };
  const settings = { form, headers: { Origin: address(wallet) } };
  const sent = await Promise.all([1, 2].map(() => wallet.context().request.post(wallet.url(), settings)));
  const later = await wallet.context().request.post(wallet.url(), settings);
  assert.equal(later.status(), 200, "what comes later is led to where the first was");
  assert.ok(sent.every((answer) => [200, 409].includes(answer.status())), "what comes at the same moment hears that it is under way");
  assert.deepEqual(await decided(), ["shared"]);
});

test("the node is killed while a person decides: after its start one decision stands or none, and never half of one", async () => {
  let pid = network.pids.citizen;
  const outcomes = [];
  for (const wait of [0, 40, 150, 600]) {
    const reference = `DREPT-${wait}`;
    await take(wallet, await ask(desk, "S01", reference));
    const request = shown(wallet);
    await decided();
    await wallet.fill("#passphrase", network.passphrase);
    // Not waited for: there may be nobody who answers.
    await wallet.click('button[name="decision"][value="yes"]', { noWaitAfter: true });
    await new Promise((done) => setTimeout(done, wait));
    process.kill(pid, "SIGKILL");
    pid = (await served_again("citizen")).child.pid;
    await wallet.goto(await login(network, "citizen"));
    await go(wallet, `/wallet/requests/${request}`);
    const came = await decided();
    assert.ok(came.length <= 1, `${wait} ms: ${came.join()}`);
    if (came.length === 0) {
      outcomes.push(`${wait} ms: waits`);
      assert.equal(await wallet.locator('button[value="yes"]').count(), 1, `${wait} ms: it waits for a decision`);
      await decide(wallet, "yes", network.passphrase);
      assert.deepEqual(await decided(), ["shared"]);
    } else {
      outcomes.push(`${wait} ms: decided`);
      assert.equal(await wallet.locator("#receipt").count(), 1, `${wait} ms: what was decided is shown`);
      assert.equal(await wallet.locator('button[value="yes"]').count(), 0, `${wait} ms: and is not asked again`);
    }
    wallet.complaints = [];
    await desk.waitForSelector(".alert.good .verdict", { timeout: 60_000 });
  }
  console.log(outcomes.join("; "));
  wallet.complaints = [];
  await go(wallet, "/wallet");
  await hold(wallet, "62 wallet after its node was killed");
});

test("the issuer's node is killed while a credential is suspended: it is or it is not, and the log lacks nothing that was done", async () => {
  let pid = network.pids.tax;
  const console_ = await person(browser);
  await console_.goto(network.links.tax);
  const lines = async () => {
    await go(console_, "/console/record?check=1");
    const log = await console_.textContent("main");
    assert.match(log, /Loggen er hel/);
    return log.split("satte på pause").length - 1;
  };
  let before = await lines();
  const outcomes = [];
  for (const wait of [0, 60, 400]) {
    await find(console_, "Månedsinntekt");
    const path = new URL(console_.url()).pathname;
    await console_.click('a[href$="/suspend"]');
    await console_.fill("#reason", "Prøve");
    await console_.click('main form:has(#reason) button[type="submit"]', { noWaitAfter: true });
    await new Promise((done) => setTimeout(done, wait));
    process.kill(pid, "SIGKILL");
    pid = (await served_again("tax")).child.pid;
    await console_.goto(await login(network, "tax", "per"));
    await go(console_, path);
    const is_suspended = await console_.locator(".verdict .state.unsure").count() === 1;
    const after = await lines();
    // A line stands before its act: there may be one whose act never came, and never an act without its line.
    assert.ok(after - before <= 1 && (!is_suspended || after - before === 1), `${wait} ms: ${after - before} lines, suspended: ${is_suspended}`);
    before = after;
    outcomes.push(`${wait} ms: ${is_suspended ? "suspended" : "as before"}`);
    if (!is_suspended) continue;
    await go(console_, path);
    await change(console_, "reinstate", "Prøve");
  }
  console.log(outcomes.join("; "));
});
