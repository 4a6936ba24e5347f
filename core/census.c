// core/census.c: numbering all objects, and finding references where nobody visits them (core/census.h).
//
// A word of a payload may be anything. It is looked up in the table of arenas first: only there is a page's descriptor
// to be read.
//
// World stopped, by the stopper alone.
#include "census.h"
#include "heap.h"
#include "os.h"
#include "trace.h"
#include "variant.h"

#include <string.h>

// ---- arenas ----

static uint64_t place_of(const struct tally_census *census, uintptr_t arena)
{
	return (arena >> TALLY_ARENA_SHIFT) * 0x9E3779B97F4A7C15u >> 32 & (census->places - 1);
}

// Where it stands, or the free place where it would.
static uintptr_t *find_arena(const struct tally_census *census, uintptr_t arena)
{
	uint64_t place = place_of(census, arena);
	while (census->arena[place] && census->arena[place] != arena) place = (place + 1) & (census->places - 1);
	return &census->arena[place];
}

static bool is_arena(const struct tally_census *census, const void *address)
{
	uintptr_t arena = (uintptr_t)tally_arena_of(address);
	return arena && *find_arena(census, arena) == arena;
}

// ---- pages ----

static bool takes_part(const struct tally_page *page) { return page->layout != TALLY_LAYOUT_RAW && page->used > 0; }

// Runs of one arena come one after the other.
static int count_page(struct tally_page *page, void *context)
{
	struct tally_census *census = context;
	uintptr_t arena = (uintptr_t)tally_arena_of(page);
	if (arena != census->head) census->arenas++;
	census->head = arena; // the last one; nothing is queued yet
	if (!takes_part(page)) return 0;
	census->pages++;
	census->words += tally_candidate_words(page);
	return 0;
}

static int number_page(struct tally_page *page, void *context)
{
	struct tally_census *census = context;
	uintptr_t arena = (uintptr_t)tally_arena_of(page);
	*find_arena(census, arena) = arena;
	if (!takes_part(page)) return 0;
	uint64_t words = tally_candidate_words(page);
	*tally_page_word(page) = page->reciprocal | census->words * 64 << 32;
	for (uint64_t i = 0; i < words; i++) census->page_of[census->words + i] = census->pages;
	census->page[census->pages++] = page;
	census->words += words;
	return 0;
}

// ---- memory ----

static void *cut(char **rest, size_t size)
{
	void *array = *rest;
	*rest += size;
	return array;
}

static size_t size_of_arrays(const struct tally_census *census)
{
	return census->words * (4 * 8 + 64 * 4 * 4 + 4) + census->pages * sizeof *census->page +
	       census->places * sizeof *census->arena + TALLY_TYPES;
}

// The sizes fall in the order of the calls, but for the last of each kind, so each is aligned.
static void cut_arrays(struct tally_census *census)
{
	size_t words = census->words, pages = census->pages;
	char *rest = census->memory;
	census->alive = cut(&rest, words * 8);
	census->immortal = cut(&rest, words * 8);
	census->marked = cut(&rest, words * 8);
	census->kept = cut(&rest, words * 8);
	census->page = cut(&rest, pages * sizeof *census->page);
	census->arena = cut(&rest, census->places * sizeof *census->arena);
	census->residue = cut(&rest, words * 64 * 4);
	census->unseen = cut(&rest, words * 64 * 4);
	census->rest = cut(&rest, words * 64 * 4);
	census->queue = cut(&rest, words * 64 * 4);
	census->page_of = cut(&rest, words * 4);
	census->misses = cut(&rest, TALLY_TYPES);
	census->pages = 0;
	census->words = 1;
}

static void *get_memory(size_t size)
{
	if (TALLY_ASSERTIONS && tally_heap_fault()) return NULL;
	return tally_span_new(size);
}

// ---- beginning and ending ----

static void count_object(struct tally_census *census, struct tally_object *object, uint32_t number)
{
	uint32_t count = variant_count_stopped(object);
	if (!count) return;
	tally_census_set(census->alive, number);
	if (count == UINT32_MAX) tally_census_set(census->immortal, number);
	else census->residue[number] = (int32_t)count;
}

static void count_objects(struct tally_census *census)
{
	for (uint32_t i = 0; i < census->pages; i++) {
		const struct tally_page *page = census->page[i];
		uint32_t first = tally_candidate_first(page), filled = tally_page_filled(page);
		for (uint32_t j = 0; j < filled; j++) count_object(census, tally_block_at(page, j), first + j);
	}
}

int tally_census_begin(struct tally_census *census)
{
	*census = (struct tally_census){.words = 1, .places = 2};
	tally_pages_each(count_page, census);
	census->head = 0;
	while (census->places < 2 * census->arenas) census->places *= 2;
	census->size = size_of_arrays(census);
	if (census->words * 64 > UINT32_MAX || !(census->memory = get_memory(census->size))) return -1;
	cut_arrays(census);
	tally_pages_each(number_page, census);
	count_objects(census);
	return 0;
}

void tally_census_end(struct tally_census *census)
{
	for (uint32_t i = 0; i < census->pages; i++) *tally_page_word(census->page[i]) = 0;
	tally_span_free(census->memory, census->size);
}

// ---- objects ----

struct tally_object *tally_census_at(const struct tally_census *census, uint32_t number)
{
	return tally_candidate_at(census->page[census->page_of[number / 64]], number);
}

void tally_census_each(struct tally_census *census, const uint64_t *bits,
                       void (*act)(struct tally_census *census, struct tally_object *object, uint32_t number))
{
	for (uint32_t word = 1; word < census->words; word++)
		for (uint64_t rest = bits[word]; rest; rest &= rest - 1) {
			uint32_t number = word * 64 + (uint32_t)__builtin_ctzll(rest);
			act(census, tally_census_at(census, number), number);
		}
}

// The number of the object at `address`, which may be anything. False: there is none.
static bool find(const struct tally_census *census, const void *address, uint32_t *number)
{
	if ((uintptr_t)address % sizeof(uint64_t) || !is_arena(census, address)) return false;
	*number = tally_candidate_number(address); // the dummy's, which is not alive, in a page that takes no part
	return tally_candidate_has(census->alive, *number) && tally_census_at(census, *number) == address;
}

bool tally_census_is_host(const struct tally_object *object)
{
	return object->type >= TALLY_TYPE_HOST && !tally_type(object)->is_class;
}

bool tally_census_is_traversed(const struct tally_object *object)
{
	return tally_census_is_host(object) && tally_type(object)->host.traverse;
}

// ---- references ----

static void visit(tally_object *referent, void *context)
{
	struct tally_census *census = context;
	uint32_t number;
	if (!referent) return;
	if (find(census, referent, &number)) census->act(census, number, census->is_hidden);
	else census->has_strayed = true;
}

void tally_census_visited(struct tally_census *census, struct tally_object *object, tally_census_act act)
{
	unsigned layout = tally_page_of(object)->layout;
	census->act = act;
	census->is_hidden = layout == TALLY_LAYOUT_LEAF;
	if (layout != TALLY_LAYOUT_LEAF) tally_trace(object, layout, visit, census);
	else if (tally_census_is_traversed(object)) tally_trace_host(object, visit, census);
}

static void each_word(struct tally_census *census, struct tally_object *object, tally_census_act act)
{
	const struct tally_type *type = tally_type(object);
	const void *const *word = (const void *const *)(const void *)((char *)object + type->payload);
	const size_t end = type->weak ? type->weak : type->size; // the anchor is the library's
	uint32_t number;
	for (size_t i = 0; i < (end - type->payload) / sizeof *word; i++)
		if (find(census, word[i], &number) && census->residue[number] > 0) act(census, number, true);
}

static void expect(struct tally_census *census, uint32_t number, bool is_hidden)
{
	(void)is_hidden;
	census->unseen[number]++;
}

static void see(struct tally_census *census, uint32_t number, bool is_hidden)
{
	(void)is_hidden;
	if (census->unseen[number]) census->unseen[number]--;
}

// What stands there more often than it was visited; `unseen` is 0 again afterwards.
static void tell_unseen(struct tally_census *census, uint32_t number, bool is_hidden)
{
	if (!census->unseen[number]) return;
	census->unseen[number]--;
	census->act_on_missed(census, number, is_hidden);
}

void tally_census_missed(struct tally_census *census, struct tally_object *object, tally_census_act act)
{
	census->act_on_missed = act;
	each_word(census, object, expect);
	tally_census_visited(census, object, see);
	each_word(census, object, tell_unseen);
}

void tally_census_hidden_words(struct tally_census *census, struct tally_object *object, tally_census_act act)
{
	if (!tally_census_is_host(object)) return;
	if (!tally_census_is_traversed(object)) each_word(census, object, act);
	else if (census->misses[object->type]) tally_census_missed(census, object, act);
}
