/* SPDX-License-Identifier: Apache-2.0
 *
 * CTest's XML: the laws of converters. */
#include "ctest.h"
#include "fuzz_converter.h"

/* A packed output, and entities, may make some megabytes of little. */
CONVERTER(ctest, (size_t)64 << 20);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	law_of_converters(&converter, slice_of(data, size));
	return 0;
}
