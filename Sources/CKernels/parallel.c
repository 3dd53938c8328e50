#include "parallel.h"
