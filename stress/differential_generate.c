// stress/differential_generate.c: which operation comes next, and with which arguments.
//
// The pool has a partition for each kind of object. An argument of a type comes from its partition, now and then from
// another one; a result goes to a random slot of its own, unless it is heavy. Operations on heavy objects would take
// long, so what is found to have become heavy since is replaced by an empty one of its kind.
//
// I1  What is drawn depends on the seed and on what the engines agree about: never on the order of a set, nor on a
// hash.
#include "differential.h"
#include "differential_chance.h"

#include <stdlib.h>
#include <string.h>

const char *const operation_names[OPERATIONS] = {
#define OPERATION(name, arguments, weight) #name,
#include "differential_operations.h"
#undef OPERATION
};

const char *const operation_arguments[OPERATIONS] = {
#define OPERATION(name, arguments, weight) arguments,
#include "differential_operations.h"
#undef OPERATION
};

static const unsigned weights[OPERATIONS] = {
#define OPERATION(name, arguments, weight) weight,
#include "differential_operations.h"
#undef OPERATION
};

// ---- the pool ----

enum partition { NUMBERS, STRS, BYTESES, TUPLES, LISTS, DICTS, SETS, FROZENSETS, PARTITIONS };
enum {
	SLOTS = 12,   // in a partition
	MEMBERS = 64, // of a container from which one is picked
};

static const enum operation makers[PARTITIONS] = {int_new_operation,   str_new_operation,  bytes_new_operation,
                                                  tuple_new_operation, list_new_operation, dict_new_operation,
                                                  set_empty_operation, frozenset_of_operation};

static reference pool[PARTITIONS][SLOTS];

static reference perform(enum operation operation, const struct call *call)
{
	struct answer answer = {0};
	engine_functions[operation](call, &answer);
	return answer.made[0];
}

// An empty one of its kind, or 0.
static reference make_empty(enum partition partition)
{
	const struct call call = {.bytes = ""};
	return perform(makers[partition], &call);
}

static enum partition partition_of(enum kind kind)
{
	static const enum partition partitions[] = {PARTITIONS, NUMBERS, NUMBERS, NUMBERS, STRS,       BYTESES,
	                                            TUPLES,     LISTS,   DICTS,   SETS,    FROZENSETS, PARTITIONS};
	return partitions[kind];
}

static void put(reference *slot, reference object)
{
	reference former = *slot;
	*slot = object;
	engine_drop(former);
}

// A new reference.
static reference pick(enum partition partition)
{
	reference *slot = &pool[partition][draw_below(SLOTS)];
	if (is_heavy(*slot)) put(slot, make_empty(partition));
	return engine_keep(*slot);
}

// Decoded bytes may be any text: what is not assigned is printed by some versions of Unicode and not by others.
static bool is_known(reference str)
{
	size_t size;
	const char *bytes = engine_bytes(str, &size);
	return is_known_text(bytes, size);
}

static void keep_result(reference object)
{
	enum partition partition = partition_of(engine_kind(object));
	if (partition == PARTITIONS || is_heavy(object) || (partition == STRS && !is_known(object)))
		engine_drop(object);
	else put(&pool[partition][draw_below(SLOTS)], object);
}

// ---- which operation ----

static unsigned starts[OPERATIONS + 1]; // sums of the weights

void pool_start(uint64_t seed, const bool *without)
{
	chance_start(seed);
	for (size_t i = 0; i < OPERATIONS; i++) starts[i + 1] = starts[i] + (without[i] ? 0 : weights[i]);
	for (enum partition partition = 0; partition < PARTITIONS; partition++) {
		for (size_t i = 0; i < SLOTS; i++) pool[partition][i] = make_empty(partition);
	}
}

void pool_stop(void)
{
	for (enum partition partition = 0; partition < PARTITIONS; partition++) {
		for (size_t i = 0; i < SLOTS; i++) put(&pool[partition][i], NULL);
	}
}

void pool_add_text(struct text *text)
{
	for (enum partition partition = 0; partition < PARTITIONS; partition++) {
		for (size_t i = 0; i < SLOTS; i++) {
			reference object = pool[partition][i];
			if (is_heavy(object)) text_add(text, "heavy");
			else text_add_object(text, object);
			text_add(text, "\n");
		}
	}
}

static enum operation draw_operation(void)
{
	size_t low = 0, high = OPERATIONS, place = draw_below(starts[OPERATIONS]);
	while (high - low > 1) {
		size_t middle = (low + high) / 2;
		if (starts[middle] <= place) low = middle;
		else high = middle;
	}
	return (enum operation)low;
}

// ---- objects ----

struct chance {
	enum partition partition;
	unsigned weight; // the weights of a table add up to 100; PARTITIONS: none
};

static reference pick_one_of(const struct chance *chances)
{
	size_t place = draw_below(100);
	while (place >= chances->weight) place -= (chances++)->weight;
	return chances->partition == PARTITIONS ? engine_keep(engine_none()) : pick(chances->partition);
}

static reference pick_any(void)
{
	static const struct chance chances[] = {{NUMBERS, 40}, {STRS, 20}, {PARTITIONS, 4}, {BYTESES, 5}, {TUPLES, 9},
	                                        {LISTS, 8},    {DICTS, 5}, {FROZENSETS, 5}, {SETS, 4}};
	return pick_one_of(chances);
}

static reference pick_hashable(void)
{
	static const struct chance chances[] = {{NUMBERS, 46}, {STRS, 24}, {PARTITIONS, 2}, {BYTESES, 7}, {TUPLES, 10},
	                                        {LISTS, 2},    {DICTS, 1}, {FROZENSETS, 7}, {SETS, 1}};
	return pick_one_of(chances);
}

static reference pick_of_type(enum partition partition) { return one_in(50) ? pick_any() : pick(partition); }

static reference pick_iterable(bool ordered)
{
	static const enum partition partitions[] = {LISTS, LISTS, TUPLES, TUPLES, DICTS,     STRS,
	                                            BYTESES, LISTS, TUPLES, SETS,   FROZENSETS, SETS};
	if (one_in(40)) return pick(NUMBERS);
	return pick(partitions[draw_below(ordered ? 9 : 12)]);
}

static int by_text(const void *left, const void *right)
{
	const struct text *a = left, *b = right;
	return strcmp(a->bytes, b->bytes);
}

// The place of the element that would stand at `wanted`, were the set sorted: I1. Of two with the same text, two NaNs,
// nobody can say which comes first: `count`.
static size_t place_in_order(reference *elements, size_t count, size_t wanted)
{
	struct text texts[MEMBERS] = {0}, sorted[MEMBERS];
	size_t place = 0, same = 0;
	for (size_t i = 0; i < count; i++) text_add_object(&texts[i], elements[i]);
	memcpy(sorted, texts, sizeof sorted);
	qsort(sorted, count, sizeof *sorted, by_text);
	while (texts[place].bytes != sorted[wanted].bytes) place++;
	for (size_t i = 0; i < count; i++) same += by_text(&texts[i], &sorted[wanted]) == 0;
	for (size_t i = 0; i < count; i++) free(texts[i].bytes);
	return same == 1 ? place : count;
}

// Something that the container has in it (of a dict a key), mostly.
static reference pick_member(reference container, reference (*pick_other)(void))
{
	reference elements[MEMBERS], member = NULL;
	enum kind kind = engine_kind(container);
	size_t count = kind >= TUPLE && kind <= FROZENSET ? engine_elements(container, elements, MEMBERS) : 0;
	if (count == 0 || count > MEMBERS) return pick_other();
	size_t place = draw_below(count) & (kind == DICT ? ~(size_t)1 : ~(size_t)0);
	if (kind == SET || kind == FROZENSET) place = place_in_order(elements, count, place);
	if (!one_in(3) && place < count) member = engine_keep(elements[place]);
	for (size_t i = 0; i < count; i++) engine_drop(elements[i]);
	return member ? member : pick_other();
}

// ---- several at once ----

static size_t size_of(reference object)
{
	reference none[1];
	size_t size = 0;
	enum kind kind = engine_kind(object);
	if (kind == STR || kind == BYTES) engine_bytes(object, &size);
	if (kind >= TUPLE && kind <= FROZENSET) size = engine_elements(object, none, 0);
	return size;
}

// Those that are far apart are distinct, too.
static reference make_number(bool real, bool far_apart)
{
	const struct call call = {.number = {far_apart ? (int64_t)draw_number() : draw_int()},
	                          .real = real ? draw_float() : 0};
	return perform(real ? float_new_operation : int_new_operation, &call);
}

// Mostly of a few kinds, so that some can be compared, hashed, joined and sorted; a few, now and then many.
static void draw_items(struct step *step, size_t most)
{
	size_t style = draw_below(8);
	step->call.items = step->items;
	step->call.count = draw_below((one_in(12) ? most : 8) + 1);
	for (size_t i = 0; i < step->call.count; i++) {
		step->items[i] = style == 0   ? pick(STRS)
		                 : style == 1 ? pick(NUMBERS)
		                 : style == 2 ? pick_hashable()
		                 : style == 3 ? pick(one_in(2) ? TUPLES : LISTS)
		                 : style <= 6 ? make_number(style == 5, style == 6)
		                              : pick_any();
	}
}

static void drop_items(struct step *step)
{
	for (size_t i = 0; i < step->call.count; i++) engine_drop(step->items[i]);
}

static reference make_list(void)
{
	struct step step = {0};
	draw_items(&step, ITEMS);
	reference list = perform(list_from_operation, &step.call);
	drop_items(&step);
	return list;
}

static reference pick_sortable(void)
{
	if (one_in(2)) keep_result(make_list());
	for (int attempts = 0; attempts < 4; attempts++) {
		reference list = pick_of_type(LISTS);
		if (is_sortable(list) && size_of(list) > 1) return list;
		engine_drop(list);
	}
	return make_empty(LISTS);
}

// ---- what is nearly the same ----

// An equal number of another type, if there is one, else the same one.
static reference vary_number(reference number)
{
	enum kind kind = engine_kind(number);
	const struct call call = {.object = {number}, .number = {kind == FLOAT ? 0 : engine_int(number)}};
	double real = kind == FLOAT ? engine_float(number) : (double)call.number[0];
	const struct call as_real = {.real = real};
	if (!(real > -1e15 && real < 1e15) || real != (double)(int64_t)real) return engine_keep(number);
	if (kind == FLOAT) return perform(int_from_operation, &call);
	return perform(kind == BOOL ? int_new_operation : float_new_operation, kind == BOOL ? &call : &as_real);
}

static reference vary_element(reference element, bool numbers)
{
	return numbers && partition_of(engine_kind(element)) == NUMBERS ? vary_number(element) : engine_keep(element);
}

static reference make_dict_of(reference *elements, size_t count)
{
	reference dict = make_empty(DICTS);
	for (size_t i = count / 2; i > 0; i--) { // the order does not matter for equality
		const struct call call = {.object = {dict, elements[2 * i - 2], elements[2 * i - 1]}};
		perform(dict_set_operation, &call);
	}
	return dict;
}

static reference make_of(enum partition partition, reference *elements, size_t count)
{
	static const enum operation makers_of[PARTITIONS] = {[TUPLES] = tuple_new_operation,
	                                                     [LISTS] = list_from_operation,
	                                                     [SETS] = set_of_operation,
	                                                     [FROZENSETS] = frozenset_of_operation};
	const struct call call = {.items = elements, .count = count};
	return partition == DICTS ? make_dict_of(elements, count) : perform(makers_of[partition], &call);
}

// Nobody should see in which order a set has got its elements.
static void turn_around(reference *elements, size_t count)
{
	for (size_t i = 0; i < count / 2; i++) {
		reference element = elements[i];
		elements[i] = elements[count - 1 - i];
		elements[count - 1 - i] = element;
	}
}

// A container that is equal, or nearly so: its numbers may be of another type, and the last one may be missing. No
// chance is drawn for each element: I1.
static reference vary(reference container)
{
	reference elements[MEMBERS];
	enum partition partition = partition_of(engine_kind(container));
	bool numbers = one_in(2), shorter = one_in(4), is_set = partition == SETS || partition == FROZENSETS;
	if (partition < TUPLES || partition == PARTITIONS) return engine_keep(container);
	size_t count = engine_elements(container, elements, MEMBERS);
	if (count > MEMBERS) return engine_keep(container);
	for (size_t i = 0; i < count; i++) {
		reference former = elements[i];
		elements[i] = vary_element(former, numbers);
		engine_drop(former);
	}
	if (is_set) turn_around(elements, count);
	size_t left_out = !shorter || is_set || count == 0 ? 0 : partition == DICTS ? 2 : 1;
	reference varied = make_of(partition, elements, count - left_out);
	for (size_t i = 0; i < count; i++) engine_drop(elements[i]);
	return varied;
}

// ---- a step ----

static reference pick_argument(char letter, reference first)
{
	static const char letters[] = "nubtldsz"; // as the partitions
	const char *typed = strchr(letters, letter);
	if (first && strchr("tldszfv", letter) && one_in(8)) return vary(first);
	if (typed) return pick_of_type((enum partition)(typed - letters));
	switch (letter) {
	case 'f': return pick_of_type(one_in(2) ? SETS : FROZENSETS);
	case 'm': return pick_member(first, pick_any);
	case 'h': return first ? pick_member(first, pick_hashable) : pick_hashable();
	case 'i': return pick_iterable(false);
	case 'q': return pick_iterable(true);
	case 'o': return pick_sortable();
	default: return first && one_in(30) ? engine_keep(first) : pick_any(); // that it may contain itself
	}
}

static void draw_call_text(struct step *step)
{
	draw_text(&step->text);
	step->call.bytes = step->text.bytes;
	step->call.size = step->text.size;
}

// How many numbers the letter stands for; they are in `numbers`.
static size_t draw_numbers(char letter, int64_t numbers[3], size_t size)
{
	size_t drawn = letter == 'g' ? 3 : letter == 'p' ? 2 : 1;
	switch (letter) {
	case 'x': numbers[0] = draw_index(size); return drawn;
	case 'c': numbers[0] = draw_count(); return drawn;
	case 'k': numbers[0] = one_in(2) ? NO_KEY : (int64_t)draw_below(KEYS); return drawn;
	case 'r': numbers[0] = (int64_t)draw_below(2); return drawn;
	case 'e': numbers[0] = (int64_t)draw_below(6); return drawn;
	case 'w': numbers[0] = draw_int(); return drawn;
	case 'B': numbers[0] = one_in(2) ? 10 : (int64_t)draw_below(40) - 1; return drawn;
	case 'g': numbers[2] = draw_stride(); // fallthrough
	case 'p':
		numbers[0] = draw_bound(size);
		numbers[1] = draw_bound(size);
		return drawn;
	default: return 0;
	}
}

void step_draw(struct step *step)
{
	struct call *call = &step->call;
	size_t objects = 0, numbers = 0;
	*call = (struct call){0};
	step->operation = draw_operation();
	for (const char *letter = operation_arguments[step->operation]; *letter; letter++) {
		size_t size = call->object[0] ? size_of(call->object[0]) : 0;
		size_t drawn = strchr("yT*", *letter) ? 0 : draw_numbers(*letter, &call->number[numbers], size);
		numbers += drawn;
		if (drawn) continue;
		if (*letter == 'y') call->real = draw_float();
		else if (*letter == 'T') draw_call_text(step);
		else if (*letter == '*') draw_items(step, ITEMS / 2);
		else call->object[objects] = pick_argument(*letter, call->object[0]), objects++;
	}
}

void step_end(struct step *step, struct answer *answer)
{
	for (size_t i = 0; i < 2; i++) {
		if (answer->made[i]) keep_result(answer->made[i]);
	}
	for (size_t i = 0; i < 3; i++) engine_drop(step->call.object[i]);
	drop_items(step);
}
