// Every state of every page, in two languages: held against axe, light, dark and in forced colours, 320 px, 400 %, keyboard and weight.
// What each state says is tested where the pages are; here it is whether a person can read and use it.

import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { CITIZEN, REFUSED, SOON, file, login, must, start, wallet as newWallet } from "./lib/network.mjs";
import { open, person, tabTo } from "./lib/browser.mjs";
import { LANGUAGES, each, holder, visitor as visit } from "./lib/states.mjs";
import { ask, address, change, decide, fillRequest, find, force, go, put, send, take } from "./lib/steps.mjs";
import { ofNobody } from "./lib/links.mjs";

/** The demo's company, whose manager is its citizen. */
const COMPANY = "219840365";
/** Seconds that a request waits which nobody answers. */
const SHORT = 6;
const MIB = 1 << 20;

let network, browser;
const own = [];
before(async () => { network = await start({ persons: 60, companies: 10 }); browser = await open(); });
after(async () => {
  await browser?.close();
  for (const one of own) await one.end();
  await network?.end();
});

/** A window, logged in at a node in a language. */
const visitor = (language, link) => visit(browser, language, link);

for (const language of Object.keys(LANGUAGES)) {
  test(`a wallet that is new, of a person and of a company (${language})`, async () => {
    const served = await newWallet(network, `new-${language}`, { title: "Ny lommebok", colour: "grey" });
    own.push(served);
    const page = await visitor(language, served.link);
    const held = holder("wallet new", language, page);
    await each(page, held, {
      "home": "/wallet", "requests": "/wallet/requests", "credentials": "/wallet/credentials", "history": "/wallet/history",
      "grants": "/wallet/grants", "grants found": "/wallet/grants/found", "receive": "/wallet/receive", "settings": "/wallet/settings",
    });
    // Wrong passphrases until no more are taken.
    for (let attempt = 1; attempt <= 6; attempt += 1) {
      await page.fill("#export", "not the passphrase");
      await force(page, "#export");
      if (attempt === 1) await held("settings wrong passphrase");
    }
    await held("settings too many wrong");
    const company = await newWallet(network, `company-${language}`, { title: "Ny firmalommebok", colour: "purple", organisation: COMPANY });
    own.push(company);
    const firm = await visitor(language, company.link);
    const heldFirm = holder("wallet new company", language, firm);
    await each(firm, heldFirm, { "home": "/wallet", "credentials": "/wallet/credentials", "settings": "/wallet/settings" });
    const { link } = await must(network, "registry", ["issuer", "offer", "--type", "C06"]);
    await go(firm, "/wallet/receive");
    await firm.fill("#link", link);
    await send(firm, "#link");
    await firm.waitForURL(/\/wallet\/carry\//);
    await heldFirm("carry to the person");
    const carried = await firm.inputValue("#carried");
    await go(firm, "/wallet");
    await heldFirm("home with a text to carry");
    const citizen = await visitor(language, await login(network, "citizen"));
    await take(citizen, carried);
    await holder("wallet", language, citizen)("request to open a company's wallet");
    await citizen.fill("#passphrase", network.passphrase);
    await citizen.click('button[name="decision"][value="yes"]');
    await citizen.waitForURL(/\/wallet\/carry\//);
    await holder("wallet", language, citizen)("carry back");
    const back = await citizen.inputValue("#carried");
    await go(firm, "/wallet/receive");
    await firm.fill("#link", back);
    await send(firm, "#link");
    await firm.waitForURL(/\/wallet\/credentials\/.*new=1/);
    await heldFirm("collected");
    await citizen.context().close();
    await firm.context().close();
    await page.context().close();
  });

  test(`a wallet in use (${language})`, async () => {
    const page = await visitor(language, await login(network, "citizen"));
    const held = holder("wallet", language, page);
    await each(page, held, {
      "home": "/wallet", "credentials": "/wallet/credentials", "history": "/wallet/history", "history from": "/wallet/history?from=2",
      "receive": "/wallet/receive", "receive what is missing": "/wallet/receive?type=urn:bevis:MonthlyIncome:1",
      "receive of nobody": "/wallet/receive?type=urn:bevis:AapDecision:1", "settings": "/wallet/settings",
      "settings changed": "/wallet/settings?changed=1", "nowhere": "/wallet/nowhere", "no request": "/wallet/requests/nothing",
      "no credential": "/wallet/credentials/nothing", "no grant": "/wallet/grants/nothing", "no event": "/wallet/history/999999",
      "no access": "/desk", "bent link": "/wallet/open?link=bevis:offer/abc",
    });
    await go(page, "/wallet");
    await page.click('a[href^="/wallet/credentials/"]');
    await held("credential");
    await page.click('a[href$="/delete"]');
    await held("credential delete");
    await go(page, "/wallet/history");
    await page.click('main a[href^="/wallet/history/"]:not([href*="export"])');
    await held("event");
    await page.click('a[href$="/forget"]');
    await held("event forget");
    // Settings.
    await go(page, "/wallet/settings");
    await page.fill("#old", network.passphrase);
    await page.fill("#new", "short");
    await page.fill("#again", "short");
    await force(page, "#old");
    await held("settings new passphrase too short");
    await page.fill("#old", network.passphrase);
    await page.fill("#new", "long enough for one");
    await page.fill("#again", "but not the same as that");
    await force(page, "#old");
    await held("settings new passphrases differ");
    await force(page, "#backup");
    await held("settings no passphrase");
    // Locked, and unlocked.
    await go(page, "/wallet/history");
    await page.click('form[action="/lock"] button');
    await held("locked");
    await page.fill("#passphrase", "not the passphrase");
    await force(page, "#passphrase");
    await held("locked wrong passphrase");
    await go(page, "/wallet/history");
    await page.fill("#passphrase", network.passphrase);
    await send(page, "#passphrase");
    await page.waitForURL(/\/wallet\/history/);
    // Locked in another window before this one sent something.
    const other = await page.context().newPage();
    await other.goto(`${address(page)}/wallet`);
    // It hears nothing of the lock.
    await page.route("**/events*", (route) => route.fulfill({ status: 204 }));
    await go(page, "/wallet/receive");
    await page.fill("#link", "bevis:offer/abc");
    await other.click('form[action="/lock"] button');
    await other.waitForSelector("#passphrase");
    await send(page, "#link");
    await page.waitForSelector("#passphrase");
    await held("locked before it was sent");
    await page.fill("#passphrase", network.passphrase);
    await send(page, "#passphrase");
    await page.waitForURL(/\/wallet$/);
    await page.unroute("**/events*");
    await other.close();
    // Nobody is let in.
    const stranger = await person(browser, { locale: LANGUAGES[language] });
    await stranger.goto(`${address(page)}/wallet`);
    await held("not logged in", stranger);
    await stranger.goto(`${address(page)}/login/0123456789abcdef`);
    await held("link spent", stranger);
    await stranger.context().close();
    await page.context().close();
  });

  test(`what comes into a wallet (${language})`, async () => {
    const page = await visitor(language, await login(network, "citizen"));
    const desk = await visitor(language, await login(network, "bank", "kari"));
    const held = holder("wallet receive", language, page);
    const link = await ask(desk, "S01", `INN-${language}`);
    const picture = file(network, `code-${language}.png`, await desk.locator("svg.qr").screenshot());
    const receive = () => go(page, "/wallet/receive");
    const typed = async (state, link, code) => {
      await receive();
      await put(page, "#link", link);
      if (code !== undefined) await put(page, "#code", code);
      await force(page, "#link");
      await held(state);
    };
    await typed("nothing", "");
    await typed("no link", "hello");
    await typed("too long", "x".repeat(140_000));
    const { link: offer } = await must(network, "identity", ["issuer", "offer", "--type", "C01", "--subject", "-"], "22824141278\n");
    await typed("no code", offer, "");
    await typed("wrong code", offer, "wrong");
    await typed("link of nobody", ofNobody(link));
    await go(page, `/wallet/open?link=${encodeURIComponent(offer)}`);
    await held("opened an offer");
    await go(page, `/wallet/open?link=${encodeURIComponent(ofNobody(link))}`);
    await held("opened a link of nobody");
    const brought = async (state, path) => {
      await receive();
      if (path) await page.setInputFiles("#picture", path);
      await force(page, "#picture");
      await held(`picture ${state}`);
    };
    await brought("none");
    await brought("no picture", file(network, "text.png", "this is no picture"));
    await brought("too large", file(network, "large.png", Buffer.alloc(5 * MIB, 1)));
    await brought("without a code", file(network, "bare.png", await desk.locator(".brand").screenshot()));
    await brought("of the link", picture);
    await send(page, 'input[name="link"]');
    await page.waitForURL(/\/wallet\/requests\//);
    await page.context().close();
    await desk.context().close();
  });

  test(`what is asked, decided, and what comes after (${language})`, async () => {
    const page = await visitor(language, await login(network, "citizen"));
    const desk = await visitor(language, await login(network, "bank", "kari"));
    const held = holder("wallet", language, page);
    const heldDesk = holder("desk", language, desk);
    const words = ["verifier", "request", "--service", "S01", "--case", `KORT-${language}`, "--subject", "-", "--seconds", `${SHORT}`];
    const short = await must(network, "bank", words, `${CITIZEN}\n`);
    await take(page, short.link);
    const expired = page.url();
    const link = await ask(desk, "S01", `SVAR-${language}`);
    await heldDesk("session waits");
    await take(page, link);
    await held("request");
    await desk.waitForSelector('[data-part="desk-state"]:has-text("◐")', { timeout: SOON });
    await heldDesk("session opened");
    await force(page, "#passphrase");
    await held("request no choice");
    await page.$eval("#decision", (form) => { form.noValidate = true; });
    await Promise.all([page.waitForNavigation(), page.click('button[value="yes"]')]);
    await held("request no passphrase");
    await page.fill("#passphrase", "not the passphrase");
    await Promise.all([page.waitForNavigation(), page.click('button[value="no"]')]);
    await held("request wrong passphrase");
    assert.equal(await page.locator('main [role="alert"]').count(), 1, "what was wrong is still told when something new has come meanwhile");
    await go(page, "/wallet/requests");
    await held("requests");
    await go(page, "/wallet");
    await held("home with what waits");
    await take(page, link);
    await decide(page, "yes", network.passphrase);
    await held("shared");
    await desk.waitForSelector(".alert.good .verdict", { timeout: SOON });
    await heldDesk("session valid");
    await desk.click('a[href$="/receipt"]');
    await heldDesk("receipt");
    await go(page, expired.replace(address(page), ""));
    // It waits as long as it was asked to, and no longer.
    for (const begun = Date.now(); Date.now() - begun < 4_000 * SHORT && await page.locator("#decision").count();) await page.reload();
    await held("request expired");
    await go(desk, `/desk/sessions/${short.session}`);
    await heldDesk("session expired");
    // Asking for deletion, a report, and taking a line away.
    await go(page, "/wallet/history");
    await held("history after sharing");
    await page.click('main tr:has-text("SPAREBANK") a >> nth=0');
    await page.waitForSelector("#receipt");
    await held("event shared");
    await page.click('a[href$="/report"]');
    await held("report");
    await put(page, "#complaint", "x".repeat(20_000));
    await force(page, "#complaint");
    await held("report too long");
    await page.fill("#complaint", "Prøve");
    await send(page, "#complaint");
    await page.waitForSelector('a[href$="/reported"]');
    await held("reported");
    await go(page, "/wallet/history");
    await page.click('main tr:has-text("SPAREBANK") a >> nth=1');
    await page.waitForSelector("#receipt");
    await page.click('form[action$="/erase"] button');
    await page.waitForSelector("#receipt");
    await held("deletion asked");
    await go(desk, "/desk/sessions/" + await session(`SVAR-${language}`));
    await desk.waitForSelector('[data-part="desk-keep"]');
    await heldDesk("session with a deletion");
    // Something that somebody wants for long.
    const lasting = await ask(desk, "S15", `VARIG-${language}`, { grant: true });
    await heldDesk("session asks for a grant");
    await take(page, lasting);
    await held("request for a grant");
    await decide(page, "yes", network.passphrase);
    await held("granted");
    await each(page, held, { "home with a grant": "/wallet", "grants": "/wallet/grants" });
    await page.click('[data-part="grants"] h2 a');
    await page.waitForSelector('[data-part="grant"]');
    await held("grant");
    await desk.waitForSelector(".alert.good .verdict", { timeout: SOON });
    await heldDesk("session granted");
    await desk.click('[data-part="desk-state"] a[href^="/desk/grants/"]');
    await heldDesk("grant");
    await Promise.all([desk.waitForNavigation(), desk.click('form[action$="/refresh"] button')]);
    await heldDesk("grant fetched");
    await page.click('form[action$="/withdraw"] button');
    await page.waitForSelector('[data-part="grant"] .state.bad');
    await held("grant withdrawn");
    await desk.waitForSelector('[data-part="desk-grant"] .state.bad', { timeout: SOON });
    await heldDesk("grant withdrawn");
    // What the source knows of consents, as for a wallet that was lost.
    await go(page, "/wallet/grants");
    const source = await page.$$eval("#source option", (options) => options.find((option) => option.value.includes("StudentLoan"))?.value);
    await page.selectOption("#source", source);
    await send(page, "#source");
    await page.waitForURL(/\/wallet\/requests\//);
    await held("request to ask a source");
    await page.fill("#passphrase", network.passphrase);
    await page.click('button[name="decision"][value="yes"]');
    await page.waitForURL(/\/wallet\/grants\/found/);
    await held("grants that a source has shown");
    // A no.
    await take(page, await ask(desk, "S15", `NEI-${language}`, { seconds: "120" }));
    await decide(page, "no", network.passphrase);
    await held("refused");
    await desk.waitForSelector('[data-part="desk-state"] .alert.unsure', { timeout: REFUSED });
    await heldDesk("session nothing shared");
    await page.context().close();
    await desk.context().close();
  });

  test(`the desk (${language})`, async () => {
    const page = await visitor(language, await login(network, "bank", "kari"));
    const held = holder("desk", language, page);
    await each(page, held, {
      "cases": "/desk", "cases waiting": "/desk?state=waiting", "cases of a service": "/desk?service=S15", "services": "/desk/new",
      "form S01": "/desk/new/S01", "form S15": "/desk/new/S15", "form K01": "/desk/new/K01", "no service": "/desk/new/S99",
      "grants": "/desk/grants", "notices": "/desk/notices", "no session": "/desk/sessions/nothing", "no grant": "/desk/grants/nothing",
      "nowhere": "/desk/nowhere", "no access": "/console",
    });
    await go(page, "/desk");
    await page.fill("#case", "nothing has this number");
    await send(page, "#case");
    await page.waitForSelector('[role="alert"]');
    await held("case not found");
    await page.fill("#case", `NEI-${language}`);
    await send(page, "#case");
    await page.waitForURL(/like=/);
    await held("case found");
    const mistaken = async (state, service, reference, subject) => {
      await go(page, `/desk/new/${service}`);
      await put(page, "#case", reference);
      await put(page, "#subject", subject);
      await force(page, "#case");
      await held(`form ${state}`);
    };
    await mistaken("empty", "S15", "", "");
    await mistaken("number wrong", "S01", "SAK-1", "12345678901");
    await mistaken("number in case", "S01", CITIZEN, COMPANY);
    await mistaken("number of a person", "K01", "SAK-1", CITIZEN);
    await mistaken("too long", "S01", "x".repeat(5_000), CITIZEN);
    await go(page, "/desk/new/S15");
    await page.fill("#case", "SAK-2");
    await page.fill("#subject", CITIZEN);
    await page.check("#kind-grant");
    await page.locator("details:has(#days)").evaluate((details) => { details.open = true; });
    await put(page, "#days", "9999");
    await put(page, "#uses", "many");
    await force(page, "#case");
    await held("form grant terms");
    await fillRequest(page, "S01", `ÅPEN-${language}`);
    await page.locator("#narrowing").evaluate((details) => { details.open = true; });
    await held("form all open");
    await send(page, "#case");
    await page.waitForURL(/\/desk\/sessions\//);
    await fillRequest(page, "S01", `ÅPEN-${language}`);
    await send(page, "#case");
    await page.waitForURL(/already=1/);
    await held("session already open");
    await page.click('form[action$="/close"] button');
    await page.waitForSelector('[data-part="desk-state"] .alert.unsure');
    await held("session closed");
    await page.context().close();
  });

  test(`the console (${language})`, async () => {
    const page = await visitor(language, await login(network, "tax", "per"));
    const anne = await visitor(language, await login(network, "tax", "anne"));
    const held = holder("console", language, page);
    await each(page, held, {
      "home": "/console", "registers": "/console/registers", "register": "/console/registers/C02", "credentials": "/console/credentials",
      "offer": "/console/credentials/offers/new", "offer gone": "/console/credentials/offers/0123456789abcdef0123456789abcdef",
      "bulk": "/console/credentials/bulk", "bulk form": "/console/credentials/bulk/new", "lists": "/console/lists",
      "publish": "/console/lists/publish", "trust": "/console/trust", "rotate": "/console/trust/rotate", "record": "/console/record",
      "record checked": "/console/record?check=1", "health": "/console/health", "no register": "/console/registers/C04",
      "no import": "/console/registers/imports/0123456789abcdef", "nowhere": "/console/nowhere", "no access": "/wallet",
    });
    const brought = async (state, name, content) => {
      await go(page, "/console/registers/C02");
      if (content !== undefined) await page.setInputFiles("#file", file(network, name, content));
      await force(page, "#file");
      await page.waitForSelector('[role="alert"], [data-state="found"]');
      await held(`file ${state}`);
    };
    await brought("none");
    await brought("empty", "empty.csv", "");
    await brought("no text", "sheet.csv", Buffer.from("PK\u0003\u0004\u0000\u0001sheet"));
    await brought("an array", "array.jsonl", "[{\"a\": 1}]\n");
    await brought("no header", "header.csv", "a;a;b\n1;2;3\n");
    await brought("all wrong", "wrong.jsonl", "{\"a\": 1}\nnot JSON\n");
    await Promise.all([page.waitForNavigation(), page.click('form[action$="/discard"] button')]);
    const rows = await must(network, "tax", ["issuer", "status"]);
    assert.ok(rows);
    // Looking for somebody.
    const looked = async (state, by, value) => {
      await go(page, "/console/credentials");
      await page.selectOption("#by", by);
      await put(page, "#value", value);
      await force(page, "#value");
      await held(`find ${state}`);
    };
    await looked("nothing", "subject", "");
    await looked("no number", "subject", "12345678901");
    await looked("no id", "credential", "abc");
    await looked("nobody", "subject", "22824141278");
    await looked("somebody", "subject", CITIZEN);
    const type = language === "nb" ? "Månedsinntekt" : "Monthly income";
    await find(page, type);
    await held("credential");
    const credential = page.url();
    for (const step of ["suspend", "revoke"]) {
      await page.goto(`${credential}/${step}`);
      await held(`credential ${step}`);
      await force(page, "#reason");
      await held(`credential ${step} no reason`);
      await put(page, "#reason", `about ${CITIZEN}`);
      await force(page, "#reason");
      await held(`credential ${step} a number in the reason`);
    }
    await page.goto(credential);
    await change(page, "suspend", "Prøve");
    await held("credential suspended");
    await page.goto(`${credential}/suspend`);
    await held("credential suspended already");
    await page.goto(credential);
    await page.click('a[href$="/reinstate"]');
    await held("credential reinstate");
    await page.fill("#reason", "Prøve");
    await send(page, "#reason");
    await page.waitForSelector(".verdict .good");
    // An invitation.
    await go(page, "/console/credentials/offers/new");
    await send(page, "#open-kind");
    await page.waitForURL(/\/offers\/[0-9a-f]+/);
    await held("offer made");
    await Promise.all([page.waitForNavigation(), page.click('form[action$="/close"] button')]);
    await held("offer closed");
    // Many at once, called off by the other one.
    await go(page, "/console/credentials/bulk/new");
    await force(page, "#reason");
    await held("bulk no reason");
    await page.fill("#reason", "Prøve");
    await force(page, "#reason");
    await held("bulk no file");
    await page.selectOption("#change", "suspend");
    await page.fill("#reason", "Prøve");
    await page.selectOption("#names", "subject");
    await page.setInputFiles("#file", file(network, `bulk-${language}.csv`, `subject\n${CITIZEN}\nnobody\n`));
    await send(page, "#file");
    await page.waitForSelector('[data-state="proposed"]');
    await held("bulk proposed");
    await anne.goto(page.url());
    await held("bulk to agree to", anne);
    await force(anne, "#passphrase");
    await held("bulk no passphrase", anne);
    await go(anne, "/console");
    await held("home with a proposal", anne);
    await anne.goto(page.url());
    await anne.click('form[action$="/cancel"] button');
    await anne.waitForSelector('[data-state="cancelled"]');
    await held("bulk called off", anne);
    await page.context().close();
    await anne.context().close();
  });
}

/** The newest session of a case. */
const session = async (reference) => {
  const { sessions } = await must(network, "bank", ["verifier", "sessions"]);
  const found = sessions.find((one) => one.case === reference);
  assert.ok(found, `a session of ${reference}`);
  return found.id ?? found.session;
};

test("the pages of each face (nn)", async () => {
  const wallet = await visitor("nn", await login(network, "citizen"));
  assert.equal(await wallet.getAttribute("html", "lang"), "nn");
  const desk = await visitor("nn", await login(network, "bank", "kari"));
  await each(wallet, holder("wallet", "nn", wallet), {
    "home": "/wallet", "requests": "/wallet/requests", "credentials": "/wallet/credentials", "history": "/wallet/history",
    "grants": "/wallet/grants", "receive": "/wallet/receive", "settings": "/wallet/settings", "nowhere": "/wallet/nowhere",
  });
  await go(wallet, "/wallet");
  await wallet.click('a[href^="/wallet/credentials/"]');
  await holder("wallet", "nn", wallet)("credential");
  await each(desk, holder("desk", "nn", desk), {
    "cases": "/desk", "services": "/desk/new", "form S01": "/desk/new/S01", "form S15": "/desk/new/S15", "grants": "/desk/grants",
    "notices": "/desk/notices",
  });
  await take(wallet, await ask(desk, "S15", "NYNORSK"));
  await holder("wallet", "nn", wallet)("request");
  await decide(wallet, "yes", network.passphrase);
  await holder("wallet", "nn", wallet)("shared");
  await desk.waitForSelector(".alert.good .verdict", { timeout: SOON });
  await holder("desk", "nn", desk)("session valid");
  const console_ = await visitor("nn", await login(network, "tax", "per"));
  await each(console_, holder("console", "nn", console_), {
    "home": "/console", "registers": "/console/registers", "register": "/console/registers/C02", "credentials": "/console/credentials",
    "offer": "/console/credentials/offers/new", "bulk": "/console/credentials/bulk", "bulk form": "/console/credentials/bulk/new",
    "lists": "/console/lists", "publish": "/console/lists/publish", "trust": "/console/trust", "rotate": "/console/trust/rotate",
    "record": "/console/record", "health": "/console/health",
  });
  for (const one of [wallet, desk, console_]) await one.context().close();
});

test("one whole decision by keyboard alone, in each language the page is in", async () => {
  const desk = await visitor("nb", await login(network, "bank", "kari"));
  for (const language of ["nb", "nn", "en"]) {
    const page = await person(browser, { locale: language === "nn" ? "nn-NO" : LANGUAGES[language] });
    await page.goto(await login(network, "citizen"));
    const link = await ask(desk, "S15", `TAST-${language}`);
    const press = async (selector, key = "Enter") => { await tabTo(page, selector); await page.keyboard.press(key); };
    await press('.ways a[href="/wallet/receive"]');
    await page.waitForURL(/\/wallet\/receive/);
    await tabTo(page, "#link");
    await page.keyboard.insertText(link);
    await press('form:has(#link) button[type="submit"]');
    await page.waitForURL(/\/wallet\/requests\//);
    assert.equal(await page.getAttribute("html", "lang"), language);
    await tabTo(page, "#passphrase");
    await page.keyboard.type(network.passphrase);
    // Enter in the field decides nothing.
    await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
    assert.equal(await page.locator('[role="alert"]').count(), 1, "it says that neither yes nor no was chosen");
    await tabTo(page, "#passphrase");
    await page.keyboard.type(network.passphrase);
    await press('button[value="no"]', "Space");
    await page.waitForSelector("#receipt");
    assert.equal(await page.evaluate(() => document.activeElement.id), "receipt", "the focus is where the answer stands");
    await page.context().close();
  }
  await desk.context().close();
});

test("the skip link leads past the way around, and the language is changed without losing the place", async () => {
  const page = await visitor("nb", await login(network, "citizen"));
  await go(page, "/wallet/history");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  for (const language of ["en", "nn", "nb"]) {
    await page.click(`.languages button[value="${language}"]`);
    await page.waitForSelector(`html[lang="${language}"]`);
    assert.match(page.url(), /\/wallet\/history$/);
  }
  await page.context().close();
});

test("the whole story without scripts", async () => {
  const settings = { javaScriptEnabled: false, locale: "nb-NO" };
  const [wallet, desk, console_] = await Promise.all([1, 2, 3].map(() => person(browser, settings)));
  await wallet.goto(await login(network, "citizen"));
  await desk.goto(await login(network, "bank", "kari"));
  await console_.goto(await login(network, "tax", "per"));
  const link = await ask(desk, "S01", "UTEN-SKRIPT");
  await take(wallet, link);
  await decide(wallet, "yes", network.passphrase);
  const until = async (page, selector) => {
    for (let tries = 0; tries < 40; tries += 1) {
      if (await page.locator(selector).count()) return;
      await page.click('main a:text-is("Oppdater")');
    }
    throw new Error(`${selector} did not come`);
  };
  await until(desk, ".alert.good .verdict");
  assert.equal(await desk.locator("button.when-script:visible").count(), 0, "no button that needs a script is shown");
  await find(console_, "Månedsinntekt");
  await change(console_, "suspend", "Uten skript");
  await until(desk, '[data-part="desk-state"] .alert.danger');
  await go(wallet, "/wallet");
  await until(wallet, '[data-part="held"] li:has-text("Månedsinntekt") .state.unsure');
  await change(console_, "reinstate", "Uten skript");
  for (const page of [wallet, desk, console_]) await page.context().close();
});

test("what was revoked, and what is missing then", async () => {
  await must(network, "tax", ["issuer", "revoke", "--subject", "-", "--reason", "test"], `${CITIZEN}\n`);
  for (const language of Object.keys(LANGUAGES)) {
    const page = await visitor(language, await login(network, "citizen"));
    const desk = await visitor(language, await login(network, "bank", "kari"));
    const console_ = await visitor(language, await login(network, "tax", "per"));
    const held = holder("wallet", language, page);
    await page.waitForSelector('[data-part="held"] .state.bad', { timeout: SOON });
    await held("home with what was revoked");
    await page.click('li:has(.state.bad) a[href^="/wallet/credentials/"]');
    await held("credential revoked");
    await go(page, "/wallet/credentials");
    await held("credentials with what was revoked");
    await take(page, await ask(desk, "S01", `MANGLER-${language}`));
    await held("request for what is missing");
    await page.fill("#passphrase", "not the passphrase");
    await Promise.all([page.waitForNavigation(), page.click('button[value="no"]')]);
    await held("request for what is missing wrong passphrase");
    await go(desk, "/desk?state=valid");
    await holder("desk", language, desk)("cases with what was revoked");
    await desk.click("main tbody tr:has(.state.bad) a >> nth=0");
    await holder("desk", language, desk)("session with what was revoked");
    await find(console_, language === "nb" ? "Månedsinntekt" : "Monthly income");
    await holder("console", language, console_)("credential revoked");
    for (const one of [page, desk, console_]) await one.context().close();
  }
});
