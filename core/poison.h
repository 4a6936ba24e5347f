// core/poison.h: telling the address sanitizer what is in use, so that it sees inside the heap.
//
// In builds with -fsanitize=address a page is hidden when it gets its class, a block is shown when it is handed out (an
// object's up to the size asked for), and hidden again, but for its first sixteen bytes, when it is freed. In other builds all of it is nothing.
#ifndef TALLY_CORE_POISON_H
#define TALLY_CORE_POISON_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TALLY_HAS_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define TALLY_HAS_ASAN 1
#endif

#ifdef TALLY_HAS_ASAN
#include <sanitizer/asan_interface.h>
#define tally_hide(address, size) ASAN_POISON_MEMORY_REGION((address), (size))
#define tally_show(address, size) ASAN_UNPOISON_MEMORY_REGION((address), (size))
#else
#define tally_hide(address, size) ((void)(address), (void)(size))
#define tally_show(address, size) ((void)(address), (void)(size))
#endif

#endif
