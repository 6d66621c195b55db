/* SPDX-License-Identifier: Apache-2.0
 *
 * Server-sent events. Invariant: each event is handed on once, in order, however often the connection is lost: a new
 * one begins behind the last event that came. (EventSource would do it, but sends no token.) */
import { headers, Problem } from "./api.js";

/* Before a lost connection is tried again, in milliseconds. */
const AGAIN = 1000;

async function* lines(body) {
	const reader = body.pipeThrough(new TextDecoderStream()).getReader();
	let rest = "";
	for (;;) {
		const {value, done} = await reader.read();
		if (done)
			return;
		const parts = (rest + value).split("\n");
		rest = parts.pop();
		yield* parts;
	}
}

/** Calls `take(kind, data)` for each event until one of the kind "end" came. `state(connected)` tells of the connection. */
export async function follow(where, take, state) {
	let last = "";
	for (;;) {
		try {
			const response = await fetch(where, {headers: {...headers(), ...(last && {"Last-Event-ID": last})}});
			if (!response.ok && response.status < 500)
				throw new Problem(response.status, response.statusText);
			state(response.ok);
			let event = {};
			if (response.ok)
				for await (const line of lines(response.body)) {
					const [, key, value] = line.match(/^(\w*): ?(.*)$/) ?? [];
					if (line !== "") {
						event[key] = value;
					} else if (event.data !== undefined) {
						take(event.event, JSON.parse(event.data));
						last = event.id;
						if (event.event === "end")
							return;
						event = {};
					}
				}
		} catch (error) {
			if (error instanceof Problem)
				throw error;
		}
		state(false);
		await new Promise(resolve => setTimeout(resolve, AGAIN));
	}
}
