// stress/differential.c: the driver of the differential test, linked with one engine: a program for each build of Tally
// and one for CPython.
//
//     tally-differential-<engine> [--seed S] [--operations N] [--every N] [--trace FROM:TO]
//                                 [--without NAME,NAME...] [--plant]
//
// Performs N operations that the seed determines, and after every 10,000 of them (or as --every says) prints their
// number and the digest of all that has been observed so far: two programs that print the same have seen the same.
// --trace prints each operation from FROM to TO with its arguments and what came of it, instead. --without leaves
// operations out, which makes another sequence. --plant makes one operation of the engine wrong. script/differential
// runs all the programs and compares them.
//
// Observed are of each operation: the error's kind; results as text; numbers; what the first argument is afterwards, if
// it can change; and of all that the pool holds, its text, whenever a digest is printed.
//
// Status 0; 1: objects were left over, or a call failed without an error or with one that it cannot have; 2: wrong
// usage.
#include "differential.h"
#include "digest.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
	uint64_t seed, operations, every, from, to;
	bool trace, plant, without[OPERATIONS];
} options = {.seed = 1, .operations = 100000, .every = 10000};

static bool is_wrong; // status 1

// ---- what is observed ----

static const char *const faults[] = {"",         "type error", "value error",   "index error",
                                     "overflow", "too deep",   "ANOTHER ERROR", "AN ERROR THAT WAS NOT SET"};

static bool can_change(reference object)
{
	enum kind kind = engine_kind(object);
	return kind == LIST || kind == DICT || kind == SET;
}

static void add_result(struct text *text, const struct answer *answer, size_t i)
{
	if (!answer->made[i]) return;
	text_add(text, " ");
	if (is_heavy(answer->made[i])) text_add(text, "heavy");
	else text_add_object(text, answer->made[i]);
}

// What became of the first argument. A sort that failed leaves it in any order, which nobody may see later.
static void add_change(struct text *text, const struct step *step, const struct answer *answer)
{
	reference object = step->call.object[0];
	if (!object || !can_change(object)) return;
	text_add(text, "; ");
	if (is_heavy(object)) {
		text_add(text, "heavy");
	} else if (step->operation == list_sort_operation && answer->fault) {
		struct answer cleared = {0};
		text_add_sorted(text, object);
		engine_functions[list_clear_operation](&step->call, &cleared);
	} else {
		text_add_object(text, object);
	}
}

static void add_answer(struct text *text, const struct step *step, const struct answer *answer)
{
	text_add(text, " %s", faults[answer->fault]);
	if (answer->numbered) text_add(text, "%" PRId64, answer->number);
	for (size_t i = 0; i < 2; i++) add_result(text, answer, i);
	add_change(text, step, answer);
	if (answer->fault >= OTHER_FAULT) is_wrong = true;
}

// ---- the trace ----

static void add_separator(struct text *text, bool *any)
{
	text_add(text, *any ? ", " : "(");
	*any = true;
}

static void add_number(struct text *text, int64_t number)
{
	if (number == LEFT_OUT) text_add(text, "least");
	else text_add(text, "%" PRId64, number);
}

static void add_items(struct text *text, const struct call *call)
{
	text_add(text, "<");
	for (size_t i = 0; i < call->count; i++) {
		if (i) text_add(text, ", ");
		text_add_object(text, call->items[i]);
	}
	text_add(text, ">");
}

static void add_argument(struct text *text, const struct call *call, char letter, size_t *objects, size_t *numbers)
{
	switch (letter) {
	case 'y': text_add(text, "%a", call->real); break;
	case 'T': text_add_quoted(text, call->bytes, call->size); break;
	case '*': add_items(text, call); break;
	default:
		if (strchr("xcgpkrewB", letter)) add_number(text, call->number[(*numbers)++]);
		else text_add_object(text, call->object[(*objects)++]);
	}
}

// Before it is performed, so that it can be seen which one crashes.
static void print_call(struct text *text, uint64_t index, const struct step *step)
{
	size_t objects = 0, numbers = 0;
	bool any = false;
	text_add(text, "%" PRIu64 " %s", index, operation_names[step->operation]);
	for (const char *letter = operation_arguments[step->operation]; *letter; letter++) {
		size_t times = *letter == 'g' ? 3 : *letter == 'p' ? 2 : 1; // a slice is several numbers
		for (; times > 0; times--) {
			add_separator(text, &any);
			add_argument(text, &step->call, *letter, &objects, &numbers);
		}
	}
	text_add(text, any ? ")" : "()");
	fputs(text->bytes, stdout);
	fflush(stdout);
}

static bool is_traced(uint64_t index) { return options.trace && index >= options.from && index <= options.to; }

// ---- the sequence ----

static uint64_t perform(uint64_t index, uint64_t digest, struct text *text)
{
	struct step step;
	struct answer answer = {0};
	step_draw(&step);
	text->size = 0;
	if (is_traced(index)) print_call(text, index, &step);
	text->size = 0;
	engine_functions[step.operation](&step.call, &answer);
	add_answer(text, &step, &answer);
	if (is_traced(index)) printf(":%s\n", text->bytes);
	digest = digest_number(digest, step.operation);
	digest = digest_bytes(digest, text->bytes, text->size);
	step_end(&step, &answer);
	return digest;
}

static uint64_t observe_pool(uint64_t digest, struct text *text)
{
	text->size = 0;
	pool_add_text(text);
	return digest_bytes(digest, text->bytes, text->size);
}

static void run(void)
{
	struct text text = {0};
	uint64_t digest = DIGEST_START, last = options.trace ? options.to : options.operations;
	pool_start(options.seed, options.without);
	for (uint64_t index = 1; index <= last; index++) {
		digest = perform(index, digest, &text);
		if (index % options.every && index != last) continue;
		digest = observe_pool(digest, &text);
		if (!options.trace) printf("%" PRIu64 " %016" PRIx64 "\n", index, digest);
		fflush(stdout);
	}
	pool_stop();
	free(text.bytes);
}

// ---- the command line ----

__attribute__((format(printf, 1, 2))) static _Noreturn void refuse(const char *format, ...)
{
	va_list arguments;
	fprintf(stderr, "tally-differential-%s: ", engine_name());
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(2);
}

// Reads a number and what follows it, which must be `end`.
static const char *parse(const char *option, const char *given, const char *at, uint64_t least, uint64_t *number,
                         char end)
{
	char *rest = NULL;
	errno = 0;
	*number = strtoull(at, &rest, 10);
	if (*at < '0' || *at > '9' || errno || *rest != end || *number < least)
		refuse("--%s: '%s' given, %s expected", option, given,
		       strcmp(option, "trace") ? least ? "a number from 1 on" : "a number" : "FROM:TO, both from 1 on");
	return rest + 1;
}

static void parse_trace(const char *given)
{
	const char *rest = parse("trace", given, given, 1, &options.from, ':');
	parse("trace", given, rest, options.from, &options.to, 0);
	options.trace = true;
}

static void leave_out(const char *name, size_t length)
{
	for (size_t i = 0; i < OPERATIONS; i++) {
		if (strlen(operation_names[i]) != length || strncmp(operation_names[i], name, length)) continue;
		options.without[i] = true;
		return;
	}
	refuse("--without: there is no operation '%.*s'", (int)length, name);
}

static void parse_without(const char *given)
{
	for (const char *name = given;; name++) {
		size_t length = strcspn(name, ",");
		leave_out(name, length);
		name += length;
		if (!*name) break;
	}
	for (size_t i = 0; i < OPERATIONS; i++) {
		if (!options.without[i]) return;
	}
	refuse("--without: no operation is left");
}

static void parse_options(int count, char **arguments)
{
	enum { SEED = 1, COUNT, EVERY, TRACE, WITHOUT, PLANT };
	static const struct option known[] = {
		{"seed", required_argument, NULL, SEED},   {"operations", required_argument, NULL, COUNT},
		{"every", required_argument, NULL, EVERY}, {"trace", required_argument, NULL, TRACE},
		{"without", required_argument, NULL, WITHOUT}, {"plant", no_argument, NULL, PLANT},
		{0}};
	opterr = 0;
	for (int option; (option = getopt_long(count, arguments, ":", known, NULL)) != -1;) {
		switch (option) {
		case SEED: parse("seed", optarg, optarg, 0, &options.seed, 0); break;
		case COUNT: parse("operations", optarg, optarg, 1, &options.operations, 0); break;
		case EVERY: parse("every", optarg, optarg, 1, &options.every, 0); break;
		case TRACE: parse_trace(optarg); break;
		case WITHOUT: parse_without(optarg); break;
		case PLANT: options.plant = true; break;
		case ':': refuse("%s: nothing given, a value expected", arguments[optind - 1]);
		default: refuse("unknown option '%s'", arguments[optind - 1]);
		}
	}
	if (optind < count) refuse("unexpected argument '%s'", arguments[optind]);
}

int main(int count, char **arguments)
{
	parse_options(count, arguments);
	engine_start(options.seed, options.plant);
	run();
	if (!engine_stop()) is_wrong = true;
	return is_wrong;
}
