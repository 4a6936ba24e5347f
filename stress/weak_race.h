// stress/weak_race.h: what the parts of the race of upgrades against last drops have in common (stress/weak_race.c).
//
// stress/weak_race.c has the threads, the books and `main`; stress/weak_race_make.c the objects, their lives, their callbacks, and what
// makers do; stress/weak_race_take.c what takers do.
//
// I1  A life's record belongs to its maker while it is UNBORN or SETTLED, and to its object from birth to destruction.
#ifndef TALLY_STRESS_WEAK_RACE_H
#define TALLY_STRESS_WEAK_RACE_H

#include "books.h"

#include <inttypes.h>

enum { PLACES = 4, OWN = 4, RECORDS = 256, HELD_MAX = 16, LINGER = 100 };
static const uint64_t alive_stamp = UINT64_C(0xA11FE5A11FE5), dead_stamp = UINT64_C(0xDEADDEADDEAD);

// ---- the books ----

struct figures {
	uint64_t made, destroyed, phoenixes, finalized, brought_back;
	uint64_t upgrades, found, lost_sight, certain, dropped; // lost sight of: found, and then no more
	uint64_t kept, published, silent, called[3], raised, reported, stalls;
};

extern _Thread_local struct figures mine; // of the calling thread
extern _Thread_local uint64_t random_state;

static inline unsigned draw(unsigned limit) { return below(&random_state, limit); }

static inline void linger(unsigned most)
{
	for (volatile unsigned left = draw(most); left > 0; left--) {}
}

// ---- what is shared ----

struct shared {
	tally_object *list;   // of None and tuples (weak reference, number)
	tally_object *dict;   // of the same, by ints
	tally_object *pinned; // the same, of objects that live as long as all of this
	tally_object *held;   // a list of objects
	tally_object *keys[PLACES];
	tally_object *node_type, *phoenix_type;
	atomic_uint_fast64_t begun; // lives
	atomic_uint makers;         // that are still at it
};
extern struct shared shared;

static inline void drop_a_held_one(void) { tally_decref(try_pop(shared.held)); }

// ---- lives ----

enum kind { KEPT, PUBLISHED, SILENT, KINDS };
enum state { UNBORN, ALIVE, SETTLED };

// A weak reference with a callback, one in each life.
struct watch {
	struct life *life;
	enum kind kind;
	bool is_made;
	atomic_uint calls;
	tally_object *callback; // a function that knows this record; for all lives
};

struct life {
	_Atomic enum state state;
	struct watch watches[KINDS];
	tally_object *kept; // the weak reference that lives until the record is used again
};

struct node {
	uint64_t stamp, number;
	struct life *life;
	tally_object *link;
	bool is_phoenix;
	atomic_uint finalized;
};

struct maker {
	struct life lives[RECORDS];
	unsigned next;
	uint64_t number;
	tally_object *pinned;
	tally_object *own[OWN]; // what it is about to drop, each at a random moment
};

void make_types(void);
// NULL: it is none of our objects.
struct node *node_of(tally_object *object);
struct maker *new_maker(unsigned index);
void make(struct maker *maker);
void drop_own(struct maker *maker);
// All its objects must be gone.
void end_maker(struct maker *maker);
void note_report(enum tally_error_code code, const char *message, const char *operation, tally_object *source, void *context);

// ---- upgrading ----

void upgrade_one(void);
void upgrade_pinned(void);
void take(void);

#endif
