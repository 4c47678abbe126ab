// What the agency does with many at once: a register is imported with its bad lines handed back, stopped and gone on with; and many
// credentials are revoked by two persons, which desk and wallet show.

import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { CITIZEN, SOON, file, login, must, program, start } from "./lib/network.mjs";
import { hold, open, person } from "./lib/browser.mjs";
import { ask, decide, go, send, take } from "./lib/steps.mjs";

/** Persons in the file that is brought: as many as an import of a few seconds has. */
const PERSONS = 12_000;

let network, browser, wallet, desk, per, anne;
before(async () => {
  network = await start({ persons: 20, companies: 10 });
  browser = await open();
  [wallet, desk, per, anne] = await Promise.all([1, 2, 3, 4].map(() => person(browser)));
  await wallet.goto(network.links.citizen);
  await desk.goto(network.links.bank);
  await per.goto(network.links.tax);
  await anne.goto(await login(network, "tax", "anne"));
});
after(async () => { await browser?.close(); await network?.end(); });

/** The number beside a word of a list of facts. */
const fact = async (page, name, part = "figures") => {
  const all = await page.$$eval(`[data-part="${part}"] dl.facts dt`, (terms) =>
    terms.map((term) => [term.textContent.trim(), term.nextElementSibling.textContent.trim()]));
  const found = all.find(([term]) => term === name);
  assert.ok(found, `${name} is among ${all.map(([term]) => term).join(", ")}`);
  return Number(found[1].replace(/\s/g, ""));
};

/** Lines of a register of so many persons, as the demo's own generator writes it. */
const register = (persons) => {
  const folder = `${network.root}/tests-register`;
  execFileSync(program(), ["demo", "population", "--persons", `${persons}`, "--companies", "10", "--seed", "7", "--out", folder]);
  // Without the citizen: a row of theirs that says something else would end what their wallet holds.
  return readFileSync(`${folder}/income.jsonl`, "utf8").trim().split("\n").filter((line) => !line.includes(CITIZEN));
};

let lines;
test("a register's file is looked at, its bad lines are handed back, and it is imported by a yes", async () => {
  lines = register(PERSONS);
  const wrongDigit = JSON.parse(lines[10]);
  wrongDigit.personidentifikator = `${wrongDigit.personidentifikator.slice(0, 10)}${(Number(wrongDigit.personidentifikator[10]) + 1) % 10}`;
  const bad = { 11: JSON.stringify(wrongDigit), 200: "{\"no\": \"row\"}", 3_000: "not JSON at all", 3_001: lines[5] };
  const brought = lines.map((line, at) => bad[at + 1] ?? line);
  await go(per, "/console/registers/C02");
  await hold(per, "40 console register");
  await per.setInputFiles("#file", file(network, "income.jsonl", `${brought.join("\n")}\n`));
  await send(per, "#file");
  await per.waitForSelector('[data-part="found"][data-state="found"]', { timeout: 120_000 });
  assert.equal(await fact(per, "Avvist", "found"), 4);
  await hold(per, "41 console file looked at");
  await per.click('form[action$="/import"] button');
  await per.waitForURL(/\/console\/registers\/imports\//);
});

test("an import is stopped for a while, keeps what it has, and goes on to its end", async () => {
  await per.click('form[action$="/pause"] button');
  await per.waitForSelector('[data-part="stage"][data-state="paused"]');
  const rows = await fact(per, "Rader");
  assert.ok(rows > 0 && rows < lines.length, `it was stopped in the middle: ${rows}`);
  await hold(per, "42 console import paused");
  await per.reload();
  assert.equal(await fact(per, "Rader"), rows, "nothing goes on while it is stopped");
  await per.click('form[action$="/resume"] button');
  await per.waitForSelector('[data-part="stage"][data-state="running"], [data-part="stage"][data-state="finished"]');
  await per.waitForSelector('[data-part="stage"][data-state="finished"]', { timeout: 120_000 });
  await per.reload();
  assert.equal(await fact(per, "Rader"), lines.length, "every line was looked at once");
  assert.equal(await fact(per, "Avvist"), 4);
  await hold(per, "43 console import finished");
});

test("the bad lines are there to be corrected: on a page, and as a file", async () => {
  await per.click('main a[href^="/console/registers/rejected/"]:not([href$="/file"])');
  await per.waitForURL(/\/rejected\//);
  assert.equal(await per.locator("tbody tr").count(), 4);
  await hold(per, "44 console rejected lines");
  const [download] = await Promise.all([per.waitForEvent("download"), per.click('main a[href$="/file"]')]);
  assert.match(download.suggestedFilename(), /^rejected-[0-9a-f]+\.csv$/);
  const csv = readFileSync(await download.path(), "utf8").trim().split("\r\n");
  assert.equal(csv[0], "line,field,reason,text");
  assert.deepEqual(csv.slice(1).map((line) => line.split(",")[0]), ["11", "200", "3000", "3001"]);
});

let bulk;
test("many are revoked by two persons: one proposes, and alone does nothing", async () => {
  await take(wallet, await ask(desk, "S01", "LAN-2026-40"));
  await decide(wallet, "yes", network.passphrase);
  await desk.waitForSelector(".alert.good .verdict", { timeout: SOON });
  await go(wallet, "/wallet");
  await go(per, "/console/credentials/bulk/new");
  await hold(per, "45 console bulk form");
  await per.selectOption("#change", "revoke");
  await per.fill("#reason", "Feil i beregningen");
  await per.selectOption("#names", "subject");
  await per.setInputFiles("#file", file(network, "numbers.csv", `subject\r\n${CITIZEN}\r\n22824141278\r\nnot a number\r\n${CITIZEN}\r\n`));
  await send(per, "#file");
  await per.waitForSelector('[data-part="stage"][data-state="proposed"]');
  bulk = per.url();
  assert.equal(await per.locator('form[action$="/approve"]').count(), 0, "who proposed has no button that agrees");
  assert.ok(await fact(per, "Bevis") >= 2, "month's income and tax assessment");
  assert.equal(await fact(per, "Avvist"), 3, "who has nothing, what is no number, and who is named twice");
  await hold(per, "46 console bulk proposed");
  const valid = await must(network, "citizen", ["wallet", "list"]);
  assert.ok(valid.credentials.every((one) => one.state !== "revoked"), "nothing is revoked yet");
});

test("another one agrees, and desk and wallet show it within a second", async () => {
  await go(anne, "/console");
  await hold(anne, "47 console home with a proposal");
  await anne.click(`main a[href="${new URL(bulk).pathname}"]`);
  await hold(anne, "48 console bulk to agree to");
  await anne.fill("#passphrase", "not the passphrase");
  await send(anne, "#passphrase");
  await anne.waitForSelector('[role="alert"]');
  await hold(anne, "49 console bulk wrong passphrase");
  for (const page of [desk, wallet, per]) await page.evaluate(() => { window.notLoadedAnew = true; });
  await anne.fill("#passphrase", network.passphrase);
  await anne.click('form[action$="/approve"] button');
  await anne.waitForSelector('[data-part="stage"][data-state="running"], [data-part="stage"][data-state="finished"]');
  const agreed = Date.now();
  const seen = async (page, selector, name) => {
    await page.waitForSelector(selector, { timeout: SOON });
    console.log(`${name} ${Date.now() - agreed} ms after the console showed that it was agreed`);
    assert.ok(await page.evaluate(() => window.notLoadedAnew), `the page of ${name} was not loaded anew`);
  };
  await Promise.all([
    seen(per, '[data-part="stage"][data-state="finished"]', "who proposed it"),
    seen(desk, '[data-part="desk-state"] .alert.danger', "the desk"),
    seen(wallet, '[data-part="held"] li:has-text("Månedsinntekt") .state.bad', "the wallet"),
  ]);
  await anne.reload();
  await anne.waitForSelector('[data-part="stage"][data-state="finished"]');
  assert.equal(await fact(anne, "Endret så langt"), await fact(anne, "Bevis"), "all of them are changed");
  await hold(anne, "50 console bulk finished");
  await hold(desk, "51 desk after the bulk");
  await hold(wallet, "52 wallet after the bulk");
});

test("the log says who did what, and is whole", async () => {
  await go(anne, "/console/record?check=1");
  const log = await anne.textContent("main");
  for (const words of ["begynte en import", "stoppet en import", "foreslo en endring av mange", "sa ja til en endring av mange", "Loggen er hel"]) {
    assert.ok(log.includes(words), `the log lacks “${words}”`);
  }
  assert.ok(!log.includes(CITIZEN), "no person stands in it");
  await hold(anne, "53 console record");
});
