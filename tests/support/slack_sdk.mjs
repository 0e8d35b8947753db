// Sends one message with the official clients, for a test.
//
//   node slack_sdk.mjs DIR webhook URL < message.json
//   node slack_sdk.mjs DIR api URL TOKEN < message.json
//
// DIR is where @slack/webhook and @slack/web-api are installed. One line of JSON tells what came of it.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const [folder, way, url, token] = process.argv.slice(2);
const require = createRequire(folder + "/");
const message = JSON.parse(readFileSync(0, "utf8"));

async function send() {
  if (way === "webhook") {
    const { IncomingWebhook } = require("@slack/webhook");
    return new IncomingWebhook(url).send(message);
  }
  const { WebClient, LogLevel } = require("@slack/web-api");
  const options = { slackApiUrl: url + "/", retryConfig: { retries: 0 }, logLevel: LogLevel.ERROR };
  const client = new WebClient(token, options);
  return client.chat.postMessage(message);
}

try {
  console.log(JSON.stringify({ done: await send() }));
} catch (error) {
  console.log(JSON.stringify({ error: error.data?.error ?? error.message }));
}
