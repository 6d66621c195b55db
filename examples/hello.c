/* SPDX-License-Identifier: Apache-2.0
 *
 * A test program that speaks subunit: cc hello.c -o hello $(pkg-config --cflags --libs subunit2) */
#include <stdio.h>
#include <subunit2.h>

static void
check_sum(int a, int b, int wanted)
{
	char why[80];

	subunit2_emit(1, "hello.sum", SUBUNIT2_INPROGRESS, NULL);
	snprintf(why, sizeof(why), "%d + %d is %d, not %d\n", a, b, a + b, wanted);
	subunit2_emit(1, "hello.sum", a + b == wanted ? SUBUNIT2_SUCCESS : SUBUNIT2_FAIL, why);
}

int
main(void)
{
	subunit2_emit(1, "hello.world", SUBUNIT2_INPROGRESS, NULL);
	subunit2_emit(1, "hello.world", SUBUNIT2_SUCCESS, NULL);
	check_sum(1, 1, 3);
	subunit2_emit(1, "hello.moon", SUBUNIT2_SKIP, "too far\n");
	return 0;
}
