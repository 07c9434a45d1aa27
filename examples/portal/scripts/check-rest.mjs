/** Makes TypeScript types of the REST contract and compiles them together with a file that uses them. */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";

mkdirSync(".rest", { recursive: true });
const run = (tool, ...given) => execFileSync(`node_modules/.bin/${tool}`, given, { stdio: "inherit" });
run("openapi-typescript", "../../openapi/openapi.json", "--output", ".rest/schema.ts");
run("tsc", "--noEmit", "--strict", "--target", "ES2023", "--module", "ESNext", "--moduleResolution", "bundler",
  "--allowImportingTsExtensions", "--types", "node", ".rest/schema.ts", "rest/feed.ts");
