/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

bool
fixture_of(struct slice id, struct slice *out)
{
	static const struct slice starts[] = {
	    {(const uint8_t *)"setUpClass (", 12},
	    {(const uint8_t *)"setUpModule (", 13},
	};

	for (int i = 0; i < 2; i++)
		if (slice_starts(id, starts[i]) && slice_ends(id, SLICE_LIT(")"))) {
			*out = slice_head(slice_from(id, starts[i].len), id.len - starts[i].len - 1);
			return out->len > 0;
		}
	return false;
}

bool
fixture_covers(struct slice fixture, struct slice id)
{
	return id.len > fixture.len && slice_starts(id, fixture) && id.data[fixture.len] == '.';
}
