/*
 * The files that are built in: policies/NAME.yaml under its NAME.
 */
#ifndef WEBHOST_DOMAIN_PLACEMENT_FILES_H
#define WEBHOST_DOMAIN_PLACEMENT_FILES_H

#include "base/embedded.h"

extern const struct embedded_file placement_files[];

#endif
