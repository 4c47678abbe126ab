// States of pages that something has to go wrong for, each brought about by what brings it about elsewhere: copies that are used up, a
// suspension, a wallet brought back from its backup, a lender that asks for too much, and at the agency's console work that stands
// still, rights that are too wide, two trust lists that cannot both be, and a key that waits for a second person.

import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, readFileSync, writeFileSync } from "node:fs";
import { CITIZEN, SOON, command, file, lender, login, must, program, published, serveAgain, setUp, start } from "./lib/network.mjs";
import { open } from "./lib/browser.mjs";
import { address, ask, force, go, put, send, take } from "./lib/steps.mjs";
import { LANGUAGES, each, holder, visitor as visit } from "./lib/states.mjs";

let network, browser;
const own = [];
before(async () => { network = await start({ persons: 60, companies: 10 }); browser = await open(); });
after(async () => {
  await browser?.close();
  for (const one of own) await one.end();
  await network?.end();
});

/** A window in each language, logged in at a node, and what is to be done in each. */
const inEach = async (face, node, account, act) => {
  for (const language of Object.keys(LANGUAGES)) {
    const page = await visit(browser, language, await login(network, node, account));
    await act(page, holder(face, language, page), language);
    await page.context().close();
  }
};

/** The one credential of a type that a wallet holds. */
const heldOf = async (home, type) => {
  const { credentials } = await must(network, home, ["wallet", "list"]);
  const found = credentials.find((one) => one.type.includes(type));
  assert.ok(found, `${type} is held`);
  return found;
};

/** Waits until the wallet's credential of a type is in a state. */
const until = async (home, type, state) => {
  for (const begun = Date.now(); Date.now() - begun < SOON;) if ((await heldOf(home, type)).state === state) return;
  assert.equal((await heldOf(home, type)).state, state);
};

const LOAN = "StudentLoanBalance";
const INCOME = "MonthlyIncome";
const PERSON = "urn:eudi:pid";

test("copies that are used up, and a credential that is suspended", async () => {
  const { copies_left: left } = await heldOf("citizen", LOAN);
  for (let copy = 1; copy <= left; copy += 1) {
    const words = ["verifier", "request", "--service", "S15", "--case", `BRUK-${copy}`, "--subject", "-"];
    const { link } = await must(network, "bank", words, `${CITIZEN}\n`);
    const { id } = await must(network, "citizen", ["wallet", "receive", link]);
    await must(network, "citizen", ["--yes", "wallet", "present", id]);
  }
  await must(network, "tax", ["issuer", "suspend", "--subject", "-", "--reason", "test"], `${CITIZEN}\n`);
  await until("citizen", LOAN, "used_up");
  await until("citizen", INCOME, "suspended");
  await inEach("wallet", "citizen", undefined, async (page, held, language) => {
    await each(page, held, {
      "home used up and suspended": "/wallet", "credentials used up and suspended": "/wallet/credentials",
      "credential used up": `/wallet/credentials/${(await heldOf("citizen", LOAN)).id}`,
      "credential suspended": `/wallet/credentials/${(await heldOf("citizen", INCOME)).id}`,
    });
    const desk = await visit(browser, language, await login(network, "bank", "kari"));
    for (const [state, service] of [["used up", "S15"], ["suspended", "S01"]]) {
      await take(page, await ask(desk, service, `MANGLER-${service}-${language}`));
      await held(`request for what is ${state}`);
    }
    await desk.context().close();
  });
});

test("a wallet brought back from its backup, and locked to whoever guesses", async () => {
  const copy = `${network.root}/tests/copy.bevis`;
  file(network, "none", "");
  await must(network, "citizen", ["wallet", "backup", copy]);
  for (const language of Object.keys(LANGUAGES)) {
    const home = `${network.root}/homes/back-${language}`;
    const served = await setUp(network, home);
    own.push(served);
    const page = await visit(browser, language, served.link);
    const held = holder("set-up", language, page);
    assert.equal(await page.getAttribute("html", "lang"), language);
    await held("new");
    const attempt = async (state, content, passphrase) => {
      if (content) await page.setInputFiles("#copy", content);
      await put(page, "#passphrase", passphrase);
      await force(page, "#passphrase");
      await page.waitForSelector('[role="alert"]');
      await held(state);
    };
    await attempt("no backup", null, network.passphrase);
    await attempt("no passphrase", copy, "");
    await attempt("wrong passphrase", copy, "not the passphrase");
    await attempt("no backup of ours", file(network, "text.bevis", "this is no backup"), network.passphrase);
    await page.goto(new URL("/setup/0123456789abcdef", served.link).href);
    await held("another link");
    await page.goto(new URL("/wallet", served.link).href);
    await held("nowhere");
    await page.goto(served.link);
    await page.setInputFiles("#copy", copy);
    await page.fill("#passphrase", network.passphrase);
    await send(page, "#passphrase");
    await page.waitForSelector(".alert.good");
    await held("done");
    const ready = await served.ready();
    await page.goto(ready.login);
    await until(`back-${language}`, INCOME, "suspended");
    const back = holder("wallet back", language, page);
    const bare = await heldOf(`back-${language}`, PERSON);
    assert.equal(bare.state, "copies_void");
    await each(page, back, { "home": "/wallet", "credential whose copies count as used": `/wallet/credentials/${bare.id}` });
    // Guessed at until no more guesses are taken.
    await page.click('form[action="/lock"] button');
    let guesses = 0;
    for (let was = ""; !was.includes("rate_limited"); guesses += 1) {
      assert.ok(guesses < 10, "guesses have an end");
      await page.goto(new URL("/wallet", page.url()).href);
      await page.fill("#passphrase", "not the passphrase");
      await send(page, "#passphrase");
      await page.waitForSelector('[role="alert"]');
      was = await page.textContent("main");
    }
    assert.ok(guesses > 1, "one guess is not too many");
    await back("locked too many wrong");
    await go(page, "/wallet");
    await page.fill("#passphrase", network.passphrase);
    await send(page, "#passphrase");
    await page.waitForSelector('[role="alert"]');
    await back("locked right but too late");
    await page.context().close();
  }
});

/** A lender that asks for what it may not. */
const LENDER = { did: "did:web:kjapplaan.example", number: "218405185", name: "KJAPPLÅN AS" };
const PAPERS = () => `${network.root}/secrets/papers`;
let lending;

test("a lender asks for what it may not, and one that waits may not ask any more", async () => {
  lending = await lender(network, LENDER);
  own.push(lending);
  await must(network, "citizen", ["trust", "import", lending.bundle]);
  const [loan, income] = [`urn:bevis:${LOAN}:1`, `urn:bevis:${INCOME}:1`];
  const waiting = await lending.asks(income, [["personidentifikator"], ["derived", "sumKontantytelse"]]);
  const { id } = await must(network, "citizen", ["wallet", "receive", waiting]);
  await inEach("wallet", "citizen", undefined, async (page, held) => {
    await go(page, "/wallet/receive");
    await page.fill("#link", await lending.asks(loan, [["TotalAmount", "amount"]]));
    await send(page, "#link");
    await page.waitForSelector('[role="alert"] code:has-text("over_ask")');
    await held("asked for too much");
    await go(page, `/wallet/requests/${id}`);
    assert.equal(await page.locator('[role="alert"]').count(), 0, "what it may ask is shown as usual");
  });
  const without = await published(network, "without-loans", ["--base", lending.bundle, "--update", LENDER.did, "--no-services"]);
  await must(network, "citizen", ["trust", "import", without]);
  await inEach("wallet", "citizen", undefined, async (page, held) => {
    await each(page, held, { "home with a request for too much": "/wallet", "requests with one for too much": "/wallet/requests" });
    await go(page, `/wallet/requests/${id}`);
    await page.waitForSelector('[role="alert"] code:has-text("over_ask")');
    assert.equal(await page.locator('button[value="yes"]').count(), 0, "nothing can be shared");
    await held("request for too much");
    await page.fill("#passphrase", "not the passphrase");
    await Promise.all([page.waitForNavigation(), page.click('button[value="no"]')]);
    await held("request for too much wrong passphrase");
  });
});

/** Sends the form of a page whose address ends in a name, without showing the page; gives the page that comes after, if there was such a form. */
const sent = async (page, html, name, typed = {}) => {
  const [, action, fields] = new RegExp(`<form[^>]* action="([^"]*/${name})"[^>]*>(.*?)</form>`, "s").exec(html) ?? [];
  if (!action) return null;
  const hidden = Object.fromEntries([...fields.matchAll(/name="([^"]+)" value="([^"]*)"/g)].map(([, name, value]) => [name, value]));
  const settings = { form: { ...hidden, ...typed }, headers: { Origin: address(page) } };
  return (await page.context().request.post(`${address(page)}${action}`, settings)).text();
};

/** A page as it is now, without showing it. */
const fetched = async (page, path) => (await page.context().request.get(`${address(page)}${path}`)).text();

/** A register's file is looked at, and its import begins and is stopped at once; gives the path of its page. */
const begun = async (page, type, lines) => {
  await go(page, `/console/registers/${type}`);
  await page.setInputFiles("#file", file(network, `${type}.jsonl`, `${lines.join("\n")}\n`));
  await send(page, "#file");
  await page.waitForSelector('[data-part="found"][data-state="found"]', { timeout: 120_000 });
  await page.click('form[action$="/import"] button');
  await page.waitForURL(/\/registers\/imports\//);
  const { pathname } = new URL(page.url());
  assert.ok(await sent(page, await fetched(page, pathname), "pause"), "it runs for some seconds");
  return pathname;
};

/** Persons in the registers: their imports last for all of the test. */
const MANY = 20_000;
/** How often it may come to its end before it is stopped. */
const TRIES = 4;

test("a change of many is under way, and stopped for a while", async () => {
  const per = await visit(browser, "nb", await login(network, "tax", "per"));
  const folder = `${network.root}/tests-register`;
  execFileSync(program(), ["demo", "population", "--persons", `${MANY}`, "--companies", "10", "--seed", "7", "--out", folder]);
  const lines = (name) => readFileSync(`${folder}/${name}.jsonl`, "utf8").trim().split("\n").filter((line) => !line.includes(CITIZEN));
  // Few credentials are issued here. A step of each import comes between two steps of the change, so that it takes as long as one of more.
  const imports = [await begun(per, "C02", lines("income")), await begun(per, "C03", lines("tax"))];
  const all = (name) => Promise.all(imports.map(async (one) => sent(per, await fetched(per, one), name)));
  const { issued } = await must(network, "tax", ["issuer", "status", "--subject", "-"], `${CITIZEN}\n`);
  // Each in lines of its own that are looked at together: each is a step.
  const named = file(network, "named.csv", `credential\n${issued.map((one) => one.id).join("\n".repeat(251))}\n`);
  let change = issued.every((one) => one.state === "suspended") ? "reinstate" : "suspend";
  const proposed = async () => {
    await go(per, "/console/credentials/bulk/new");
    await per.selectOption("#change", change);
    await per.fill("#reason", "Prøve");
    await per.selectOption("#names", "credential");
    await per.setInputFiles("#file", named);
    await send(per, "#file");
    await per.waitForSelector('[data-state="proposed"]');
    change = change === "suspend" ? "reinstate" : "suspend";
    return new URL(per.url()).pathname;
  };
  /** One that was agreed to, and stopped in the middle. */
  const paused = async (page) => {
    for (let tries = 1; tries <= TRIES; tries += 1) {
      const path = await proposed();
      const html = await fetched(page, path);
      await all("resume");
      await sent(page, await sent(page, html, "approve", { passphrase: network.passphrase }), "pause");
      await all("pause");
      await go(page, path);
      await page.waitForSelector('[data-state="paused"], [data-state="finished"]');
      if (await page.locator('[data-part="stage"][data-state="paused"]').count()) return path;
    }
    return assert.fail(`it came to its end ${TRIES} times before it was stopped`);
  };
  /** One that was agreed to, whose page was given while it ran. */
  const running = async (page) => {
    for (let tries = 1; tries <= TRIES; tries += 1) {
      const path = await proposed();
      await go(page, path);
      await page.fill("#passphrase", network.passphrase);
      await all("resume");
      await page.click('form[action$="/approve"] button');
      await page.waitForSelector('[data-part="stage"]:not([data-state="proposed"])');
      await all("pause");
      if (await page.locator('[data-part="stage"][data-state="running"]').count()) return path;
    }
    return assert.fail(`it came to its end ${TRIES} times before it was shown`);
  };
  const finished = async (path) => {
    await go(per, path);
    await per.waitForSelector('[data-part="stage"][data-state="finished"]');
  };
  for (const language of Object.keys(LANGUAGES)) {
    const page = await visit(browser, language, await login(network, "tax", "anne"));
    const held = holder("console", language, page);
    const stopped = await paused(page);
    await held("bulk paused");
    await go(page, "/console/credentials/bulk");
    await held("bulks with a paused one");
    await go(page, stopped);
    await page.click('form[action$="/resume"] button');
    await finished(stopped);
    // It goes on showing what it was given, and not what comes after.
    await page.route("**/events*", (route) => route.fulfill({ status: 204 }));
    const path = await running(page);
    await held("bulk running");
    await finished(path);
    await page.context().close();
  }
  await per.context().close();
});

test("the console tells of rights that are too wide, and of trust lists that cannot all be", async () => {
  const older = `${PAPERS()}/trust.json`;
  const base = `${network.root}/tests/without-loans.json`;
  // What anchors sign twice under one number: the second time from copies of their homes, which do not know of the first.
  for (const anchor of ["anchor", "anchor-bank"]) {
    cpSync(`${network.root}/homes/${anchor}`, `${network.root}/homes/${anchor}-copy`, { recursive: true });
    await must(network, `${anchor}-copy`, ["trust", "import", base]);
  }
  const one = await published(network, "one", ["--base", base, "--remove", LENDER.did]);
  const other = await published(network, "other", ["--base", base, "--update", LENDER.did, "--service", "S01"], ["anchor-copy", "anchor-bank-copy"]);
  await must(network, "tax", ["trust", "import", one]);
  for (const [bundle, code] of [[older, "trust_rollback"], [other, "trust_conflict"]]) {
    assert.equal((await command(network, "tax", ["trust", "import", bundle])).answer.code, code);
  }
  const home = `${network.root}/homes/tax`;
  chmodSync(home, 0o755);
  const { alarms } = await must(network, "tax", ["node", "alarms"]);
  assert.deepEqual(alarms.map((alarm) => alarm.code).sort(), ["trust_conflict", "trust_rollback"]);
  await inEach("console", "tax", "per", async (page, held) => {
    await go(page, "/console");
    await page.waitForSelector('[data-part="health"][data-state="fail"]');
    await held("home with something wrong");
    await go(page, "/console/health");
    assert.ok(await page.locator('[data-part="findings"] .state.bad').count() >= 2, "rights and lists");
    await held("health with something wrong");
    await go(page, "/console/trust");
    assert.equal(await page.locator('[data-part="alarms"] .alert.danger').count(), 2);
    await held("trust with alarms");
    for (const alarm of alarms) {
      await go(page, `/console/trust/alarms/${alarm.id}`);
      await held(`alarm ${alarm.code}`);
    }
    await go(page, "/console/trust/alarms/0123456789abcdef");
    await held("no alarm");
  });
  chmodSync(home, 0o700);
  await inEach("console", "tax", "per", async (page, held) => {
    await go(page, `/console/trust/alarms/${alarms[0].id}`);
    if (await page.locator("main form button.primary").count()) {
      await page.click("main form button.primary");
      await page.waitForURL(/\/alarms\//);
      await page.waitForSelector('main p[role="status"]');
    }
    await held("alarm looked at");
  });
});

/** Ends a node that the demo began, and serves its home again with other settings. */
const withSettings = async (node, change) => {
  process.kill(network.pids[node], "SIGTERM");
  const path = `${network.root}/homes/${node}/bevis.toml`;
  writeFileSync(path, change(readFileSync(path, "utf8")));
  own.push(await serveAgain(network, node));
};

test("a new key waits for a second person", async () => {
  await withSettings("tax", (text) => text.replace(/^\[issuer\]$/m, "[issuer]\ntwo_persons = true"));
  await inEach("console", "tax", "per", async (page, held, language) => {
    const anne = await visit(browser, language, await login(network, "tax", "anne"));
    const heldAnne = holder("console", language, anne);
    await go(page, "/console/trust/rotate");
    await page.fill("#passphrase", "not the passphrase");
    await send(page, "#passphrase");
    await page.waitForSelector('[role="alert"]');
    await held("rotate wrong passphrase");
    await page.fill("#passphrase", network.passphrase);
    await send(page, "#passphrase");
    await page.waitForSelector('[data-part="proposed"] form[action$="/cancel"]');
    assert.equal(await page.locator('form[action$="/approve"]').count(), 0, "who proposed has no button that agrees");
    await held("key proposed");
    await go(anne, "/console/trust");
    await heldAnne("key to agree to");
    await force(anne, "#passphrase");
    await heldAnne("key no passphrase");
    await anne.fill("#passphrase", "not the passphrase");
    await send(anne, "#passphrase");
    await anne.waitForSelector('[role="alert"]:visible');
    await heldAnne("key wrong passphrase");
    if (language === "nb") {
      await anne.click('form[action$="/cancel"] button');
    } else {
      await anne.fill("#passphrase", network.passphrase);
      await send(anne, "#passphrase");
    }
    await anne.waitForSelector('[data-part="proposed"] a[href="/console/trust/rotate"]');
    await heldAnne(language === "nb" ? "key called off" : "key made");
    await anne.context().close();
  });
  await inEach("console", "tax", "per", async (page, held) => {
    await each(page, held, { "trust with a key that is not listed": "/console/trust", "record of a key": "/console/record" });
  });
});
