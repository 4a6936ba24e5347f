// stress/compare_workloads.c: the list of workloads, in the order in which they are run and shown.
//
// What each does stands in the worker's files (worker.h) and in docs/compare.md.
#include "compare.h"

const char *const compare_build_names[COMPARE_BUILDS] = {"gil", "biased", "atomic"};

const struct kind workloads_all[] = {
	{"wordcount-shared", "wordcount", true, "words of the text counted into one shared dict", NULL},
	{"wordcount-private", "wordcount", true, "the same, one dict a thread, merged at the end", "wordcount-shared"},
	{"private-mix", "private", false, "own objects only: the four that follow, mixed", NULL},
	{"private-count", "private", false, "incref and decref of an own object", NULL},
	{"private-tuple", "private", false, "2-tuples made and dropped", NULL},
	{"private-list", "private", false, "append to, get from and clear an own list", NULL},
	{"private-dict", "private", false, "set in, get from and clear an own dict", NULL},
	{"shared-count", "shared-object", false, "incref and decref of one object by all threads", NULL},
	{"shared-list", "shared-object", false, "gets from one list by all threads", NULL},
	{"handoff", "handoff", false, "objects made by producers, dropped by consumers", NULL},
};

const size_t workloads_count = sizeof(workloads_all) / sizeof(workloads_all[0]);
