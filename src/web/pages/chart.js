/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums that charts need. */

/** The next round number that is not below: one of `round` times a power of ten. */
export function nice(top, round = [1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10]) {
	const power = 10 ** Math.floor(Math.log10(top));
	return round.map(f => f * power).find(n => n >= top * .9999);
}

/** Of a sorted list. */
export function quantile(sorted, q) {
	const at = (sorted.length - 1) * q, low = Math.floor(at);
	return sorted[low] + (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]) * (at - low);
}
