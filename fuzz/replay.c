/* SPDX-License-Identifier: Apache-2.0
 *
 * Gives a fuzz target every file of the directories that are named, without libFuzzer: so its corpus is a
 * test of every build. Prints TAP, a line a file; the file before which it ends is the one that broke. */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>

static int
give_file(const char *dir, const char *name)
{
	char path[4096];
	struct buf bytes;
	FILE *f;
	size_t n;
	int rc = 0;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "rb");
	if (!f)
		return -1;
	buf_init(&bytes, FUZZ_MAX);
	do {
		uint8_t *room = buf_space(&bytes, 65536);

		LAW(room != NULL);
		n = fread(room, 1, 65536, f);
		buf_commit(&bytes, n);
	} while (n);
	if (ferror(f))
		rc = -1;
	fclose(f);
	if (rc == 0) {
		/* Storage of its very size, so that an access beyond it is seen. */
		uint8_t *exact = malloc(bytes.len);

		LAW(exact || !bytes.len);
		if (bytes.len)
			memcpy(exact, bytes.data, bytes.len);
		LLVMFuzzerTestOneInput(exact, bytes.len);
		free(exact);
	}
	buf_release(&bytes);
	return rc;
}

static int
is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int
main(int argc, char **argv)
{
	size_t done = 0;
	int failed = 0;

	for (int i = 1; i < argc; i++) {
		struct dirent **names;
		int count = scandir(argv[i], &names, is_input, alphasort);

		for (int k = 0; k < count; k++) {
			int rc;

			printf("# %s\n", names[k]->d_name);
			fflush(stdout);
			rc = give_file(argv[i], names[k]->d_name);
			printf("%sok %zu - %s\n", rc ? "not " : "", ++done, names[k]->d_name);
			failed |= rc;
			free(names[k]);
		}
		if (count >= 0)
			free(names);
		if (count <= 0) {
			printf("not ok %zu - no inputs in %s\n", ++done, argv[i]);
			failed = 1;
		}
	}
	printf("1..%zu\n", done);
	return failed != 0;
}
