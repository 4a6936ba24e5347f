// tests/schedule/weakref.c: weak references, the real code of core/weakref.c and core/death.c, under the exhaustive scheduler: an
// upgrade against the last drop, watchers against their referent's death, whoever does either.
//
// Thread i owns page i - 1, and makes its anchors and watchers there; the objects are the stage's, with a field for their anchor.
// Who finds an object must find it whole and in its first life: what has died is made anew in the same block, when the real
// lists of free blocks say that it can be. A weak reference that has died is filled with a bad byte, and still is when all is
// over; what acts must be alive, and all of its object's weak references cleared by then. At the end each has died once, or was
// not installed.
//
// tests/schedule/faults plants wrong steps in the sources and runs these scenarios again; docs/weakrefs.md has the proof.
#include "object.h"
#include "stage.h"

#include <string.h>

static struct tally_object *staged_new(unsigned type, size_t size, enum tally_layout layout);
#define tally_object_new staged_new
#include "../../core/weakref.c"
#undef tally_object_new

enum { A, B };                           // objects: both are thread 1's
enum { T1, T2, T3 };                     // fibers
enum { REFERRED = TALLY_TYPE_HOST + 1 }; // the objects' type
enum { FIRST_BLOCK = 256, RECORD_BLOCKS = 3, RECORDS = 4, BAD = 0xDB };

struct referred {
	struct stage_object object;
	struct tally_object *anchor;
};

// A weak reference that has been made.
static struct record {
	struct tally_object *ref; // NULL: not made
	size_t size;
	uint64_t deaths; // times; plain
	uint64_t acts;   // of a watcher, times; plain
	bool stays;      // is not to have died
} records[STAGE_PAGES][RECORDS];

static uint64_t life[STAGE_OBJECTS];   // 1: the object that the scenario began with; 2: another one in the same block
static struct tally_watcher *last_act; // plain

// ---- doubles ----

bool tally_enter_new_slow(const char *operation) { return tally_enter_slow(operation); }
bool tally_nest_failed(const char *operation) { schedule_fail("%s: too deep", operation); }
bool tally_is_callable(const tally_object *object) { return object != NULL; }
struct tally_list *tally_list_make(const char *operation, size_t capacity) { return (void)operation, (void)capacity, NULL; }
int tally_repr_name(struct tally_text *text, const char *name) { return (void)text, (void)name, 0; }
int tally_text_format(struct tally_text *text, const char *format, ...) { return (void)text, (void)format, 0; }
int tally_object_equal(struct tally_object *a, struct tally_object *b, const char *operation) { return (void)operation, a == b; }

tally_object *tally_incref(tally_object *object)
{
	if (object) variant_incref(object);
	return object;
}

int tally_object_hash(struct tally_object *object, uint64_t *hash, const char *operation)
{
	(void)object, (void)operation;
	*hash = 1;
	return 0;
}

void tally_unraisable_call(const char *operation, struct tally_object *callable, struct tally_object *const *arguments, size_t count)
{
	schedule_fail("%s: %p calls %p (%zu)", operation, (void *)arguments[0], (void *)callable, count);
}

// ---- weak references ----

static unsigned page_of_self(void) { return (tally_self.tag_word >> 16) - 1; }

static struct tally_object *staged_new(unsigned type, size_t size, enum tally_layout layout)
{
	unsigned page = page_of_self(), i = 0;
	(void)layout;
	while (records[page][i].ref) i++;
	SCHEDULE_ASSERT(i < RECORDS && size <= RECORD_BLOCKS * stage_page(page)->block_size);
	struct tally_object *block = tally_block_at(stage_page(page), FIRST_BLOCK + i * RECORD_BLOCKS);
	memset(block, BAD, size);
	stage_page(page)->used++;
	records[page][i] = (struct record){.ref = block, .size = size};
	return tally_object_init(block, type);
}

static struct record *record_of(const void *ref)
{
	for (unsigned i = 0; i < STAGE_PAGES * RECORDS; i++)
		if (records[i / RECORDS][i % RECORDS].ref == ref) return &records[i / RECORDS][i % RECORDS];
	schedule_fail("%p is no weak reference", ref);
}

static void weakref_dies(struct tally_object *ref)
{
	struct record *record = record_of(ref);
	tally_weakref_type.destroy(ref);
	tally_scheduled_access(&record->deaths, true);
	SCHEDULE_ASSERT(record->deaths == 0);
	record->deaths++;
	memset(ref + 1, BAD, record->size - sizeof *ref);
}

// A block that nobody has: as whoever frees it leaves it.
static bool is_free(const struct tally_object *object)
{
	return tally_load(&object->local, relaxed) == TALLY_TYPE_FREE && shared_is_dead(tally_load(&object->shared, relaxed));
}

static void is_untouched(const struct record *record)
{
	const unsigned char *bytes = (const unsigned char *)record->ref;
	for (size_t i = sizeof(struct tally_object); i < record->size; i++) SCHEDULE_ASSERT(bytes[i] == BAD);
}

// Calls `look` for each that has been made.
static void each_record(void (*look)(const struct record *record))
{
	for (unsigned i = 0; i < STAGE_PAGES * RECORDS; i++)
		if (records[i / RECORDS][i % RECORDS].ref) look(&records[i / RECORDS][i % RECORDS]);
}

static void has_ended_well(const struct record *record)
{
	SCHEDULE_ASSERT(record->acts <= 1);
	if (record->stays) {
		SCHEDULE_ASSERT(record->deaths == 0);
		return;
	}
	SCHEDULE_ASSERT(is_free(record->ref));
	if (record->deaths) is_untouched(record);
}

static void is_cleared(const struct record *record)
{
	SCHEDULE_ASSERT(record->deaths || !((const struct tally_weakref *)record->ref)->referent || is_free(record->ref));
}

static void act(struct tally_watcher *watcher)
{
	struct record *record = record_of(watcher);
	tally_scheduled_access(&record->acts, true);
	SCHEDULE_ASSERT(record->deaths == 0 && record->acts == 0);
	record->acts++;
	each_record(is_cleared);
	last_act = watcher;
}

static uint64_t acts_of(const struct tally_watcher *watcher) { return record_of(watcher)->acts; }

// ---- objects ----

static void object_dies(struct tally_object *object)
{
	struct referred *mine = (struct referred *)object;
	tally_scheduled_access(&mine->object.destroyed, true);
	SCHEDULE_ASSERT(mine->object.destroyed == 0 && !mine->anchor);
	mine->object.destroyed++;
}

static unsigned finalized;                  // times; plain
static struct tally_object *_Atomic saved; // with a reference: what the finalizer has brought back

static void finalize(struct tally_object *object)
{
	tally_scheduled_access(&finalized, true);
	SCHEDULE_ASSERT(finalized == 0);
	finalized++;
	variant_incref(object);
	tally_store(&saved, object, release);
}

static struct tally_type object_type = {
	.name = "referred", .index = REFERRED, .destroy = object_dies, .finalize = finalize, .weak = offsetof(struct referred, anchor)};
static struct tally_type weakref_type;

static void make_object(unsigned i, unsigned tag, uint32_t local, uint32_t shared)
{
	stage_object(i, tag, local, shared);
	stage_get(i)->type = REFERRED;
	((struct referred *)stage_get(i))->anchor = NULL;
	life[i] = 1;
}

// Takes the block of one that has died, if the page of the calling thread has it, for another object, which dies, too.
static void recycle(unsigned i)
{
	struct tally_page *page = stage_page(page_of_self());
	struct tally_object *block = stage_get(i);
	if (page->spare == block) page->spare = NULL;
	else if (page->free == block) page->free = block->next, page->used++;
	else return;
	tally_object_init(block, REFERRED);
	tally_scheduled_access(&life[i], true);
	life[i] = 2;
	tally_scheduled_access(&((struct stage_object *)block)->destroyed, true);
	((struct stage_object *)block)->destroyed = 0;
	variant_mark_weak(block); // as if it were in a container that others read
	variant_decref(block);
}

static void drop_object(unsigned i) { variant_decref(stage_get(i)); }
static void drop_weak(struct tally_weakref *ref) { variant_decref(&ref->header); }

// Alive and whole.
static void use_found(struct tally_object *found, unsigned i)
{
	SCHEDULE_ASSERT(found == stage_get(i));
	stage_use(i);
	tally_scheduled_access(&life[i], false);
	SCHEDULE_ASSERT(life[i] == 1);
	variant_decref(found);
}

static bool find(struct tally_weakref *ref, unsigned i)
{
	struct tally_object *found = tally_weakref_upgrade(ref);
	if (found) use_found(found, i);
	return found;
}

// Once absent, always absent.
static void find_twice(struct tally_weakref *ref, unsigned i)
{
	bool first = find(ref, i), second = find(ref, i);
	SCHEDULE_ASSERT(first || !second);
}

// ---- the scene ----

static struct tally_weakref *anchor;        // of the object in question
static struct tally_watcher *older, *newer; // watchers of it

static void set_up(int threads)
{
	stage_reset();
	memset(records, 0, sizeof records);
	for (int i = 0; i < threads; i++) stage_thread(i, true);
	for (unsigned i = 0; i < STAGE_PAGES; i++) stage_page(i)->owner = (uint16_t)(i + 1);
	weakref_type = tally_weakref_type;
	weakref_type.destroy = weakref_dies;
	tally_types[TALLY_TYPE_WEAKREF] = &weakref_type;
	tally_types[REFERRED] = &object_type;
	anchor = NULL;
	older = newer = NULL;
	last_act = NULL;
	finalized = 0;
	tally_store(&saved, NULL, relaxed);
}

// The thread of `fiber` makes the anchor of object `i`.
static void anchor_by(int fiber, unsigned i)
{
	schedule_act_as(fiber);
	anchor = tally_weakref_anchor(stage_get(i), "anchor");
	schedule_label(&anchor->header.lock, "anchor's lock");
	schedule_label(&anchor->header.flags, "anchor's flags");
	schedule_label(&anchor->header.shared, "anchor's shared");
	schedule_label(&anchor->referent, "anchor's referent");
}

// That thread gets a reference to the anchor.
static void share_with(int fiber)
{
	schedule_act_as(fiber);
	variant_incref(&anchor->header);
}

static struct tally_watcher *watch_by(int fiber, unsigned i)
{
	schedule_act_as(fiber);
	return tally_watcher_new(stage_get(i), act, NULL, NULL, "watcher");
}

static void leave(void) { variant_thread_detach(); }

static void use_anchor(unsigned i)
{
	find_twice(anchor, i);
	drop_weak(anchor);
	leave();
}

static void drop_a(void) { drop_object(A), leave(); }
static void use_a(void) { use_anchor(A); }

static void all_have_gone(void)
{
	SCHEDULE_ASSERT(stage_destroyed(A) == 1 && is_free(stage_get(A)));
	each_record(has_ended_well);
}

// ---- owner: its last drop, against an upgrade ----

static void owner_init(void)
{
	set_up(2);
	make_object(A, 1, 1, COUNT_PLAIN);
	anchor_by(T1, A);
	share_with(T2);
}
static void owner_check(void) { all_have_gone(); }

// ---- foreign: another's last drop, against an upgrade by the owner ----

static void foreign_init(void)
{
	set_up(2);
	make_object(A, 1, 1, COUNT_PLAIN);
	anchor_by(T1, A);
	share_with(T1);
}
static void foreign_check(void) { all_have_gone(); }

// ---- living: whoever asks for an object that somebody holds gets it ----

static void living_init(void)
{
	set_up(2);
	make_object(A, 1, 1, COUNT_PLAIN);
	anchor_by(T2, A);
	share_with(T2);
}
static void living_owner(void)
{
	variant_incref(stage_get(A));
	drop_object(A);
	leave();
}
static void living_other(void)
{
	SCHEDULE_ASSERT(find(anchor, A));
	drop_weak(anchor);
	leave();
}
static void living_check(void) { SCHEDULE_ASSERT(!stage_destroyed(A)); }

// ---- last_two: the owner and another drop the last two, against an upgrade; the reference of the other's is counted in `shared` ----

static void last_two_init(void)
{
	set_up(3);
	make_object(A, 1, 1, COUNT_ONE);
	anchor_by(T1, A);
	share_with(T3);
}
static void last_two_check(void) { all_have_gone(); }

// In `local`: it came from the owner.
static void given_init(void)
{
	set_up(3);
	make_object(A, 1, 2, COUNT_PLAIN);
	anchor_by(T1, A);
	share_with(T3);
}
static void given_check(void) { all_have_gone(); }

// ---- away: the owner goes, and who drops the last one claims its slot ----

static void away_init(void)
{
	set_up(3);
	make_object(A, 1, 1, COUNT_PLAIN);
	anchor_by(T1, A);
	share_with(T3);
}
static void away_check(void) { all_have_gone(); }

// It has gone before.
static void gone_init(void)
{
	away_init();
	schedule_act_as(T1);
	leave();
}
static void nothing(void) {}
static void gone_check(void) { all_have_gone(); }

// ---- again: the block becomes another object's, at its owner's ----

static void again_init(void) { owner_init(); }
static void again_owner(void)
{
	drop_object(A);
	recycle(A);
	leave();
}
static void again_check(void) { all_have_gone(); }

// It dies on another thread, and comes home.
static void home_init(void)
{
	set_up(3);
	make_object(A, 1, 0, COUNT_MERGED | COUNT_ONE);
	tally_store(&stage_get(A)->local, 0, relaxed);
	anchor_by(T1, A);
	share_with(T3);
}
static void home_owner(void)
{
	variant_run_point();
	recycle(A);
	leave();
}
static void home_check(void) { all_have_gone(); }

// ---- finalizing: the finalizer brings the object back, with its weak references, and it dies for good afterwards ----

static void finalizing_init(void)
{
	owner_init();
	share_with(T1);
	older = watch_by(T2, A);
	record_of(older)->stays = record_of(anchor)->stays = true;
	tally_store(&stage_get(A)->gc, TALLY_GC_FINALIZER | TALLY_GC_REFERRED, relaxed);
}
static void drop_saved(void)
{
	struct tally_object *object = tally_exchange(&saved, NULL, acquire);
	if (!object) return;
	SCHEDULE_ASSERT(find(anchor, A) && acts_of(older) == 0);
	variant_decref(object);
}
static void finalizing_owner(void)
{
	drop_object(A);
	drop_saved();
	drop_weak(anchor);
	leave();
}
static void finalizing_upgrader(void)
{
	find(anchor, A); // while the finalizer decides it may be absent, and found later
	find(anchor, A);
	drop_saved();
	drop_weak(anchor);
	leave();
}
static void finalizing_check(void)
{
	all_have_gone();
	SCHEDULE_ASSERT(finalized == 1 && acts_of(older) == 1);
}

// ---- watcher: one is dropped while its referent dies ----

static void watcher_init(void)
{
	set_up(2);
	make_object(A, 1, 1, COUNT_PLAIN);
	older = watch_by(T2, A);
}
static void watcher_dropper(void)
{
	drop_weak(&older->ref);
	leave();
}
static void watcher_check(void) { all_have_gone(); }

// The other one's death is another's, and its block, too.
static void watcher_elsewhere_init(void)
{
	set_up(2);
	make_object(A, 1, 1, COUNT_PLAIN);
	older = watch_by(T1, A);
}
static void watcher_elsewhere_check(void) { all_have_gone(); }

// It is asked for the object before.
static void watcher_upgrade_init(void) { watcher_init(); }
static void watcher_upgrade_other(void)
{
	find(&older->ref, A);
	drop_weak(&older->ref);
	leave();
}
static void watcher_upgrade_check(void) { all_have_gone(); }

// ---- two: watchers of two threads; both are alive at the death, and act, the newer first ----

static void two_init(void)
{
	set_up(3);
	make_object(A, 1, 1, COUNT_PLAIN);
	older = watch_by(T2, A);
	newer = watch_by(T3, A);
	record_of(older)->stays = record_of(newer)->stays = record_of(older->anchor)->stays = true;
}
static void two_second(void)
{
	find(&older->ref, A);
	leave();
}
static void two_third(void)
{
	find(&newer->ref, A);
	leave();
}
static void two_check(void)
{
	all_have_gone();
	SCHEDULE_ASSERT(acts_of(older) == 1 && acts_of(newer) == 1);
	SCHEDULE_ASSERT(last_act == older);
}

// One of the two goes at the same time; the other one acts in any case.
static void one_of_two_init(void)
{
	set_up(2);
	make_object(A, 1, 1, COUNT_PLAIN);
	older = watch_by(T2, A);
	newer = watch_by(T2, A);
	record_of(newer)->stays = record_of(older->anchor)->stays = true;
}
static void one_of_two_check(void)
{
	all_have_gone();
	SCHEDULE_ASSERT(acts_of(newer) == 1);
}

static void newer_of_two_init(void)
{
	one_of_two_init();
	record_of(newer)->stays = false;
	record_of(older)->stays = true;
}
static void newer_of_two_dropper(void)
{
	drop_weak(&newer->ref);
	leave();
}
static void newer_of_two_check(void)
{
	all_have_gone();
	SCHEDULE_ASSERT(acts_of(older) == 1);
}

// ---- silencing: one is told to be silent while its referent dies, and stays ----

static void silencing_init(void)
{
	one_of_two_init();
	record_of(older)->stays = true;
}
static void silencing_other(void)
{
	tally_watcher_silence(newer);
	SCHEDULE_ASSERT(tally_weakref_is_dead(&newer->ref));
	leave();
}
static void silencing_check(void)
{
	all_have_gone();
	SCHEDULE_ASSERT(acts_of(older) == 1);
}

// It is silenced by one thread while another one asks it for its object, whose block becomes another's.
static void unlinking_init(void)
{
	set_up(3);
	make_object(A, 1, 1, COUNT_PLAIN);
	older = watch_by(T2, A);
	schedule_act_as(T3);
	variant_incref(&older->ref.header);
}
static void unlinking_silencer(void)
{
	tally_watcher_silence(older);
	drop_weak(&older->ref);
	leave();
}
static void unlinking_upgrader(void)
{
	find(&older->ref, A);
	drop_weak(&older->ref);
	leave();
}
static void unlinking_check(void) { all_have_gone(); }

// ---- getting: the owner's way without a second look; and another's ----

static void get_by_anchor(void)
{
	struct tally_object *found;
	if (tally_weakref_get(&anchor->header, &found) != 1) return;
	use_found(found, A);
}
static void get_and_recycle(void)
{
	get_by_anchor();
	recycle(A);
	drop_weak(anchor);
	leave();
}
static void getting_init(void) { foreign_init(); }
static void getting_check(void) { all_have_gone(); }
static void getting_elsewhere_init(void) { owner_init(); }
static void getting_elsewhere_other(void)
{
	get_by_anchor();
	drop_weak(anchor);
	leave();
}
static void getting_elsewhere_check(void) { all_have_gone(); }

// ---- installing: two threads ask for the anchor of an object that has none ----

static struct tally_weakref *installed[2];

static void installing_init(void)
{
	set_up(2);
	make_object(A, 1, 1, COUNT_ONE);
}
static void ask_for_anchor(int i)
{
	installed[i] = tally_weakref_anchor(stage_get(A), "anchor");
	variant_incref(&installed[i]->header);
	SCHEDULE_ASSERT(find(installed[i], A));
	drop_object(A);
	find_twice(installed[i], A);
	drop_weak(installed[i]);
	leave();
}
static void installing_owner(void) { ask_for_anchor(0); }
static void installing_other(void) { ask_for_anchor(1); }
static void installing_check(void)
{
	SCHEDULE_ASSERT(installed[0] == installed[1]);
	all_have_gone();
}

// ---- making: a watcher is made while another one goes, and somebody counts ----

static void making_init(void)
{
	set_up(3);
	make_object(A, 1, 1, 2 * COUNT_ONE);
	older = watch_by(T2, A);
}
static void making_owner(void)
{
	newer = tally_watcher_new(stage_get(A), act, NULL, NULL, "watcher");
	leave();
}
static void making_counter(void)
{
	size_t count = 0;
	SCHEDULE_ASSERT(tally_weakref_count(stage_get(A), &count) == 0 && count <= 3);
	leave();
}
static void making_check(void)
{
	anchor = anchor_of(stage_get(A));
	SCHEDULE_ASSERT(anchor->first == newer && !newer->next && !newer->previous);
	SCHEDULE_ASSERT(newer->ref.referent == stage_get(A) && record_of(older)->deaths == 1 && is_free(&older->ref.header));
	SCHEDULE_ASSERT(variant_refcount(&anchor->header) == 2);
}

// Two watchers are made at once, of an object that had no anchor.
static void both_init(void) { installing_init(); }
static void both_owner(void)
{
	older = tally_watcher_new(stage_get(A), act, NULL, NULL, "watcher");
	record_of(older)->stays = record_of(older->anchor)->stays = true;
	drop_a();
}
static void both_other(void)
{
	newer = tally_watcher_new(stage_get(A), act, NULL, NULL, "watcher");
	record_of(newer)->stays = true;
	drop_a();
}
static void both_check(void)
{
	SCHEDULE_ASSERT(older->anchor == newer->anchor);
	all_have_gone();
	SCHEDULE_ASSERT(acts_of(older) == 1 && acts_of(newer) == 1);
}

// One is made, another one goes, and the object dies.
static void all_at_once_init(void)
{
	set_up(3);
	make_object(A, 1, 1, COUNT_ONE);
	older = watch_by(T2, A);
	record_of(older->anchor)->stays = true;
}
static void all_at_once_maker(void)
{
	newer = tally_watcher_new(stage_get(A), act, NULL, NULL, "watcher");
	record_of(newer)->stays = true;
	drop_a();
}
static void all_at_once_check(void)
{
	all_have_gone();
	SCHEDULE_ASSERT(acts_of(newer) == 1 && variant_refcount(&newer->anchor->header) == 1);
}

// ---- taking: what is in a slot goes to one of those who take it ----

static unsigned takers;

static void taking_init(void)
{
	set_up(2);
	make_object(A, 1, 1, COUNT_ONE);
	make_object(B, 1, 0, COUNT_PLAIN);
	older = watch_by(T1, A);
	older->ref.slot[0] = stage_get(B);
	takers = 0;
}
static void take(void)
{
	struct tally_object *taken = tally_watcher_take(older, 0);
	SCHEDULE_ASSERT(!taken || taken == stage_get(B));
	tally_scheduled_access(&takers, true);
	takers += taken != NULL;
	leave();
}
static void taking_check(void) { SCHEDULE_ASSERT(takers == 1); }

// ---- collecting: the object is found unreachable in a stopped world, and cleared there ----

static bool is_trash;

static void collecting_init(void)
{
	set_up(2);
	make_object(A, 1, 1, COUNT_PLAIN);
	anchor_by(T1, A);
	share_with(T2);
	older = watch_by(T2, A);
}
static void collecting_stopper(void)
{
	struct tally_watchers list;
	tally_watchers_init(&list);
	variant_world_stop();
	is_trash = variant_count_stopped(stage_get(A)) == 1; // else somebody can reach it
	if (is_trash) variant_hold_stopped(stage_get(A)), tally_weakref_clear_stopped(stage_get(A), &list);
	variant_world_start();
	SCHEDULE_ASSERT(!is_trash || tally_weakref_is_dead(anchor));
	tally_watchers_act(&list);
	if (is_trash) drop_object(A);
	drop_a();
}
static void collecting_upgrader(void)
{
	struct tally_object *found;
	if (tally_weakref_get(&anchor->header, &found) == 1) {
		stage_use(A);
		variant_stop_point();
		stage_use(A);
		variant_decref(found);
	}
	find_twice(anchor, A);
	drop_weak(anchor);
	variant_stop_point();
	drop_weak(&older->ref);
	leave();
}
static void collecting_check(void) { all_have_gone(); }

// A watcher is dying when the world stops.
static void dying_init(void)
{
	set_up(2);
	make_object(A, 1, 1, COUNT_PLAIN);
	older = watch_by(T2, A);
	newer = watch_by(T2, A);
	record_of(newer)->stays = record_of(newer->anchor)->stays = true;
	anchor = newer->anchor;
}
static void dying_dropper(void)
{
	bool outer = tally_bury_later();
	drop_weak(&older->ref);
	variant_stop_point();
	tally_bury_again(outer);
	leave();
}
static void dying_check(void)
{
	all_have_gone();
	SCHEDULE_ASSERT(acts_of(newer) == 1);
}

// The watcher is found unreachable, its referent is not.
static void lonely_init(void)
{
	set_up(2);
	make_object(A, 1, 1, COUNT_PLAIN);
	older = watch_by(T1, A);
}
static void lonely_stopper(void)
{
	variant_world_stop();
	uint64_t acts = acts_of(older);
	tally_watcher_silence_stopped(older);
	variant_world_start();
	SCHEDULE_ASSERT(tally_weakref_is_dead(&older->ref) && acts_of(older) == acts);
	drop_weak(&older->ref);
	leave();
}
static void lonely_check(void) { all_have_gone(); }

static struct schedule_scenario scenarios[] = {
        SCENARIO(owner, 2, drop_a, use_a),
        SCENARIO(foreign, 2, use_a, drop_a),
        SCENARIO(living, 2, living_owner, living_other),
        BOUNDED(last_two, 2, 3, drop_a, drop_a, use_a),
        BOUNDED(given, 2, 3, drop_a, drop_a, use_a),
        BOUNDED(away, 2, 3, leave, drop_a, use_a),
        BOUNDED(gone, 3, 3, nothing, drop_a, use_a),
        SCENARIO(again, 2, again_owner, use_a),
        BOUNDED(home, 2, 3, home_owner, drop_a, use_a),
        BOUNDED(finalizing, 3, 2, finalizing_owner, finalizing_upgrader),
        SCENARIO(watcher, 2, drop_a, watcher_dropper),
        BOUNDED(watcher_elsewhere, 3, 2, drop_a, watcher_dropper),
        BOUNDED(watcher_upgrade, 3, 2, drop_a, watcher_upgrade_other),
        BOUNDED(two, 2, 3, drop_a, two_second, two_third),
        BOUNDED(one_of_two, 3, 2, drop_a, watcher_dropper),
        SCENARIO(newer_of_two, 2, drop_a, newer_of_two_dropper),
        BOUNDED(silencing, 3, 2, drop_a, silencing_other),
        BOUNDED(unlinking, 2, 3, again_owner, unlinking_silencer, unlinking_upgrader),
        BOUNDED(getting, 3, 2, get_and_recycle, drop_a),
        BOUNDED(getting_elsewhere, 3, 2, again_owner, getting_elsewhere_other),
        BOUNDED(installing, 3, 2, installing_owner, installing_other),
        BOUNDED(making, 2, 3, making_owner, watcher_dropper, making_counter),
        BOUNDED(both, 3, 2, both_owner, both_other),
        BOUNDED(all_at_once, 2, 3, all_at_once_maker, watcher_dropper, drop_a),
        BOUNDED(taking, 3, 2, take, take),
        BOUNDED(collecting, 3, 2, collecting_stopper, collecting_upgrader),
        BOUNDED(lonely, 3, 2, lonely_stopper, drop_a),
        BOUNDED(dying, 3, 2, collecting_stopper, dying_dropper),
};

int main(int count, char **arguments)
{
	return stage_main(scenarios, sizeof scenarios / sizeof scenarios[0], count, arguments);
}
