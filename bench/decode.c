/* SPDX-License-Identifier: Apache-2.0
 *
 * What no decoder of subunit v2 can be faster than, beside what ours takes: reads a stream of packets, without
 * anything between them, by turns in a bare pass that computes their checksums and nothing else, and through
 * the library's reader. Prints the CPU seconds of the one and of the other, medians. Exits with 1 when a
 * packet is wrong. */
#include "reader.h"

#include <fcntl.h>
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 11
/* As the tools read. */
#define READ_SIZE ((size_t)256 << 10)

/* The packet's length: in its fourth byte and, by the two bits on top of that, up to two more. */
static size_t
packet_length(const uint8_t *p)
{
	size_t length = p[3] & 0x3F;

	for (int more = p[3] >> 6, i = 0; i < more; i++)
		length = length << 8 | p[4 + i];
	return length;
}

static bool
is_right(const uint8_t *packet, size_t length)
{
	const uint8_t *sum = packet + length - 4;

	return libdeflate_crc32(0, packet, length - 4) ==
	       ((uint32_t)sum[0] << 24 | (uint32_t)sum[1] << 16 | (uint32_t)sum[2] << 8 | sum[3]);
}

static bool
pass_bare(int fd)
{
	static uint8_t data[PACKET_MAX + READ_SIZE];
	size_t at = 0, fill = 0, length;
	ssize_t n;

	do {
		memmove(data, data + at, fill - at);
		fill -= at;
		n = read(fd, data + fill, READ_SIZE);
		if (n < 0)
			return false;
		fill += (size_t)n;
		for (at = 0; fill - at >= 8; at += length) {
			length = packet_length(data + at);
			if (length > fill - at)
				break;
			if (length < 8 || !is_right(data + at, length))
				return false;
		}
	} while (n > 0);
	return at == fill;
}

static bool
pass_reader(int fd)
{
	struct reader *r = reader_new(READER_V2);
	bool good = r != NULL;
	struct event e;
	ssize_t n = 1;

	while (good && n > 0) {
		size_t room;
		uint8_t *space = reader_space(r, &room);
		int rc = 0;

		n = space ? read(fd, space, room < READ_SIZE ? room : READ_SIZE) : -1;
		if (n > 0)
			reader_commit(r, (size_t)n);
		else
			reader_end(r);
		while (good && (rc = reader_next(r, &e)) > 0)
			good = e.kind == EVENT_PACKET;
		good = good && rc == 0 && n >= 0;
	}
	reader_free(r);
	return good;
}

static double
cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int
main(int argc, char **argv)
{
	bool (*const passes[])(int) = {pass_bare, pass_reader};
	double seconds[2][ROUNDS];
	int fd = argc == 2 ? open(argv[1], O_RDONLY) : -1;

	if (fd < 0) {
		fprintf(stderr, "usage: decode STREAM\n");
		return 2;
	}
	for (size_t i = 0; i < 2 * ROUNDS; i++) {
		double before = cpu_seconds();

		if (lseek(fd, 0, SEEK_SET) != 0 || !passes[i % 2](fd))
			return 1;
		seconds[i % 2][i / 2] = cpu_seconds() - before;
	}
	for (size_t i = 0; i < 2; i++)
		qsort(seconds[i], ROUNDS, sizeof(seconds[i][0]), compare);
	printf("%.6f %.6f\n", seconds[0][ROUNDS / 2], seconds[1][ROUNDS / 2]);
	return 0;
}
