// tests/str_block.c: the block of a string from the inside: the invariants of core/str.h.
#include "fixture.h"
#include "object.h"
#include "str.h"
#include "utf8.h"

static const struct tally_str *inside(tally_object *string) { return (const struct tally_str *)string; }

// Blocks of every size that strings get, full of ones, free again: what the next string finds.
static void litter(void)
{
	void *blocks[600];
	for (size_t size = 24; size < 600; size += 8) {
		for (int i = 0; i < 4; i++) {
			blocks[i] = tally_heap_new(tally_self.heap, size, TALLY_LAYOUT_LEAF);
			if (!blocks[i]) tap_bail_out("no memory");
			memset(blocks[i], 0xFF, size);
			memset(blocks[i], 0, sizeof(struct tally_object)); // but dead
		}
		for (int i = 0; i < 4; i++) tally_heap_free(blocks[i]);
	}
}

static void nuls_fill_the_last_word_whatever_the_block_held_before(void)
{
	char bytes[500];
	memset(bytes, 'x', sizeof bytes);
	litter();
	for (size_t size = 0; size < sizeof bytes; size++) {
		tally_object *string = must(tally_str_new(bytes, size));
		size_t end = (size / 8 + 1) * 8;
		for (size_t i = size; i < end; i++) CHECK_EQ(inside(string)->bytes[i], 0);
		CHECK_EQ(inside(string)->size, size);
		tally_object *same = must(tally_str_from_bytes(bytes, size, NULL));
		CHECK(tally_str_same(inside(string), inside(same)));
		tally_decref(string);
		tally_decref(same);
	}
}

static void repaired_text_ends_in_nuls_too(void)
{
	char bytes[100];
	litter();
	for (size_t size = 1; size < sizeof bytes; size++) {
		size_t replaced = 0;
		memset(bytes, 'x', sizeof bytes);
		bytes[size / 2] = (char)0xFF;
		tally_object *string = must(tally_str_from_bytes(bytes, size, &replaced));
		CHECK_EQ(replaced, 1);
		CHECK_EQ(inside(string)->size, size + 2);
		for (size_t i = size + 2; i < ((size + 2) / 8 + 1) * 8; i++) CHECK_EQ(inside(string)->bytes[i], 0);
		tally_decref(string);
	}
}

static void check_flag(const char *bytes, size_t size)
{
	bool ascii = true;
	tally_object *made[] = {must(tally_str_from_bytes(bytes, size, NULL)), NULL};
	const struct tally_str *str = inside(made[0]);
	for (size_t i = 0; i < str->size; i++) ascii = ascii && (unsigned char)str->bytes[i] < 0x80;
	CHECK_EQ(str->header.aux, ascii ? TALLY_STR_ASCII : 0);
	bool found;
	CHECK_EQ(tally_utf8_check(str->bytes, str->size, &found), str->size); // well-formed
	made[1] = must(tally_str_new(str->bytes, str->size));
	CHECK_EQ(inside(made[1])->header.aux, str->header.aux);
	tally_decref(made[0]);
	tally_decref(made[1]);
}

// Whatever a string comes from; takes over the reference.
static void check_result(tally_object *made, const char *operation)
{
	bool ascii = false;
	const struct tally_str *str = inside(must(made));
	bool good = CHECK_EQ(tally_utf8_check(str->bytes, str->size, &ascii), str->size) &&
	            CHECK_EQ(str->header.aux, ascii ? TALLY_STR_ASCII : 0);
	for (size_t i = str->size; i < (str->size / 8 + 1) * 8; i++) good = CHECK_EQ(str->bytes[i], 0) && good;
	if (!good) tap_note("%s: %s", operation, str->bytes);
	tally_decref(made);
}

static void check_results(tally_object *a, tally_object *b)
{
	tally_object *items[] = {b, b, b}, *tuple = must(tally_tuple_new(items, 3)), *bytes = must(tally_bytes_encode(b));
	size_t length = 0;
	CHECK_EQ(tally_str_length(a, &length), 0);
	for (size_t i = 0; i < length; i++) check_result(tally_str_get(a, (ptrdiff_t)i), "get");
	for (ptrdiff_t i = 0; i <= (ptrdiff_t)length; i++) {
		check_result(tally_str_slice(a, i, TALLY_SLICE_NONE, 1), "slice");
		check_result(tally_str_slice(a, 0, i, 1), "slice");
		check_result(tally_str_slice(a, i, TALLY_SLICE_NONE, -1), "slice");
		check_result(tally_str_slice(a, i, TALLY_SLICE_NONE, 3), "slice");
	}
	check_result(tally_str_concat(a, b), "concat");
	check_result(tally_str_repeat(a, 0), "repeat");
	check_result(tally_str_repeat(a, 5), "repeat");
	check_result(tally_str_join(a, tuple), "join");
	check_result(tally_str_replace(a, b, a), "replace");
	check_result(tally_repr(a), "repr");
	check_result(tally_str_of(tuple), "of");
	check_result(tally_bytes_decode(bytes), "decode");
	tally_decref(tuple);
	tally_decref(bytes);
}

static void every_operation_makes_whole_strings(void)
{
	static const char *const samples[] = {"", "a", "plain text", "\xC3\xA9", "x\xC3\xA9", "\xE2\x82\xAC 5 \xE2\x82\xAC", "a\xF0\x9F\x98\x80z"};
	enum { COUNT = sizeof samples / sizeof samples[0] };
	tally_object *strings[COUNT];
	litter();
	for (int i = 0; i < COUNT; i++) strings[i] = text(samples[i]);
	for (int i = 0; i < COUNT; i++) {
		for (int j = 0; j < COUNT; j++) {
			check_results(strings[i], strings[j]);
			for (int k = 0; k < COUNT; k++) check_result(tally_str_replace(strings[i], strings[j], strings[k]), "replace");
			tally_object *parts = j ? must(tally_str_split(strings[i], strings[j])) : must(tally_list_new()), *part;
			while ((part = tally_list_pop(parts, -1))) check_result(part, "split");
			tally_error_clear();
			tally_decref(parts);
		}
	}
	for (int i = 0; i < COUNT; i++) tally_decref(strings[i]);
}

static void the_flag_says_exactly_what_is_ascii(void)
{
	static const char *const samples[] = {"", "a", "plain text of some length", "\xC3\xA9", "caf\xC3\xA9",
	                                      "\xE2\x82\xAC 5", "\xF0\x9F\x98\x80", "\xFF", "no\xFF", "\x80\x80", "\x7F"};
	for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) check_flag(samples[i], strlen(samples[i]));
	for (size_t at = 0; at < 40; at++) {
		char bytes[42];
		memset(bytes, 'a', sizeof bytes);
		check_flag(bytes, sizeof bytes);
		bytes[at] = (char)0xC3;
		bytes[at + 1] = (char)0xA9;
		check_flag(bytes, sizeof bytes);
	}
}

static void the_hash_is_kept_from_the_first_time_it_is_asked_for(void)
{
	uint64_t hash = 0, again = 0;
	for (int i = 0; i < 100; i++) {
		char bytes[16];
		snprintf(bytes, sizeof bytes, "%d", i);
		tally_object *string = text(bytes), *same = text(bytes);
		CHECK_EQ(tally_load(&inside(string)->hash, relaxed), 0);
		CHECK_EQ(tally_hash(string, &hash), 0);
		CHECK(hash != 0); // 0 would be computed each time
		CHECK_EQ(tally_load(&inside(string)->hash, relaxed), hash);
		CHECK_EQ(tally_hash(string, &again), 0);
		CHECK_EQ(again, hash);
		CHECK_EQ(tally_hash(same, &again), 0);
		CHECK_EQ(again, hash);
		tally_decref(string);
		tally_decref(same);
	}
}

// Four threads do with two strings whatever can be done; a thread sanitizer would see a write.
struct pair {
	tally_object *string, *same;
};

static void use(void *pair, unsigned number)
{
	struct pair *strings = pair;
	for (int i = tap_scale(2000); i > 0; i--) {
		uint64_t hash;
		size_t length;
		tally_object *dict = must(tally_dict_new());
		CHECK_EQ(tally_hash(strings->string, &hash), 0);
		CHECK_EQ(tally_equal(strings->string, strings->same), 1);
		CHECK_EQ(tally_len(strings->string, &length), 0);
		CHECK_EQ(tally_dict_add(dict, strings->string, number, NULL), 0);
		CHECK_EQ(tally_dict_contains(dict, strings->same), 1);
		CHECK_EQ(strlen(tally_str_utf8(strings->same, NULL)), length + 1);
		tally_decref(dict);
	}
}

static void a_string_is_the_same_after_whatever_was_done_with_it(void)
{
	struct pair pair = {text("na\xC3\xAFve words"), text("na\xC3\xAFve words")};
	size_t bytes = sizeof(struct tally_str) + 16;
	char before[sizeof(struct tally_str) + 16];
	uint64_t hash;
	CHECK_EQ(tally_hash(pair.string, &hash), 0);
	memcpy(before, (const char *)pair.string, bytes);
	run_threads(4, use, &pair);
	// All but the counts.
	CHECK(memcmp(before + 8, (const char *)pair.string + 8, bytes - 8) == 0);
	CHECK_STR(tally_str_utf8(pair.string, NULL), "na\xC3\xAFve words");
	tally_decref(pair.string);
	tally_decref(pair.same);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(nuls_fill_the_last_word_whatever_the_block_held_before);
	TAP_RUN(repaired_text_ends_in_nuls_too);
	TAP_RUN(the_flag_says_exactly_what_is_ascii);
	TAP_RUN(every_operation_makes_whole_strings);
	TAP_RUN(the_hash_is_kept_from_the_first_time_it_is_asked_for);
	TAP_RUN(a_string_is_the_same_after_whatever_was_done_with_it);
	return tap_end();
}
