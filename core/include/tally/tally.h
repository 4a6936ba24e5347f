// tally/tally.h: the whole public interface of Tally, an embeddable object runtime for C.
//
// One header, one set of symbols, two builds: `gil` (plain counts under one global lock) and `biased` (counts plain
// for the owning thread, atomic for others; containers lock themselves). A host is compiled once and runs on either.
// Conventions that hold everywhere stand at the head of tally/base.h.
#ifndef TALLY_H
#define TALLY_H

#include <tally/base.h>
#include <tally/bytes.h>
#include <tally/callable.h>
#include <tally/check.h>
#include <tally/class.h>
#include <tally/cleanup.h>
#include <tally/dict.h>
#include <tally/error.h>
#include <tally/finalizer.h>
#include <tally/gc.h>
#include <tally/gcwatch.h>
#include <tally/heap.h>
#include <tally/host.h>
#include <tally/inspect.h>
#include <tally/iter.h>
#include <tally/list.h>
#include <tally/number.h>
#include <tally/object.h>
#include <tally/runtime.h>
#include <tally/set.h>
#include <tally/share.h>
#include <tally/str.h>
#include <tally/thread.h>
#include <tally/tuple.h>
#include <tally/wait.h>
#include <tally/weakdict.h>
#include <tally/weakref.h>
#include <tally/weakset.h>

#endif
