// core/scan.h: walking the blocks of a word: what all passes over candidates do.
//
// A word is 64 blocks of one page. Its blocks are dealt with in the order of addresses; the layout is chosen outside the loop,
// so that the loop knows it. A mark asks for blocks ahead of time; one that meets few blocks a word collects them in a batch:
// all are asked for before the first one is read, and so are the arrays that they own.
// World stopped; a word is walked by one thread at a time.
#ifndef TALLY_CORE_SCAN_H
#define TALLY_CORE_SCAN_H

#include "candidates.h"
#include "trace.h"

struct tally_word {
	char *block; // the first
	size_t size; // of a block
	unsigned layout;
};

static inline struct tally_word tally_word_of(const struct tally_candidates *set, uint32_t number)
{
	const struct tally_page *page = set->page[set->page_of[number]];
	unsigned first = (number - tally_candidate_first(page) / 64) * 64;
	return (struct tally_word){(char *)tally_block_at(page, first), page->block_size, page->layout};
}

static inline struct tally_object *tally_word_block(struct tally_word word, unsigned i)
{
	return (struct tally_object *)(void *)(word.block + i * word.size);
}

static inline uint64_t tally_table_references(const struct tally_table *table) { return table ? 2 * (uint64_t)table->count : 0; }

// How many references an object has, as far as that can be told without looking at them (TALLY_LAYOUT_CLASS, _CALLBACK: 0).
TALLY_INLINED uint64_t tally_count_references(const struct tally_object *object, unsigned layout)
{
	const struct tally_instance *instance = (const struct tally_instance *)object;
	switch (layout) {
	case TALLY_LAYOUT_POINTERS: return ((const struct tally_tuple *)object)->size;
	case TALLY_LAYOUT_ARRAY: return ((const struct tally_list *)object)->size;
	case TALLY_LAYOUT_ENTRIES: return tally_table_references(((const struct tally_dict *)object)->table);
	case TALLY_LAYOUT_SLOTS: return object->aux;
	case TALLY_LAYOUT_INSTANCE: return tally_table_references(instance->own.table) + 1 + object->aux;
	default: return 0;
	}
}

// Blocks first ... end - 1.
struct tally_run {
	unsigned first, end;
};

// Takes the first run of ones out of `*bits`, which are some.
static inline struct tally_run tally_take_run(uint64_t *bits)
{
	uint64_t above = *bits + (*bits & -*bits); // the carry goes through the run
	struct tally_run run = {(unsigned)__builtin_ctzll(*bits), above ? (unsigned)__builtin_ctzll(above) : 64};
	*bits &= above;
	return run;
}

enum { TALLY_NEXT = 24 }; // blocks from one that is scanned to the one that is asked for; it may lie behind the word

TALLY_INLINED void tally_scan_bits(struct tally_word word, uint64_t bits, unsigned layout, tally_visit_fn visit, void *context)
{
	while (bits) {
		struct tally_run run = tally_take_run(&bits);
		char *block = word.block + run.first * word.size, *end = word.block + run.end * word.size;
		for (size_t next = TALLY_NEXT * word.size; block < end; block += word.size) {
			__builtin_prefetch(block + next);
			tally_trace_living((struct tally_object *)(void *)block, layout, visit, context);
		}
	}
}

// Calls `visit` for the references and types of the blocks in `bits`.
TALLY_INLINED void tally_scan_word(struct tally_word word, uint64_t bits, tally_visit_fn visit, void *context)
{
	switch (word.layout) {
	case TALLY_LAYOUT_POINTERS: tally_scan_bits(word, bits, TALLY_LAYOUT_POINTERS, visit, context); break;
	case TALLY_LAYOUT_ARRAY: tally_scan_bits(word, bits, TALLY_LAYOUT_ARRAY, visit, context); break;
	case TALLY_LAYOUT_ENTRIES: tally_scan_bits(word, bits, TALLY_LAYOUT_ENTRIES, visit, context); break;
	case TALLY_LAYOUT_SLOTS: tally_scan_bits(word, bits, TALLY_LAYOUT_SLOTS, visit, context); break;
	case TALLY_LAYOUT_INSTANCE: tally_scan_bits(word, bits, TALLY_LAYOUT_INSTANCE, visit, context); break;
	case TALLY_LAYOUT_CLASS: tally_scan_bits(word, bits, TALLY_LAYOUT_CLASS, visit, context); break;
	default: tally_scan_bits(word, bits, TALLY_LAYOUT_CALLBACK, visit, context); break;
	}
}

// ---- few blocks a word ----

enum { TALLY_BATCH_SIZE = 128, TALLY_BATCH_ROOM = TALLY_BATCH_SIZE - 64, TALLY_DENSE = 32, TALLY_ASK_AHEAD = 8 };

struct tally_batch {
	unsigned size;
	struct tally_object *object[TALLY_BATCH_SIZE];
	uint8_t layout[TALLY_BATCH_SIZE];
};

// There is room when `size` is at most TALLY_BATCH_ROOM.
static inline void tally_batch_add(struct tally_batch *batch, struct tally_word word, uint64_t bits)
{
	for (; bits; bits &= bits - 1) {
		struct tally_object *object = tally_word_block(word, (unsigned)__builtin_ctzll(bits));
		__builtin_prefetch(object + 1); // where its references, their number or their array stand
		batch->object[batch->size] = object;
		batch->layout[batch->size++] = (uint8_t)word.layout;
	}
}

static inline void tally_batch_ask(const struct tally_batch *batch, unsigned i)
{
	if (i < batch->size) __builtin_prefetch(tally_trace_buffer(batch->object[i], batch->layout[i]));
}

TALLY_INLINED void tally_batch_scan(struct tally_batch *batch, tally_visit_fn visit, void *context)
{
	for (unsigned i = 0; i < TALLY_ASK_AHEAD; i++) tally_batch_ask(batch, i);
	for (unsigned i = 0; i < batch->size; i++) {
		tally_batch_ask(batch, i + TALLY_ASK_AHEAD);
		tally_trace_living(batch->object[i], batch->layout[i], visit, context);
	}
	batch->size = 0;
}

#endif
