// Validates a bill of materials: node validate.js cyclonedx FILE | spdx FILE SCHEMA
// CycloneDX by its makers' library, which has the published schemas in it.
const fs = require('fs');
const [, , kind, file, schema] = process.argv;
const text = fs.readFileSync(file, 'utf8');

async function errorsOf() {
	if (kind === 'cyclonedx') {
		const {Spec, Validation} = require('@cyclonedx/cyclonedx-library');
		return new Validation.JsonStrictValidator(Spec.Version.v1dot5).validate(text);
	}
	const Ajv = require('ajv');
	const check = new Ajv({strict: false, allErrors: true}).compile(JSON.parse(fs.readFileSync(schema, 'utf8')));
	return check(JSON.parse(text)) ? null : check.errors;
}

errorsOf().then(errors => {
	if (errors)
		console.log(JSON.stringify(errors, null, 1).slice(0, 4000));
	process.exit(errors ? 1 : 0);
});
