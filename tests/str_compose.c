// tests/str_compose.c: strings made from others: concatenated, repeated, joined, with parts replaced.
#include "results.h"

#include <tally/iter.h>

#define EURO "\xE2\x82\xAC"

static tally_object *concat(const char *a, const char *b)
{
	tally_object *left = text(a), *right = text(b), *both = tally_str_concat(left, right);
	tally_decref(left);
	tally_decref(right);
	return both;
}

static void concat_puts_one_text_behind_the_other(void)
{
	CHECK_TEXT(concat("one", "two"), "onetwo");
	CHECK_TEXT(concat("", "two"), "two");
	CHECK_TEXT(concat("one", ""), "one");
	CHECK_TEXT(concat("", ""), "");
	CHECK_TEXT(concat("5 ", EURO), "5 " EURO);
	CHECK_TEXT(concat(EURO, EURO), EURO EURO);
	tally_object *nul = text_of(BYTES("\0"));
	CHECK_TEXT(tally_str_concat(nul, nul), "\0\0");
	tally_decref(nul);
}

static void what_nothing_is_added_to_is_returned_itself(void)
{
	tally_object *string = text("text"), *empty = text(""), *list = must(tally_list_from(&string, 1)), *x = text("-");
	tally_object *results[] = {tally_str_concat(string, empty), tally_str_concat(empty, string), tally_str_repeat(string, 1),
	                           tally_str_join(x, list), tally_str_replace(string, x, empty),
	                           tally_str_slice(string, TALLY_SLICE_NONE, TALLY_SLICE_NONE, 1)};
	for (int i = 0; i < 6; i++) {
		CHECK_PTR(results[i], string);
		tally_decref(results[i]);
	}
	CHECK_EQ(tally_refcount(string), 2);
	tally_object *all[] = {string, empty, list, x};
	for (int i = 0; i < 4; i++) tally_decref(all[i]);
}

static tally_object *repeat(const char *bytes, size_t times)
{
	tally_object *string = text(bytes), *repeated = tally_str_repeat(string, times);
	tally_decref(string);
	return repeated;
}

static void repeat_puts_a_text_behind_itself(void)
{
	CHECK_TEXT(repeat("ab", 0), "");
	CHECK_TEXT(repeat("ab", 1), "ab");
	CHECK_TEXT(repeat("ab", 5), "ababababab");
	CHECK_TEXT(repeat(EURO, 3), EURO EURO EURO);
	CHECK_TEXT(repeat(EURO, 0), "");
	CHECK_TEXT(repeat("", SIZE_MAX), "");
	tally_object *many = repeat("xyz", 1000), *last = tally_str_get(many, -1);
	CHECK_TEXT(tally_incref(last), "z");
	size_t size = 0;
	for (const char *at = tally_str_utf8(many, &size), *end = at + size; at < end; at += 3) CHECK(memcmp(at, "xyz", 3) == 0);
	CHECK_EQ(size, 3000);
	tally_decref(many);
	tally_decref(last);
}

// ---- join ----

static tally_object *list_of(const char *const *words, size_t count)
{
	tally_object *list = must(tally_list_new());
	for (size_t i = 0; i < count; i++) {
		tally_object *word = text(words[i]);
		CHECK_EQ(tally_list_append(list, word), 0);
		tally_decref(word);
	}
	return list;
}

static tally_object *join(const char *separator, tally_object *items)
{
	tally_object *between = text(separator), *joined = tally_str_join(between, items);
	tally_decref(between);
	return joined;
}

static void join_puts_the_separator_between_the_strings(void)
{
	static const char *const words[] = {"one", "", EURO, "four"};
	for (size_t count = 0; count <= 4; count++) {
		static const char *const plain[] = {"", "one", "one", "one" EURO, "one" EURO "four"};
		static const char *const dotted[] = {"", "one", "one, ", "one, , " EURO, "one, , " EURO ", four"};
		static const char *const euros[] = {"", "one", "one" EURO, "one" EURO EURO EURO, "one" EURO EURO EURO EURO "four"};
		tally_object *list = list_of(words, count);
		check_text(join("", list), plain[count], strlen(plain[count]), __LINE__);
		check_text(join(", ", list), dotted[count], strlen(dotted[count]), __LINE__);
		check_text(join(EURO, list), euros[count], strlen(euros[count]), __LINE__);
		tally_decref(list);
	}
}

static void whatever_can_be_iterated_can_be_joined(void)
{
	static const char *const words[] = {"a", "b", "c"};
	tally_object *list = list_of(words, 3), *tuple = must(tally_tuple_from(list)), *dict = must(tally_dict_new());
	tally_object *iterator = must(tally_iter(list)), *string = text("a" EURO "c"), *first = must(tally_list_get(list, 0));
	CHECK_EQ(tally_dict_set(dict, first, tally_none()), 0);
	CHECK_TEXT(join("-", tuple), "a-b-c");
	CHECK_TEXT(join("-", iterator), "a-b-c");
	CHECK_TEXT(join("-", iterator), "");
	CHECK_TEXT(join("-", string), "a-" EURO "-c");
	CHECK_TEXT(join("-", dict), "a");
	tally_object *all[] = {list, tuple, dict, iterator, string, first};
	for (int i = 0; i < 6; i++) tally_decref(all[i]);
}

static void the_first_element_that_is_no_string_is_named(void)
{
	tally_object *items[] = {text("a"), text("b"), counted(1), tally_none()}, *list = must(tally_list_from(items, 4)), *one = counted(2);
	CHECK_NULL(join("-", list), TALLY_ERROR_TYPE, "str_join: expected a str as element 2, got a 'int'");
	CHECK(!join("-", one));
	CHECK_EQ(tally_error_code(), TALLY_ERROR_TYPE);
	tally_error_clear();
	CHECK(!join("-", NULL));
	CHECK_EQ(tally_error_code(), TALLY_ERROR_TYPE);
	tally_error_clear();
	CHECK_NULL(tally_str_join(one, list), TALLY_ERROR_TYPE, "str_join: expected a str, got a 'int'");
	for (int i = 0; i < 3; i++) CHECK_EQ(tally_refcount(items[i]), 2);
	tally_decref(list);
	tally_decref(one);
	for (int i = 0; i < 4; i++) tally_decref(items[i]);
}

// ---- replacement ----

#define CHECK_REPLACED(whole, part, by, expected)                                                                             \
	check_replaced(BYTES(whole), BYTES(part), BYTES(by), BYTES(expected), __LINE__)
static void check_replaced(const char *whole, size_t size, const char *part, size_t part_size, const char *by, size_t by_size,
                           const char *expected, size_t expected_size, int line)
{
	tally_object *string = text_of(whole, size), *sought = text_of(part, part_size), *other = text_of(by, by_size);
	check_text(tally_str_replace(string, sought, other), expected, expected_size, line);
	tally_object *all[] = {string, sought, other};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
}

static void every_part_is_replaced(void)
{
	CHECK_REPLACED("banana", "an", "x", "bxxa");
	CHECK_REPLACED("banana", "ana", "", "bna");
	CHECK_REPLACED("banana", "a", "aa", "baanaanaa");
	CHECK_REPLACED("banana", "x", "y", "banana");
	CHECK_REPLACED("banana", "banana", "", "");
	CHECK_REPLACED("", "x", "y", "");
	CHECK_REPLACED("aaaa", "aa", "a", "aa");
	CHECK_REPLACED("a\0b", "\0", EURO, "a" EURO "b");
	CHECK_REPLACED("5 " EURO, EURO, "euros", "5 euros");
	CHECK_REPLACED(EURO EURO, EURO, "", "");
}

static void an_empty_part_stands_between_all_code_points(void)
{
	CHECK_REPLACED("abc", "", "-", "-a-b-c-");
	CHECK_REPLACED("", "", "-", "-");
	CHECK_REPLACED("a" EURO, "", "-", "-a-" EURO "-");
	CHECK_REPLACED("ab", "", EURO, EURO "a" EURO "b" EURO);
	CHECK_REPLACED("ab", "", "", "ab");
}

// ---- errors ----

static void every_function_names_what_is_no_string(void)
{
	tally_object *string = text("text"), *number = counted(1);
	CHECK_NULL(tally_str_concat(number, string), TALLY_ERROR_TYPE, "str_concat: expected a str, got a 'int'");
	CHECK_NULL(tally_str_concat(string, NULL), TALLY_ERROR_TYPE, "str_concat: expected a str, got NULL");
	CHECK_NULL(tally_str_repeat(number, 2), TALLY_ERROR_TYPE, "str_repeat: expected a str, got a 'int'");
	CHECK_NULL(tally_str_replace(number, string, string), TALLY_ERROR_TYPE, "str_replace: expected a str, got a 'int'");
	CHECK_NULL(tally_str_replace(string, number, string), TALLY_ERROR_TYPE, "str_replace: expected a str, got a 'int'");
	CHECK_NULL(tally_str_replace(string, string, NULL), TALLY_ERROR_TYPE, "str_replace: expected a str, got NULL");
	CHECK_EQ(tally_refcount(string), 1);
	CHECK_EQ(tally_refcount(number), 1);
	tally_decref(string);
	tally_decref(number);
}

static void what_no_string_can_hold_is_refused(void)
{
	tally_object *string = text("text"), *empty = text("");
	CHECK_NULL(tally_str_repeat(string, SIZE_MAX), TALLY_ERROR_OVERFLOW, "str_repeat: the text is larger than a string can be");
	CHECK_NULL(tally_str_repeat(string, SIZE_MAX / 8 + 1), TALLY_ERROR_OVERFLOW,
	           "str_repeat: 9223372036854775808 bytes are more than a string can have");
	tally_decref(string);
	tally_decref(empty);
}

struct strings {
	tally_object *a, *b, *list, *iterated;
};

static tally_object *make_concat(void *strings) { return tally_str_concat(((struct strings *)strings)->a, ((struct strings *)strings)->b); }
static tally_object *make_repeat(void *strings) { return tally_str_repeat(((struct strings *)strings)->a, 9); }
static tally_object *make_join(void *strings) { return tally_str_join(((struct strings *)strings)->a, ((struct strings *)strings)->list); }
static tally_object *make_join_of_str(void *strings)
{
	return tally_str_join(((struct strings *)strings)->a, ((struct strings *)strings)->iterated);
}
static tally_object *make_replace(void *strings)
{
	return tally_str_replace(((struct strings *)strings)->iterated, ((struct strings *)strings)->b, ((struct strings *)strings)->a);
}

static void an_operation_without_memory_leaves_nothing_behind(void)
{
	static const char *const words[] = {"one", "two", EURO};
	struct strings s = {text("some text"), text("o"), list_of(words, 3), text("more of " EURO)};
	CHECK_EQ(check_each_failure(make_concat, &s), 1);
	CHECK_EQ(check_each_failure(make_repeat, &s), 1);
	CHECK(check_each_failure(make_join, &s) >= 1);
	CHECK(check_each_failure(make_join_of_str, &s) >= 1);
	CHECK_EQ(check_each_failure(make_replace, &s), 1);
	tally_object *all[] = {s.a, s.b, s.list, s.iterated};
	for (int i = 0; i < 4; i++) tally_decref(all[i]);
}

// ---- threads ----

static void join_and_change(void *list, unsigned number)
{
	tally_object *between = text(", "), *word = text("word");
	for (int i = tap_scale(5000); i > 0; i--) {
		if (number % 2) {
			tally_object *joined = tally_str_join(between, list);
			CHECK(joined);
			tally_decref(joined);
		} else if (i % 3) {
			CHECK_EQ(tally_list_append(list, word), 0);
		} else {
			CHECK_EQ(tally_list_clear(list), 0);
		}
	}
	tally_decref(between);
	tally_decref(word);
}

static void a_list_can_be_joined_while_others_change_it(void)
{
	tally_object *list = must(tally_list_new());
	run_threads(4, join_and_change, list);
	tally_decref(list);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(concat_puts_one_text_behind_the_other);
	TAP_RUN(what_nothing_is_added_to_is_returned_itself);
	TAP_RUN(repeat_puts_a_text_behind_itself);
	TAP_RUN(join_puts_the_separator_between_the_strings);
	TAP_RUN(whatever_can_be_iterated_can_be_joined);
	TAP_RUN(the_first_element_that_is_no_string_is_named);
	TAP_RUN(every_part_is_replaced);
	TAP_RUN(an_empty_part_stands_between_all_code_points);
	TAP_RUN(every_function_names_what_is_no_string);
	TAP_RUN(what_no_string_can_hold_is_refused);
	if (has_faults()) TAP_RUN(an_operation_without_memory_leaves_nothing_behind);
	else tap_skip("an_operation_without_memory_leaves_nothing_behind", "this build has no faults on demand (assertions are off)");
	TAP_RUN(a_list_can_be_joined_while_others_change_it);
	return tap_end();
}
