/* SPDX-License-Identifier: Apache-2.0
 *
 * What `go test -json` writes: the laws of converters. */
#include "fuzz_converter.h"
#include "gojson.h"

CONVERTER(gojson, (size_t)1 << 20);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	law_of_converters(&converter, slice_of(data, size));
	return 0;
}
