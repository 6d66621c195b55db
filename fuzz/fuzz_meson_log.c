/* SPDX-License-Identifier: Apache-2.0
 *
 * Meson's JSON lines: the laws of converters. */
#include "fuzz_converter.h"
#include "meson_log.h"

CONVERTER(meson_log, (size_t)64 << 10);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	law_of_converters(&converter, slice_of(data, size));
	return 0;
}
