// core/quote.h: strings and bytes between quotes, as Python writes them.
//
// The quote is ' unless there is one inside and no ". Backslash and the quote are written with a backslash in front, \t \n \r
// by name, and what is not printable by number: \x.., \u...., \U........ . What is not printable is listed in core/quote.c.
#ifndef TALLY_CORE_QUOTE_H
#define TALLY_CORE_QUOTE_H

#include "text.h"

// Well-formed UTF-8 as '...'; bytes as b'...'. 0, or -1 with the error set.
int tally_quote_str(struct tally_text *text, const char *utf8, size_t size);
int tally_quote_bytes(struct tally_text *text, const char *bytes, size_t size);

#endif
