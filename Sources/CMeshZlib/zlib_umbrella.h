// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

#include <zlib.h>
