// What people do at the pages, each step as they do it: by clicks and typing. What several files of tests need is here.

import { CITIZEN } from "./network.mjs";

/** Where the pages of a window's node are. */
export const address = (page) => new URL(page.url()).origin;

/** Goes to a page of the same node. */
export const go = (page, path) => page.goto(`${address(page)}${path}`);

/** Presses the button that sends the form with this field. */
export const send = (page, field) => page.click(`main form:has(${field}) button[type="submit"]:visible`);

/** The desk fills in a request, and does not send it yet. */
export const fillRequest = async (desk, service, reference, { grant = false, seconds = "", subject = CITIZEN } = {}) => {
  await go(desk, "/desk/new");
  await desk.click(`a[href="/desk/new/${service}"]`);
  await desk.fill("#case", reference);
  await desk.fill("#subject", subject);
  if (await desk.locator("#kind-once").count()) await desk.check(grant ? "#kind-grant" : "#kind-once");
  if (seconds) {
    await desk.locator("details:has(#seconds)").evaluate((details) => { details.open = true; });
    await desk.selectOption("#seconds", seconds);
  }
};

/** The desk asks; gives the `bevis:` text that the customer gets. */
export const ask = async (desk, service, reference, settings = {}) => {
  await fillRequest(desk, service, reference, settings);
  await send(desk, "#case");
  await desk.waitForURL(/\/desk\/sessions\//);
  return desk.inputValue("#link");
};

/** The wallet takes a text and stands at what it asks. */
export const take = async (wallet, link) => {
  await go(wallet, "/wallet/receive");
  await wallet.fill("#link", link);
  await send(wallet, "#link");
  await wallet.waitForURL(/\/wallet\/requests\//);
};

/** The person decides what they have before them. */
export const decide = async (wallet, decision, passphrase) => {
  await wallet.fill("#passphrase", passphrase);
  await wallet.click(`button[name="decision"][value="${decision}"]:visible`);
  await wallet.waitForSelector("#receipt");
};

/** The console finds the credentials of somebody, and opens the one of a type. */
export const find = async (console_, type, subject = CITIZEN) => {
  await go(console_, "/console/credentials");
  await console_.selectOption("#by", "subject");
  await console_.fill("#value", subject);
  await send(console_, "#value");
  await console_.click(`main tr:has-text("${type}") a[href^="/console/credentials/"]`);
  await console_.waitForSelector(".verdict");
};

/** The console changes what it has before it. */
export const change = async (console_, step, reason) => {
  await console_.click(`a[href$="/${step}"]`);
  await console_.fill("#reason", reason);
  await send(console_, "#reason");
  await console_.waitForSelector(".verdict");
};

/** Sends a form as it stands, past what the browser itself would refuse. */
export const force = async (page, field) => {
  await page.$eval(field, (field) => { field.form.noValidate = true; field.removeAttribute("maxlength"); });
  await Promise.all([page.waitForNavigation(), send(page, field)]);
};

/** Types into a field what a person cannot, such as a text of many thousand characters. */
export const put = (page, field, text) => page.$eval(field, (field, text) => { field.removeAttribute("maxlength"); field.value = text; }, text);
