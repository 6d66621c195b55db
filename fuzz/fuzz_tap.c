/* SPDX-License-Identifier: Apache-2.0
 *
 * The Test Anything Protocol: the laws of converters. */
#include "fuzz_converter.h"
#include "tap.h"

CONVERTER(tap, (size_t)1 << 20);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	law_of_converters(&converter, slice_of(data, size));
	return 0;
}
