// stress/differential_generate.c: which operation comes next, and with which arguments.
//
// The pool has a partition for each kind of object. An argument of a type comes from its partition, now and then from another one;
// a result goes to a random slot of its own, unless it is heavy. Operations on heavy objects would take long, so what is found to
// have become heavy since is replaced by an empty one of its kind.
//
// I1  What is drawn depends on the seed and on what the engines agree about: never on the order of a set, nor on a hash.
#include "differential.h"

#include <math.h>
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

// ---- chance ----

static uint64_t random_state;

static uint64_t draw(void)
{
	uint64_t mixed = random_state += UINT64_C(0x9e3779b97f4a7c15);
	mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ (mixed >> 31);
}

static size_t draw_below(size_t limit) { return (size_t)(draw() >> 11) % limit; }
static bool one_in(size_t n) { return draw_below(n) == 0; }

// ---- the alphabet ----

// Quotes, white space, controls, letters that are not printed, marks, the first and last of each length: all of them assigned.
static const char *const characters[] = {
	"a", "a", "b", "b", "c", "A", " ", "'", "\"", "\\", "\n", "\t", "\x01", "\x7f", "\xc2\x80", "\xc2\xa0", "\xc2\xad", "\xc3\xa9",
	"\xc3\x9f", "\xcc\x81", "\xdf\xbf", "\xe0\xa0\x80", "\xe2\x80\x8b", "\xe2\x82\xac", "\xe3\x80\x80", "\xed\x9f\xbb", "\xee\x80\x80",
	"\xef\xbb\xbf", "\xef\xbf\xbd", "\xf0\x90\x80\x80", "\xf0\x9f\x98\x80", "\xf3\xa0\x84\x80", "\xf4\x8f\xbf\xbf", "0", "1", "9"};

static const size_t character_count = sizeof characters / sizeof *characters;

static bool starts_known(const char *at)
{
	for (size_t i = 0; i < character_count; i++) {
		if (strncmp(at, characters[i], strlen(characters[i])) == 0) return true;
	}
	return false;
}

// Decoded bytes may have others in them: what is not assigned is printed by some versions of Unicode and not by others.
static bool is_known(reference str)
{
	size_t size;
	const char *bytes = engine_bytes(str, &size);
	for (size_t i = 0; i < size; i++) {
		unsigned char byte = (unsigned char)bytes[i];
		if (byte >= 0xc0 && !starts_known(bytes + i)) return false;
	}
	return true;
}

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

static void keep_result(reference object)
{
	enum partition partition = partition_of(engine_kind(object));
	if (partition == PARTITIONS || is_heavy(object) || (partition == STRS && !is_known(object))) engine_drop(object);
	else put(&pool[partition][draw_below(SLOTS)], object);
}

// ---- which operation ----

static unsigned starts[OPERATIONS + 1]; // sums of the weights

void pool_start(uint64_t seed, const bool *without)
{
	random_state = seed;
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

// The place of the element that would stand at `wanted`, were the set sorted: I1. Of two with the same text, two NaNs, nobody can say
// which comes first: `count`.
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

// ---- numbers ----

static size_t size_of(reference object)
{
	reference none[1];
	size_t size = 0;
	enum kind kind = engine_kind(object);
	if (kind == STR || kind == BYTES) engine_bytes(object, &size);
	if (kind >= TUPLE && kind <= FROZENSET) size = engine_elements(object, none, 0);
	return size;
}

static int64_t draw_extreme(void)
{
	static const int64_t extremes[] = {INT64_MAX, INT64_MIN + 1, INT64_MAX - 1, INT64_C(1) << 32, -(INT64_C(1) << 32)};
	return extremes[draw_below(sizeof extremes / sizeof *extremes)];
}

static int64_t draw_index(size_t size)
{
	if (one_in(60)) return one_in(5) ? INT64_MIN : draw_extreme();
	return (int64_t)draw_below(2 * size + 5) - (int64_t)size - 2;
}

static int64_t draw_bound(size_t size)
{
	if (one_in(3)) return LEFT_OUT;
	return one_in(40) ? draw_extreme() : (int64_t)draw_below(2 * size + 7) - (int64_t)size - 3;
}

static int64_t draw_stride(void)
{
	static const int64_t strides[] = {1, 1, 1, 1, 2, 2, 3, -1, -1, -2, -3, 7, -7, 0, INT64_MAX, INT64_MIN};
	return strides[draw_below(sizeof strides / sizeof *strides)];
}

static int64_t draw_count(void) { return one_in(60) ? INT64_C(1) << 62 : (int64_t)draw_below(5); }

static int64_t draw_int(void)
{
	switch (draw_below(10)) {
	case 0: return (int64_t)draw_below(2001) - 1000;
	case 1: return one_in(2) ? INT64_MIN + (int64_t)draw_below(3) : INT64_MAX - (int64_t)draw_below(3);
	case 2: return (INT64_C(1) << (40 + draw_below(23))) + (int64_t)draw_below(5) - 2;
	case 3: return (int64_t)draw();
	default: return (int64_t)draw_below(24) - 4;
	}
}

static double draw_any_float(void)
{
	uint64_t bits = draw();
	double value;
	memcpy(&value, &bits, sizeof value);
	return isnan(value) ? (double)NAN : value;
}

static double draw_float(void)
{
	static const double corners[] = {0.0, -0.0, 1e16, 1e15, 1e-4, 1e-5, 0.1, 5e-324, 1.7976931348623157e308, 1e22, 9007199254740993.0};
	switch (draw_below(10)) {
	case 0: return one_in(3) ? (double)NAN : one_in(2) ? (double)INFINITY : -(double)INFINITY;
	case 1: return corners[draw_below(sizeof corners / sizeof *corners)];
	case 2: return draw_any_float();
	case 3: return (double)draw_int();
	case 4: return ((double)draw_below(2001) - 1000) / 8;
	case 5: return (double)(int64_t)draw() / 1e5;
	default: return (double)draw_below(24) - 4;
	}
}

// ---- texts ----

// What a number is written with; a part of the texts made of them is one.
static const char *const digits[] = {"0", "1", "2", "7", "9", "10", "12", "_", "-", "+", ".", "e", "E", "x", "0x", "0b1", "0o", "f",
                                     "z", " ", "\n", "inf", "nan", "1.5", "1e5", "9223372036854775807", "-9223372036854775808",
                                     "922337203685477580", "8", ".5", "1e308", "1e-320", "INFINITY", "\t"};

// Bytes of which many sequences are no UTF-8.
static const char *const fragments[] = {"a", "b", "\x80", "\xbf", "\xc2", "\xc0", "\xe0", "\xe2\x82", "\xed", "\xa0", "\xf0", "\xf0\x9f",
                                        "\xf4", "\x90", "\xf5", "\xff", "\xc3\xa9", "\xe2\x82\xac", "\x8f", "\x9f"};

static void add_pieces(struct step *step, const char *const *pieces, size_t count, size_t most)
{
	for (size_t left = draw_below(most + 1); left > 0; left--) {
		const char *piece = pieces[draw_below(count)];
		size_t size = strlen(piece);
		if (step->call.size + size > sizeof step->bytes) return;
		memcpy(step->bytes + step->call.size, piece, size);
		step->call.size += size;
	}
}

static void draw_bytes(struct step *step)
{
	static const size_t digit_count = sizeof digits / sizeof *digits;
	step->call.bytes = step->bytes;
	switch (draw_below(12)) {
	case 0: add_pieces(step, fragments, sizeof fragments / sizeof *fragments, 6); break;
	case 1:
	case 2:
	case 3: add_pieces(step, digits, digit_count, 4); break;
	case 4:
	case 5:
	case 6: add_pieces(step, characters, 5, 4); break; // a few letters: some are parts of others
	case 7: step->call.size = 1; break;                // a NUL
	default: add_pieces(step, characters, character_count, 9); break;
	}
}

// ---- several at once ----

static reference make_number(bool real)
{
	const struct call call = {.number = {draw_int()}, .real = real ? draw_float() : 0};
	return perform(real ? float_new_operation : int_new_operation, &call);
}

// Mostly of a few kinds, so that some can be compared, hashed, joined and sorted; a few, now and then many.
static void draw_items(struct step *step, size_t most)
{
	size_t style = draw_below(7);
	step->call.items = step->items;
	step->call.count = draw_below((one_in(12) ? most : 8) + 1);
	for (size_t i = 0; i < step->call.count; i++) {
		step->items[i] = style == 0   ? pick(STRS)
		                 : style == 1 ? pick(NUMBERS)
		                 : style == 2 ? pick_hashable()
		                 : style == 3 ? pick(one_in(2) ? TUPLES : LISTS)
		                 : style <= 5 ? make_number(style == 5)
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
	static const enum operation makers_of[PARTITIONS] = {[TUPLES] = tuple_new_operation, [LISTS] = list_from_operation,
	                                                     [SETS] = set_of_operation, [FROZENSETS] = frozenset_of_operation};
	const struct call call = {.items = elements, .count = count};
	return partition == DICTS ? make_dict_of(elements, count) : perform(makers_of[partition], &call);
}

// A container that is equal, or nearly so: its numbers may be of another type, and the last one may be missing. No chance is drawn
// for each element: I1.
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
	size_t left_out = !shorter || is_set || count == 0 ? 0 : partition == DICTS ? 2 : 1;
	reference varied = make_of(partition, elements, count - left_out);
	for (size_t i = 0; i < count; i++) engine_drop(elements[i]);
	return varied;
}

// ---- a step ----

static reference pick_argument(char letter, reference first)
{
	static const char letters[] = "nubtlds";
	const char *typed = strchr(letters, letter);
	if (first && strchr("tldsfv", letter) && one_in(8)) return vary(first);
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
	step->bytes[0] = 0;
	step->operation = draw_operation();
	for (const char *letter = operation_arguments[step->operation]; *letter; letter++) {
		size_t size = call->object[0] ? size_of(call->object[0]) : 0;
		size_t drawn = strchr("yT*", *letter) ? 0 : draw_numbers(*letter, &call->number[numbers], size);
		numbers += drawn;
		if (drawn) continue;
		if (*letter == 'y') call->real = draw_float();
		else if (*letter == 'T') draw_bytes(step);
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
