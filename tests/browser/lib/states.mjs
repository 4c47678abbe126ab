// How the states of pages are held: in which languages, by whom, and how many at a time.

import { hold, person } from "./browser.mjs";
import { go } from "./steps.mjs";

/** Languages that every state is held in, and what a browser that asks for them says. */
export const LANGUAGES = { nb: "nb-NO", en: "en-GB" };
/** The same of every language of the pages. */
const LOCALES = { ...LANGUAGES, nn: "nn-NO" };

/** A window, logged in at a node in a language. */
export const visitor = async (browser, language, link) => {
  const page = await person(browser, { locale: LOCALES[language] });
  await page.goto(link);
  return page;
};

/** How a window's states are held: the other languages without what does not depend on it. */
export const holder = (face, language, page) => (state, other) =>
  hold(other ?? page, `${face} ${language} ${state}`, { is_brief: language !== "nb" });

/** Goes to each page, and holds it. */
export const each = async (page, held, pages) => {
  for (const [state, path] of Object.entries(pages)) {
    await go(page, path);
    await held(state);
  }
};
