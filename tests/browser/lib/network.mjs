// The network of `bevis demo --open`: real processes, started once for a file of tests and ended with it.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { existsSync } from "node:fs";
import { resolve } from "node:path";

/** The program: BEVIS names it, else the release build of this repository. */
export const program = () => {
  const path = process.env.BEVIS ?? resolve(import.meta.dirname, "../../../target/release/bevis");
  if (!existsSync(path)) throw new Error(`no program at ${path}: build it, or name it in BEVIS`);
  return path;
};

/** How long the network may take to be ready, in milliseconds: nine passphrases are stretched, and registers imported. */
const READY = 300_000;

/** Starts the network. Gives its links by node, the passphrase, the folder of its homes, and how to end it. */
export const start = async ({ language = "nb", persons = 500, companies = 50 } = {}) => {
  const words = ["--json", "--lang", language, "demo", "--open", "--persons", `${persons}`, "--companies", `${companies}`];
  const child = spawn(program(), words, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, DISPLAY: "", WAYLAND_DISPLAY: "" } });
  let complaint = "";
  child.stderr.on("data", (piece) => { complaint = (complaint + piece).slice(-8_000); });
  const links = {};
  const network = { links, passphrase: "", root: "", child };
  network.end = () => new Promise((done) => {
    if (child.exitCode !== null) return done();
    child.once("exit", done);
    child.kill("SIGINT");
  });
  await new Promise((done, fail) => {
    const late = setTimeout(() => { child.kill("SIGINT"); fail(new Error(`not ready in time: ${complaint}`)); }, READY);
    child.once("exit", (code) => { clearTimeout(late); fail(new Error(`the demo ended with ${code}: ${complaint}`)); });
    createInterface({ input: child.stdout }).on("line", (line) => {
      const told = JSON.parse(line);
      if (told.event === "processes") network.root = told.run.root;
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

/** Runs a command of the program in a node's home; gives its JSON answer and its exit code. */
export const command = (network, node, words, input = "") => new Promise((done, fail) => {
  const home = `${network.root}/homes/${node}`;
  const flags = ["--home", home, "--json", "--no-input", "--passphrase-file", `${network.root}/secrets/passphrase`];
  const child = spawn(program(), [...flags, ...words], { stdio: ["pipe", "pipe", "pipe"] });
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
  child.stdin.end(input);
});
