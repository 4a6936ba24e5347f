// stress/weak_race_take.c: the race of upgrades against last drops: what takers do. See stress/weak_race.c.
//
// Whoever upgrades knows the number of the object that he must get, or nothing.
#include "weak_race.h"

enum { ATTEMPTS = 1000 };

static void judge_found(tally_object *object, uint64_t number)
{
	const struct node *node = node_of(object);
	if (plants("stale")) number++;
	if (!node) complain("an upgrade gives something else: '%s'", tally_type_name(object));
	else if (node->number != number) complain("an upgrade gives object %" PRIu64 ", not %" PRIu64, node->number, number);
	else if (node->stamp != (alive_stamp ^ number)) complain("an upgrade gives a destroyed object: %" PRIx64, node->stamp);
}

// What the weak reference leads to, which must be the object of that number; or NULL.
static tally_object *upgrade(tally_object *ref, uint64_t number)
{
	tally_object *found;
	check(tally_weakref_get(ref, &found));
	mine.upgrades++;
	if (!found) return NULL;
	mine.found++;
	judge_found(found, number);
	return found;
}

static void look_at_its_refs(tally_object *object)
{
	size_t count = 0;
	tally_object *refs = need(tally_weakref_list(object));
	check(tally_weakref_count(object, &count));
	for (size_t i = 0, size = length_of(refs); i < size; i++) {
		tally_object *ref = need(tally_list_get(refs, (ptrdiff_t)i)), *found = NULL;
		check(tally_weakref_get(ref, &found));
		if (found != object) complain("of a held object: a weak reference on its list leads elsewhere");
		tally_decref(found);
		tally_decref(ref);
	}
	tally_decref(refs);
}

// Mostly it is given back at once, so that as often as possible the object dies in the middle of an upgrade. Else it is held for
// a while; perhaps others will hold it, too.
static void use(tally_object *object, tally_object *ref, uint64_t number)
{
	unsigned how = draw(256);
	if (how < 8) linger(LINGER);
	else if (how < 12 && length_of(shared.held) < HELD_MAX) check(tally_list_append(shared.held, object));
	else if (how == 12) look_at_its_refs(object);
	if (how < 16) {
		tally_object *again = upgrade(ref, number);
		if (!again) complain("a held object is not found");
		tally_decref(again);
		judge_found(object, number);
	}
	tally_decref(object);
}

static void upgrade_until_gone(tally_object *ref, uint64_t number)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		tally_object *found = upgrade(ref, number);
		if (!found) {
			mine.lost_sight += i > 0;
			return;
		}
		use(found, ref, number);
	}
}

// The tuple's reference is given up.
static void take_apart(tally_object *entry, tally_object **ref, uint64_t *number)
{
	*ref = need(tally_tuple_get(entry, 0));
	*number = (uint64_t)take_value(need(tally_tuple_get(entry, 1)));
	tally_decref(entry);
}

// NULL: there is none.
static tally_object *find_entry(unsigned place)
{
	tally_object *entry = NULL;
	if (place < PLACES) check(tally_dict_get(shared.dict, shared.keys[place], &entry));
	else entry = need(tally_list_get(shared.list, (ptrdiff_t)(place - PLACES)));
	if (entry != tally_none()) return entry;
	tally_decref(entry);
	return NULL;
}

void upgrade_one(void)
{
	tally_object *entry = find_entry(draw(2 * PLACES)), *ref;
	uint64_t number;
	if (!entry) return;
	take_apart(entry, &ref, &number);
	upgrade_until_gone(ref, number);
	tally_decref(ref);
}

void upgrade_pinned(void)
{
	tally_object *ref;
	uint64_t number;
	size_t size = length_of(shared.pinned);
	take_apart(need(tally_list_get(shared.pinned, (ptrdiff_t)draw((unsigned)size))), &ref, &number);
	tally_object *found = upgrade(ref, number);
	if (found) mine.certain++;
	else complain("an object that its maker holds is not found");
	tally_decref(found);
	tally_decref(ref);
}

static void drop_a_ref(void)
{
	unsigned place = draw(2 * PLACES);
	tally_object *former = NULL;
	if (place < PLACES) check(tally_dict_pop(shared.dict, shared.keys[place], &former));
	else check(tally_list_set(shared.list, (ptrdiff_t)(place - PLACES), tally_none()));
	tally_decref(former);
	mine.dropped++;
}

void take(void)
{
	unsigned what = draw(64);
	if (what < 44) upgrade_one();
	else if (what < 48) upgrade_pinned();
	else if (what < 56) drop_a_ref();
	else drop_a_held_one();
}
