// stress/compare_names.c: a table of names, each once, numbered in the order in which they came.
//
// The bytes stand one after another in one buffer; a hash table with open addressing finds a name's number. It is never
// more than half full.
#include "compare_scan.h"
#include "digest.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 1024
#define FIRST_BYTES 65536

int text_compare(struct text a, struct text b)
{
	int order = memcmp(a.at, b.at, a.size < b.size ? a.size : b.size);
	return order ? order : (a.size > b.size) - (a.size < b.size);
}

struct text names_get(const struct names *names, uint32_t number)
{
	return (struct text){names->bytes + names->at[number], names->at[number + 1] - names->at[number]};
}

// The slot that holds the name's number, or the empty one where it belongs.
static uint32_t *find_slot(const struct names *names, struct text name)
{
	size_t mask = names->slot_count - 1;
	uint64_t hash = digest_bytes(DIGEST_START, name.at, name.size);
	for (size_t at = (size_t)(hash ^ hash >> 32) & mask;; at = (at + 1) & mask) {
		uint32_t number = names->slots[at];
		if (number == NAMES_ABSENT || text_compare(names_get(names, number), name) == 0) {
			return &names->slots[at];
		}
	}
}

static void grow_slots(struct names *names)
{
	free(names->slots);
	names->slot_count = names->slot_count ? names->slot_count * 2 : FIRST_SLOTS;
	names->slots = compare_alloc(names->slot_count, sizeof(*names->slots));
	for (size_t i = 0; i < names->slot_count; i++) {
		names->slots[i] = NAMES_ABSENT;
	}
	for (uint32_t i = 0; i < names->count; i++) {
		*find_slot(names, names_get(names, i)) = i;
	}
	names->at = compare_grow(names->at, names->slot_count / 2 + 1, sizeof(*names->at));
	names->at[names->count] = (uint32_t)names->used;
}

static void append(struct names *names, struct text name)
{
	while (names->room < names->used + name.size) {
		names->room = names->room ? names->room * 2 : FIRST_BYTES;
		names->bytes = compare_grow(names->bytes, names->room, 1);
	}
	if (names->used + name.size > UINT32_MAX) {
		compare_refuse("names of more than 4 GiB in the graph, less expected");
	}
	memcpy(names->bytes + names->used, name.at, name.size);
	names->used += name.size;
	names->at[++names->count] = (uint32_t)names->used;
}

uint32_t names_add(struct names *names, struct text name)
{
	if (names->count >= names->slot_count / 2) {
		grow_slots(names);
	}
	uint32_t *slot = find_slot(names, name);
	if (*slot == NAMES_ABSENT) {
		*slot = names->count;
		append(names, name);
	}
	return *slot;
}

uint32_t names_find(const struct names *names, struct text name)
{
	return names->count ? *find_slot(names, name) : NAMES_ABSENT;
}

void names_fini(struct names *names)
{
	free(names->bytes);
	free(names->at);
	free(names->slots);
}
