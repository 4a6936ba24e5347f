// tests/schedule/dict_reader.c: reading a dict without its lock, the real code of core/dict.c, core/keyed.c and core/dict_table.c,
// under the exhaustive scheduler: a reader against each kind of change.
//
// The dict is an object of the stage, its values are the others, its keys are strs in blocks of their own. A value that dies is made
// anew in the same block, as another object, which no reader may come back with; a key that dies must not be compared any more; a
// table that is freed is filled with what leads nowhere, and so is a new one. tests/schedule/faults plants wrong steps in the
// sources and runs these scenarios again; docs/reading.md has the proof.
#include "error.h"
#include "heap.h"
#include "reader.h"
#include "stage.h"

// Tables lie in the stage's first page, behind its objects and the keys, one after the other.
static void *staged_raw_new(size_t size);
static void staged_raw_free(void *raw);
static int staged_compare(struct tally_object *stored, struct tally_object *key);
#define tally_raw_new staged_raw_new
#define tally_raw_free staged_raw_free
static int staged_error(int code, ...) { return code ? -1 : 0; }
#define tally_error_raise(...) staged_error(__VA_ARGS__)
#define tally_slots slots_of_an_object // core/trace.h has a function of the name, gcstw/slot.h an array
#include "../../core/dict_table.c"
#include "keyed.h"
#define tally_keyed_compare staged_compare
#include "../../core/keyed.c"
#undef tally_keyed_compare
#define drop drop_of_dict
#define hold hold_of_dict
#include "../../core/dict.c"
#undef drop
#undef hold

enum { A, B, DICT, C }; // objects: 0 and 1 lie in the first page, 2 and 3 in the second
enum { K, EQUAL, ANEW, OTHER, KEY_COUNT };
enum { FIRST_KEY = 128, FIRST_BLOCK = 256 };
#define NOWHERE UINT64_C(0x1000) // an address where nothing is; and the hash of the keys

static unsigned blocks;              // taken for tables
static uint64_t life[STAGE_OBJECTS]; // 1: the object that the scenario began with; 2: another one in the same block
static uint64_t key_deaths[KEY_COUNT];

// ---- doubles ----

static void fill(void *memory, size_t bytes, uint64_t word)
{
	for (_Atomic uint64_t *words = memory; bytes; words++, bytes -= sizeof *words) tally_store(words, word, relaxed);
}

static void *staged_raw_new(size_t size)
{
	uint64_t *raw = (uint64_t *)(void *)tally_block_at(stage_page(0), FIRST_BLOCK + blocks);
	blocks += (unsigned)(size + 31) / 32;
	for (size_t i = 0; i < size / sizeof *raw; i++) raw[i] = NOWHERE;
	return raw;
}

// The shape of the table stays, so that who reads it finds what leads nowhere.
static void staged_raw_free(void *raw)
{
	struct tally_table *table = raw;
	if (!table) return;
	fill(table + 1, (size_t)table->mask + 1, 0);
	fill(tally_table_entries(table), table->capacity * sizeof(struct tally_entry), NOWHERE);
}

static struct tally_object *key_of(unsigned i) { return (struct tally_object *)(void *)tally_block_at(stage_page(0), FIRST_KEY + 2 * i); }

static unsigned number_of_key(const struct tally_object *key)
{
	for (unsigned i = 0; i < KEY_COUNT; i++)
		if (key == key_of(i)) return i;
	schedule_fail("%p is no key", (const void *)key);
}

// What stands in the dict is compared while it lives.
static int staged_compare(struct tally_object *stored, struct tally_object *key)
{
	unsigned i = number_of_key(stored);
	tally_scheduled_access(&key_deaths[i], false);
	SCHEDULE_ASSERT(!key_deaths[i]);
	return tally_keyed_compare(stored, key);
}

static void key_dies(struct tally_object *key)
{
	unsigned i = number_of_key(key);
	tally_scheduled_access(&key_deaths[i], true);
	SCHEDULE_ASSERT(!key_deaths[i]);
	key_deaths[i]++;
}

static struct tally_type key_type = {.name = "str", .index = TALLY_TYPE_STR, .destroy = key_dies};

struct tally_int *tally_small_ints[TALLY_SMALLS];
uint64_t tally_hash_seed;

bool tally_enter_new_slow(const char *operation) { return (void)operation, true; }
bool tally_nest_failed(const char *operation) { return (void)operation, false; }
bool tally_object_is_plain(const struct tally_object *object) { return (void)object, true; }
int tally_object_equal(struct tally_object *a, struct tally_object *b, const char *operation) { return (void)operation, a == b; }
int tally_object_repr(struct tally_object *object, struct tally_text *text) { return (void)object, (void)text, 0; }
int tally_text_add_string(struct tally_text *text, const char *string) { return (void)text, (void)string, 0; }
int tally_number_equal(const struct tally_object *a, const struct tally_object *b) { return a == b; }
struct tally_list *tally_list_make(const char *operation, size_t capacity) { return (void)operation, (void)capacity, NULL; }

int tally_object_hash(struct tally_object *object, uint64_t *hash, const char *operation)
{
	(void)object, (void)operation;
	*hash = NOWHERE;
	return 0;
}

int tally_number_hash(struct tally_object *number, uint64_t *hash, const char *operation)
{
	return tally_object_hash(number, hash, operation);
}

// ---- the scene ----

static struct tally_object *the_dict(void) { return stage_get(DICT); }
static struct tally_dict *the_keyed(void) { return (struct tally_dict *)the_dict(); }

static void make_key(unsigned i, unsigned tag, const char *text)
{
	struct tally_str *str = (struct tally_str *)key_of(i);
	memset(str, 0, 64);
	str->header.type = TALLY_TYPE_STR;
	tally_store(&str->header.local, tag << 16 | 1, relaxed);
	tally_store(&str->header.shared, COUNT_WEAK, relaxed);
	str->hash = NOWHERE;
	str->size = strlen(text);
	memcpy(str->bytes, text, str->size);
	stage_page(0)->used++;
	key_deaths[i] = 0;
}

// A dict of the thread with `tag`: {K: A}, in a table of four entries; the references to both are its own.
static void set_up(unsigned tag, unsigned tombstones)
{
	stage_reset();
	for (int i = 0; i < 3; i++) stage_thread(i, true);
	schedule_act_as(0);
	tally_types[TALLY_TYPE_STR] = &key_type;
	blocks = 0;
	for (unsigned i = 0; i < STAGE_OBJECTS; i++) {
		stage_object(i, tag, 1, COUNT_WEAK);
		life[i] = 1;
	}
	for (unsigned i = 0; i < KEY_COUNT; i++) make_key(i, tag, i == OTHER ? "another" : "key");
	struct tally_dict *dict = the_keyed();
	dict->header.type = TALLY_TYPE_DICT;
	dict->table = tally_table_init(staged_raw_new(tally_table_bytes(TALLY_TABLE_LOG2_MIN)), TALLY_TABLE_LOG2_MIN);
	dict->used = 0;
	dict->replacements = 0;
	for (unsigned i = 0; i < tombstones; i++) {
		tally_table_append(dict->table, NOWHERE, key_of(OTHER), stage_get(C));
		tally_table_bury(&tally_table_entries(dict->table)[i]);
	}
	schedule_label(&dict->header.lock, "lock");
	schedule_label(&dict->header.flags, "flags");
	schedule_label(&dict->header.moving, "moving");
	schedule_label(&dict->table, "table");
}

static void put(void)
{
	tally_table_append(the_keyed()->table, NOWHERE, key_of(K), stage_get(A));
	the_keyed()->used = 1;
}

// The same, and another thread has used it before.
static void set_up_shared(unsigned tag, unsigned tombstones)
{
	set_up(tag, tombstones);
	put();
	tally_store(&the_dict()->flags, LOCK_SHARED, relaxed);
}

static unsigned number_of(const struct tally_object *object)
{
	for (unsigned i = 0; i < STAGE_OBJECTS; i++)
		if (object == stage_get(i)) return i;
	schedule_fail("%p is no object", (const void *)object);
}

enum { ABSENT = STAGE_OBJECTS }; // instead of a value

// What the key has: one of the first objects, alive.
static unsigned get(unsigned key)
{
	struct tally_object *value;
	int there = tally_dict_get(the_dict(), key_of(key), &value);
	SCHEDULE_ASSERT(there >= 0 && there == (value != NULL));
	if (!there) return ABSENT;
	unsigned i = number_of(value);
	stage_use(i);
	tally_scheduled_access(&life[i], false);
	SCHEDULE_ASSERT(life[i] == 1);
	variant_decref(value);
	return i;
}

// Makes another object of one that has died, as an allocation of the calling thread may.
static void recycle(unsigned i)
{
	tally_scheduled_access(&((struct stage_object *)stage_get(i))->destroyed, false);
	if (!stage_destroyed(i)) return;
	tally_scheduled_access(&life[i], true);
	life[i] = 2;
	stage_object(i, tally_self.tag_word >> 16, 0, COUNT_PLAIN);
	variant_count_init(stage_get(i));
	biased_mark_weak(stage_get(i));
}

static void leave(void) { variant_thread_detach(); }

static void lock_is_free(void)
{
	uint8_t lock = tally_load(&the_dict()->lock, relaxed);
	SCHEDULE_ASSERT(lock == LOCK_FREE || lock == LOCK_HFREE);
}

// ---- replacing: the former value dies, and another object comes into its block ----

static void replacing_init(void) { set_up_shared(1, 0); }
static void replacing_writer(void)
{
	tally_dict_set(the_dict(), key_of(K), stage_get(B));
	recycle(A);
	leave();
}
static void replacing_reader(void)
{
	unsigned seen = get(EQUAL);
	SCHEDULE_ASSERT(seen == A || seen == B);
	leave();
}
static void replacing_check(void) { lock_is_free(); }

// As soon as it has died, by a third thread.
static void recycling_init(void) { replacing_init(); }
static void recycling_writer(void)
{
	tally_dict_set(the_dict(), key_of(K), stage_get(B));
	leave();
}
static void recycling_third(void)
{
	recycle(A);
	leave();
}
static void recycling_check(void) { lock_is_free(); }

// ---- popping: value and key go ----

static void popping_init(void) { set_up_shared(1, 0); }
static void popping_writer(void)
{
	SCHEDULE_ASSERT(tally_dict_pop(the_dict(), key_of(ANEW), NULL) == 1);
	recycle(A);
	leave();
}
static void popping_reader(void)
{
	unsigned seen = get(EQUAL), again = get(EQUAL);
	SCHEDULE_ASSERT(seen == A || seen == ABSENT);
	SCHEDULE_ASSERT(again == seen || seen == A);
	leave();
}
static void popping_check(void) { lock_is_free(); }

static void vanishing_init(void) { popping_init(); }
static void vanishing_writer(void)
{
	SCHEDULE_ASSERT(tally_dict_pop(the_dict(), key_of(K), NULL) == 1);
	leave();
}
static void vanishing_reader(void)
{
	unsigned seen = get(EQUAL);
	SCHEDULE_ASSERT(seen == A || seen == ABSENT);
	leave();
}
static void vanishing_check(void) { lock_is_free(); }

// ---- returning: the key is popped and inserted anew, as an equal object ----

static void returning_init(void) { set_up_shared(1, 0); }
static void returning_writer(void)
{
	SCHEDULE_ASSERT(tally_dict_pop(the_dict(), key_of(ANEW), NULL) == 1);
	recycle(A);
	tally_dict_set(the_dict(), key_of(ANEW), stage_get(B));
	leave();
}
static void returning_reader(void)
{
	unsigned seen = get(EQUAL), again = get(EQUAL);
	SCHEDULE_ASSERT(seen != B || again == B);
	SCHEDULE_ASSERT(seen != ABSENT || again != A);
	leave();
}
static void returning_check(void) { lock_is_free(); }

// ---- inserting: the first key of a table ----

static void inserting_init(void)
{
	set_up(1, 0);
	tally_store(&the_dict()->flags, LOCK_SHARED, relaxed);
}
static void inserting_writer(void)
{
	tally_dict_set(the_dict(), key_of(K), stage_get(A));
	leave();
}
static void inserting_reader(void)
{
	unsigned seen = get(EQUAL), again = get(EQUAL);
	SCHEDULE_ASSERT(seen == A || seen == ABSENT);
	SCHEDULE_ASSERT(seen == ABSENT || again == A);
	leave();
}
static void inserting_check(void) { lock_is_free(); }

// ---- taking over: another key takes the slot of a tombstone that stands in front ----

static void taking_over_init(void) { set_up_shared(1, 1); }
static void taking_over_writer(void)
{
	tally_dict_set(the_dict(), key_of(OTHER), stage_get(B));
	SCHEDULE_ASSERT(tally_table_slot(the_keyed()->table, NOWHERE & the_keyed()->table->mask) == 2);
	leave();
}
static void taking_over_reader(void)
{
	SCHEDULE_ASSERT(get(EQUAL) == A);
	leave();
}
static void taking_over_check(void) { lock_is_free(); }

// ---- growing: the table is full of tombstones, and another takes its place ----

static void growing_init(void) { set_up_shared(1, 3); }
static void growing_writer(void)
{
	tally_dict_set(the_dict(), key_of(OTHER), stage_get(B));
	leave();
}
static void growing_reader(void)
{
	SCHEDULE_ASSERT(get(EQUAL) == A);
	leave();
}
static void growing_check(void) { lock_is_free(); }

// Then the value is replaced in the new table; the old one keeps it.
static void moving_init(void) { growing_init(); }
static void moving_writer(void)
{
	tally_dict_set(the_dict(), key_of(OTHER), stage_get(C));
	tally_dict_set(the_dict(), key_of(K), stage_get(B));
	recycle(A);
	leave();
}
static void moving_reader(void)
{
	unsigned seen = get(EQUAL);
	SCHEDULE_ASSERT(seen == A || seen == B);
	leave();
}
static void moving_check(void) { lock_is_free(); }

// ---- colliding: a key with the same hash goes, which stands in the way ----

static void colliding_init(void)
{
	set_up(1, 0);
	tally_table_append(the_keyed()->table, NOWHERE, key_of(OTHER), stage_get(C));
	put();
	the_keyed()->used = 2;
	tally_store(&the_dict()->flags, LOCK_SHARED, relaxed);
}
static void colliding_writer(void)
{
	SCHEDULE_ASSERT(tally_dict_pop(the_dict(), key_of(OTHER), NULL) == 1);
	leave();
}
static void colliding_check(void) { lock_is_free(); }

// ---- clearing: everything goes at once, and the old table keeps the pointers ----

static void clearing_init(void) { set_up_shared(1, 0); }
static void clearing_writer(void)
{
	tally_dict_clear(the_dict());
	recycle(A);
	leave();
}
static void clearing_reader(void)
{
	unsigned seen = get(EQUAL), again = get(EQUAL);
	SCHEDULE_ASSERT(seen == A || seen == ABSENT);
	SCHEDULE_ASSERT(again == seen || seen == A);
	leave();
}
static void clearing_check(void) { lock_is_free(); }

// ---- asking: membership, without a reference to anything ----

static void asking_init(void) { set_up_shared(1, 0); }
static void asking_reader(void)
{
	int seen = tally_dict_contains(the_dict(), key_of(EQUAL)), again = tally_dict_contains(the_dict(), key_of(EQUAL));
	SCHEDULE_ASSERT(seen >= 0 && again >= 0 && again <= seen);
	leave();
}
static void asking_check(void) { lock_is_free(); }

// ---- section: two changes inside a critical section are one ----

static void section_init(void) { set_up_shared(1, 0); }
static void section_writer(void)
{
	tally_critical section = {.object = the_dict(), .outer = tally_self.section};
	tally_self.section = &section;
	variant_section_begin(&section);
	tally_dict_set(the_dict(), key_of(K), stage_get(B));
	tally_dict_set(the_dict(), key_of(K), stage_get(C));
	variant_section_end(&section);
	tally_bury();
	leave();
}
static void section_reader(void)
{
	unsigned seen = get(EQUAL), again = get(K);
	SCHEDULE_ASSERT(seen == A || seen == C);
	SCHEDULE_ASSERT(again == C || seen == A);
	leave();
}
static void section_check(void) { lock_is_free(); }

// The values are the reader's.
static void section_elsewhere_init(void) { section_init(); }
static void section_elsewhere_check(void) { lock_is_free(); }

// ---- owning: the owner reads a dict that nobody else has touched, and somebody does ----

static void owning_init(void)
{
	set_up(1, 0);
	put();
}
static void owning_reader(void)
{
	unsigned seen = get(K);
	SCHEDULE_ASSERT(seen == A || seen == C);
	leave();
}
static void owning_check(void) { lock_is_free(); }

static void owning_and_popping_init(void) { owning_init(); }
static void owning_and_popping_check(void) { lock_is_free(); }

// The owner changes its dict; the other thread is the first that ever reads it.
static void first_reading_init(void) { owning_init(); }
static void first_reading_check(void) { lock_is_free(); }

static struct schedule_scenario scenarios[] = {
        SCENARIO(replacing, 2, replacing_writer, replacing_reader),
        BOUNDED(recycling, 2, 3, recycling_writer, replacing_reader, recycling_third),
        BOUNDED(popping, 3, 2, popping_writer, popping_reader),
        BOUNDED(vanishing, 2, 3, vanishing_writer, vanishing_reader, recycling_third),
        BOUNDED(returning, 3, 2, returning_writer, returning_reader),
        BOUNDED(inserting, 3, 2, inserting_writer, inserting_reader),
        SCENARIO(taking_over, 2, taking_over_writer, taking_over_reader),
        BOUNDED(growing, 3, 2, growing_writer, growing_reader),
        SCENARIO(colliding, 2, colliding_writer, growing_reader),
        BOUNDED(moving, 3, 2, moving_writer, moving_reader),
        BOUNDED(clearing, 3, 2, clearing_writer, clearing_reader),
        BOUNDED(asking, 3, 2, popping_writer, asking_reader),
        BOUNDED(section, 3, 2, section_writer, section_reader),
        BOUNDED(section_elsewhere, 3, 2, section_reader, section_writer),
        BOUNDED(owning, 3, 2, owning_reader, section_writer),
        BOUNDED(owning_and_popping, 3, 2, popping_reader, popping_writer),
        BOUNDED(first_reading, 3, 2, popping_writer, popping_reader),
};

int main(int count, char **arguments)
{
	return stage_main(scenarios, sizeof scenarios / sizeof scenarios[0], count, arguments);
}
