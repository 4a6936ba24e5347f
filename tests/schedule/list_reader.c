// tests/schedule/list_reader.c: reading a list without its lock, the real code of core/list.c and core/list_sort.c, under the
// exhaustive scheduler: a reader against each kind of change.
//
// The list is an object of the stage, its elements are the others. What dies is made anew in the same block, as another object,
// which no reader may come back with; an array that is freed is filled with addresses where nothing is, and so are the places of a
// new one. tests/schedule/faults plants wrong steps in the sources and runs these scenarios again; docs/reading.md has the proof.
#include "error.h"
#include "heap.h"
#include "reader.h"
#include "stage.h"

// Arrays lie in the stage's first page, behind its objects, one after the other.
static void *staged_raw_new(size_t size);
static void staged_raw_free(void *raw);
static int staged_error_raise(enum tally_error_code code, const char *operation, const char *format, ...);
#define tally_raw_new staged_raw_new
#define tally_raw_free staged_raw_free
#define tally_error_raise staged_error_raise
#include "../../core/list.c"
#undef ITEM
#include "../../core/list_sort.c"

enum { A, B, LIST, C }; // objects: 0 and 1 lie in the first page, 2 and 3 in the second
enum { FIRST_BLOCK = 256, PLACES = 4 };
#define NOWHERE ((struct tally_object *)(uintptr_t)0x1000) // an address where nothing is

static unsigned blocks;          // taken for arrays
static uint64_t life[STAGE_OBJECTS]; // 1: the object that the scenario began with; 2: another one in the same block
static bool is_outside;          // the last call has failed with an error of the index

// ---- doubles ----

static void *staged_raw_new(size_t size)
{
	struct tally_object **raw = (struct tally_object **)(void *)tally_block_at(stage_page(0), FIRST_BLOCK + blocks);
	size_t count = stage_page(0)->block_size * ((size + 31) / 32) / sizeof *raw;
	blocks += (unsigned)(size + 31) / 32;
	for (size_t i = 0; i < count; i++) raw[i] = NOWHERE;
	return raw;
}

static void staged_raw_free(void *raw)
{
	for (size_t i = 0; raw && i < PLACES; i++) tally_store((tally_place *)raw + i, NOWHERE, relaxed);
}

// A sort says that its list has been changed.
static int staged_error_raise(enum tally_error_code code, const char *operation, const char *format, ...)
{
	(void)code, (void)operation, (void)format;
	return -1;
}

bool tally_enter_new_slow(const char *operation)
{
	(void)operation;
	return true;
}

int tally_error_index(const char *operation, ptrdiff_t index, size_t size)
{
	(void)operation, (void)index, (void)size;
	is_outside = true;
	return -1;
}

int tally_text_add_string(struct tally_text *text, const char *string)
{
	(void)text, (void)string;
	return 0;
}

int tally_object_repr(struct tally_object *object, struct tally_text *text)
{
	(void)object, (void)text;
	return 0;
}

int tally_list_equal(struct tally_object *a, struct tally_object *b, const char *operation)
{
	(void)operation;
	return a == b;
}

int tally_list_compare(struct tally_object *a, struct tally_object *b, enum tally_comparison comparison, const char *operation)
{
	(void)comparison, (void)operation;
	return a < b;
}

struct tally_object *tally_object_call(struct tally_object *callable, struct tally_object *const *arguments, size_t count)
{
	(void)callable, (void)arguments, (void)count;
	return NULL;
}

static void (*in_comparison)(void); // what the code of the host's does while a list is sorted

int tally_object_compare(struct tally_object *a, struct tally_object *b, enum tally_comparison comparison, const char *operation)
{
	(void)comparison, (void)operation;
	if (in_comparison) in_comparison();
	return a < b;
}

// ---- the scene ----

static struct tally_object *the_list(void) { return stage_get(LIST); }

// A list of the thread with `tag`, and what it holds: elements with a count of the list's and one of their owner's.
static void set_up(unsigned tag, unsigned first, unsigned count, unsigned capacity)
{
	stage_reset();
	for (int i = 0; i < 2; i++) stage_thread(i, true);
	blocks = 0;
	in_comparison = NULL;
	is_outside = false;
	for (unsigned i = 0; i < STAGE_OBJECTS; i++) {
		stage_object(i, tag, 1, COUNT_WEAK);
		life[i] = 1;
	}
	struct tally_list *list = (struct tally_list *)the_list();
	list->header.type = TALLY_TYPE_LIST;
	list->items = staged_raw_new(PLACES * sizeof *list->items);
	list->size = count;
	list->capacity = capacity;
	for (unsigned i = 0; i < count; i++) list->items[i] = stage_get(first + i);
	schedule_label(&list->header.lock, "lock");
	schedule_label(&list->header.flags, "flags");
	schedule_label(&list->header.moving, "moving");
	schedule_label(&list->size, "size");
	schedule_label(&list->items, "items");
}

// The same, and another thread has used it before.
static void set_up_shared(unsigned tag, unsigned first, unsigned count, unsigned capacity)
{
	set_up(tag, first, count, capacity);
	tally_store(&the_list()->flags, LOCK_SHARED, relaxed);
}

static unsigned number_of(const struct tally_object *object)
{
	for (unsigned i = 0; i < STAGE_OBJECTS; i++)
		if (object == stage_get(i)) return i;
	schedule_fail("%p is no object", (const void *)object);
}

enum { OUTSIDE = STAGE_OBJECTS }; // instead of an element

// What stands at `index`: one of the first objects, alive.
static unsigned get(ptrdiff_t index)
{
	struct tally_object *item = tally_list_get(the_list(), index);
	if (!item) return OUTSIDE;
	unsigned i = number_of(item);
	stage_use(i);
	tally_scheduled_access(&life[i], false);
	SCHEDULE_ASSERT(life[i] == 1);
	variant_decref(item);
	return i;
}

// Makes another object of one that this thread has seen die.
static void recycle(unsigned i)
{
	if (!stage_destroyed(i)) return;
	tally_scheduled_access(&life[i], true);
	life[i] = 2;
	stage_object(i, tally_self.tag_word >> 16, 0, COUNT_PLAIN);
	variant_count_init(stage_get(i));
	biased_mark_weak(stage_get(i));
}

static void drop_and_recycle(unsigned i) { variant_decref(stage_get(i)), recycle(i); }

static void leave(void) { variant_thread_detach(); }

static void lock_is_free(void)
{
	uint8_t lock = tally_load(&the_list()->lock, relaxed);
	SCHEDULE_ASSERT(lock == LOCK_FREE || lock == LOCK_HFREE);
	SCHEDULE_ASSERT(!(tally_load(&the_list()->moving, relaxed) & 1));
}

// ---- setting: what is overwritten dies and is made anew ----

static void setting_init(void) { set_up_shared(1, A, 1, PLACES); }
static void setting_writer(void)
{
	tally_list_set(the_list(), 0, stage_get(B));
	recycle(A);
	leave();
}
static void setting_reader(void)
{
	SCHEDULE_ASSERT(get(0) <= B);
	leave();
}
static void setting_check(void) { lock_is_free(); }

// ---- growing: another array, in which there is an element more ----

static void growing_init(void) { set_up_shared(1, A, 1, 1); }
static void growing_writer(void)
{
	tally_list_append(the_list(), stage_get(B));
	leave();
}
static void growing_reader(void)
{
	unsigned last = get(1);
	SCHEDULE_ASSERT(last == B || last == OUTSIDE);
	SCHEDULE_ASSERT(get(0) == A);
	leave();
}
static void growing_check(void) { lock_is_free(); }

// ---- clearing: all elements and the array go, and others come ----

static void clearing_init(void) { set_up_shared(1, A, 1, PLACES); }
static void clearing_writer(void)
{
	tally_list_clear(the_list());
	recycle(A);
	tally_list_append(the_list(), stage_get(B));
	leave();
}
static void clearing_reader(void)
{
	unsigned first = get(0);
	SCHEDULE_ASSERT(first == A || first == B || first == OUTSIDE);
	leave();
}
static void clearing_check(void) { lock_is_free(); }

// ---- popping: the last element goes, and another takes its place ----

static void popping_init(void) { set_up_shared(1, A, 2, PLACES); }
static void popping_writer(void)
{
	struct tally_object *item = tally_list_pop(the_list(), -1);
	SCHEDULE_ASSERT(item == stage_get(B));
	drop_and_recycle(B);
	tally_list_append(the_list(), stage_get(C));
	leave();
}
static void popping_reader(void)
{
	unsigned last = get(1);
	SCHEDULE_ASSERT(last == B || last == C || last == OUTSIDE);
	leave();
}
static void popping_check(void) { lock_is_free(); }

// ---- extending: what has been seen stays, as far as the reader can tell ----

static void extending_init(void) { set_up_shared(1, A, 2, PLACES); }
static void extending_writer(void)
{
	struct tally_object *items[] = {stage_get(C), stage_get(B)};
	variant_decref(tally_list_pop(the_list(), -1));
	recycle(B);
	tally_list_extend(the_list(), items, 1);
	leave();
}
static void extending_reader(void)
{
	size_t size = 0;
	if (get(1) == C) {
		SCHEDULE_ASSERT(tally_list_size(the_list(), &size) == 0);
		SCHEDULE_ASSERT(size == 2);
	}
	leave();
}
static void extending_check(void) { lock_is_free(); }

// ---- shifting: the first element goes, and the other moves up ----

static void shifting_init(void) { set_up_shared(1, A, 2, PLACES); }
static void shifting_writer(void)
{
	struct tally_object *item = tally_list_pop(the_list(), 0);
	SCHEDULE_ASSERT(item == stage_get(A));
	drop_and_recycle(A);
	leave();
}
static void shifting_reader(void)
{
	unsigned first = get(0), last = get(1);
	SCHEDULE_ASSERT(first == A || (first == B && last == OUTSIDE));
	SCHEDULE_ASSERT(last == B || last == OUTSIDE);
	leave();
}
static void shifting_check(void) { lock_is_free(); }

// ---- inserting before the first: an element is never in no place, and the last one is the last one ----

static void inserting_init(void) { set_up_shared(1, A, 2, PLACES); }
static void inserting_writer(void)
{
	tally_list_insert(the_list(), 0, stage_get(C));
	leave();
}
static void inserting_reader(void)
{
	unsigned last = get(2), first = get(0);
	SCHEDULE_ASSERT(last == OUTSIDE || (last == B && first == C));
	SCHEDULE_ASSERT(first == A || first == C);
	leave();
}
static void inserting_check(void) { lock_is_free(); }

static void ending_init(void) { inserting_init(); }
static void ending_reader(void)
{
	SCHEDULE_ASSERT(get(-1) == B);
	leave();
}
static void ending_check(void) { lock_is_free(); }

// ---- swapping: whoever has seen one of the two moved sees the other moved ----

static void swapping_init(void) { set_up_shared(1, A, 2, PLACES); }
static void swapping_writer(void)
{
	SCHEDULE_ASSERT(tally_list_swap(the_list(), 0, 1) == 0);
	leave();
}
static void swapping_reader(void)
{
	unsigned first = get(0), last = get(1);
	SCHEDULE_ASSERT(first == A || last == A);
	leave();
}
static void swapping_check(void) { lock_is_free(); }

static void swapping_back_init(void) { swapping_init(); }
static void swapping_back_reader(void)
{
	unsigned last = get(1), first = get(0);
	SCHEDULE_ASSERT(last == B || first == B);
	leave();
}
static void swapping_back_check(void) { lock_is_free(); }

// ---- owning: the owner reads a list that nobody else has touched, and somebody does ----

static void owning_init(void) { set_up(1, A, 1, PLACES); }
static void owning_writer(void)
{
	tally_list_append(the_list(), stage_get(B));
	tally_list_set(the_list(), 0, stage_get(C));
	leave();
}
static void owning_reader(void)
{
	unsigned last = get(-1);
	SCHEDULE_ASSERT(last == A || last == B);
	leave();
}
static void owning_check(void) { lock_is_free(); }

// What stands in its list is the other's.
static void pinning_init(void)
{
	set_up(1, A, 1, PLACES);
	for (unsigned i = A; i <= B; i++) stage_object(i, 2, 1, COUNT_WEAK);
}
static void pinning_writer(void) { setting_writer(); }
static void pinning_reader(void) { setting_reader(); }
static void pinning_check(void) { lock_is_free(); }

// The owner's list is emptied, and gets another array.
static void taking_init(void) { set_up(1, A, 2, PLACES); }
static void taking_writer(void)
{
	tally_list_clear(the_list());
	tally_list_append(the_list(), stage_get(C));
	leave();
}
static void taking_reader(void)
{
	unsigned last = get(1);
	SCHEDULE_ASSERT(last == B || last == OUTSIDE);
	leave();
}
static void taking_check(void) { lock_is_free(); }

// The owner changes its list; the other thread is the first that ever reads it.
static void first_reading_init(void) { set_up(1, A, 2, PLACES); }
static void first_reading_writer(void)
{
	variant_decref(tally_list_pop(the_list(), 0));
	recycle(A);
	tally_list_clear(the_list());
	recycle(B);
	leave();
}
static void first_reading_reader(void)
{
	unsigned first = get(0), again = get(0);
	SCHEDULE_ASSERT(first != OUTSIDE || again == OUTSIDE);
	SCHEDULE_ASSERT(first != B || again != A);
	leave();
}
static void first_reading_check(void) { lock_is_free(); }

// ---- sorting: the array is taken out and put back; meanwhile the list is empty, or another ----

static void sorting_init(void)
{
	set_up_shared(1, A, 0, PLACES);
	struct tally_list *list = (struct tally_list *)the_list();
	list->items[0] = stage_get(B);
	list->items[1] = stage_get(A);
	list->size = 2;
}
static void sorting_writer(void)
{
	SCHEDULE_ASSERT(tally_list_sort(the_list(), NULL, false) == 0);
	leave();
}
static void sorting_reader(void)
{
	unsigned last = get(1), first = get(0);
	SCHEDULE_ASSERT(last != B || first == A);
	leave();
}
static void sorting_check(void)
{
	const struct tally_list *list = (struct tally_list *)the_list();
	lock_is_free();
	SCHEDULE_ASSERT(list->size == 2 && list->items[0] == stage_get(A) && list->items[1] == stage_get(B));
}

// Three elements are put into the list while it is sorted: its size is not that of the array which comes back.
static bool is_late;
static void stray(void)
{
	struct tally_object *items[] = {stage_get(C), stage_get(C), stage_get(C)};
	if (!is_late) tally_list_extend(the_list(), items, 3);
	is_late = true;
}
static void straying_init(void)
{
	sorting_init();
	is_late = false;
	in_comparison = stray;
	variant_incref(stage_get(C));
}
static void straying_writer(void)
{
	tally_list_sort(the_list(), NULL, false);
	leave();
}
static void straying_reader(void)
{
	unsigned last = get(2);
	SCHEDULE_ASSERT(last == C || last == OUTSIDE);
	leave();
}
static void straying_check(void) { lock_is_free(); }

// The sizes are 2, 0, 3 and 2: nobody sees 0 once more when the array comes back.
static void counting_init(void) { straying_init(); }
static void counting_reader(void)
{
	size_t before = tally_list_length((struct tally_list *)the_list()), after = tally_list_length((struct tally_list *)the_list());
	SCHEDULE_ASSERT(before != 3 || after >= 2);
	leave();
}
static void counting_check(void) { lock_is_free(); }

// ---- section: two changes inside a critical section are one ----

static void section_init(void) { set_up_shared(1, A, 1, PLACES); }
static void section_writer(void)
{
	tally_critical section = {.object = the_list(), .outer = tally_self.section};
	tally_self.section = &section;
	variant_section_begin(&section);
	tally_list_set(the_list(), 0, stage_get(B));
	tally_list_reverse(the_list()); // a change that is marked by itself
	tally_list_set(the_list(), 0, stage_get(C));
	variant_section_end(&section);
	tally_bury();
	leave();
}
static void section_reader(void)
{
	unsigned first = get(0), again = get(0);
	SCHEDULE_ASSERT(first == A || first == C);
	SCHEDULE_ASSERT(again == C || first == A);
	leave();
}
static void section_check(void) { lock_is_free(); }

static struct schedule_scenario scenarios[] = {
        SCENARIO(setting, 2, setting_writer, setting_reader),
        BOUNDED(growing, 3, 2, growing_writer, growing_reader),
        BOUNDED(clearing, 3, 2, clearing_writer, clearing_reader),
        BOUNDED(popping, 3, 2, popping_writer, popping_reader),
        BOUNDED(extending, 3, 2, extending_writer, extending_reader),
        SCENARIO(shifting, 2, shifting_writer, shifting_reader),
        SCENARIO(inserting, 2, inserting_writer, inserting_reader),
        SCENARIO(ending, 2, inserting_writer, ending_reader),
        SCENARIO(swapping, 2, swapping_writer, swapping_reader),
        SCENARIO(swapping_back, 2, swapping_writer, swapping_back_reader),
        BOUNDED(owning, 3, 2, owning_reader, owning_writer),
        SCENARIO(pinning, 2, pinning_reader, pinning_writer),
        BOUNDED(taking, 3, 2, taking_reader, taking_writer),
        BOUNDED(first_reading, 2, 2, first_reading_writer, first_reading_reader),
        BOUNDED(sorting, 3, 2, sorting_writer, sorting_reader),
        BOUNDED(straying, 3, 2, straying_writer, straying_reader),
        BOUNDED(counting, 3, 2, straying_writer, counting_reader),
        SCENARIO(section, 2, section_writer, section_reader),
};

int main(int count, char **arguments)
{
	return stage_main(scenarios, sizeof scenarios / sizeof scenarios[0], count, arguments);
}
