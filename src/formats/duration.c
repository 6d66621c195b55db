/* SPDX-License-Identifier: Apache-2.0 */
#include "duration.h"

#include <stdlib.h>
#include <string.h>

#define SECONDS_MAX 1e10
#define TIME_MAX ((int64_t)UINT32_MAX * TIME_SECOND)
#define NUMBER_MAX 64
#define BLANKS " \t\r\n"
#define DIGITS "0123456789"

int64_t
duration_of(double seconds)
{
	/* Said so that NaN is refused, too. */
	if (!(seconds > -SECONDS_MAX && seconds < SECONDS_MAX))
		return 0;
	return (int64_t)(seconds * 1e6 + (seconds < 0 ? -0.5 : 0.5)) * 1000;
}

/* The length of digits in groups, "1,234,567", that the text begins with; 0 when it does not. "0,005" and "1,5"
 * are none: their comma is a decimal point. */
static size_t
count_grouped(const char *text)
{
	size_t len = strspn(text, DIGITS);

	if (len == 0 || len > 3 || text[0] == '0' || text[len] != ',')
		return 0;
	while (text[len] == ',') {
		if (strspn(text + len + 1, DIGITS) != 3)
			return 0;
		len += 4;
	}
	return len;
}

int64_t
duration_parse(const char *text)
{
	char number[NUMBER_MAX + 1], *p = number, *end;
	const char *grouped;
	double seconds;

	if (!text || strlen(text) > NUMBER_MAX)
		return 0;
	text += strspn(text, BLANKS);
	for (grouped = text + count_grouped(text); text < grouped; text++)
		if (*text != ',')
			*p++ = *text;
	memcpy(p, text, strlen(text) + 1);
	if (strspn(number, DIGITS "+-.eE" BLANKS) != strlen(number))
		return 0;
	seconds = strtod(number, &end);
	if (end == number || end[strspn(end, BLANKS)])
		return 0;
	return duration_of(seconds);
}

int64_t
duration_after(int64_t time, int64_t duration)
{
	if (time == TIME_NONE || (duration < 0 ? time + duration < 0 : duration > TIME_MAX - time))
		return time;
	return time + duration;
}
