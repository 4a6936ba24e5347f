// tests/dict_random.c: dicts against a simple model, and several threads on one dict.
#include "dicts.h"

// ---- against a model ----

enum { MODEL_KEYS = 300 };

// The keys in order of insertion, and the value of each; -1: absent.
struct model {
	int64_t order[MODEL_KEYS], values[MODEL_KEYS];
	size_t size;
};

static void model_set(struct model *model, int64_t key, int64_t value)
{
	if (model->values[key] < 0) model->order[model->size++] = key;
	model->values[key] = value;
}

static int model_pop(struct model *model, int64_t key)
{
	size_t place = 0;
	if (model->values[key] < 0) return 0;
	while (model->order[place] != key) place++;
	memmove(model->order + place, model->order + place + 1, (--model->size - place) * sizeof key);
	model->values[key] = -1;
	return 1;
}

// The same key in the shape of an int, a float or, for 0 and 1, a bool.
static tally_object *key_in_some_shape(int64_t key, uint64_t *state)
{
	unsigned choice = below(state, 4);
	if (choice == 0) return must(tally_float_new((double)key));
	if (choice == 1 && key < 2) return tally_bool(key);
	return integer(key);
}

static void pop_last_of_both(tally_object *dict, struct model *model)
{
	tally_object *key = NULL, *value = NULL;
	int64_t last = model->size ? model->order[model->size - 1] : -1;
	CHECK_EQ(tally_dict_popitem(dict, &key, &value), model->size > 0);
	if (!key) return;
	double found = -1;
	CHECK_EQ(tally_float_value(key, &found), 0);
	CHECK(found == (double)last);
	CHECK_EQ(take_value(value), model->values[last]);
	tally_decref(key);
	model_pop(model, last);
}

static void change_both(tally_object *dict, struct model *model, uint64_t *state, int64_t value)
{
	unsigned choice = below(state, 1000);
	int64_t index = below(state, MODEL_KEYS), sum = -1;
	tally_object *key = key_in_some_shape(index, state), *number = integer(value), *found = NULL;
	if (choice < 2) {
		CHECK_EQ(tally_dict_clear(dict), 0);
		for (int i = 0; i < MODEL_KEYS; i++) model->values[i] = -1;
		model->size = 0;
	} else if (choice < 300) {
		CHECK_EQ(tally_dict_set(dict, key, number), 0);
		model_set(model, index, value);
	} else if (choice < 450) {
		int64_t expected = model->values[index] < 0 ? 3 : model->values[index] + 3;
		CHECK_EQ(tally_dict_add(dict, key, 3, &sum), 0);
		CHECK_EQ(sum, expected);
		model_set(model, index, expected);
	} else if (choice < 600) {
		found = tally_dict_setdefault(dict, key, number);
		if (model->values[index] < 0) model_set(model, index, value);
		CHECK_EQ(take_value(found), model->values[index]);
	} else if (choice < 700) {
		pop_last_of_both(dict, model);
	} else {
		int64_t expected = model->values[index];
		CHECK_EQ(tally_dict_pop(dict, key, &found), model_pop(model, index));
		if (found) CHECK_EQ(take_value(found), expected);
	}
	tally_decref(key);
	tally_decref(number);
}

// A dict may be replaced by its copy, or by an empty one that is updated from it, and nobody notices.
static void replace(tally_object **dict, uint64_t *state)
{
	tally_object *former = *dict;
	if (below(state, 2)) {
		*dict = must(tally_dict_copy(former));
	} else {
		*dict = must(tally_dict_new());
		CHECK_EQ(tally_dict_update(*dict, former), 0);
	}
	tally_decref(former);
}

static void check_lists(tally_object *dict, const struct model *model)
{
	tally_object *keys = must(tally_dict_keys(dict)), *values = must(tally_dict_values(dict)),
		     *items = must(tally_dict_items(dict));
	size_t sizes[3] = {0};
	CHECK_EQ(tally_list_size(keys, &sizes[0]), 0);
	CHECK_EQ(tally_list_size(values, &sizes[1]), 0);
	CHECK_EQ(tally_list_size(items, &sizes[2]), 0);
	for (int i = 0; i < 3; i++) CHECK_EQ(sizes[i], model->size);
	for (size_t i = 0; i < model->size; i++) {
		tally_object *pair[] = {tally_list_get(keys, (ptrdiff_t)i), tally_list_get(values, (ptrdiff_t)i)};
		tally_object *item = tally_list_get(items, (ptrdiff_t)i), *expected = must(tally_tuple_new(pair, 2));
		CHECK_EQ(tally_equal(item, expected), 1);
		CHECK_EQ(value_of(pair[1]), model->values[model->order[i]]);
		tally_object *all[] = {pair[0], pair[1], item, expected};
		for (int k = 0; k < 4; k++) tally_decref(all[k]);
	}
	tally_object *all[] = {keys, values, items};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
}

static void check_model(tally_object *dict, const struct model *model)
{
	tally_object *key, *value;
	size_t position = 0, seen = 0;
	while (tally_dict_next(dict, &position, &key, &value) == 1 && seen < model->size) {
		double expected = (double)model->order[seen], found = -1;
		CHECK_EQ(tally_float_value(key, &found), 0);
		CHECK(found == expected);
		CHECK_EQ(take_value(value), model->values[model->order[seen++]]);
		tally_decref(key);
	}
	CHECK_EQ(seen, model->size);
	CHECK_EQ(size_of(dict), model->size);
	for (int64_t i = 0; i < MODEL_KEYS; i++) {
		int64_t found = int_at(dict, i);
		CHECK_EQ(found, model->values[i] < 0 ? INT64_MIN : model->values[i]);
	}
	check_lists(dict, model);
}

static void random_operations_agree_with_a_simple_model(void)
{
	tally_object *dict = must(tally_dict_new());
	struct model model = {.size = 0};
	uint64_t state = fixture_seed(0);
	const int64_t rounds = tap_scale(100000);
	for (int i = 0; i < MODEL_KEYS; i++) model.values[i] = -1;
	for (int64_t round = 0; round < rounds; round++) {
		change_both(dict, &model, &state, round);
		if (below(&state, 500) == 0) replace(&dict, &state);
		if (round % 1000 == 0) check_model(dict, &model);
	}
	check_model(dict, &model);
	tally_decref(dict);
}

// ---- threads ----

enum { THREADS = 4, WORDS = 50 };

static int64_t additions_each;

static tally_object *word(unsigned number)
{
	char name[16];
	snprintf(name, sizeof name, "word %u", number);
	return text(name);
}

static void add_to_words(void *dict, unsigned number)
{
	uint64_t state = fixture_seed(number + 1);
	for (int64_t i = 0; i < additions_each; i++) {
		tally_object *key = word(below(&state, WORDS));
		CHECK_EQ(tally_dict_add(dict, key, 1, NULL), 0);
		tally_decref(key);
	}
}

static void additions_by_four_threads_sum_exactly(void)
{
	tally_object *dict = must(tally_dict_new()), *value;
	size_t position = 0;
	int64_t total = 0;
	additions_each = tap_scale(50000);
	run_threads(THREADS, add_to_words, dict);
	while (tally_dict_next(dict, &position, NULL, &value) == 1) total += take_value(value);
	CHECK_EQ(total, THREADS * additions_each);
	CHECK(size_of(dict) <= WORDS);
	tally_decref(dict);
}

// Adds, and holds the sum that somebody has reached for a while: it does not change under its holder.
static void add_and_hold(void *dict, unsigned number)
{
	tally_object *key = text("shared");
	int64_t last = 0;
	(void)number;
	for (int i = tap_scale(20000); i > 0; i--) {
		tally_object *held = NULL;
		CHECK_EQ(tally_dict_add(dict, key, 1, NULL), 0);
		if (!CHECK_EQ(tally_dict_get(dict, key, &held), 1)) break;
		int64_t value = value_of(held);
		CHECK(value > last);
		CHECK_EQ(tally_dict_add(dict, key, 1, NULL), 0);
		if (!CHECK_EQ(value_of(held), value)) break;
		tally_decref(held);
		last = value;
	}
	tally_decref(key);
}

static void additions_leave_the_ints_that_other_threads_hold(void)
{
	tally_object *dict = must(tally_dict_new()), *key = text("shared");
	CHECK_EQ(tally_dict_add(dict, key, 0, NULL), 0);
	run_threads(4, add_and_hold, dict);
	int64_t sum = 0;
	CHECK_EQ(tally_dict_add(dict, key, 0, &sum), 0);
	CHECK_EQ(sum, 4 * 2 * (int64_t)tap_scale(20000));
	tally_decref(dict);
	tally_decref(key);
}

static void set_own_keys(void *dict, unsigned number)
{
	for (int64_t i = 0; i < additions_each; i++) set_int(dict, i * THREADS + number, i);
}

static void all_keys_of_four_threads_arrive(void)
{
	tally_object *dict = must(tally_dict_new());
	additions_each = tap_scale(10000);
	run_threads(THREADS, set_own_keys, dict);
	CHECK_EQ(size_of(dict), THREADS * additions_each);
	for (int64_t i = 0; i < THREADS * additions_each; i++)
		if (!CHECK_EQ(int_at(dict, i), i / THREADS)) break;
	tally_decref(dict);
}

struct race {
	tally_object *dict, *winners[THREADS];
};

static void set_the_default(void *context, unsigned number)
{
	struct race *race = context;
	tally_object *mine = counted(number);
	race->winners[number] = tally_dict_setdefault(race->dict, tally_none(), mine);
	tally_decref(mine);
}

static void threads_that_race_for_a_default_all_get_the_same(void)
{
	for (unsigned round = 0; round < tap_scale(50u); round++) {
		struct race race = {.dict = must(tally_dict_new())};
		run_threads(THREADS, set_the_default, &race);
		for (int i = 0; i < THREADS; i++) {
			CHECK_PTR(race.winners[i], race.winners[0]);
			if (i) tally_decref(race.winners[i]);
		}
		tally_decref(race.winners[0]);
		tally_decref(race.dict);
	}
}

// Drops what is a dict or a list of as many, and none of the words' business.
static void take_all(tally_object *dict, unsigned which)
{
	tally_object *(*const makers[])(tally_object *) = {tally_dict_copy, tally_dict_keys, tally_dict_values,
	                                                   tally_dict_items};
	tally_object *made = must(makers[which](dict));
	size_t size = SIZE_MAX;
	CHECK_EQ(tally_len(made, &size), 0);
	CHECK(size <= WORDS);
	tally_decref(made);
}

static void use_it_somehow(tally_object *dict, uint64_t *state)
{
	tally_object *key = word(below(state, WORDS)), *found = NULL;
	size_t position = below(state, 60);
	switch (below(state, 44)) {
	case 0:
		CHECK_EQ(tally_dict_clear(dict), 0);
		break;
	case 1:
	case 2:
		CHECK(tally_dict_contains(dict, key) >= 0);
		break;
	case 3:
	case 4:
	case 5:
	case 6:
		CHECK(tally_dict_next(dict, &position, &found, NULL) >= 0);
		break;
	case 7:
	case 8:
	case 9:
		found = tally_dict_setdefault(dict, key, key);
		break;
	case 10:
		take_all(dict, below(state, 4));
		break;
	case 11:
		CHECK_EQ(tally_dict_update(dict, dict), 0);
		break;
	case 12:
		CHECK(tally_dict_popitem(dict, below(state, 2) ? &found : NULL, NULL) >= 0);
		break;
	default:
		if (below(state, 2))
			CHECK_EQ(tally_dict_set(dict, key, key), 0);
		else if (below(state, 2))
			CHECK(tally_dict_get(dict, key, &found) >= 0);
		else
			CHECK(tally_dict_pop(dict, key, below(state, 2) ? &found : NULL) >= 0);
	}
	if (found) {
		CHECK(tally_is_str(found));
		tally_decref(found);
	}
	tally_decref(key);
}

static void use_it_often(void *dict, unsigned number)
{
	uint64_t state = fixture_seed(number + 1);
	for (int64_t i = 0; i < additions_each; i++) use_it_somehow(dict, &state);
}

static void any_mix_of_operations_by_four_threads_loses_and_invents_nothing(void)
{
	tally_object *dict = must(tally_dict_new()), *key, *value;
	size_t position = 0, seen = 0;
	additions_each = tap_scale(50000);
	run_threads(THREADS, use_it_often, dict);
	for (; tally_dict_next(dict, &position, &key, &value) == 1; seen++) {
		CHECK_EQ(tally_equal(key, value), 1);
		tally_decref(key);
		tally_decref(value);
	}
	CHECK_EQ(size_of(dict), seen);
	tally_decref(dict);
}

// The first thread moves one key on, such that there is always one or two of it beside the others, of which there are forty.
static void move_or_look(void *dict, unsigned number)
{
	tally_object *(*const makers[])(tally_object *) = {tally_dict_copy, tally_dict_keys, tally_dict_values,
	                                                   tally_dict_items};
	for (int64_t i = 0; i < additions_each; i++) {
		if (number == 0) {
			set_int(dict, COUNTED + i + 1, 0);
			CHECK_EQ(pop_int(dict, COUNTED + i), 1);
			continue;
		}
		tally_object *made = must(makers[(i + number) % 4](dict));
		size_t size = 0;
		CHECK_EQ(tally_len(made, &size), 0);
		CHECK(size == 41 || size == 42);
		tally_decref(made);
	}
}

static void copies_and_lists_are_of_one_moment(void)
{
	tally_object *dict = count_up(40);
	additions_each = tap_scale(5000);
	set_int(dict, COUNTED, 0);
	run_threads(THREADS, move_or_look, dict);
	CHECK_EQ(size_of(dict), 41);
	tally_decref(dict);
}

static void compare_often(void *dicts, unsigned number)
{
	tally_object **dict = dicts;
	for (int64_t i = 0; i < additions_each; i++) {
		if (number < 2)
			CHECK(tally_equal(dict[number], dict[1 - number]) >= 0);
		else
			set_int(dict[i % 2], i % 20, i % 3);
	}
}

// Two threads compare the same two dicts in opposite directions: locks taken two at a time would deadlock.
static void dicts_can_be_compared_both_ways_while_others_change_them(void)
{
	tally_object *dicts[] = {count_up(20), count_up(20)};
	additions_each = tap_scale(2000);
	run_threads(THREADS, compare_often, dicts);
	tally_decref(dicts[0]);
	tally_decref(dicts[1]);
}

int main(void)
{
	fixture_begin(120);
	TAP_RUN(random_operations_agree_with_a_simple_model);
	TAP_RUN(additions_by_four_threads_sum_exactly);
	TAP_RUN(additions_leave_the_ints_that_other_threads_hold);
	TAP_RUN(all_keys_of_four_threads_arrive);
	TAP_RUN(threads_that_race_for_a_default_all_get_the_same);
	TAP_RUN(any_mix_of_operations_by_four_threads_loses_and_invents_nothing);
	TAP_RUN(copies_and_lists_are_of_one_moment);
	TAP_RUN(dicts_can_be_compared_both_ways_while_others_change_them);
	return tap_end();
}
