// `bevis:` texts as somebody else might send them (docs/protocol.md: kind, base64url of CBOR, the first six bytes of a hash).

import { createHash } from "node:crypto";

const check = (checked) => createHash("sha256").update(checked).digest().subarray(0, 6).toString("base64url");

/** A text with other bytes of the same number in it, and the check that belongs to it. */
const altered = (link, from, to) => {
  const [kind, rest] = link.slice("bevis:".length).split("/");
  const body = Buffer.from(rest.slice(0, rest.lastIndexOf(".")), "base64url");
  const at = body.indexOf(from);
  if (at < 0 || from.length !== to.length) throw new Error(`${from} is not in the text, or ${to} has another length`);
  body.write(to, at);
  const checked = `${kind}/${body.toString("base64url")}`;
  return `bevis:${checked}.${check(checked)}`;
};

/** The request of the demo's bank as if a bank had sent it that nobody knows. */
export const ofNobody = (link) => altered(link, "sparebank.example", "ukjenbank.example");
