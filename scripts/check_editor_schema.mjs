// Checks and completes the shipped configs as VS Code does, with the library that VS Code uses.
//
//   node scripts/check_editor_schema.mjs schema.json configs/*.json < configs as JSON, by name
//
// `make check-editors` calls it; YAML configs come converted, on standard input.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
const { getLanguageService, TextDocument } = require("vscode-json-languageservice");

const schema = JSON.parse(readFileSync(process.argv[2], "utf8"));
const configs = JSON.parse(readFileSync(0, "utf8"));
const service = getLanguageService({});
service.configure({ validate: true, schemas: [{ uri: "schema.json", fileMatch: ["*"], schema }] });
let failures = 0;

function fail(message) {
  failures += 1;
  console.error(message);
}

function open(text) {
  const document = TextDocument.create("file:///config.json", "json", 1, text);
  return [document, service.parseJSONDocument(document)];
}

async function complete(text) {
  const offset = text.indexOf("|");
  const [document, parsed] = open(text.replace("|", ""));
  const found = await service.doComplete(document, document.positionAt(offset), parsed);
  return found.items.map((item) => item.label);
}

for (const [name, values] of Object.entries(configs)) {
  const problems = await service.doValidation(...open(JSON.stringify(values, null, 2)));
  for (const problem of problems) {
    fail(`${name}:${problem.range.start.line + 1}: ${problem.message}`);
  }
}

const WRONG = '{"extends": "vgg16.json", "training_config": {"epochs": "many"}}';
if ((await service.doValidation(...open(WRONG))).length === 0) fail("nothing is wrong with epochs");
const EMPTY = '{"training_config": {}, "data_config": {}}';
if ((await service.doValidation(...open(EMPTY))).length === 0) fail("no network is missing");

const EXPECTED = [
  ["{|}", '"training_config"', '"extends"', '"sweep_config"'],
  ['{"training_config": {"optimizer": |}}', '"AdamW"', '"SGD"'],
  ['{"training_config": {"loss": |}}', '"sparse_categorical_crossentropy"'],
  ['{"training_config": {"metrics": [|]}}', '"f1_score"', '"AUC"'],
  ['{"data_config": {"dataset": |}}', '"mnist"', '"folder"', "one's own images"],
  ['{"model_configuration": {"model_name": |}}', '"VGG16"', '"none"'],
  ['{"model_configuration": {"model_top_config": {"a": {"layer_type": |}}}}', '"Dense"'],
  ['{"sweep_config": {"sampler": |}}', '"grid"', '"tpe"'],
];
const LAYER = '{"layer_type": "Dense", "initializing_parameters": {|}}';
EXPECTED.push([`{"model_configuration": {"model_top_config": {"a": ${LAYER}}}}`, "units", "activation"]);
for (const [text, ...labels] of EXPECTED) {
  const found = (await complete(text)).map((label) => label.replaceAll('"', ""));
  for (const label of labels.map((each) => each.replaceAll('"', ""))) {
    if (!found.includes(label)) fail(`${text}: no ${label} among ${found.join(", ")}`);
  }
}
console.log(failures ? `${failures} failures` : `${Object.keys(configs).length} configs: OK`);
process.exit(failures ? 1 : 0);
