// core/mark_shared.c: marking by several threads: in rounds, each with marks of its own.
//
// A round: everybody takes pieces of the table, scans what is marked there and not scanned yet, and marks in a table of its
// own, wherever the references lead. Then everybody takes pieces again and unites the tables there. No atomic operation touches
// a mark; the only thing that threads compete for is the next piece. Very long runs of references (a list of a million) are
// put off by whoever meets them and marked by all before the tables are united.
//
// When a round finds little, the structure is narrow there, and rounds would cost more than the work: one thread goes on alone
// with the queue (core/mark.c), until nothing is left or the queue has become long.
//
// I1  Between rounds all tables of marks are equal.
// I2  In a round a piece is scanned by one thread, which alone writes its part of `scanned`.
// World stopped; each pass is run by the crew.
#include "crew.h"
#include "mark.h"
#include "scan.h"

enum { WORDS_AT_ONCE = 128, ITEMS_AT_ONCE = 4096 };
enum { LITTLE = TALLY_TUNED(512, 4), LONG = TALLY_TUNED(512, 4) }; // blocks that a round found; words in the queue

static inline void mark_number(const struct tally_crew_share *share, uint32_t number)
{
	uint64_t *word = &share->marked[number / 64], marked = *word;
	if (!(marked >> number % 64 & 1)) *word = marked | (uint64_t)1 << number % 64;
}

static inline void mark(tally_object *referent, void *context)
{
	const struct tally_crew_share *share = context;
	if (referent) mark_number(share, tally_candidate_number(referent));
}

// ---- roots ----

static uint64_t find_roots_in(const struct tally_candidates *set, uint32_t word)
{
	uint64_t members = set->member[word];
	return members ? (set->marked[word] | tally_mark_nonzero(set, word)) & members : 0;
}

static void find_roots(void *context, unsigned index)
{
	struct tally_crew *crew = context;
	struct tally_candidates *set = crew->set;
	uint32_t from, to;
	(void)index;
	while (tally_crew_take(crew, set->words, WORDS_AT_ONCE, &from, &to))
		for (uint32_t word = from; word < to; word++) {
			uint64_t marked = word ? find_roots_in(set, word) | ~set->member[word] : UINT64_MAX;
			set->scanned[word] = word ? set->scanned[word] | ~set->member[word] : UINT64_MAX;
			for (unsigned i = 0; i < crew->size; i++) crew->share[i].marked[word] = marked;
		}
}

// ---- a round: scan ----

static inline struct tally_crew_run run_of(struct tally_object *object, unsigned layout)
{
	struct tally_list *list = (struct tally_list *)object;
	struct tally_tuple *tuple = (struct tally_tuple *)object;
	if (layout == TALLY_LAYOUT_ARRAY) return (struct tally_crew_run){list->items, list->size};
	if (layout == TALLY_LAYOUT_POINTERS) return (struct tally_crew_run){tuple->items, tuple->size};
	return (struct tally_crew_run){NULL, 0};
}

// True: the object's references are put off.
static inline bool put_off(struct tally_crew_share *share, struct tally_object *object, unsigned layout)
{
	struct tally_crew_run run = run_of(object, layout);
	if (tally_likely(run.size < TALLY_CREW_LONG) || share->runs == TALLY_CREW_RUNS) return false;
	share->run[share->runs++] = run;
	return true;
}

TALLY_INLINED void scan_one(struct tally_crew_share *share, struct tally_object *object, unsigned layout)
{
	if (!put_off(share, object, layout)) tally_trace_living(object, layout, mark, share);
}

TALLY_INLINED void scan_bits(struct tally_crew_share *share, struct tally_word word, uint64_t bits, unsigned layout)
{
	while (bits) {
		struct tally_run run = tally_take_run(&bits);
		char *block = word.block + run.first * word.size, *end = word.block + run.end * word.size;
		for (size_t next = TALLY_NEXT * word.size; block < end; block += word.size) {
			__builtin_prefetch(block + next);
			scan_one(share, (struct tally_object *)(void *)block, layout);
		}
	}
}

static void scan_dense(struct tally_crew_share *share, struct tally_word word, uint64_t bits)
{
	switch (word.layout) {
	case TALLY_LAYOUT_POINTERS: scan_bits(share, word, bits, TALLY_LAYOUT_POINTERS); break;
	case TALLY_LAYOUT_ARRAY: scan_bits(share, word, bits, TALLY_LAYOUT_ARRAY); break;
	case TALLY_LAYOUT_ENTRIES: scan_bits(share, word, bits, TALLY_LAYOUT_ENTRIES); break;
	case TALLY_LAYOUT_SLOTS: scan_bits(share, word, bits, TALLY_LAYOUT_SLOTS); break;
	case TALLY_LAYOUT_INSTANCE: scan_bits(share, word, bits, TALLY_LAYOUT_INSTANCE); break;
	case TALLY_LAYOUT_CLASS: scan_bits(share, word, bits, TALLY_LAYOUT_CLASS); break;
	default: scan_bits(share, word, bits, TALLY_LAYOUT_CALLBACK); break;
	}
}

static void scan_batch(struct tally_crew_share *share, struct tally_batch *batch)
{
	for (unsigned i = 0; i < TALLY_ASK_AHEAD; i++) tally_batch_ask(batch, i);
	for (unsigned i = 0; i < batch->size; i++) {
		tally_batch_ask(batch, i + TALLY_ASK_AHEAD);
		scan_one(share, batch->object[i], batch->layout[i]);
	}
	batch->size = 0;
}

static void scan_word(struct tally_candidates *set, struct tally_crew_share *share, struct tally_batch *batch, uint32_t number)
{
	uint64_t grey = share->marked[number] & ~set->scanned[number];
	if (!grey) return;
	set->scanned[number] |= grey;
	if (tally_count_bits(grey) >= TALLY_DENSE) scan_dense(share, tally_word_of(set, number), grey);
	else tally_batch_add(batch, tally_word_of(set, number), grey);
	if (batch->size > TALLY_BATCH_ROOM) scan_batch(share, batch);
}

static void scan(void *context, unsigned index)
{
	struct tally_crew *crew = context;
	struct tally_batch batch = {.size = 0};
	uint32_t from, to;
	while (tally_crew_take(crew, crew->set->words, WORDS_AT_ONCE, &from, &to))
		for (uint32_t word = from; word < to; word++) scan_word(crew->set, &crew->share[index], &batch, word);
	scan_batch(&crew->share[index], &batch);
}

// ---- a round: long runs ----

// All runs one behind the other: their pieces have numbers, and the cursor deals them.
static uint64_t count_pieces(const struct tally_crew_run *run) { return (run->size + ITEMS_AT_ONCE - 1) / ITEMS_AT_ONCE; }

static uint64_t all_pieces(const struct tally_crew *crew)
{
	uint64_t pieces = 0;
	for (unsigned i = 0; i < crew->size; i++)
		for (unsigned k = 0; k < crew->share[i].runs; k++) pieces += count_pieces(&crew->share[i].run[k]);
	return pieces;
}

static void mark_piece(const struct tally_crew_share *share, const struct tally_crew_run *run, uint64_t piece)
{
	size_t from = piece * ITEMS_AT_ONCE, to = run->size - from < ITEMS_AT_ONCE ? run->size : from + ITEMS_AT_ONCE;
	for (size_t i = from; i < to; i++) mark_number(share, tally_candidate_number(run->items[i]));
}

static void mark_numbered_piece(const struct tally_crew *crew, const struct tally_crew_share *share, uint64_t piece)
{
	for (unsigned i = 0; i < crew->size; i++)
		for (unsigned k = 0; k < crew->share[i].runs; k++) {
			const struct tally_crew_run *run = &crew->share[i].run[k];
			if (piece < count_pieces(run)) {
				mark_piece(share, run, piece);
				return;
			}
			piece -= count_pieces(run);
		}
}

static void mark_runs(void *context, unsigned index)
{
	struct tally_crew *crew = context;
	uint64_t all = all_pieces(crew);
	uint32_t from, to;
	while (tally_crew_take(crew, all, 1, &from, &to)) mark_numbered_piece(crew, &crew->share[index], from);
}

// ---- a round: unite ----

static uint64_t unite_word(struct tally_crew *crew, uint32_t word)
{
	uint64_t all = 0;
	for (unsigned i = 0; i < crew->size; i++) all |= crew->share[i].marked[word];
	for (unsigned i = 0; i < crew->size; i++)
		if (crew->share[i].marked[word] != all) crew->share[i].marked[word] = all;
	return all & ~crew->set->scanned[word];
}

static void unite(void *context, unsigned index)
{
	struct tally_crew *crew = context;
	uint64_t grey = 0;
	uint32_t from, to;
	while (tally_crew_take(crew, crew->set->words, WORDS_AT_ONCE, &from, &to))
		for (uint32_t word = from; word < to; word++) grey += tally_count_bits(unite_word(crew, word));
	crew->share[index].grey = grey;
}

static uint64_t unite_all(struct tally_crew *crew)
{
	uint64_t grey = 0;
	for (unsigned i = 0; i < crew->size; i++) crew->share[i].grey = crew->share[i].runs = 0;
	tally_crew_work(crew, unite);
	for (unsigned i = 0; i < crew->size; i++) grey += crew->share[i].grey;
	return grey;
}

// ---- the rounds ----

static void queue_grey(struct tally_candidates *set)
{
	for (uint32_t word = 1; word < set->words; word++)
		if (set->marked[word] & ~set->scanned[word]) tally_mark_queue(set, word);
}

// False: everything has been marked.
static bool go_on_alone(struct tally_crew *crew)
{
	queue_grey(crew->set);
	if (!tally_mark_drain_up_to(crew->set, LONG)) return false;
	unite_all(crew);
	return true;
}

static bool mark_round(struct tally_crew *crew)
{
	tally_crew_work(crew, scan);
	if (all_pieces(crew)) tally_crew_work(crew, mark_runs);
	uint64_t grey = unite_all(crew);
	return grey > LITTLE || (grey && go_on_alone(crew));
}

void tally_mark_shared(struct tally_candidates *set)
{
	tally_crew_work(set->crew, find_roots);
	while (mark_round(set->crew))
		;
}
