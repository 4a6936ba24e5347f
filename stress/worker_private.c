// stress/worker_private.c: every thread works on objects that it made and nobody else knows.
//
// This is what a global lock costs a program whose threads have nothing to do with each other: in `gil` they take
// turns all the same, in the other builds they should not notice one another. One row for each kind of work, so that
// what a build pays on one thread can be seen apart, and a mix of them.
//
//     private-count   an incref and a decref of one object                        operation: the pair
//     private-tuple   a 2-tuple of existing objects, made and dropped              operation: one tuple
//     private-list    64 appends, 64 gets (each dropped), one clear                operation: one call on the list
//     private-dict    32 sets and 32 gets of 16 str keys, one clear                operation: one call on the dict
//     private-mix     one block of count, one of tuple, three of list, three of dict: about a quarter of the time each
//
// Counting is no point, so the count block asks for one itself, as a host's loop has to.
#include "worker_blocks.h"

#include <stdio.h>
#include <stdlib.h>

#define PAIRS 512
#define TUPLES 128
#define ITEMS 64
#define KEYS 16
#define PASSES 2
#define DEPTH 5

struct belongings {
	tally_object *items[ITEMS]; // ints beyond any that a build may keep immortal
	tally_object *keys[KEYS];
	tally_object *list;
	tally_object *dict;
};

static void own_nothing(struct run *run) { (void)run; }

static void make_belongings(struct member *member)
{
	struct belongings *own = worker_alloc(1, sizeof(*own));
	for (int i = 0; i < ITEMS; i++) {
		own->items[i] = worker_need(tally_int_new(1000000 + i), "tally_int_new");
	}
	for (int i = 0; i < KEYS; i++) {
		char text[16];
		snprintf(text, sizeof(text), "key_%d", i);
		own->keys[i] = worker_need(tally_str_from(text), "tally_str_from");
	}
	own->list = worker_need(tally_list_new(), "tally_list_new");
	own->dict = worker_need(tally_dict_new(), "tally_dict_new");
	member->own = own;
}

static void drop_belongings(struct member *member)
{
	struct belongings *own = member->own;
	tally_decref(own->dict);
	tally_decref(own->list);
	for (int i = 0; i < KEYS; i++) {
		tally_decref(own->keys[i]);
	}
	for (int i = 0; i < ITEMS; i++) {
		tally_decref(own->items[i]);
	}
	free(own);
}

// Sees the count at its highest and after all pairs.
static uint64_t count_block(struct member *member)
{
	struct belongings *own = member->own;
	tally_object *object = own->list;
	for (int i = 0; i < PAIRS; i++) {
		tally_incref(object);
		tally_decref(object);
	}
	for (int i = 0; i < DEPTH; i++) {
		tally_incref(object);
	}
	uint64_t highest = tally_refcount(object);
	for (int i = 0; i < DEPTH; i++) {
		tally_decref(object);
	}
	worker_check(tally_safepoint(), "tally_safepoint");
	member->ops += PAIRS + DEPTH;
	return highest * 100 + tally_refcount(object);
}

// Sees that the last tuple holds what was put into it.
static uint64_t tuple_block(struct member *member)
{
	struct belongings *own = member->own;
	tally_object *tuple = NULL;
	for (int i = 0; i < TUPLES; i++) {
		tally_decref(tuple);
		tuple = worker_need(tally_tuple_new(&own->items[i % (ITEMS - 1)], 2), "tally_tuple_new");
	}
	size_t size = 0;
	worker_check(tally_tuple_size(tuple, &size), "tally_tuple_size");
	tally_object *second = worker_need(tally_tuple_get(tuple, 1), "tally_tuple_get");
	uint64_t right = second == own->items[(TUPLES - 1) % (ITEMS - 1) + 1];
	tally_decref(second);
	tally_decref(tuple);
	member->ops += TUPLES;
	return size * 10 + right;
}

// Sees how many elements were found where they belong, and the list empty at the end.
static uint64_t list_block(struct member *member)
{
	struct belongings *own = member->own;
	uint64_t right = 0;
	for (int i = 0; i < ITEMS; i++) {
		worker_check(tally_list_append(own->list, own->items[i]), "tally_list_append");
	}
	for (int i = 0; i < ITEMS; i++) {
		tally_object *item = worker_need(tally_list_get(own->list, i), "tally_list_get");
		right += item == own->items[i];
		tally_decref(item);
	}
	worker_check(tally_list_clear(own->list), "tally_list_clear");
	size_t size = 0;
	worker_check(tally_list_size(own->list, &size), "tally_list_size");
	member->ops += 2 * ITEMS + 1;
	return right * 100 + size;
}

static void set_keys(struct belongings *own, int shift)
{
	for (int i = 0; i < KEYS; i++) {
		worker_check(tally_dict_set(own->dict, own->keys[i], own->items[i + shift]), "tally_dict_set");
	}
}

static uint64_t get_keys(struct belongings *own, int shift)
{
	uint64_t right = 0;
	for (int i = 0; i < KEYS; i++) {
		tally_object *value = NULL;
		worker_check(tally_dict_get(own->dict, own->keys[i], &value), "tally_dict_get");
		right += value == own->items[i + shift];
		tally_decref(value);
	}
	return right;
}

// Sees how many values were found under their keys, and the size before the clear.
static uint64_t dict_block(struct member *member)
{
	struct belongings *own = member->own;
	uint64_t right = 0;
	for (int pass = 0; pass < PASSES; pass++) {
		set_keys(own, pass);
		right += get_keys(own, pass);
	}
	size_t size = 0;
	worker_check(tally_dict_size(own->dict, &size), "tally_dict_size");
	worker_check(tally_dict_clear(own->dict), "tally_dict_clear");
	member->ops += 2 * PASSES * KEYS + 1;
	return right * 100 + size;
}

static uint64_t mix_block(struct member *member)
{
	uint64_t seen = count_block(member) + 1000 * tuple_block(member);
	for (int i = 0; i < 3; i++) {
		seen = seen * 3 + list_block(member);
		seen = seen * 3 + dict_block(member);
	}
	return seen;
}

static void count(struct member *member) { blocks_repeat(member, count_block); }
static void tuple(struct member *member) { blocks_repeat(member, tuple_block); }
static void list(struct member *member) { blocks_repeat(member, list_block); }
static void dict(struct member *member) { blocks_repeat(member, dict_block); }
static void mix(struct member *member) { blocks_repeat(member, mix_block); }

static void observe(struct run *run) { run->digest = blocks_digest(run, 0); }

// The rows differ in their block only.
#define PRIVATE(row, does) {"private-" row, own_nothing, make_belongings, does, drop_belongings, observe, true}

const struct workload worker_private[] = {
	PRIVATE("mix", mix),   PRIVATE("count", count), PRIVATE("tuple", tuple),
	PRIVATE("list", list), PRIVATE("dict", dict),   {.name = NULL},
};
