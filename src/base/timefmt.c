/* SPDX-License-Identifier: Apache-2.0 */
#include "timefmt.h"

/* Days from 1970-01-01 to a date, by counting years from March so that the leap day comes last. */
static int64_t
days_from_date(int64_t year, int64_t month, int64_t day)
{
	int64_t era, year_of_era, day_of_year;

	year -= month <= 2;
	era = (year >= 0 ? year : year - 399) / 400;
	year_of_era = year - era * 400;
	day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static void
date_from_days(int64_t days, int64_t *year, int *month, int *day)
{
	int64_t era, day_of_era, year_of_era, day_of_year, shifted;

	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	day_of_era = days - era * 146097;
	year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	shifted = (5 * day_of_year + 2) / 153;
	*day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
	*month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
	*year = year_of_era + era * 400 + (*month <= 2);
}

void
time_format(struct buf *out, int64_t time, char sep)
{
	int64_t seconds = time / TIME_SECOND, nanos = time % TIME_SECOND;
	int64_t days, of_day, year;
	int month, day;

	if (nanos < 0) {
		nanos += TIME_SECOND;
		seconds--;
	}
	days = seconds / 86400;
	of_day = seconds % 86400;
	if (of_day < 0) {
		of_day += 86400;
		days--;
	}
	date_from_days(days, &year, &month, &day);
	buf_printf(out, "%04d-%02d-%02d%c%02d:%02d:%02d.%06dZ", (int)year, month, day, sep,
	    (int)(of_day / 3600), (int)(of_day / 60 % 60), (int)(of_day % 60), (int)(nanos / 1000));
}

void
time_format_python(struct buf *out, int64_t time)
{
	size_t start = out->len;

	time_format(out, time_round_us(time), ' ');
	if (out->failed)
		return;
	buf_truncate(out, out->len - 1);
	if (out->len - start > 7 && slice_eq(slice_from(buf_get(out), out->len - 7), SLICE_LIT(".000000")))
		buf_truncate(out, out->len - 7);
	buf_str(out, "+00:00");
}

/* Takes exactly `count` digits from the front of *s. */
static bool
take_digits(struct slice *s, size_t count, int64_t *out)
{
	int64_t value = 0;

	if (s->len < count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (s->data[i] < '0' || s->data[i] > '9')
			return false;
		value = value * 10 + (s->data[i] - '0');
	}
	*s = slice_from(*s, count);
	*out = value;
	return true;
}

static bool
take_byte(struct slice *s, uint8_t c)
{
	if (!s->len || s->data[0] != c)
		return false;
	*s = slice_from(*s, 1);
	return true;
}

/* ".digits", when there are any. */
static int64_t
take_fraction(struct slice *s)
{
	struct slice rest = *s;
	int64_t nanos = 0, scale = TIME_SECOND / 10;

	if (!take_byte(&rest, '.') || !rest.len || rest.data[0] < '0' || rest.data[0] > '9')
		return 0;
	while (rest.len && rest.data[0] >= '0' && rest.data[0] <= '9') {
		nanos += scale * (rest.data[0] - '0');
		scale /= 10;
		rest = slice_from(rest, 1);
	}
	*s = rest;
	return nanos;
}

/* The offset from UTC in seconds; anything that is no zone is left where it is and means UTC. */
static int64_t
take_zone(struct slice *s)
{
	struct slice rest = *s;
	int64_t hours, minutes = 0, sign;

	if (take_byte(s, 'Z') || !rest.len || (rest.data[0] != '+' && rest.data[0] != '-'))
		return 0;
	sign = rest.data[0] == '-' ? -1 : 1;
	rest = slice_from(rest, 1);
	if (!take_digits(&rest, 2, &hours))
		return 0;
	*s = rest;
	take_byte(&rest, ':');
	if (take_digits(&rest, 2, &minutes))
		*s = rest;
	return sign * (hours * 3600 + minutes * 60);
}

static bool
is_date(int64_t year, int64_t month, int64_t day)
{
	static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month >= 1 && month <= 12 && day >= 1 && day <= month_days[month - 1] + (month == 2 && leap);
}

size_t
time_parse(struct slice s, bool loose, int64_t *out)
{
	struct slice rest = s, of_day;
	int64_t year, month, day, hour = 0, minute = 0, second = 0, nanos = 0, total;

	if (!take_digits(&rest, 4, &year) || !take_byte(&rest, '-') || !take_digits(&rest, 2, &month) ||
	    !take_byte(&rest, '-') || !take_digits(&rest, 2, &day) || !is_date(year, month, day))
		return 0;
	of_day = slice_from(rest, 1);
	if (rest.len && take_digits(&of_day, 2, &hour) && take_byte(&of_day, ':') &&
	    take_digits(&of_day, 2, &minute)) {
		rest = of_day;
		if (take_byte(&of_day, ':') && take_digits(&of_day, 2, &second)) {
			rest = of_day;
			nanos = take_fraction(&rest);
		} else if (!loose) {
			return 0;
		}
	} else {
		if (!loose)
			return 0;
		hour = 0;
	}
	if (hour > 23 || minute > 59 || second > 60)
		return 0;
	total =
	    days_from_date(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - take_zone(&rest);
	if (__builtin_mul_overflow(total, TIME_SECOND, &total) ||
	    __builtin_add_overflow(total, nanos, &total))
		return 0;
	*out = total;
	return s.len - rest.len;
}

int64_t
time_round_us(int64_t time)
{
	int64_t rest = time % 1000, us = time / 1000;

	if (rest < 0) {
		rest += 1000;
		us--;
	}
	if (rest > 500 || (rest == 500 && us % 2 != 0))
		us++;
	return __builtin_mul_overflow(us, 1000, &us) ? time : us;
}

void
time_extend(int64_t *first, int64_t *last, int64_t time)
{
	if (time == TIME_NONE)
		return;
	if (*first == TIME_NONE || time < *first)
		*first = time;
	if (*last == TIME_NONE || time > *last)
		*last = time;
}

int64_t
time_between(int64_t from, int64_t to)
{
	int64_t span;

	if (from == TIME_NONE || to == TIME_NONE)
		return 0;
	if (__builtin_sub_overflow(to, from, &span) || span < -INT64_MAX)
		return to < from ? -INT64_MAX : INT64_MAX;
	return span;
}
