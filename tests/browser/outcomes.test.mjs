// What a bank's desk may come to know of a customer: every outcome of the sandbox's test persons, at the desk of its bank, which is the
// real one. What each outcome is, `tests/src/quick_start.rs` looks at; here it is whether the case-worker can read it.

import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { login, must, sandbox } from "./lib/network.mjs";
import { open } from "./lib/browser.mjs";
import { address, ask, go } from "./lib/steps.mjs";
import { LANGUAGES, each, holder, visitor } from "./lib/states.mjs";

/** How the desk's page tells how far it came, by the state of the session. */
const SHOWN = { completed: ".verdict", failed: ".alert.unsure", fetched: '.alert:has-text("◐")', active: '.alert:has-text("○")' };
/** The sign and the colour of a verdict. */
const VERDICTS = { valid: ".alert.good", invalid: ".alert.bad", undecided: ".alert.unsure" };

let bank, browser;
const desks = {};
before(async () => {
  bank = await sandbox();
  await must(bank, "bank", ["person", "add", "kari", "--name", "Kari Saksbehandler", "--face", "desk", "--person-passphrase-file", bank.secret]);
  browser = await open();
  for (const language of Object.keys(LANGUAGES)) desks[language] = await visitor(browser, language, await login(bank, "bank", "kari"));
});
after(async () => { await browser?.close(); await bank?.end(); });

test("a case-worker sees of every test person what came of it", async () => {
  assert.ok(bank.persons.length >= 10, "all of them");
  for (const one of bank.persons) {
    const reference = `UTFALL-${one.phone}`;
    const seconds = one.state === "failed" ? "120" : "";
    const link = await ask(desks.nb, "S01", reference, { subject: one.number, seconds });
    const path = desks.nb.url().replace(address(desks.nb), "");
    await bank.opened(one, link);
    for (const [language, desk] of Object.entries(desks)) {
      if (language !== "nb") await go(desk, path);
      await desk.waitForSelector(`[data-part="desk-state"] ${SHOWN[one.state]}`);
      if (one.verdict) assert.equal(await desk.locator(`${VERDICTS[one.verdict]} .verdict`).count(), 1, `${one.name} is ${one.verdict}`);
      await holder("desk", language, desk)(`outcome ${one.name}`);
    }
    const { session } = await must(bank, "bank", ["verifier", "sessions", path.split("/").at(-1)]);
    assert.deepEqual([session.state, session.verdict ?? null], [one.state, one.verdict], one.name);
    if (one.verdict) assert.equal(session.code ?? null, one.code, one.name);
  }
});

test("what the cases came to is told in the list of them", async () => {
  for (const [language, desk] of Object.entries(desks)) {
    await each(desk, holder("desk", language, desk), {
      "outcomes": "/desk", "outcomes not valid": "/desk?state=invalid", "outcomes undecided": "/desk?state=undecided",
    });
    await go(desk, "/desk?state=undecided");
    assert.equal(await desk.locator("main tbody tr").count(), 1, "one test person's status is old");
  }
});
