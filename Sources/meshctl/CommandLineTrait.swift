// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

#if !CommandLine
#error("meshctl needs the package trait CommandLine: leave it on, or name it in the dependency's traits.")
#endif
