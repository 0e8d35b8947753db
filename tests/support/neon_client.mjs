// The official library of Neon's API, unmodified: one line of JSON, [call, ...arguments], is one call of it, answered with
// one line, {status, data} or {error}.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(process.env.KIST_SDK_DIR + "/");
const { createApiClient } = require("@neondatabase/api-client");
const client = createApiClient({ apiKey: process.env.KIST_API_KEY, baseURL: process.env.KIST_API_URL });

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...args] = JSON.parse(line);
  let reply;
  try {
    const { status, data } = await client[name](...args);
    reply = { status, data: data ?? null };
  } catch (error) {
    reply = { error: { status: error.response?.status ?? null, message: error.response?.data?.message ?? error.message } };
  }
  process.stdout.write(JSON.stringify(reply) + "\n");
}
