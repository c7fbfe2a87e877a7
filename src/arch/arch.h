/* arch.h: what an architecture file includes, and the registry behind it. */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

#include "onnxport/model.h"

#endif
