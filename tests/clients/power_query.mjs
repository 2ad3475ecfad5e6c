// Checks an M expression by Microsoft's own parser, and prints the GraphQL query inside it: `node power_query.mjs FILE`.
import { readFileSync } from "node:fs";
import parser from "@microsoft/powerquery-parser";

const text = readFileSync(process.argv[2], "utf8");
const task = await parser.TaskUtils.tryLexParse(parser.DefaultSettings, text);
if (task.error) throw task.error;
console.log(JSON.stringify(text.match(/"(query [^"]+)"/)[1]));
