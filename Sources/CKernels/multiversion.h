// One body, several instruction sets: the compiler builds a function marked so once for AVX-512, once for AVX2 and
// once for the baseline, and the loader picks the best one that the processor has.
#ifndef AVIARY_MULTIVERSION_H
#define AVIARY_MULTIVERSION_H

// The loader picks before a sanitizer's runtime is ready for the code that does the picking.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define AVIARY_ONE_VERSION
#endif
#endif

#if defined(__x86_64__) && defined(__ELF__) && !defined(AVIARY_ONE_VERSION)
#define AVIARY_MULTIVERSION __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define AVIARY_MULTIVERSION
#endif

#endif
