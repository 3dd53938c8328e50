// What Aviary needs from the operating system beyond Foundation: the terminal, signals, files, sockets, and processors.
#ifndef AVIARY_CPLATFORM_H
#define AVIARY_CPLATFORM_H

#include "files.h"
#include "interrupts.h"
#include "processors.h"
#include "sockets.h"
#include "streams.h"
#include "terminal.h"

#endif
