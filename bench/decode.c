/* SPDX-License-Identifier: Apache-2.0
 *
 * What no decoder of subunit v2 can be faster than: reads a stream of packets, without anything between them,
 * and computes their checksums, nothing else. Exits with 1 when one is wrong. */
#include <fcntl.h>
#include <libdeflate.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The packet's length: in its fourth byte and, by the two bits on top of that, up to two more. */
static size_t
packet_length(const uint8_t *p)
{
	size_t length = p[3] & 0x3F;

	for (int more = p[3] >> 6, i = 0; i < more; i++)
		length = length << 8 | p[4 + i];
	return length;
}

int
main(int argc, char **argv)
{
	int fd = argc == 2 ? open(argv[1], O_RDONLY) : -1;
	struct stat st;
	const uint8_t *data;
	size_t at = 0, size;

	if (fd < 0 || fstat(fd, &st) != 0) {
		fprintf(stderr, "usage: crc STREAM\n");
		return 2;
	}
	size = (size_t)st.st_size;
	data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return 2;
	while (at + 8 <= size) {
		size_t length = packet_length(data + at);
		const uint8_t *sum = data + at + length - 4;

		if (length < 8 || length > size - at)
			return 1;
		if (libdeflate_crc32(0, data + at, length - 4) !=
		    ((uint32_t)sum[0] << 24 | (uint32_t)sum[1] << 16 | (uint32_t)sum[2] << 8 | sum[3]))
			return 1;
		at += length;
	}
	return at != size;
}
