/* kist/plugin.h - the one include of a plugin. */
#ifndef KIST_PLUGIN_H
#define KIST_PLUGIN_H

#include <kist/abi.h>
#include <kist/destination.h>
#include <kist/filter.h>
#include <kist/notifier.h>
#include <kist/option.h>
#include <kist/source.h>

#endif
