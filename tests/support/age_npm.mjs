// Calls the packages age-encryption and cctv-age for a test: one JSON object on standard input, one on standard output.
// Bytes stand in base64.
//
//   KIST_NPM_DIR  the directory below which both are installed
//
//   {"do": "encrypt", "data", "recipients"? | "passphrase"?, "work_factor"?, "armor"?}   -> {"data"}
//   {"do": "decrypt", "data", "identity"? | "passphrase"?}                               -> {"data"}
//   {"do": "vectors"}                                                                     -> {name: bytes}
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(process.env.KIST_NPM_DIR + "/");
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const base64 = (bytes) => Buffer.from(bytes).toString("base64");

async function encrypt(wanted, bytes) {
  const { Encrypter, armor } = await load("age-encryption");
  const encrypter = new Encrypter();
  for (const recipient of wanted.recipients ?? []) encrypter.addRecipient(recipient);
  if (wanted.passphrase) encrypter.setPassphrase(wanted.passphrase);
  if (wanted.work_factor) encrypter.setScryptWorkFactor(wanted.work_factor);
  const made = await encrypter.encrypt(new Uint8Array(bytes));
  return wanted.armor ? Buffer.from(armor.encode(made)) : made;
}

async function decrypt(wanted, bytes) {
  const { Decrypter } = await load("age-encryption");
  const decrypter = new Decrypter();
  if (wanted.identity) decrypter.addIdentity(wanted.identity);
  if (wanted.passphrase) decrypter.addPassphrase(wanted.passphrase);
  return decrypter.decrypt(new Uint8Array(bytes));
}

async function vectors() {
  const found = await load("cctv-age");
  const named = Object.entries(found).filter(([name]) => name !== "default");
  return Object.fromEntries(named.map(([name, bytes]) => [name, base64(bytes)]));
}

const wanted = JSON.parse(readFileSync(0, "utf8"));
const bytes = Buffer.from(wanted.data ?? "", "base64");
const calls = { encrypt, decrypt };
const reply = wanted.do === "vectors" ? await vectors() : { data: base64(await calls[wanted.do](wanted, bytes)) };
process.stdout.write(JSON.stringify(reply));
