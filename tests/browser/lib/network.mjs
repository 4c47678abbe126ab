// The network of `bevis demo --open`: real processes, started once for a file of tests and ended with it.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** The synthetic citizen of the demo's registers. */
export const CITIZEN = "14858834016";

/** How soon an open page must show what has changed, in milliseconds, and what a slow machine may add to it. */
export const SOON = 1_000 + Number(process.env.BEVIS_SLOW_MS ?? 4_000);

/** How soon a no reaches who asked, where the request lives two minutes: it leaves at an instant that tells nothing, within five seconds. */
export const REFUSED = 5_000 + SOON;

/** The program: BEVIS names it, else the release build of this repository. */
export const program = () => {
  const path = resolve(process.env.BEVIS ?? resolve(import.meta.dirname, "../../../target/release/bevis"));
  if (!existsSync(path)) throw new Error(`no program at ${path}: build it, or name it in BEVIS`);
  return path;
};

/** How long the network may take to be ready, in milliseconds: nine passphrases are stretched, and registers imported. */
const READY = 300_000;
/** How long a home may take to be served. */
const SERVED = 60_000;
/** How long what was started may take to end before it is ended by force. */
const ENDED = 30_000;

const environment = () => {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("BEVIS_"));
  return { ...Object.fromEntries(own), DISPLAY: "", WAYLAND_DISPLAY: "" };
};

/** Asks a process of ours to end, and waits; by force when it does not. */
const ended = (child, ask) => new Promise((done) => {
  if (child.exitCode !== null || child.signalCode !== null) return done();
  const late = setTimeout(() => child.kill("SIGKILL"), ENDED);
  child.once("exit", () => { clearTimeout(late); done(); });
  ask(child);
});

/** Starts the network. Gives its links by node, the passphrase, the folder of its homes, its processes, and how to end it. */
export const start = async ({ language = "nb", persons = 100, companies = 20 } = {}) => {
  const words = ["--json", "--lang", language, "demo", "--open", "--persons", `${persons}`, "--companies", `${companies}`];
  const child = spawn(program(), words, { stdio: ["ignore", "pipe", "pipe"], env: environment() });
  let complaint = "";
  child.stderr.on("data", (piece) => { complaint = (complaint + piece).slice(-8_000); });
  const links = {};
  const network = { links, passphrase: "", root: "", pids: {}, child };
  network.end = () => ended(child, (child) => child.kill("SIGINT"));
  await new Promise((done, fail) => {
    const late = setTimeout(() => { child.kill("SIGINT"); fail(new Error(`not ready in time: ${complaint}`)); }, READY);
    child.once("exit", (code) => { clearTimeout(late); fail(new Error(`the demo ended with ${code}: ${complaint}`)); });
    createInterface({ input: child.stdout }).on("line", (line) => {
      const told = JSON.parse(line);
      if (told.event === "processes") { network.root = told.run.root; network.pids = told.run.pids; }
      if (told.event === "link") links[told.node] = told.run.link;
      if (told.event === "opened") {
        network.passphrase = told.facts.passphrase;
        clearTimeout(late);
        child.removeAllListeners("exit");
        done();
      }
    });
  });
  return network;
};

/**
 * Starts `bevis demo sandbox`: a bank's real node, and test persons with phones for every outcome. Gives the persons, how one of them
 * opens a link, and how to end it; commands are run in the home `bank`.
 */
export const sandbox = async () => {
  const root = mkdtempSync(join(tmpdir(), "bevis-sandbox-"));
  const folder = join(root, "sandbox");
  const child = spawn(program(), ["--json", "demo", "sandbox", folder], { stdio: ["ignore", "pipe", "pipe"], env: environment() });
  let complaint = "";
  child.stderr.on("data", (piece) => { complaint = (complaint + piece).slice(-8_000); });
  const told = await new Promise((done, fail) => {
    const late = setTimeout(() => { child.kill("SIGINT"); fail(new Error(`not ready in time: ${complaint}`)); }, READY);
    child.once("exit", (code) => { clearTimeout(late); fail(new Error(`the sandbox ended with ${code}: ${complaint}`)); });
    createInterface({ input: child.stdout }).once("line", (line) => {
      clearTimeout(late);
      child.removeAllListeners("exit");
      done(JSON.parse(line));
    });
  });
  const opened = async (person, link) => {
    const answer = await fetch(`${told.phones}/${person.phone}`, { method: "POST", body: link });
    if (!answer.ok) throw new Error(`phone ${person.phone}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()).did;
  };
  const end = async () => {
    await ended(child, (child) => child.kill("SIGINT"));
    rmSync(root, { recursive: true, force: true });
  };
  return { root, homes: folder, secret: join(folder, "passphrase"), persons: told.persons, opened, child, end };
};

const flags = (network, home) => [
  "--home", home, "--json", "--no-input", "--passphrase-file", network.secret ?? `${network.root}/secrets/passphrase`,
];

/** Runs a command of the program in a home; gives its JSON answer and its exit code. */
const run = (network, home, words, input = "") => new Promise((done, fail) => {
  const child = spawn(program(), [...flags(network, home), ...words], { stdio: ["pipe", "pipe", "pipe"], env: environment() });
  let out = "";
  let talk = "";
  child.stdout.on("data", (piece) => { out += piece; });
  child.stderr.on("data", (piece) => { talk += piece; });
  child.once("error", fail);
  child.once("close", (code) => {
    const lines = (out.trim() || talk.trim()).split("\n");
    let answer = null;
    try { answer = JSON.parse(lines.at(-1)); } catch { /* it said nothing in JSON */ }
    done({ code, answer, talk });
  });
  // A command that takes no input may be gone before it comes.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
});

/** Runs a command in the home of a node of the network. */
export const command = (network, node, words, input) => run(network, `${network.homes ?? `${network.root}/homes`}/${node}`, words, input);

/** The same, where it must succeed: its answer. */
export const must = async (network, node, words, input) => {
  const said = await command(network, node, words, input);
  if (said.code !== 0) throw new Error(`${node}: bevis ${words.join(" ")} ended with ${said.code}: ${said.talk}`);
  return said.answer;
};

/** A link that lets somebody in once. */
export const login = async (network, node, account) => {
  const words = account ? ["login", "--person", account] : ["login"];
  return (await must(network, node, words)).link;
};

/** Serves a home that is there; gives what it says when it is ready, and how to end it. */
export const serve = async (network, home, words = []) => {
  const child = spawn(program(), [...flags(network, home), "serve", "--with-parent", ...words], {
    stdio: ["pipe", "pipe", "pipe"],
    // As often as the demo's own wallets.
    env: { ...environment(), BEVIS_STATUS_EVERY_SECONDS: "1" },
  });
  let complaint = "";
  child.stderr.on("data", (piece) => { complaint = (complaint + piece).slice(-8_000); });
  const ready = await new Promise((done, fail) => {
    const late = setTimeout(() => { child.kill("SIGKILL"); fail(new Error(`not served in time: ${complaint}`)); }, SERVED);
    child.once("exit", (code) => { clearTimeout(late); fail(new Error(`serve ended with ${code}: ${complaint}`)); });
    createInterface({ input: child.stdout }).on("line", (line) => {
      clearTimeout(late);
      child.removeAllListeners("exit");
      done(JSON.parse(line));
    });
  });
  return { ...ready, child, end: () => ended(child, (child) => child.stdin.end()) };
};

/** Serves a home of the network again whose node was ended: its lock is free as soon as the process is gone. */
export const serveAgain = async (network, node) => {
  for (const begun = Date.now(); ;) {
    try {
      return await serve(network, `${network.root}/homes/${node}`);
    } catch (error) {
      if (Date.now() - begun > SERVED || !/home_locked|unreachable/.test(`${error}`)) throw error;
    }
  }
};

/** Serves the page of a home that is not there yet, and then the home. Gives the page's link, what the node says when it is ready, and how to end it. */
export const setUp = async (network, home) => {
  const words = ["--home", home, "--json", "--no-input", "serve", "--with-parent", "--pages", "127.0.0.1:0"];
  const child = spawn(program(), words, { stdio: ["pipe", "pipe", "pipe"], env: { ...environment(), BEVIS_STATUS_EVERY_SECONDS: "1" } });
  let complaint = "";
  child.stderr.on("data", (piece) => { complaint = (complaint + piece).slice(-8_000); });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const said = async () => {
    const { value } = await lines.next();
    if (value === undefined) throw new Error(`serve ended: ${complaint}`);
    return JSON.parse(value);
  };
  const { link } = await said();
  return { link, ready: said, child, end: () => ended(child, (child) => child.stdin.end()) };
};

/** Signs what a proposal says as the network's anchors do, and publishes it; gives the path of the bundle. */
export const published = async (network, name, changes, anchors = ["anchor", "anchor-bank"]) => {
  const [proposal, bundle] = [`${name}.proposal`, `${name}.json`].map((one) => file(network, one, ""));
  rmSync(proposal);
  rmSync(bundle);
  await must(network, anchors[0], ["trust", "propose", "list", proposal, ...changes]);
  for (const anchor of anchors) await must(network, anchor, ["--yes", "trust", "sign", proposal]);
  await must(network, anchors[0], ["trust", "publish", proposal, "--out", bundle]);
  return bundle;
};

/** Starts a lender that does not keep the rules, which the anchors admit for loans all the same. Gives how it asks, and how to end it. */
export const lender = async (network, { did, number, name }) => {
  const words = ["demo", "hostile", "--did", did, "--number", number, "--name", name];
  const child = spawn(program(), words, { stdio: ["pipe", "pipe", "ignore"], env: environment() });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const order = async (order) => {
    child.stdin.write(`${JSON.stringify(order)}\n`);
    const { value } = await lines.next();
    const answer = value === undefined ? { problem: "it ended" } : JSON.parse(value);
    if (answer.problem) throw new Error(`the lender: ${JSON.stringify(answer)}`);
    return answer;
  };
  const card = file(network, "lender.json", JSON.stringify(await order({ do: "card" })));
  const path = await published(network, "with-lender", ["--base", `${network.root}/secrets/papers/trust.json`, "--admit", card, "--service", "S01"]);
  const { first } = await must(network, "anchor", ["trust", "show", path]);
  await order({ do: "trust", path, root: first.replaceAll(" ", "") });
  const asks = async (vct, claims) => (await order({ do: "ask", service: "S01", vct, claims })).link;
  return { asks, bundle: path, child, end: () => ended(child, (child) => child.stdin.end()) };
};

/** Makes a wallet that holds nothing yet, on the network's trust list, and serves it. Gives its link, and how to end it. */
export const wallet = async (network, name, { title, colour, organisation } = {}) => {
  const home = `${network.root}/homes/${name}`;
  const papers = `${network.root}/secrets/papers`;
  const company = organisation ? ["--organisation", organisation] : [];
  const words = [
    "init", "--root", `${papers}/root.json`, "--role", "wallet", "--pages", "127.0.0.1:0", "--pages-name", title,
    "--pages-colour", colour, ...company,
  ];
  await must(network, name, words);
  const served = await serve(network, home);
  await must(network, name, ["trust", "import", `${papers}/trust.json`]);
  return { ...served, link: await login(network, name) };
};

/** A file in the network's folder, which goes with it. */
export const file = (network, name, content) => {
  const folder = `${network.root}/tests`;
  mkdirSync(folder, { recursive: true });
  const path = `${folder}/${name}`;
  writeFileSync(path, content);
  return path;
};
