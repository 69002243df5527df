/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 by the table of well-formed byte sequences in RFC 3629, section 4: the
 * lead byte gives the length and the range of the second byte, all further
 * bytes are 80..BF. The ranges of the second byte are what excludes overlong
 * forms, surrogates and values above U+10FFFF.
 */
#include "ipc/utf8.h"

#include <string.h>

struct lead {
	uint8_t first, last; /* of the lead byte */
	uint8_t second_min, second_max;
	uint8_t more; /* bytes after the lead */
};

static const struct lead leads[] = {
	{ 0xc2, 0xdf, 0x80, 0xbf, 1 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 2 },
	{ 0xe1, 0xec, 0x80, 0xbf, 2 },
	{ 0xed, 0xed, 0x80, 0x9f, 2 },
	{ 0xee, 0xef, 0x80, 0xbf, 2 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 3 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 3 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 3 },
};

static const struct lead *
lead_find(uint8_t byte)
{
	for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++)
		if (byte >= leads[i].first && byte <= leads[i].last)
			return &leads[i];
	return NULL;
}

/* How many bytes the character at data takes; 0 if it is none, or NUL. */
static size_t
char_len(const uint8_t *data, size_t len)
{
	const struct lead *lead = lead_find(data[0]);

	if (data[0] < 0x80)
		return data[0] != 0;
	if (!lead || len <= lead->more || data[1] < lead->second_min ||
	    data[1] > lead->second_max)
		return 0;
	for (size_t i = 2; i <= lead->more; i++)
		if ((data[i] & 0xc0) != 0x80)
			return 0;
	return lead->more + 1u;
}

bool
utf8_valid(const uint8_t *data, size_t len)
{
	while (len > 0) {
		size_t n = char_len(data, len);

		if (n == 0)
			return false;
		data += n;
		len -= n;
	}
	return true;
}

void
utf8_repair(char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		size_t n = char_len((const uint8_t *)text, len);

		if (n == 0) {
			*text = '?';
			n = 1;
		}
		text += n;
		len -= n;
	}
}
