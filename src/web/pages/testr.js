"use strict";
fetch("/api/v1/runs").then(answer => answer.json()).then(page => {
	const body = document.getElementById("runs").createTBody();
	for (const run of page.runs) {
		const row = body.insertRow();
		for (const key of ["run", "outcome", "start", "tests", "failures"])
			row.insertCell().textContent = run[key];
	}
});
