// axe-core on what is shown, in an isolated world of the document: the page's policy stays what its users have,
// and axe sees the same DOM without touching the page's own globals.

import { readFileSync } from "node:fs";

import { need } from "./machine.mjs";

const SOURCE = readFileSync(need.resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"];

async function evaluate(session, contextId, expression) {
  const { result, exceptionDetails } = await session.send("Runtime.evaluate", {
    expression,
    contextId,
    awaitPromise: true,
    returnByValue: true,
  });
  if (exceptionDetails) {
    throw new Error(`axe: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
  }
  return result.value;
}

/**
 * The findings of axe on the page as it is now: [{id, impact, help, nodes: [selector and why]}], and how many rules
 * passed. `rules`: only these.
 */
export async function axe(page, rules) {
  const session = await page.context().newCDPSession(page);
  try {
    const { frameTree } = await session.send("Page.getFrameTree");
    const { executionContextId } = await session.send("Page.createIsolatedWorld", {
      frameId: frameTree.frame.id,
      worldName: "axe",
    });
    await evaluate(session, executionContextId, SOURCE + ";0");
    const runOnly = rules ? { type: "rule", values: rules } : { type: "tag", values: TAGS };
    const options = { runOnly, resultTypes: ["violations"] };
    const run = `axe.run(document, ${JSON.stringify(options)}).then(({ violations, passes }) => ({
      passes: passes.length,
      violations: violations.map(({ id, impact, help, tags, nodes }) => ({
        id, impact, help, wcag: tags.some((tag) => tag.startsWith("wcag")),
        nodes: nodes.slice(0, 5).map((node) => node.target.join(" ") + " — " + node.failureSummary.replace(/\\s+/g, " ")),
      })),
    }))`;
    return await evaluate(session, executionContextId, run);
  } finally {
    await session.detach();
  }
}

/** The findings as lines for people. */
export function told(violations) {
  return violations.map(({ id, impact, help, nodes }) => `${impact} ${id}: ${help}\n    ${nodes.join("\n    ")}`);
}
