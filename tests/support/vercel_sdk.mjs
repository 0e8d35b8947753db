// Calls the official client for a test: one JSON array [name, arguments...] a line on standard input, one JSON line
// {"ok": result} or {"error": {"name", "message"}} for each on standard output.
//
//   KIST_SDK_DIR      the directory below which @vercel/blob is installed
//   KIST_CONTENT_URL  where the host of the contents really is
//
// The client reads contents from STORE.ACCESS.blob.vercel-storage.com and from nowhere else, so requests to that host are
// led to KIST_CONTENT_URL. Bytes stand in base64: {"base64": "..."}.
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(process.env.KIST_SDK_DIR + "/");
const blob = require("@vercel/blob");
const { Agent, setGlobalDispatcher } = require("undici");

const content = new URL(process.env.KIST_CONTENT_URL);
const toContent = (dispatch) => (options, handler) => {
  const host = new URL(options.origin).hostname;
  if (host.endsWith(".blob.vercel-storage.com"))
    options = { ...options, origin: content.origin, path: content.pathname + options.path };
  return dispatch(options, handler);
};
setGlobalDispatcher(new Agent().compose(toContent));

// Bytes of a test: given, or noise of a size that the other side can make as well.
function decoded(value) {
  if (value && typeof value === "object" && "base64" in value) return Buffer.from(value.base64, "base64");
  if (value && typeof value === "object" && "zeros" in value) return Buffer.alloc(value.zeros);
  return value;
}

async function call(name, args) {
  if (name === "upload") {
    // By hand: create, parts of the given bytes, complete.
    const [pathname, pieces, options] = args;
    const upload = await blob.createMultipartUpload(pathname, options);
    const parts = [];
    for (const [index, piece] of pieces.entries())
      parts.push(await blob.uploadPart(pathname, decoded(piece), { ...options, ...upload, partNumber: index + 1 }));
    return blob.completeMultipartUpload(pathname, parts, { ...options, ...upload });
  }
  const result = await blob[name](...args.map(decoded));
  if (name !== "get" || result === null || !result.stream) return result;
  const bytes = Buffer.from(await new Response(result.stream).arrayBuffer());
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { ...result, stream: undefined, headers: undefined, size: bytes.length, sha256 };
}

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...args] = JSON.parse(line);
  let reply;
  try {
    reply = { ok: (await call(name, args)) ?? null };
  } catch (error) {
    reply = { error: { name: error.constructor.name, message: error.message } };
  }
  process.stdout.write(JSON.stringify(reply) + "\n");
}
