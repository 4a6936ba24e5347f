// stress/worker_words.c: counting the words of a text, into one dict that all threads share, or into one dict a
// thread that are merged at the end.
//
// This is the work of a real program: every occurrence of a word makes a str, adds 1 to its entry and drops the str.
// The text is cut into chunks that threads take from a common cursor, so that a thread which the system delays does
// not hold up the others. A word belongs to the chunk in which it begins; its reader follows it across the border.
//
// The digest is FNV-1a over the lines "word count\n", sorted by the words' bytes. It depends neither on the build nor
// on the number of threads nor on the order of events, and both workloads give the same.
#include "digest.h"
#include "words.h"
#include "worker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CHUNK 65536
#define MIN_CHUNK 64
#define CHUNKS_WANTED 512 // for small texts: enough of them that all threads get some

struct counting {
	tally_object *dict; // shared: everybody's; private: the merged one, written by the first member
	size_t chunk;       // bytes
	// relaxed: it hands out numbers and publishes nothing
	alignas(128) atomic_size_t cursor;
	// private: each written by its member before team_meet
	alignas(128) tally_object *of_member[WORKER_MAX_THREADS];
};

// A key that one word of the text gives. Bytes that are not UTF-8 become U+FFFD here.
static void count_word(struct member *member, tally_object *dict, const unsigned char *word, size_t size)
{
	size_t replaced = 0;
	tally_object *key =
		worker_need(tally_str_from_bytes((const char *)word, size, &replaced), "tally_str_from_bytes");
	worker_check(tally_dict_add(dict, key, 1, NULL), "tally_dict_add");
	tally_decref(key);
	member->replaced += replaced;
	member->ops++;
}

// Counts the words that begin in text[at, end).
static void count_chunk(struct member *member, tally_object *dict, size_t at, size_t end)
{
	const unsigned char *text = member->run->text;
	size_t size = member->run->text_size;
	bool inside = at > 0 && words_is_word_byte(text[at - 1]);
	while (inside && at < end && words_is_word_byte(text[at])) {
		at++;
	}
	while (at < end) {
		size_t first = at;
		while (at < size && words_is_word_byte(text[at])) {
			at++;
		}
		if (at > first) {
			count_word(member, dict, text + first, at - first);
		}
		at++;
	}
}

static void count_share(struct member *member, tally_object *dict)
{
	struct run *run = member->run;
	struct counting *counting = run->shared;
	for (;;) {
		size_t at = atomic_fetch_add_explicit(&counting->cursor, counting->chunk, memory_order_relaxed);
		if (at >= run->text_size) {
			return;
		}
		size_t left = run->text_size - at;
		size_t take = left < counting->chunk ? left : counting->chunk;
		size_t lost = run->plant == PLANT_DIGEST && at == 0 ? take / 2 : 0;
		count_chunk(member, dict, at + lost, at + take);
	}
}

static void set_up(struct run *run)
{
	struct counting *counting = NULL;
	if (posix_memalign((void **)&counting, alignof(struct counting), sizeof(*counting)) != 0) {
		worker_die("posix_memalign");
	}
	memset(counting, 0, sizeof(*counting));
	size_t chunk = run->text_size / CHUNKS_WANTED;
	counting->chunk = chunk > MAX_CHUNK ? MAX_CHUNK : chunk < MIN_CHUNK ? MIN_CHUNK : chunk;
	run->shared = counting;
}

static void set_up_shared(struct run *run)
{
	set_up(run);
	struct counting *counting = run->shared;
	counting->dict = worker_need(tally_dict_new(), "tally_dict_new");
}

static void own_nothing(struct member *member) { (void)member; }

static void count_into_shared(struct member *member)
{
	struct counting *counting = member->run->shared;
	count_share(member, counting->dict);
}

static void make_private(struct member *member)
{
	struct counting *counting = member->run->shared;
	counting->of_member[member->index] = worker_need(tally_dict_new(), "tally_dict_new");
}

static void merge_into(tally_object *into, tally_object *from)
{
	tally_object *key = NULL, *value = NULL;
	int more;
	for (size_t position = 0; (more = tally_dict_next(from, &position, &key, &value)) > 0;) {
		int64_t count = 0;
		worker_check(tally_int_value(value, &count), "tally_int_value");
		worker_check(tally_dict_add(into, key, count, NULL), "tally_dict_add");
		tally_decref(key);
		tally_decref(value);
	}
	worker_check(more, "tally_dict_next");
}

// Counts into the member's own dict; when all have, the first member adds the others' counts to its own.
static void count_into_private(struct member *member)
{
	struct run *run = member->run;
	struct counting *counting = run->shared;
	count_share(member, counting->of_member[member->index]);
	team_meet(member);
	if (member->index != 0) {
		return;
	}
	uint64_t started = team_clock_ns();
	counting->dict = counting->of_member[0];
	for (unsigned i = 1; i < run->threads; i++) {
		merge_into(counting->dict, counting->of_member[i]);
		tally_decref(counting->of_member[i]);
	}
	run->merge_ns = team_clock_ns() - started;
}

// ---- the digest ----

struct entry {
	tally_object *word; // keeps `bytes` alive
	const char *bytes;
	size_t size;
	int64_t count;
};

static int by_bytes(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	int order = memcmp(a->bytes, b->bytes, a->size < b->size ? a->size : b->size);
	return order ? order : (a->size > b->size) - (a->size < b->size);
}

// Fills entries[0, size) from the dict; ends the process when the dict does not have that many.
static void list_entries(tally_object *dict, struct entry *entries, size_t size)
{
	size_t found = 0;
	tally_object *value = NULL;
	for (size_t position = 0; found < size; found++) {
		struct entry *entry = &entries[found];
		if (tally_dict_next(dict, &position, &entry->word, &value) <= 0) {
			tally_error_set(TALLY_ERROR_VALUE, "%zu entries seen, tally_dict_size says %zu", found, size);
			worker_die("tally_dict_next");
		}
		entry->bytes = tally_str_utf8(entry->word, &entry->size);
		worker_check(entry->bytes ? 0 : -1, "tally_str_utf8");
		worker_check(tally_int_value(value, &entry->count), "tally_int_value");
		tally_decref(value);
	}
}

static uint64_t digest_entries(const struct entry *entries, size_t size, uint64_t *words)
{
	uint64_t digest = DIGEST_START;
	for (size_t i = 0; i < size; i++) {
		char count[32];
		int length = snprintf(count, sizeof(count), " %" PRId64 "\n", entries[i].count);
		digest = digest_bytes(digest, entries[i].bytes, entries[i].size);
		digest = digest_bytes(digest, count, (size_t)length);
		*words += (uint64_t)entries[i].count;
	}
	return digest;
}

static void observe_and_drop(struct run *run)
{
	struct counting *counting = run->shared;
	size_t size = 0;
	worker_check(tally_dict_size(counting->dict, &size), "tally_dict_size");
	struct entry *entries = worker_alloc(size + 1, sizeof(*entries));
	list_entries(counting->dict, entries, size);
	qsort(entries, size, sizeof(*entries), by_bytes);
	run->distinct = size;
	run->digest = digest_entries(entries, size, &run->words);
	for (size_t i = 0; i < size; i++) {
		tally_decref(entries[i].word);
	}
	tally_decref(counting->dict);
	free(entries);
	free(counting);
}

#define COUNTING(row, makes, begins, does) {"wordcount-" row, makes, begins, does, own_nothing, observe_and_drop, false}

const struct workload worker_words[] = {
	COUNTING("shared", set_up_shared, own_nothing, count_into_shared),
	COUNTING("private", set_up, make_private, count_into_private),
	{.name = NULL},
};
