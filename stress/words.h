// stress/words.h: what a word is, one definition for the driver, which prepares the text, and the worker, which
// counts it.
//
// A word is a maximal run of word bytes: ASCII letters, digits, the underscore, and every byte of 0x80 and above.
// So a character outside ASCII, well-formed or not, lies inside one word, and a text may be cut between any two bytes
// of which one is not a word byte without changing how many U+FFFD its ill-formed parts become.
// Words are compared after ASCII letters have been made small; the driver does that once, before anything is measured.
#ifndef STRESS_WORDS_H
#define STRESS_WORDS_H

#include <stdbool.h>
#include <stddef.h>

static inline bool words_is_word_byte(unsigned char byte)
{
	unsigned char small = byte | 0x20;
	return (small >= 'a' && small <= 'z') || (byte >= '0' && byte <= '9') || byte == '_' || byte >= 0x80;
}

static inline unsigned char words_small(unsigned char byte) { return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte; }

// The number of words that begin in text[0, size).
static inline size_t words_in(const unsigned char *text, size_t size)
{
	size_t words = 0;
	bool inside = false;
	for (size_t i = 0; i < size; i++) {
		bool word = words_is_word_byte(text[i]);
		words += word && !inside;
		inside = word;
	}
	return words;
}

#endif
