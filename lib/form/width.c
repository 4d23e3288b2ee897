#include <stdbool.h>

#include "form/form.h"

struct range {
	unsigned first, last;
};

/* East Asian Wide and Fullwidth (Unicode 15, UAX 11), by and large. */
static const struct range wide[] = {
	{ 0x1100, 0x115f }, { 0x231a, 0x231b }, { 0x23e9, 0x23ec },
	{ 0x2e80, 0x303e }, { 0x3041, 0x33ff }, { 0x3400, 0x4dbf },
	{ 0x4e00, 0xa4cf }, { 0xa960, 0xa97c }, { 0xac00, 0xd7a3 },
	{ 0xf900, 0xfaff }, { 0xfe30, 0xfe6f }, { 0xff00, 0xff60 },
	{ 0xffe0, 0xffe6 }, { 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff },
	{ 0x1f900, 0x1faff }, { 0x20000, 0x3fffd },
};

/* Combining marks, joiners, variation selectors. */
static const struct range none[] = {
	{ 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd },
	{ 0x064b, 0x065f }, { 0x1160, 0x11ff }, { 0x1ab0, 0x1aff },
	{ 0x1dc0, 0x1dff }, { 0x200b, 0x200f }, { 0x20d0, 0x20ff },
	{ 0x302a, 0x302d }, { 0x3099, 0x309a }, { 0xd7b0, 0xd7ff },
	{ 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f }, { 0xe0100, 0xe01ef },
};

static bool
in_ranges(const struct range *r, size_t count, unsigned c)
{
	for (size_t i = 0; i < count; i++)
		if (c >= r[i].first && c <= r[i].last)
			return true;
	return false;
}

size_t
form_width(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t width = 0;

	while (*s != '\0') {
		unsigned c = *s++;

		if (c >= 0xf0)
			c &= 0x07;
		else if (c >= 0xe0)
			c &= 0x0f;
		else if (c >= 0xc0)
			c &= 0x1f;
		while ((*s & 0xc0) == 0x80)
			c = c << 6 | (*s++ & 0x3fu);
		if (in_ranges(none, sizeof none / sizeof *none, c))
			continue;
		width += in_ranges(wide, sizeof wide / sizeof *wide, c) ? 2 :
		    1;
	}
	return width;
}
