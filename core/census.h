// core/census.h: every object of the heap, numbered, and the references between them: what core/check.c looks at.
//
// The blocks of all pages that hold objects are numbered as a collection numbers those of its candidates
// (core/candidates.h), leaves included; what is noted of an object stands in arrays by its number, in memory of the
// system's. A reference is open when the collector sees it, too. It is hidden when it stands in a payload that nobody
// traverses or whose traverse misses it, or is of a type that asked to be left out.
//
// I1  An address is taken for an object only if it is the start of a block in use, of a page in use, and alive.
// I2  When the census has ended, every page's word is 0 again.
// World stopped, by the stopper alone.
#ifndef TALLY_CORE_CENSUS_H
#define TALLY_CORE_CENSUS_H

#include "candidates.h"
#include "type.h"

struct tally_census;
typedef void (*tally_census_act)(struct tally_census *census, uint32_t number, bool is_hidden);

struct tally_census {
	struct tally_page **page; // in the order of their numbers
	uint32_t pages;
	uint64_t words;    // 64 blocks each, the dummy's first
	uint32_t *page_of; // a word's page, by its place in `page`
	uint64_t *alive, *immortal;
	int32_t *residue;  // references that are counted, less those that are visited; an immortal's is 0
	uint32_t *unseen;  // of tally_census_missed; 0 outside of it
	uintptr_t *arena;  // a hash table of the arenas' addresses; 0: a free place
	uint64_t arenas, places; // a power of two
	char *memory;
	size_t size;
	bool *misses; // by type: its traverse misses references

	// what core/check.c notes
	uint64_t *marked, *kept;
	uint32_t *rest;  // what hidden references leave of the residue; then references from objects in `kept`
	uint32_t *queue;
	uint64_t head, tail;
	uint64_t (*count)[TALLY_TYPES]; // by kind of finding and type
	bool found;

	// the visit that is under way
	tally_census_act act, act_on_missed;
	bool is_hidden;
	bool has_strayed; // something was visited that is no object
};

// Numbers and counts the objects; `residue` holds the counts. 0; -1: no memory (`size` says how much), and nothing has
// happened.
int tally_census_begin(struct tally_census *census);
void tally_census_end(struct tally_census *census);

// Calls `act` for each object among `bits`, a table of the census.
void tally_census_each(struct tally_census *census, const uint64_t *bits,
                       void (*act)(struct tally_census *census, struct tally_object *object, uint32_t number));
struct tally_object *tally_census_at(const struct tally_census *census, uint32_t number);

// Whether it is an object of a host type, and whether its type has a traverse.
bool tally_census_is_host(const struct tally_object *object);
bool tally_census_is_traversed(const struct tally_object *object);

// Calls `act` for each reference that a trace visits.
void tally_census_visited(struct tally_census *census, struct tally_object *object, tally_census_act act);
// Calls `act` for each word of a host object's payload that is the address of an object with a residue above 0 and that
// no trace visits.
void tally_census_missed(struct tally_census *census, struct tally_object *object, tally_census_act act);
// The same for the types of which it is known that there can be such words.
void tally_census_hidden_words(struct tally_census *census, struct tally_object *object, tally_census_act act);

static inline void tally_census_set(uint64_t *bits, uint32_t number) { bits[number / 64] |= (uint64_t)1 << number % 64; }
static inline void tally_census_clear(uint64_t *bits, uint32_t number) { bits[number / 64] &= ~((uint64_t)1 << number % 64); }

#endif
