// stress/compare_generate.c: a text that looks like language to a dict.
//
// A vocabulary of 20,000 words is made from syllables, one word in sixteen with letters outside ASCII. Words are drawn
// by Zipf's law (the word of rank r with a weight of 1 / (r + 2.7)), so that a shared dict sees a few keys all the
// time and most keys rarely. Sentences begin with a capital and end with a full stop, and lines break after some
// dozen words.
//
// The generator is xorshift64*; the doubles are sums and quotients in a fixed order, exact in IEEE arithmetic, so a
// seed gives the same text everywhere.
#include "compare.h"

#include <stdlib.h>
#include <string.h>

#define VOCABULARY 20000
#define MAX_SYLLABLES 5
#define MAX_WORD 32

struct vocabulary {
	char words[VOCABULARY][MAX_WORD];
	double upto[VOCABULARY]; // the weight of all words up to this one
	uint64_t state;
};

// The generator never leaves the state 0.
uint64_t generate_state(uint64_t seed)
{
	uint64_t state = seed ^ UINT64_C(0x9e3779b97f4a7c15);
	return state ? state : 1;
}

uint64_t generate_draw(uint64_t *state)
{
	uint64_t x = *state;
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * UINT64_C(2685821657736338717);
}

uint32_t generate_below(uint64_t *state, uint32_t limit)
{
	return (uint32_t)((generate_draw(state) >> 32) * limit >> 32);
}

static const char *pick_syllable(struct vocabulary *vocabulary, bool foreign)
{
	static const char *const plain[] = {
		"ba", "ce", "di", "fo", "gu", "ha", "ke", "li", "mo", "nu", "pa", "re", "si", "to", "vu", "wa",
		"en", "er", "in", "on", "al", "st", "tra", "ble", "qui", "ness", "th", "ing", "ly", "ou", "x", "y",
	};
	static const char *const others[] = {"é", "ü", "ño", "ø", "да", "но", "λο", "語", "한", "ß"};
	if (foreign) {
		return others[generate_below(&vocabulary->state, sizeof(others) / sizeof(others[0]))];
	}
	return plain[generate_below(&vocabulary->state, sizeof(plain) / sizeof(plain[0]))];
}

static void make_word(struct vocabulary *vocabulary, unsigned rank)
{
	char *word = vocabulary->words[rank];
	bool foreign = generate_below(&vocabulary->state, 16) == 0;
	// Frequent words are short.
	unsigned syllables = 1 + generate_below(&vocabulary->state, rank < 100 ? 2 : MAX_SYLLABLES);
	word[0] = '\0';
	for (unsigned i = 0; i < syllables; i++) {
		strcat(word, pick_syllable(vocabulary, foreign && i == syllables / 2));
	}
}

static struct vocabulary *make_vocabulary(uint64_t seed)
{
	struct vocabulary *vocabulary = compare_alloc(1, sizeof(*vocabulary));
	vocabulary->state = generate_state(seed);
	double sum = 0;
	for (unsigned rank = 0; rank < VOCABULARY; rank++) {
		make_word(vocabulary, rank);
		sum += 1.0 / ((double)rank + 2.7);
		vocabulary->upto[rank] = sum;
	}
	return vocabulary;
}

static const char *pick_word(struct vocabulary *vocabulary)
{
	double drawn = (double)(generate_draw(&vocabulary->state) >> 11) / 9007199254740992.0;
	double at = drawn * vocabulary->upto[VOCABULARY - 1];
	unsigned low = 0, high = VOCABULARY - 1;
	while (low < high) {
		unsigned middle = (low + high) / 2;
		if (vocabulary->upto[middle] > at) {
			high = middle;
		} else {
			low = middle + 1;
		}
	}
	return vocabulary->words[low];
}

// Appends one word and what follows it to `text`; returns the length.
static size_t write_word(struct vocabulary *vocabulary, char *text, bool capital)
{
	const char *word = pick_word(vocabulary);
	size_t length = strlen(word);
	memcpy(text, word, length);
	if (capital && text[0] >= 'a' && text[0] <= 'z') {
		text[0] = (char)(text[0] - 'a' + 'A');
	}
	return length;
}

void generate_text(uint64_t seed, size_t size, text_sink sink, void *context)
{
	struct vocabulary *vocabulary = make_vocabulary(seed);
	bool begins = true;
	unsigned column = 0;
	for (size_t made = 0; made < size;) {
		char text[MAX_WORD + 4];
		size_t length = write_word(vocabulary, text, begins);
		unsigned chance = generate_below(&vocabulary->state, 100);
		begins = chance < 8;
		if (chance < 14) {
			text[length++] = begins ? '.' : ',';
		}
		column = column == 12 ? 0 : column + 1;
		text[length++] = column == 0 ? '\n' : ' ';
		if (length > size - made) {
			break; // rather than half a word
		}
		sink(context, text, length);
		made += length;
	}
	free(vocabulary);
}
