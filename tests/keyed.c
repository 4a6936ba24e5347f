// tests/keyed.c: dicts and sets whose keys have a hash and an equality of their own: which entry is found, what that code may do
// to the dict in the meantime, its errors, and several threads at once.
//
// A key is an instance with a number. Keys with equal tens have equal hashes, so that each search meets a few others first.
#include "classes.h"
#include "turns.h"

static struct {
	tally_object *type, *name;
	void (*during)(tally_object *self, tally_object *other); // in each comparison, before the answer; NULL: nothing
	void (*while_hashing)(tally_object *self);
	atomic_int compared, hashed;
	int fail_compare, fail_hash; // at that comparison or hash; 0: never
} rules;

static int64_t number_of(tally_object *key)
{
	tally_object *number = NULL;
	if (!tally_is_instance(key) || tally_attr_get(key, rules.name, &number) != 1) return -1;
	return take_value(number);
}

static int hash_key(tally_object *self, uint64_t *hash, void *context)
{
	(void)context;
	if (rules.while_hashing) rules.while_hashing(self);
	if (atomic_fetch_add(&rules.hashed, 1) + 1 == rules.fail_hash) {
		tally_error_set(TALLY_ERROR_VALUE, "the hash of a key");
		return -1;
	}
	*hash = (uint64_t)number_of(self) / 10;
	return 0;
}

static int compare_key(tally_object *self, tally_object *other, void *context)
{
	(void)context;
	int count = atomic_fetch_add(&rules.compared, 1) + 1;
	if (rules.during) rules.during(self, other);
	if (count == rules.fail_compare) {
		tally_error_set(TALLY_ERROR_VALUE, "the equality of a key");
		return -1;
	}
	return number_of(self) == number_of(other);
}

// What a test of user-defined keys begins with.
static void keys_begin(void)
{
	memset(&rules, 0, sizeof rules);
	rules.name = text("number");
	const char *const slots[] = {"number"};
	rules.type = CLASS(.name = "key", .slots = slots, .slot_count = 1, .hash = hash_key, .equal = compare_key);
}

static void keys_end(void)
{
	rules.during = NULL;
	rules.while_hashing = NULL;
	tally_decref(rules.type);
	tally_decref(rules.name);
}

static tally_object *key_of(int64_t number)
{
	tally_object *key = instance(rules.type), *value = integer(number);
	CHECK_EQ(tally_attr_set(key, rules.name, value), 0);
	tally_decref(value);
	return key;
}

static size_t size_of(tally_object *container)
{
	size_t size = SIZE_MAX;
	CHECK_EQ(tally_len(container, &size), 0);
	return size;
}

static void set_number(tally_object *dict, int64_t number, int64_t value)
{
	tally_object *key = key_of(number), *stored = integer(value);
	CHECK_EQ(tally_dict_set(dict, key, stored), 0);
	tally_decref(key);
	tally_decref(stored);
}

static int64_t number_at(tally_object *dict, int64_t number)
{
	tally_object *key = key_of(number), *value = NULL;
	int found = tally_dict_get(dict, key, &value);
	CHECK_EQ(found, value != NULL);
	tally_decref(key);
	return take_value(value);
}

static int pop_number(tally_object *dict, int64_t number)
{
	tally_object *key = key_of(number);
	int removed = tally_dict_pop(dict, key, NULL);
	tally_decref(key);
	return removed;
}

// A dict of the keys first to last, each with its number.
static tally_object *dict_of(int64_t first, int64_t last)
{
	tally_object *dict = must(tally_dict_new());
	for (int64_t i = first; i <= last; i++) set_number(dict, i, i);
	return dict;
}

static void drop(tally_object *const *objects, size_t count)
{
	for (size_t i = 0; i < count; i++) tally_decref(objects[i]);
}
#define DROP(...)                                                                                                      \
	drop((tally_object *const[]){__VA_ARGS__}, sizeof((tally_object *const[]){__VA_ARGS__}) / sizeof(void *))

// ---- every operation on a key, to be tried under the same circumstances ----

// What an operation works on: a dict and a set, of which a test uses one.
struct scene {
	tally_object *dict, *set, *key;
};

// 1, 0 or -1, as the operation returns; what it gives is dropped.
struct operation {
	const char *name;
	int (*run)(struct scene *scene);
	bool is_of_set;
};

static int take(int status, tally_object *given)
{
	tally_decref(given);
	return status;
}

static int do_get(struct scene *scene)
{
	tally_object *value = scene->key;
	int status = tally_dict_get(scene->dict, scene->key, &value);
	CHECK_EQ(status > 0, value != NULL);
	return take(status, value);
}

static int do_contains(struct scene *scene) { return tally_dict_contains(scene->dict, scene->key); }
static int do_set(struct scene *scene) { return tally_dict_set(scene->dict, scene->key, tally_none()); }
static int do_add(struct scene *scene) { return tally_dict_add(scene->dict, scene->key, 1, NULL); }

static int do_setdefault(struct scene *scene)
{
	tally_object *got = tally_dict_setdefault(scene->dict, scene->key, tally_none());
	return take(got ? 0 : -1, got);
}

static int do_pop(struct scene *scene)
{
	tally_object *value = scene->key;
	int status = tally_dict_pop(scene->dict, scene->key, &value);
	CHECK_EQ(status > 0, value != NULL);
	return take(status, value);
}

// A dict of the key alone, hashed before.
static int do_update(struct scene *scene)
{
	tally_object *from = must(tally_dict_new());
	if (tally_dict_set(from, scene->key, tally_none())) return take(-1, from);
	return take(tally_dict_update(scene->dict, from), from);
}

static int do_compare_dicts(struct scene *scene)
{
	tally_object *other = must(tally_dict_copy(scene->dict));
	int status = tally_dict_popitem(other, NULL, NULL);
	if (status == 1) status = tally_dict_set(other, scene->key, tally_none());
	if (status == 0) status = tally_equal(other, scene->dict);
	return take(status, other);
}

static int do_set_contains(struct scene *scene) { return tally_set_contains(scene->set, scene->key); }
static int do_set_add(struct scene *scene) { return tally_set_add(scene->set, scene->key); }
static int do_set_discard(struct scene *scene) { return tally_set_discard(scene->set, scene->key); }

// Operations of a set and a list of the key.
static tally_object *list_of_key(struct scene *scene) { return must(tally_list_from(&scene->key, 1)); }

static int with_list(struct scene *scene, int (*operation)(tally_object *set, tally_object *items))
{
	tally_object *list = list_of_key(scene);
	return take(operation(scene->set, list), list);
}

static int make_with_list(struct scene *scene, tally_object *(*operation)(tally_object *set, tally_object *items))
{
	tally_object *list = list_of_key(scene), *made = operation(scene->set, list);
	return take(take(made ? 0 : -1, made), list);
}

static int do_update_set(struct scene *scene) { return with_list(scene, tally_set_update); }
static int do_intersect(struct scene *scene) { return with_list(scene, tally_set_intersect_update); }
static int do_subtract(struct scene *scene) { return with_list(scene, tally_set_subtract_update); }
static int do_toggle(struct scene *scene) { return with_list(scene, tally_set_toggle_update); }
static int do_disjoint(struct scene *scene) { return with_list(scene, tally_set_is_disjoint); }
static int make_union(struct scene *scene) { return make_with_list(scene, tally_set_union); }
static int make_intersection(struct scene *scene) { return make_with_list(scene, tally_set_intersection); }
static int make_difference(struct scene *scene) { return make_with_list(scene, tally_set_difference); }
static int make_symmetric(struct scene *scene) { return make_with_list(scene, tally_set_symmetric_difference); }

static int do_subset(struct scene *scene)
{
	tally_object *list = list_of_key(scene), *other = tally_frozenset_new(list);
	int status = other ? tally_set_is_subset(other, scene->set) : -1;
	return take(take(status, other), list);
}

enum { DICT_OPERATIONS = 8 };
static const struct operation operations[] = {
	{"dict_get", do_get, false},
	{"dict_contains", do_contains, false},
	{"dict_set", do_set, false},
	{"dict_add", do_add, false},
	{"dict_setdefault", do_setdefault, false},
	{"dict_pop", do_pop, false},
	{"dict_update", do_update, false},
	{"equal", do_compare_dicts, false},
	{"set_contains", do_set_contains, true},
	{"set_add", do_set_add, true},
	{"set_discard", do_set_discard, true},
	{"set_update", do_update_set, true},
	{"set_intersect_update", do_intersect, true},
	{"set_subtract_update", do_subtract, true},
	{"set_toggle_update", do_toggle, true},
	{"set_is_disjoint", do_disjoint, true},
	{"set_union", make_union, true},
	{"set_intersection", make_intersection, true},
	{"set_difference", make_difference, true},
	{"set_symmetric_difference", make_symmetric, true},
	{"set_is_subset", do_subset, true},
};
enum { OPERATIONS = sizeof operations / sizeof operations[0] };

// Keys 1 to 4, of which the one that is asked for is another object equal to the third.
static struct scene scene_begin(void)
{
	struct scene scene = {.dict = dict_of(1, 4), .key = key_of(3)};
	scene.set = must(tally_set_new(scene.dict));
	atomic_store(&rules.compared, 0);
	atomic_store(&rules.hashed, 0);
	return scene;
}

static void scene_end(struct scene *scene)
{
	rules.during = NULL;
	rules.while_hashing = NULL;
	rules.fail_compare = rules.fail_hash = 0;
	DROP(scene->dict, scene->set, scene->key);
}

// Both are as they were in the beginning.
static void check_untouched(const struct scene *scene, const char *operation)
{
	tally_object *element = NULL, *key = NULL;
	size_t places[2] = {0, 0};
	bool right = size_of(scene->dict) == 4 && size_of(scene->set) == 4;
	for (int64_t i = 1; i <= 4 && right; i++) {
		tally_object *value = NULL;
		right = tally_dict_next(scene->dict, &places[0], &key, &value) == 1 && number_of(key) == i &&
		        take_value(value) == i;
		right = tally_set_next(scene->set, &places[1], &element) == 1 && element == key && right;
		DROP(key, element);
	}
	if (!CHECK(right)) tap_note("after %s", operation);
}

// ---- which entry is found ----

static void equal_keys_are_one_key(void)
{
	keys_begin();
	tally_object *dict = dict_of(1, 30), *set = must(tally_set_new(dict)), *first = key_of(12), *key = NULL;
	size_t position = 12;
	CHECK_EQ(size_of(dict), 30);
	for (int64_t i = 1; i <= 30; i++) CHECK_EQ(number_at(dict, i), i);
	CHECK_EQ(number_at(dict, 31), INT64_MIN);
	CHECK_EQ(number_at(dict, 0), INT64_MIN);
	CHECK_EQ(tally_set_contains(set, first), 1);
	CHECK_EQ(tally_set_add(set, first), 0);
	CHECK_EQ(tally_dict_add(dict, first, 5, NULL), 0);
	CHECK_EQ(number_at(dict, 12), 17);
	CHECK_EQ(tally_refcount(first), 1); // the key that was there stays
	for (int64_t i = 1; i <= 30; i += 2) CHECK_EQ(pop_number(dict, i), 1);
	CHECK_EQ(pop_number(dict, 1), 0);
	set_number(dict, 12, 1);
	CHECK_EQ(size_of(dict), 15);
	CHECK_EQ(tally_dict_next(dict, &position, &key, NULL), 1); // tombstones are passed
	CHECK_EQ(number_of(key), 14);
	DROP(key, dict, set, first);
	keys_end();
}

static void the_very_key_is_found_without_asking_it(void)
{
	keys_begin();
	tally_object *dict = must(tally_dict_new()), *key = key_of(5), *value = NULL;
	CHECK_EQ(tally_dict_set(dict, key, tally_none()), 0);
	CHECK_EQ(tally_dict_get(dict, key, &value), 1);
	CHECK_EQ(tally_dict_pop(dict, key, NULL), 1);
	CHECK_EQ(atomic_load(&rules.compared), 0);
	CHECK_EQ(atomic_load(&rules.hashed), 3);
	DROP(dict, key);
	keys_end();
}

static void tuples_and_frozensets_of_such_keys_are_keys_too(void)
{
	keys_begin();
	tally_object *dict = must(tally_dict_new()), *parts[] = {key_of(3), key_of(3), key_of(4)}, *tuples[3], *sets[3],
		     *value = NULL;
	for (int i = 0; i < 3; i++) {
		tuples[i] = must(tally_tuple_new(&parts[i], 1));
		sets[i] = must(tally_frozenset_new(tuples[i]));
	}
	CHECK_EQ(tally_dict_set(dict, tuples[0], parts[0]), 0);
	CHECK_EQ(tally_dict_set(dict, sets[0], parts[1]), 0);
	CHECK_EQ(tally_dict_get(dict, tuples[1], &value), 1);
	CHECK_PTR(value, parts[0]);
	CHECK_EQ(tally_dict_get(dict, sets[1], &value), 1);
	CHECK_PTR(value, parts[1]);
	CHECK_EQ(tally_dict_contains(dict, tuples[2]), 0);
	CHECK_EQ(tally_dict_contains(dict, sets[2]), 0);
	CHECK_EQ(tally_dict_contains(dict, parts[0]), 0);
	CHECK_EQ(size_of(dict), 2);
	for (int i = 0; i < 3; i++) DROP(tuples[i], sets[i], parts[i]);
	DROP(dict, parts[0], parts[1]); // values that were found
	keys_end();
}

static void release_nothing(void *context) { (void)context; }

// An object that hashes like one of another type, and says that it equals it.
static int hash_like(tally_object *self, uint64_t *hash, void *like)
{
	(void)self;
	return tally_hash(*(tally_object **)like, hash);
}

static int equal_like(tally_object *self, tally_object *other, void *like)
{
	(void)self;
	return tally_equal(other, *(tally_object **)like);
}

static void keys_of_other_types_with_the_same_hash_are_asked_too(void)
{
	tally_object *plain[] = {text("some text"), integer(12345), must(tally_float_new(0.5)),
	                         must(tally_bytes_new("abc", 3))};
	for (int i = 0; i < 4; i++) {
		tally_object *type = CLASS(.name = "like", .hash = hash_like, .equal = equal_like, .context = &plain[i],
		                           .release = release_nothing);
		tally_object *self = instance(type), *dict = must(tally_dict_new()), *same = must(tally_list_new());
		CHECK_EQ(tally_dict_set(dict, self, tally_none()), 0);
		CHECK_EQ(tally_dict_contains(dict, plain[i]), 1); // the stored one answers
		CHECK_EQ(tally_dict_set(dict, plain[i], tally_none()), 0);
		CHECK_EQ(size_of(dict), 1);
		CHECK_EQ(tally_dict_pop(dict, plain[i], NULL), 1);
		CHECK_EQ(tally_dict_set(dict, plain[i], tally_none()), 0);
		CHECK_EQ(tally_dict_contains(dict, self), 1); // the one that is asked for does
		DROP(self, dict, same, type);
	}
	DROP(plain[0], plain[1], plain[2], plain[3]);
}

static int equal_never(tally_object *self, tally_object *other, void *like)
{
	(void)self, (void)other, (void)like;
	return 0;
}

static void keys_that_never_equal_stand_side_by_side(void)
{
	tally_object *word = text("word");
	tally_object *type = CLASS(.name = "odd", .hash = hash_like, .equal = equal_never, .context = &word,
	                           .release = release_nothing);
	tally_object *dict = must(tally_dict_new()), *odd[20];
	for (int i = 0; i < 20; i++) {
		odd[i] = instance(type);
		CHECK_EQ(tally_dict_set(dict, odd[i], tally_none()), 0);
	}
	CHECK_EQ(tally_dict_set(dict, word, tally_none()), 0);
	CHECK_EQ(size_of(dict), 21);
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(tally_dict_contains(dict, odd[i]), 1);
		CHECK_EQ(tally_dict_pop(dict, odd[i], NULL), 1);
		CHECK_EQ(tally_dict_contains(dict, word), 1);
		tally_decref(odd[i]);
	}
	DROP(dict, type, word);
}

static void a_set_or_dict_with_itself_asks_nobody(void)
{
	keys_begin();
	tally_object *dict = dict_of(1, 9), *sets[4];
	int (*const updates[])(tally_object *, tally_object *) = {tally_set_update, tally_set_intersect_update,
	                                                          tally_set_subtract_update, tally_set_toggle_update};
	for (int i = 0; i < 4; i++) sets[i] = must(tally_set_new(dict));
	rules.fail_compare = atomic_load(&rules.compared) + 1;
	for (int i = 0; i < 4; i++) {
		CHECK_EQ(updates[i](sets[i], sets[i]), 0);
		CHECK_EQ(size_of(sets[i]), i < 2 ? 9 : 0);
		CHECK_EQ(tally_set_is_subset(sets[i], sets[i]), 1);
	}
	CHECK_EQ(tally_dict_update(dict, dict), 0);
	CHECK_EQ(tally_equal(dict, dict), 1);
	DROP(dict, sets[0], sets[1], sets[2], sets[3]);
	keys_end();
}

// ---- errors ----

// An operation with its n-th comparison or hash failing. Whether it failed.
static bool fails_at(const struct operation *operation, int *fail, int n, const char *message)
{
	struct scene scene = scene_begin();
	*fail = n;
	bool failed = operation->run(&scene) < 0;
	*fail = 0;
	if (failed) CHECK_ERROR(TALLY_ERROR_VALUE, message);
	if (failed && operation->run != do_intersect)
		check_untouched(&scene, operation->name); // that one has taken some out
	CHECK_EQ(tally_refcount(scene.dict), 1);
	CHECK_EQ(tally_refcount(scene.set), 1);
	CHECK_EQ(tally_refcount(scene.key), failed ? 1 : tally_refcount(scene.key));
	scene_end(&scene);
	return failed;
}

static void fail_each(int *fail, const char *message)
{
	for (int i = 0; i < OPERATIONS; i++) {
		int n = 1;
		while (n < 20 && fails_at(&operations[i], fail, n, message)) n++;
		if (!CHECK(n > 1 && n < 20)) tap_note("%s: %d", operations[i].name, n);
	}
}

static void an_error_of_an_equality_comes_through_and_changes_nothing(void)
{
	keys_begin();
	fail_each(&rules.fail_compare, "the equality of a key");
	keys_end();
}

static void an_error_of_a_hash_comes_through_and_changes_nothing(void)
{
	keys_begin();
	fail_each(&rules.fail_hash, "the hash of a key");
	keys_end();
}

static void an_update_that_fails_has_set_the_keys_before(void)
{
	keys_begin();
	tally_object *dict = dict_of(1, 4), *from = must(tally_dict_new());
	for (int64_t i = 3; i < 8; i++) set_number(from, i, i * 100);
	atomic_store(&rules.compared, 0);
	rules.fail_compare = 12;
	CHECK_EQ(tally_dict_update(dict, from), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "the equality of a key");
	rules.fail_compare = 0;
	CHECK_EQ(number_at(dict, 3), 300);
	CHECK_EQ(number_at(dict, 4), 400);
	CHECK_EQ(number_at(dict, 5), 500); // it met all four
	CHECK_EQ(number_at(dict, 6), INT64_MIN);
	DROP(dict, from);
	keys_end();
}

static void an_unhashable_element_of_a_key_is_named(void)
{
	tally_object *type = CLASS(.name = "shy", .equal = equal_never), *self = instance(type);
	tally_object *inner = must(tally_tuple_new(&self, 1)), *outer = must(tally_tuple_new(&inner, 1));
	tally_object *dict = must(tally_dict_new()), *set = must(tally_set_new(NULL));
	CHECK_EQ(tally_dict_set(dict, outer, outer), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "dict_set: expected a hashable object, got a 'shy'");
	CHECK_EQ(tally_set_update(set, outer), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "set_update: expected a hashable object, got a 'shy'");
	CHECK_EQ(tally_refcount(outer), 1);
	CHECK_EQ(tally_refcount(dict), 1);
	DROP(dict, set, outer, inner, self, type);
}

// ---- what the equality does meanwhile ----

static struct {
	struct scene *scene;
	int64_t next;
	bool done;
} plan;

static void begin_plan(struct scene *scene, void (*during)(tally_object *, tally_object *))
{
	plan.scene = scene;
	plan.next = 100;
	plan.done = false;
	rules.during = during;
}

// Stops interfering for as long as it works itself.
static void (*pause_rules(void))(tally_object *, tally_object *)
{
	void (*during)(tally_object *, tally_object *) = rules.during;
	rules.during = NULL;
	return during;
}

// Keys of other hashes come, until the table is replaced a few times.
static void insert_others(tally_object *self, tally_object *other)
{
	void (*during)(tally_object *, tally_object *) = pause_rules();
	(void)self, (void)other;
	for (int i = 0; i < 5 && plan.next < 200; i++) {
		tally_object *key = key_of(plan.next++);
		CHECK_EQ(tally_dict_set(plan.scene->dict, key, tally_none()), 0);
		CHECK_EQ(tally_set_add(plan.scene->set, key), 1);
		tally_decref(key);
	}
	rules.during = during;
}

static void an_equality_may_insert_keys(void)
{
	keys_begin();
	for (int i = 0; i < OPERATIONS; i++) {
		struct scene scene = scene_begin();
		begin_plan(&scene, insert_others);
		CHECK(operations[i].run(&scene) >= 0);
		CHECK_NO_ERROR();
		rules.during = NULL;
		tally_object *container = operations[i].is_of_set ? scene.set : scene.dict;
		if (operations[i].run != do_intersect) CHECK(size_of(container) >= (size_t)(plan.next - 100) + 3);
		CHECK_EQ(tally_refcount(container), 1);
		scene_end(&scene);
	}
	keys_end();
}

// The keys go, all of them, when the first comparison comes.
static void clear_both(tally_object *self, tally_object *other)
{
	(void)self, (void)other;
	CHECK_EQ(tally_dict_clear(plan.scene->dict), 0);
	CHECK_EQ(tally_set_clear(plan.scene->set), 0);
}

static void an_equality_may_clear_the_dict(void)
{
	keys_begin();
	for (int i = 0; i < OPERATIONS; i++) {
		struct scene scene = scene_begin();
		begin_plan(&scene, clear_both);
		int status = operations[i].run(&scene);
		bool may_find = operations[i].run == do_compare_dicts || operations[i].run == do_disjoint ||
		                operations[i].run == do_set_add;
		if (!CHECK(may_find ? status >= 0 : status == 0)) tap_note("%s: %d", operations[i].name, status);
		CHECK_NO_ERROR();
		CHECK(size_of(scene.dict) <= 1);
		CHECK(size_of(scene.set) <= 1);
		scene_end(&scene);
	}
	keys_end();
}

// Each comparison takes the entry away that is being compared, so the key is stored as a new one in the end.
static void pop_compared(tally_object *self, tally_object *other)
{
	void (*during)(tally_object *, tally_object *) = pause_rules();
	(void)other;
	tally_object *stored = self == plan.scene->key ? other : self;
	CHECK_EQ(tally_dict_pop(plan.scene->dict, stored, NULL), 1);
	CHECK_EQ(tally_set_discard(plan.scene->set, stored), 1);
	rules.during = during;
}

// When the second stored key is compared the first one goes, and one that equals the wanted key takes its slot, which has been passed.
static void put_behind(tally_object *self, tally_object *other)
{
	void (*during)(tally_object *, tally_object *) = pause_rules();
	bool is_second = number_of(self) == 2 || number_of(other) == 2;
	if (is_second) {
		CHECK_EQ(pop_number(plan.scene->dict, 1), 1);
		set_number(plan.scene->dict, 3, 33);
	}
	rules.during = is_second ? NULL : during;
}

static void a_key_that_takes_the_slot_of_one_that_went_is_not_missed(void)
{
	keys_begin();
	struct scene scene = scene_begin();
	tally_object *key = key_of(3);
	CHECK_EQ(tally_dict_clear(scene.dict), 0);
	set_number(scene.dict, 1, 11);
	set_number(scene.dict, 2, 22);
	begin_plan(&scene, put_behind);
	CHECK_EQ(tally_dict_set(scene.dict, key, tally_none()), 0);
	rules.during = NULL;
	CHECK_EQ(size_of(scene.dict), 2); // equal keys are one key
	tally_decref(key);
	scene_end(&scene);
	keys_end();
}

static void an_equality_may_remove_the_entry_that_is_compared(void)
{
	keys_begin();
	struct scene scene = scene_begin();
	begin_plan(&scene, pop_compared);
	CHECK_EQ(tally_dict_set(scene.dict, scene.key, tally_none()), 0);
	rules.during = NULL;
	CHECK_EQ(size_of(scene.dict), 1);
	CHECK_EQ(size_of(scene.set), 0);
	CHECK_EQ(tally_dict_contains(scene.dict, scene.key), 1);
	CHECK_EQ(tally_refcount(scene.key), 2);
	CHECK_EQ(atomic_load(&rules.compared),
	         4); // 1, 2, 3 with "equal", 4; each is gone afterwards, and the very key is found
	scene_end(&scene);
	keys_end();
}

// The dict's reference to the stored key is the last one but the search's.
static void the_stored_key_lives_as_long_as_it_is_compared(void)
{
	keys_begin();
	tally_object *probes = fixture_probe_type();
	const char *const slots[] = {"probe"};
	tally_object *type = CLASS(.name = "guarded", .base = rules.type, .slots = slots, .slot_count = 1),
		     *name = text("probe");
	for (int i = 0; i < OPERATIONS; i++) {
		struct scene scene = scene_begin();
		tally_object *guarded = instance(type), *number = integer(0), *guard = probe(probes, i);
		CHECK_EQ(tally_attr_set(guarded, rules.name, number), 0);
		CHECK_EQ(tally_attr_set(guarded, name, guard), 0);
		CHECK_EQ(tally_dict_clear(scene.dict), 0);
		CHECK_EQ(tally_set_clear(scene.set), 0);
		CHECK_EQ(tally_dict_set(scene.dict, guarded, number), 0);
		CHECK_EQ(tally_set_add(scene.set, guarded), 1);
		DROP(guarded, number, guard);
		begin_plan(&scene, clear_both);
		CHECK(operations[i].run(&scene) >= 0);
		CHECK_NO_ERROR();
		scene_end(&scene);
		CHECK_EQ(atomic_load(&fixture_dead), i + 1);
	}
	DROP(type, name);
	keys_end();
}

// A table never looks as before.
static void replace_entry(tally_object *self, tally_object *other)
{
	void (*during)(tally_object *, tally_object *) = pause_rules();
	(void)self, (void)other;
	tally_object *key = NULL, *value = NULL;
	size_t position = 0;
	if (size_of(plan.scene->dict) && tally_dict_next(plan.scene->dict, &position, &key, &value) == 1) {
		CHECK_EQ(tally_dict_pop(plan.scene->dict, key, NULL), 1);
		CHECK_EQ(tally_dict_set(plan.scene->dict, key, value), 0);
		DROP(key, value);
	}
	position = 0;
	if (size_of(plan.scene->set) && tally_set_next(plan.scene->set, &position, &key) == 1) {
		CHECK_EQ(tally_set_discard(plan.scene->set, key), 1);
		CHECK_EQ(tally_set_add(plan.scene->set, key), 1);
		DROP(key);
	}
	rules.during = during;
}

static void a_dict_that_changes_during_every_comparison_is_an_error(void)
{
	keys_begin();
	for (int i = 0; i < OPERATIONS; i++) {
		char message[128];
		struct scene scene = scene_begin();
		if (operations[i].run == do_compare_dicts ||
		    operations[i].run == do_subset) { // sides that do not change are searched
			scene_end(&scene);
			continue;
		}
		CHECK_EQ(pop_number(scene.dict, 2) + pop_number(scene.dict, 3) + pop_number(scene.dict, 4), 3);
		tally_object *one = must(tally_set_new(scene.dict));
		CHECK_EQ(tally_set_intersect_update(scene.set, one), 0);
		tally_decref(one);
		begin_plan(&scene, replace_entry);
		atomic_store(&rules.compared, 0);
		int status = operations[i].run(&scene);
		rules.during = NULL;
		// Algebra that makes a set searches that one, or the list's.
		bool is_changed = operations[i].run != make_union && operations[i].run != make_difference &&
		                  operations[i].run != make_symmetric && operations[i].run != do_intersect;
		if (is_changed) {
			CHECK_EQ(status, -1);
			snprintf(message, sizeof message,
			         "%s: the %s was changed during each of 1000 comparisons of its keys",
			         operations[i].name, operations[i].is_of_set ? "set" : "dict");
			CHECK_ERROR(TALLY_ERROR_VALUE, message);
			CHECK_EQ(atomic_load(&rules.compared), 1000);
		} else {
			CHECK(status >= 0);
		}
		CHECK_EQ(size_of(scene.dict), 1);
		CHECK_EQ(size_of(scene.set), operations[i].run == do_intersect ? 0 : 1);
		CHECK_EQ(tally_refcount(scene.key), 1);
		scene_end(&scene);
	}
	keys_end();
}

static void replace_entry_often(tally_object *self, tally_object *other)
{
	if (plan.next++ < 100 + 999) replace_entry(self, other);
}

static void a_dict_that_comes_to_rest_at_the_last_attempt_is_none(void)
{
	keys_begin();
	struct scene scene = scene_begin();
	CHECK_EQ(pop_number(scene.dict, 2) + pop_number(scene.dict, 3) + pop_number(scene.dict, 4), 3);
	begin_plan(&scene, replace_entry_often);
	CHECK_EQ(tally_dict_contains(scene.dict, scene.key), 0);
	CHECK_NO_ERROR();
	CHECK_EQ(plan.next, 100 + 1000);
	scene_end(&scene);
	keys_end();
}

// The host's references to the dict, the set and the key go in the middle of the call.
static void drop_all(tally_object *self, tally_object *other)
{
	(void)self, (void)other;
	if (plan.done) return;
	plan.done = true;
	DROP(plan.scene->dict, plan.scene->set, plan.scene->key);
}

static void drop_all_hashing(tally_object *self) { drop_all(self, NULL); }

static void hooks_may_drop_what_the_call_was_given(void)
{
	keys_begin();
	uint64_t before = fixture_live_objects();
	for (int i = 0; i < OPERATIONS; i++) {
		if (operations[i].run == do_compare_dicts || operations[i].run == do_subset)
			continue; // they go on with what they made
		struct scene scene = scene_begin();
		begin_plan(&scene, drop_all);
		if (!CHECK(operations[i].run(&scene) >= 0)) tap_note("%s", operations[i].name);
		CHECK(plan.done);
		CHECK_NO_ERROR();
		rules.during = NULL;
		if (!CHECK_EQ(fixture_live_objects(), before)) tap_note("%s", operations[i].name);
	}
	for (int i = 0; i < DICT_OPERATIONS - 2; i++) {
		struct scene scene = scene_begin();
		begin_plan(&scene, NULL);
		rules.while_hashing = drop_all_hashing;
		CHECK(operations[i].run(&scene) >= 0);
		rules.while_hashing = NULL;
		CHECK_NO_ERROR();
		CHECK_EQ(fixture_live_objects(), before);
	}
	keys_end();
}

// An object that hashes like a str which it is asked about, uses the dict, and drops both.
static struct {
	tally_object *dict, *word;
} asked;

static int drop_what_asked(tally_object *self, tally_object *other, void *like)
{
	(void)like;
	if (!asked.dict || self == other) return 0;
	tally_object *dict = asked.dict;
	asked.dict = NULL;
	CHECK_EQ(size_of(dict), 1);
	CHECK_EQ(tally_dict_set(dict, tally_none(), tally_none()), 0);
	CHECK_EQ(tally_refcount(asked.word), 2); // this one is the caller's; the other one the search's
	DROP(dict, asked.word);
	return 1;
}

static int look_up_word(unsigned i)
{
	tally_object *value = NULL;
	int status = 0;
	switch (i) {
	case 0: status = tally_dict_get(asked.dict, asked.word, &value); break;
	case 1: status = tally_dict_contains(asked.dict, asked.word); break;
	case 2: status = tally_dict_set(asked.dict, asked.word, tally_none()); break;
	case 3: status = tally_dict_add(asked.dict, asked.word, 1, NULL); break;
	case 4: status = tally_dict_pop(asked.dict, asked.word, NULL); break;
	default: value = must(tally_dict_setdefault(asked.dict, asked.word, tally_none()));
	}
	return take(status, value);
}

static void the_equality_of_a_stored_key_may_drop_what_a_plain_key_was_given_to(void)
{
	for (unsigned i = 0; i < 6; i++) {
		tally_object *like = text("a word");
		tally_object *type = CLASS(.hash = hash_like, .equal = drop_what_asked, .context = &like,
		                           .release = release_nothing);
		tally_object *stored = instance(type), *number = counted(1);
		asked.dict = must(tally_dict_new());
		asked.word = text("a word");
		CHECK_EQ(tally_dict_set(asked.dict, stored, number), 0);
		DROP(stored, number);
		CHECK_EQ(look_up_word(i), i < 2 || i == 4 ? 1 : 0);
		CHECK_NO_ERROR();
		CHECK_PTR(asked.dict, NULL);
		DROP(type, like);
		CHECK_EQ(tally_gc_collect(2), 1);
		CHECK_EQ(fixture_live_objects(), 0);
	}
}

static void drop_both_dicts(tally_object *self, tally_object *other)
{
	(void)self, (void)other;
	if (plan.done) return;
	plan.done = true;
	DROP(plan.scene->dict, plan.scene->set);
}

static void an_equality_may_drop_the_containers_that_are_compared(void)
{
	keys_begin();
	uint64_t before = fixture_live_objects();
	for (int i = 0; i < 4; i++) {
		tally_object *dicts[] = {dict_of(1, 8), dict_of(1, 8)};
		struct scene scene = {.dict = dicts[0], .set = dicts[1]};
		if (i >= 2) {
			scene.dict = must(tally_set_new(dicts[0]));
			scene.set = must(tally_frozenset_new(dicts[1]));
			DROP(dicts[0], dicts[1]);
		}
		begin_plan(&scene, drop_both_dicts);
		CHECK_EQ(i % 2 ? tally_compare(scene.dict, scene.set, i >= 2 ? TALLY_GE : TALLY_EQ)
		               : tally_equal(scene.dict, scene.set),
		         1);
		rules.during = NULL;
		CHECK_EQ(fixture_live_objects(), before);
	}
	keys_end();
}

static int compare_by_looking(tally_object *self, tally_object *other, void *context)
{
	(void)self, (void)other, (void)context;
	tally_object *key = tally_instance_new(plan.scene->set);
	int status = key ? tally_dict_contains(plan.scene->dict, key) : -1;
	tally_decref(key);
	return status;
}

static void an_equality_that_looks_up_without_end_gets_the_depth_error(void)
{
	tally_object *word = text("word");
	tally_object *type = CLASS(.name = "deep", .hash = hash_like, .equal = compare_by_looking, .context = &word,
	                           .release = release_nothing);
	struct scene scene = {.dict = must(tally_dict_new()), .set = type, .key = instance(type)};
	plan.scene = &scene;
	CHECK_EQ(tally_dict_set(scene.dict, scene.key, tally_none()), 0);
	tally_object *other = instance(type);
	CHECK_EQ(tally_dict_contains(scene.dict, other), -1);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_DEPTH);
	tally_error_clear();
	CHECK_EQ(tally_refcount(scene.dict), 1);
	CHECK_EQ(tally_refcount(other), 1);
	CHECK_EQ(tally_dict_contains(scene.dict, scene.key), 1); // the levels have all been left
	DROP(scene.dict, scene.key, other, type, word);
}

static void a_section_around_such_a_search_stays_closed(void)
{
	keys_begin();
	struct scene scene = scene_begin();
	tally_critical section;
	begin_plan(&scene, insert_others);
	CHECK_EQ(tally_critical_begin(&section, scene.dict), 0);
	CHECK_EQ(tally_dict_set(scene.dict, scene.key, tally_none()), 0);
	CHECK_EQ(tally_dict_contains(scene.dict, scene.key), 1);
	CHECK_EQ(tally_critical_end(&section), 0);
	scene_end(&scene);
	keys_end();
}

// ---- several threads ----

// The first comparison of the main thread waits until the other thread has inserted what `insert` says.
static struct {
	stage at;
	pthread_t other;
	void (*insert)(tally_object *dict);
	tally_object *dict;
	pthread_t main;
} meeting;

static void meet(tally_object *self, tally_object *other)
{
	(void)self, (void)other;
	if (!pthread_equal(pthread_self(), meeting.main) || has_reached(&meeting.at, 1)) return;
	reach(&meeting.at, 1);
	await(&meeting.at, 2);
}

static void *insert_meanwhile(void *unused)
{
	(void)unused;
	tally_token token = attached();
	await(&meeting.at, 1);
	meeting.insert(meeting.dict);
	reach(&meeting.at, 2);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void hold_meeting(tally_object *dict, void (*insert)(tally_object *dict))
{
	reach(&meeting.at, 0);
	meeting.insert = insert;
	meeting.dict = dict;
	meeting.main = pthread_self();
	meeting.other = spawn(insert_meanwhile, NULL);
	rules.during = meet;
}

static void end_meeting(void)
{
	CHECK(has_reached(&meeting.at, 2));
	finish(meeting.other);
	rules.during = NULL;
}

static void insert_equal(tally_object *dict) { set_number(dict, 5, 500); }

static void insert_equal_among_many(tally_object *dict)
{
	for (int64_t i = 20; i < 60; i++) set_number(dict, i, 0);
	set_number(dict, 5, 500);
	for (int64_t i = 60; i < 90; i++) set_number(dict, i, 0);
}

static void remove_and_insert_equal(tally_object *dict)
{
	CHECK_EQ(pop_number(dict, 1), 1);
	set_number(dict, 5, 500);
}

// Both have found nothing equal when they look; whoever stores second finds what the first one stored.
static void two_threads_that_insert_equal_keys_make_one_entry(void)
{
	keys_begin();
	void (*const inserts[])(tally_object *) = {insert_equal, insert_equal_among_many, remove_and_insert_equal};
	for (int i = 0; i < 3; i++) {
		tally_object *dict = dict_of(1, 2), *key = key_of(5), *value = integer(5000);
		hold_meeting(dict, inserts[i]);
		CHECK_EQ(tally_dict_set(dict, key, value), 0);
		end_meeting();
		CHECK_EQ(size_of(dict), i == 0 ? 3 : i == 1 ? 73 : 2);
		CHECK_EQ(number_at(dict, 5), 5000);
		CHECK_EQ(tally_refcount(key), 1); // the other thread's is the one that stays
		CHECK_EQ(pop_number(dict, 5), 1);
		CHECK_EQ(pop_number(dict, 5), 0);
		DROP(dict, key, value);
	}
	keys_end();
}

static void two_threads_that_ask_for_a_default_get_the_same_value(void)
{
	keys_begin();
	tally_object *dict = dict_of(1, 2), *key = key_of(5), *value = integer(5000);
	hold_meeting(dict, insert_equal);
	CHECK_EQ(take_value(must(tally_dict_setdefault(dict, key, value))), 500);
	end_meeting();
	CHECK_EQ(tally_refcount(value), 1);
	DROP(dict, key, value);
	keys_end();
}

static void remove_all(tally_object *dict) { CHECK_EQ(tally_dict_clear(dict), 0); }

static void a_dict_that_another_thread_clears_meanwhile_gets_the_key(void)
{
	keys_begin();
	tally_object *dict = dict_of(1, 9), *key = key_of(5);
	hold_meeting(dict, remove_all);
	CHECK_EQ(tally_dict_add(dict, key, 3, NULL), 0);
	end_meeting();
	CHECK_EQ(size_of(dict), 1);
	CHECK_EQ(number_at(dict, 5), 3);
	DROP(dict, key);
	keys_end();
}

enum { THREADS = 4, NUMBERS = 40 };
static int64_t rounds;

static void use_somehow(tally_object *dict, tally_object *set, uint64_t *state)
{
	int64_t number = below(state, NUMBERS);
	tally_object *key = key_of(number), *value = NULL;
	switch (below(state, 12)) {
	case 0:
	case 1:
		CHECK_EQ(tally_dict_set(dict, key, key), 0);
		break;
	case 2:
		value = must(tally_dict_setdefault(dict, key, key));
		break;
	case 3:
	case 4:
		CHECK(tally_dict_get(dict, key, &value) >= 0);
		break;
	case 5:
		CHECK(tally_dict_pop(dict, key, &value) >= 0);
		break;
	case 6:
	case 7:
		CHECK(tally_set_add(set, key) >= 0);
		break;
	case 8:
		CHECK(tally_set_discard(set, key) >= 0);
		break;
	case 9:
		CHECK(tally_set_contains(set, key) >= 0);
		break;
	case 10:
		CHECK_EQ(tally_set_update(set, dict), 0);
		break;
	default:
		if (below(state, 50) == 0) CHECK_EQ(tally_dict_clear(dict), 0);
	}
	if (value) CHECK_EQ(number_of(value), number);
	tally_decref(value);
	tally_decref(key);
}

static void use_often(void *containers, unsigned number)
{
	tally_object **both = containers;
	uint64_t state = fixture_seed(number + 1);
	for (int64_t i = 0; i < rounds; i++) use_somehow(both[0], both[1], &state);
}

static void any_mix_by_four_threads_never_has_two_equal_keys(void)
{
	keys_begin();
	tally_object *both[] = {must(tally_dict_new()), must(tally_set_new(NULL))}, *key = NULL, *value = NULL;
	bool seen[2][NUMBERS] = {{false}};
	size_t position = 0, counted_keys[2] = {0};
	rounds = tap_scale(6000);
	run_threads(THREADS, use_often, both);
	for (; tally_dict_next(both[0], &position, &key, &value) == 1; counted_keys[0]++) {
		int64_t number = number_of(key);
		CHECK(!seen[0][number]);
		seen[0][number] = true;
		CHECK_EQ(number_of(value), number);
		DROP(key, value);
	}
	for (position = 0; tally_set_next(both[1], &position, &key) == 1; counted_keys[1]++) {
		CHECK(!seen[1][number_of(key)]);
		seen[1][number_of(key)] = true;
		DROP(key);
	}
	CHECK_EQ(size_of(both[0]), counted_keys[0]);
	CHECK_EQ(size_of(both[1]), counted_keys[1]);
	DROP(both[0], both[1]);
	keys_end();
}

// ---- without memory ----

// Each allocation of an operation fails once. Those of hooks, too: whatever fails, the error is said and nothing is lost.
static void operations_that_find_no_memory_change_nothing(void)
{
	keys_begin();
	if (tally_heap_fail(0, false)) { // this build has no faults on demand
		tally_error_clear();
		keys_end();
		return;
	}
	for (int i = 0; i < OPERATIONS; i++) {
		if (operations[i].run == do_update || operations[i].run == do_compare_dicts || operations[i].is_of_set)
			continue;
		bool done = false;
		for (uint64_t n = 1; n < 50 && !done; n++) {
			struct scene scene = scene_begin();
			tally_object *key = key_of(8);
			DROP(scene.key);
			scene.key = key;
			CHECK_EQ(tally_heap_fail(n, false), 0);
			int status = operations[i].run(&scene);
			done = tally_heap_attempts() < n;
			CHECK_EQ(tally_heap_fail(0, false), 0);
			CHECK(status < 0 ? !done : done || fixture_gives_up_later());
			if (status < 0) {
				CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
				tally_error_clear();
				check_untouched(&scene, operations[i].name);
			}
			scene_end(&scene);
		}
		CHECK(done);
	}
	keys_end();
}

int main(void)
{
	classes_begin(200);
	TAP_RUN(equal_keys_are_one_key);
	TAP_RUN(the_very_key_is_found_without_asking_it);
	TAP_RUN(tuples_and_frozensets_of_such_keys_are_keys_too);
	TAP_RUN(keys_of_other_types_with_the_same_hash_are_asked_too);
	TAP_RUN(keys_that_never_equal_stand_side_by_side);
	TAP_RUN(a_set_or_dict_with_itself_asks_nobody);
	TAP_RUN(an_error_of_an_equality_comes_through_and_changes_nothing);
	TAP_RUN(an_error_of_a_hash_comes_through_and_changes_nothing);
	TAP_RUN(an_update_that_fails_has_set_the_keys_before);
	TAP_RUN(an_unhashable_element_of_a_key_is_named);
	TAP_RUN(an_equality_may_insert_keys);
	TAP_RUN(an_equality_may_clear_the_dict);
	TAP_RUN(an_equality_may_remove_the_entry_that_is_compared);
	TAP_RUN(a_key_that_takes_the_slot_of_one_that_went_is_not_missed);
	TAP_RUN(the_stored_key_lives_as_long_as_it_is_compared);
	TAP_RUN(a_dict_that_changes_during_every_comparison_is_an_error);
	TAP_RUN(a_dict_that_comes_to_rest_at_the_last_attempt_is_none);
	TAP_RUN(hooks_may_drop_what_the_call_was_given);
	TAP_RUN(the_equality_of_a_stored_key_may_drop_what_a_plain_key_was_given_to);
	TAP_RUN(an_equality_may_drop_the_containers_that_are_compared);
	TAP_RUN(an_equality_that_looks_up_without_end_gets_the_depth_error);
	TAP_RUN(a_section_around_such_a_search_stays_closed);
	TAP_RUN(two_threads_that_insert_equal_keys_make_one_entry);
	TAP_RUN(two_threads_that_ask_for_a_default_get_the_same_value);
	TAP_RUN(a_dict_that_another_thread_clears_meanwhile_gets_the_key);
	TAP_RUN(any_mix_by_four_threads_never_has_two_equal_keys);
	TAP_RUN(operations_that_find_no_memory_change_nothing);
	return tap_end();
}
