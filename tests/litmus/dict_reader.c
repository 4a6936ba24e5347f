// tests/litmus/dict_reader.c: the value of a key is looked up in a dict without the lock, while its owner changes the dict under
// it (core/keyed.c: tally_keyed_look, tally_keyed_take; core/dict_table.h I5). The reader follows table, index slot, entry; compares
// hash and key; takes a reference to the value; and looks at the value's place and at the table once more. A key that is another
// object than the wanted one is compared where it stands, unless the dict has ever had a key of a type that cannot be: such a dict
// says so before an entry leads to the key.
//
// Entries are appended, never used again in the same table; an entry is whole before the index slot leads to it; one that is
// removed is emptied, value first, before its references are dropped. A value or a key that dies is made anew in the same block at
// once, as something that is not in the dict; tables, and keys that are compared in place, wait for the readers.
//
// What the owner does: overwrites the value; with INSERT puts the key there, which is new, and overwrites the value with a new one;
// with GROW replaces the table, and then overwrites in the new one; with REMOVE removes the key and puts another one there; with
// MIXED puts such a key there, which is removed again, and whose block becomes a str that is being made.
#define OWN_DESTROY
#define OBJECTS 2
#include "model.h"

#ifndef SET // tally_place_set: a key, a value
#define SET release
#endif
#ifndef READ // tally_place_read
#define READ acquire
#endif
#ifndef AGAIN // the second look at the value, and at the table
#define AGAIN acquire
#endif
#ifndef PUBLISH // tally_keyed_set_table
#define PUBLISH release
#endif
#ifndef TABLE // tally_dict_table
#define TABLE acquire
#endif
#ifndef INDEX // set_slot
#define INDEX release
#endif
#ifndef FOLLOW // tally_table_slot
#define FOLLOW acquire
#endif
#ifndef HASH // tally_entry_hash
#define HASH acquire
#endif

enum { NOTHING, V1, V2 };                     // values: an object's number and 1
enum { NO_KEY, WANTED, ANOTHER };             // keys, by what is written in them
enum { UNSURE = -1, VACANT = 0 };             // an index slot: VACANT, or an entry's number and 1
enum { TYPE_OTHER, TYPE_STR };
enum { SECOND_LIFE = 2 };

struct entry {
	_Atomic int hash, key, value;
};
static struct table {
	_Atomic int slot[2]; // searched in turn, up to a VACANT one
	struct entry entry[2];
	int mask, gone; // plain: slots to be searched, less 1; freed
} table[2];
static _Atomic int current, lock, mixed;
static struct key {
	int type, text, gone; // plain
} key[3];
static _Thread_local bool was_last;

static int hash_of(int which) { return which == NO_KEY ? 0 : 7; } // all of them collide

static void take_lock(void)
{
	int seen = 0;
	bool mine = tally_cas(&lock, &seen, 1, acquire);
	__VERIFIER_assume(mine);
}
static void drop_lock(void) { tally_store(&lock, 0, release); }

// ---- values ----

static void destroy(struct object *o)
{
	assert(!o->freed);
	o->freed = 1;
	o->payload = DEAD;
	was_last = true;
}

static void make_another(struct object *o)
{
	tally_store(&o->local, TAG(1) | 1, relaxed);
	tally_store(&o->shared, PLAIN, INIT);
	o->payload = SECOND_LIFE;
	o->freed = 0;
	mark_weak(o);
}

static void give_up(int value)
{
	was_last = false;
	decref(&object[value - 1]);
	if (was_last) make_another(&object[value - 1]);
}

// ---- the dict, by its owner: the lock is held ----

static void append(struct table *t, int number, int slot, int which, int value)
{
	struct entry *e = &t->entry[number];
	tally_store(&e->key, which, relaxed);
	tally_store(&e->value, value, relaxed);
	tally_store(&e->hash, hash_of(which), relaxed);
	tally_store(&t->slot[slot], number + 1, INDEX);
}

static int overwrite(struct entry *e, int value)
{
	int former = tally_load(&e->value, relaxed);
#ifdef FAULT_DROP_FIRST // the entry still leads there when the reference is gone
	give_up(former);
	tally_store(&e->value, value, SET);
	return NOTHING;
#else
	tally_store(&e->value, value, SET);
	return former;
#endif
}

static int bury_entry(struct entry *e)
{
	int former = tally_load(&e->value, relaxed);
	tally_store(&e->value, NOTHING, SET);
	tally_store(&e->key, NO_KEY, SET);
	tally_store(&e->hash, 0, release);
	return former;
}

static void make_key(int which, int type, int text)
{
	key[which].type = type;
	key[which].text = text;
}

static void *writer(void *unused)
{
	struct table *t = &table[0];
	int former = NOTHING;
	self = TAG(1);
	take_lock();
#if defined INSERT
	make_key(WANTED, TYPE_STR, WANTED);
	append(t, 0, 0, WANTED, V1);
	init_object(&object[1], IMMORTAL, 1, PLAIN);
	former = overwrite(&t->entry[0], V2);
#elif defined GROW
	struct table *next = &table[1];
	next->mask = 1;
	append(next, 0, 0, WANTED, tally_load(&t->entry[0].value, relaxed));
	tally_store(&current, 1, PUBLISH);
#ifdef FAULT_FREE_TABLE // a reader is still in it
	t->gone = 1;
#endif
	former = overwrite(&next->entry[0], V2);
#elif defined REMOVE
	former = bury_entry(&t->entry[0]);
#ifdef FAULT_FREE_KEY // a reader is still comparing it
	key[WANTED].gone = 1;
#endif
#ifdef FAULT_REUSE_ENTRY // who has found the wanted key here takes the other one's value
	append(t, 0, 0, ANOTHER, V2);
#else
	append(t, 1, 1, ANOTHER, V2);
#endif
#elif defined MIXED
#ifndef FAULT_MIXED_LATE // who finds the entry does not know yet
	tally_store(&mixed, 1, relaxed);
#endif
	make_key(ANOTHER, TYPE_OTHER, NO_KEY);
	append(t, 0, 0, ANOTHER, V1);
	tally_store(&mixed, 1, relaxed);
	former = bury_entry(&t->entry[0]);
#else
	former = overwrite(&t->entry[0], V2);
#endif
	drop_lock();
	if (former) give_up(former);
#ifdef MIXED // the key dies, and its block becomes a str; its text is what nobody may look at yet
	make_key(ANOTHER, TYPE_STR, WANTED);
#endif
	return unused;
}

// ---- the reader ----

// 1: the key stands here and is the wanted one; 0: it is not; UNSURE: the lock decides.
static int compare(int stored)
{
	if (tally_load(&mixed, relaxed)) return UNSURE;
	assert(!key[stored].gone);
	assert(key[stored].type == TYPE_STR);
	return key[stored].text == WANTED;
}

static struct entry *look(struct table *t)
{
	for (int i = 0; i <= t->mask; i++) {
		int found = tally_load(&t->slot[i], FOLLOW);
		if (found == VACANT) return NULL;
		struct entry *e = &t->entry[found - 1];
		if (tally_load(&e->hash, HASH) != hash_of(WANTED)) continue;
		int stored = tally_load(&e->key, READ);
		int same = stored == NO_KEY ? 0 : compare(stored);
		if (same == UNSURE) return NULL;
		if (same) return e;
	}
	return NULL;
}

static int read_value(void)
{
	int number = tally_load(&current, TABLE);
	struct table *t = &table[number];
	assert(!t->gone);
	struct entry *e = look(t);
	if (!e) return NOTHING;
	int value = tally_load(&e->value, READ);
	if (value == NOTHING || !try_incref(&object[value - 1])) return NOTHING;
	bool is_there = true;
#ifndef FAULT_NO_VALUE_LOOK // what is pinned may be another object in the same block
	is_there = tally_load(&e->value, AGAIN) == value;
#endif
#ifndef FAULT_NO_TABLE_LOOK // the entry may be one of a table that the dict has no more
	is_there = is_there && tally_load(&current, AGAIN) == number;
#endif
	if (is_there) return value;
	decref(&object[value - 1]);
	return NOTHING;
}

static void *reader(void *unused)
{
	self = TAG(2);
	int value = read_value();
	if (!value) return unused;
#ifdef REMOVE
	assert(value == V1);
#endif
	assert(object[value - 1].payload == LIVE);
	decref(&object[value - 1]);
	return unused;
}

int main(void)
{
	table[0].mask = 1;
	for (unsigned i = 0; i < OBJECTS; i++) init_object(&object[i], 1, 1, WEAK);
	tally_store(&slot[1], ATTACHED, relaxed);
#if !defined INSERT && !defined MIXED
	make_key(WANTED, TYPE_STR, WANTED);
	make_key(ANOTHER, TYPE_STR, ANOTHER);
	append(&table[0], 0, 0, WANTED, V1);
#endif
	run_threads(writer, reader, NULL);
	self = TAG(1);
	run_point(&slot[1]);
	return 0;
}
