// What Aviary needs from the operating system beyond Foundation: the terminal, signals, and files.
#ifndef AVIARY_CPLATFORM_H
#define AVIARY_CPLATFORM_H

#include "files.h"
#include "interrupts.h"
#include "streams.h"
#include "terminal.h"

#endif
