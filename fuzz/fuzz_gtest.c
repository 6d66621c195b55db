/* SPDX-License-Identifier: Apache-2.0
 *
 * GoogleTest's JSON: the laws of converters. */
#include "fuzz_converter.h"
#include "gtest.h"

CONVERTER(gtest, (size_t)64 << 10);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	law_of_converters(&converter, slice_of(data, size));
	return 0;
}
