/* SPDX-License-Identifier: Apache-2.0
 *
 * The CRC-32 of any part of a buffer, at a cost that does not grow with the part: bytes that many possible
 * packets have in common are summed once. Internal to the reader. Pure. */
#ifndef CRC_RANGE_H
#define CRC_RANGE_H

#include "slice.h"

/* Sums from the start of the buffer to each of a row of marks, as far as they were needed. A zeroed one is
 * empty. */
struct crc_range {
	uint32_t *marks;
	size_t count, cap;
};

/* Accepts an empty one. */
void crc_range_release(struct crc_range *c);
/* To be called when bytes of the buffer change or move; appending changes none. */
void crc_range_forget(struct crc_range *c);

/* The CRC-32 of buffer[from … to). */
uint32_t crc_range_sum(struct crc_range *c, struct slice buffer, size_t from, size_t to);

#endif
