/** Lets the Relay compiler read the schema and every document of the portal; a warning counts as an error. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { parse, print } from "graphql";
import relay from "relay-compiler";

const AREA = ".relay";
const SUFFIX = /(Query|Mutation|Subscription)$/;

rmSync(AREA, { recursive: true, force: true });
mkdirSync(`${AREA}/src`, { recursive: true });
mkdirSync(`${AREA}/artifacts`);
cpSync("../../openapi/schema.graphql", `${AREA}/schema.graphql`);
cpSync("relay", `${AREA}/src`, { recursive: true });

/* Relay wants each definition in a module of its name. */
const texts = [...readFileSync("src/documents.ts", "utf8").matchAll(/graphql\(`([^`]*)`\)/g)].map((found) => found[1]);
const definitions = texts.flatMap((text) => parse(text).definitions);
for (const definition of definitions) {
  const text = print(definition);
  const module = definition.name.value.replace(SUFFIX, "");
  writeFileSync(`${AREA}/src/${module}.ts`, `import { graphql } from "relay-runtime";\ngraphql\`\n${text}\n\`;\n`);
}
const config = {
  root: ".",
  sources: { src: "portal" },
  projects: {
    portal: {
      schema: "schema.graphql",
      output: "artifacts",
      language: "typescript",
      customScalarTypes: { UUID: "string", DateTime: "string", Date: "string", JSON: "unknown" },
    },
  },
};
writeFileSync(`${AREA}/relay.config.json`, JSON.stringify(config));

const run = spawnSync(relay, ["relay.config.json"], { cwd: AREA, encoding: "utf8" });
const said = `${run.stdout ?? ""}${run.stderr ?? ""}`;
console.log(said.trim() || run.error?.message);
if (definitions.length === 0 || run.status !== 0 || /\b(warn(ing)?|error)\b/i.test(said)) process.exit(1);
